"""Outputs appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from plkd.errors import InputError, OutputExistsError


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Refuse an output that exists unless overwriting was asked for.

    Raises
    ------
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    """
    if out.exists() and not overwrite:
        raise OutputExistsError(
            f"no file at {out} yet", "one that exists", "choose another name or ask to overwrite"
        )


def refuse_absent_folder(out: Path) -> None:
    """Refuse an output in a folder that does not exist.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if not out.absolute().parent.is_dir():
        raise InputError(
            "an output in a folder that exists", str(out), f"make the folder {out.parent} first"
        )


def refuse_unwritable(target: Path) -> None:
    """Refuse a place in which no folder can be made; folders above it may be made.

    Raises
    ------
    InputError
        The nearest thing above it that exists is no folder, or may not be written to.
    """
    above = next(folder for folder in target.parents if os.path.lexists(folder))
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return
    found = "a folder that may not be written to" if above.is_dir() else "a file"
    raise InputError(
        f"a place to write to at {target}", f"{found} at {above}", "choose another place"
    )


@contextmanager
def replace_when_done(
    out: Path, *, overwrite: bool = False, source: Path | Sequence[Path] | None = None
) -> Iterator[Path]:
    """Give the path of a new file beside ``out`` and rename it to ``out`` at a good end.

    On any error, Ctrl-C included, the new file is removed and ``out`` is as it was.

    Parameters
    ----------
    out
        Where the file shall stand.
    overwrite
        Replace a file that stands there.
    source
        The input, or the inputs, which ``out`` must not be.

    Raises
    ------
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    InputError
        ``out`` is the input itself, is a folder, or its folder does not exist.
    """
    sources = [source] if isinstance(source, Path) else source or ()
    if any(path.exists() and out.exists() and out.samefile(path) for path in sources):
        raise InputError(
            "an output that is not the input", f"{out} for both", "choose another output"
        )
    if out.is_dir():
        raise InputError("a file name for the output", f"the folder {out}", "name a file in it")
    refuse_absent_folder(out)
    refuse_existing(out, overwrite=overwrite)
    number, name = tempfile.mkstemp(
        prefix=f".{out.stem}.", suffix=f".partial{out.suffix}", dir=out.absolute().parent
    )
    os.close(number)
    partial = Path(name)
    try:
        yield partial
        _take_usual_mode(partial)
        refuse_existing(out, overwrite=overwrite)  # it may have come into being meanwhile
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def _take_usual_mode(path: Path) -> None:
    """Give the mode that a newly opened file would have had; temporary files are private."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
