"""Rows of a study: kept in a CSV so that a run goes on where the last one stopped, and averaged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

KEY = ("task", "setting", "method", "seed")
"""What names a run of a method. A study may have several rows of one run (one a cell type)."""

Row = dict[str, Any]
Key = tuple[str, str, str, int]


def key_of(row: Row) -> Key:
    """Return the run that a row is of."""
    return row["task"], row["setting"], row["method"], int(row["seed"])


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file in its order, none where it does not exist."""
    import pandas as pd

    if not path.is_file():
        return []
    table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return table.to_dict(orient="records")


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write all rows; whoever stops this finds the old file or the new one, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".csv.part")
    frame(rows).to_csv(unfinished, index=False, lineterminator="\n")
    unfinished.replace(path)


class RowsByKey:
    """Rows of a file by their key: a new row takes the place of the one of the same key.

    Parameters
    ----------
    path
        The file; it may be missing.
    key
        Columns that name a row.
    """

    def __init__(self, path: Path, key: Sequence[str]) -> None:
        self.path, self.key = path, key
        self._rows: dict[tuple[Any, ...], Row] = {}
        self._take(read_rows(path))

    def keep(self, rows: Iterable[Row]) -> None:
        """Take rows, and write the file anew; the others in it stay."""
        self._take(rows)
        write_rows(self.path, self._rows.values())

    def _take(self, rows: Iterable[Row]) -> None:
        self._rows |= {tuple(row[name] for name in self.key): row for row in rows}


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table."""
    import pandas as pd

    return pd.DataFrame(list(rows))


def full_grid(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on which every method and setting can be compared.

    These are of the tasks and seeds that have a row of every (setting, method) seen anywhere in
    the table; of the seeds, those that all these tasks have. While a study is under way this
    leaves out the task that is not finished.
    """
    pairs = table[["setting", "method"]].drop_duplicates()
    runs = table[list(KEY)].drop_duplicates()
    there = runs.groupby(["task", "seed"]).size()
    whole = [pair for pair, number in there.items() if number == len(pairs)]
    tasks = {task for task, _ in whole}
    seeds = [{seed for task, seed in whole if task == name} for name in tasks]
    common = set.intersection(*seeds) if seeds else set()
    return table[table["task"].isin(tasks) & table["seed"].isin(common)]


def over_seeds(table: pd.DataFrame, measure: str, by: Sequence[str]) -> pd.DataFrame:
    """Return columns ``mean`` and ``std`` of a measure, indexed by the columns ``by``.

    The measure is averaged over tasks for each seed; mean and standard deviation are over seeds.
    """
    each = table.groupby([*by, "seed"])[measure].mean()
    return each.groupby(list(by)).agg(["mean", "std"])


def extent(table: pd.DataFrame) -> str:
    """Return in words which tasks and seeds a table is of."""
    tasks = list(dict.fromkeys(table["task"]))
    many = "tasks" if len(tasks) > 1 else "task"
    shown = ", ".join(f"`{task}`" for task in tasks)
    return f"{many} {shown}; {seeds_of(table)}"


def seeds_of(table: pd.DataFrame) -> str:
    """Return in words which seeds a table is of."""
    seeds = sorted({int(seed) for seed in table["seed"]})
    return f"{'seeds' if len(seeds) > 1 else 'seed'} {', '.join(map(str, seeds))}"
