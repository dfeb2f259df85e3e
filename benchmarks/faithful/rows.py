"""What the parts measure, as rows of two files that a run adds to and a page is written from.

``faithfulness.csv`` has one number a row; columns that say nothing of it are empty.
``faithfulness_genes.csv`` has one gene a row: its rank in a type by a method. ``run`` is the seed
of a model or of a resampling, 0 where there is no randomness; ``offered`` names the genes that the
method could choose from, so that lists of other genes are not taken for the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from study.rows import Row, frame, read_rows, write_rows

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = ("part", "task", "method", "seed", "cell_type", "measure", "base", "step", "value")
GENES = ("task", "method", "run", "cell_type", "rank", "gene", "offered")
DIGITS = 5


def row(
    part: str,
    task: str,
    method: str,
    *,
    seed: int,
    measure: str,
    value: float,
    cell_type: str = "",
    base: str = "",
    step: int | None = None,
) -> Row:
    """Return one number as a row."""
    place = "" if step is None else str(step)
    measured = (measure, base, place, round(float(value), DIGITS))
    values = (part, task, method, seed, cell_type, *measured)
    return dict(zip(NUMBERS, values, strict=True))


def gene_rows(
    task: str, method: str, run: int, *, tops: Mapping[str, Sequence[str]], offered: str
) -> list[Row]:
    """Return the first genes of each type as rows, the first of rank 1."""
    return [
        dict(zip(GENES, (task, method, run, name, rank, gene, offered), strict=True))
        for name, genes in tops.items()
        for rank, gene in enumerate(genes, start=1)
    ]


class Kept:
    """Rows of a file by the run that they are of; what is put takes the place of what was there.

    Parameters
    ----------
    path
        The file, which every change is written to.
    run
        From a row to what names its run.
    """

    def __init__(self, path: Path, run: Callable[[Row], Hashable]) -> None:
        self._path, self._run = path, run
        self._runs: dict[Hashable, list[Row]] = {}
        for one in read_rows(path):
            self._runs.setdefault(run(one), []).append(_without_gaps(one))

    def __contains__(self, run: Hashable) -> bool:
        """Say whether there are rows of a run."""
        return run in self._runs

    def of(self, run: Hashable) -> list[Row]:
        """Return the rows of a run, none where it was not run."""
        return self._runs.get(run, [])

    def put(self, rows: Iterable[Row]) -> None:
        """Keep the rows of one run or of several, and write all rows."""
        new: dict[Hashable, list[Row]] = {}
        for one in rows:
            new.setdefault(self._run(one), []).append(one)
        self._runs.update(new)
        write_rows(self._path, self._rows())

    def drop(self, run: Hashable) -> None:
        """Forget the rows of a run, and write the others."""
        self._runs.pop(run, None)
        write_rows(self._path, self._rows())

    def table(self) -> pd.DataFrame:
        """Return all rows as a table."""
        return frame(self._rows())

    def _rows(self) -> list[Row]:
        return [one for several in self._runs.values() for one in several]


def numbers(folder: Path) -> Kept:
    """Return the measured numbers of a folder; a run is a part, task and seed."""
    return Kept(folder / "faithfulness.csv", lambda r: (r["part"], r["task"], int(r["seed"])))


def genes(folder: Path) -> Kept:
    """Return the ranked genes of a folder; a run is a task, method and its number."""
    return Kept(
        folder / "faithfulness_genes.csv", lambda r: (r["task"], r["method"], int(r["run"]))
    )


def _without_gaps(one: Row) -> Row:
    """Undo what pandas makes of empty fields, and of numbers in a column that has some."""
    found = {name: "" if value != value else value for name, value in one.items()}
    if found.get("step", "") != "":
        found["step"] = str(int(found["step"]))
    return found
