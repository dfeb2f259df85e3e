"""Progress on a terminal: bars for training and annotation, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from plkd.training.progress import Progress


class TrainingBars:
    """Draw one bar a training stage, with loss and held-out macro F1.

    It fits ``plkd.training.progress.Progress``.

    Parameters
    ----------
    bars
        The display, already started.
    """

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def start(self, stage: str, total_epochs: int) -> None:
        """Begin a stage."""
        self._tasks[stage] = self._bars.add_task(stage, total=total_epochs, said="")

    def epoch(self, stage: str, epoch: int, loss: float, held_out_macro_f1: float | None) -> None:
        """Show a finished epoch."""
        said = f"loss {loss:.3f}"
        if held_out_macro_f1 is not None:
            said += f", held-out macro F1 {held_out_macro_f1:.3f}"
        self._bars.update(self._tasks[stage], completed=epoch, said=said)

    def finish(self, stage: str) -> None:
        """Fill the bar: a stage may end before its last epoch."""
        task = self._bars.tasks[self._tasks[stage]]
        self._bars.update(task.id, total=max(task.completed, 1), completed=max(task.completed, 1))


@contextmanager
def training_progress(
    *, quiet: bool = False, console: Console | None = None
) -> Iterator[Progress | None]:
    """Give what ``CellAnnotator.fit`` takes as ``progress``.

    Parameters
    ----------
    quiet
        Show nothing.
    console
        Where to draw; the default is standard error.

    Yields
    ------
    The bars, or ``None`` when nobody watches (no terminal, or ``quiet``).
    """
    if not _watched(quiet, console):
        yield None
        return
    with _bars(console) as bars:
        yield TrainingBars(bars)


@contextmanager
def cell_progress(
    what: str = "annotating",
    *,
    unit: str = "cells",
    quiet: bool = False,
    console: Console | None = None,
) -> Iterator[Callable[[int, int], None] | None]:
    """Give what ``annotate_file`` takes as ``progress``: a function of cells done and in all.

    Parameters
    ----------
    what
        What is being done, in a word.
    unit
        What is counted.
    quiet
        Show nothing.
    console
        Where to draw; the default is standard error.

    Yields
    ------
    The function, or ``None`` when nobody watches (no terminal, or ``quiet``).
    """
    if not _watched(quiet, console):
        yield None
        return
    with _bars(console) as bars:
        task = bars.add_task(what, total=None, said="")

        def report(done: int, total: int) -> None:
            bars.update(task, completed=done, total=total, said=unit)

        yield report


def _watched(quiet: bool, console: Console | None) -> bool:
    return not quiet and (sys.stderr.isatty() if console is None else console.is_terminal)


def _bars(console: Console | None) -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[said]}"),
        console=console or Console(stderr=True),
    )
