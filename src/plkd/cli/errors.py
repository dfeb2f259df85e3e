"""What goes wrong is told in one line on standard error."""

from __future__ import annotations

import errno
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from plkd.errors import PlkdError

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130


class PlainErrors(TyperGroup):
    """Runs a command; what the user can mend is told without a traceback.

    Exit code 1 when the input is at fault, 130 after Ctrl-C. Other exceptions are defects of
    plkd and keep their traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except PlkdError as error:
                say_error(str(error))
                code = 1
            except KeyboardInterrupt:
                say_error("interrupted; nothing was left half-written")
                code = INTERRUPTED
            except MemoryError:
                say_error("out of memory; give it more of it, or fewer cells at a time")
                code = 1
            except OSError as error:
                if error.errno is None or error.errno == errno.EPIPE:
                    raise
                say_error(str(error))
                code = 1
        raise typer.Exit(code)


def say_error(message: str) -> None:
    """Print one line on standard error."""
    line = " ".join(message.split())
    typer.echo(f"{typer.style('error:', fg='red', bold=True)} {line}", err=True)


def leave_on_sigterm() -> None:
    """Turn the signal of ``kill`` into an exception, so that half-written files are removed."""
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, UserWarning):  # others are talk between libraries
        line = " ".join(str(message).split())
        typer.echo(f"{typer.style('warning:', fg='yellow')} {line}", err=True)
