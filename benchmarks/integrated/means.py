"""Means of the rows: over the tasks of a data set, then over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrated.names import BATCHES, data_set
from results import plus_minus

if TYPE_CHECKING:
    import pandas as pd

Score = tuple[float, float]
"""Mean and standard deviation over seeds; NaN where there is none."""
NONE = (float("nan"), float("nan"))
BOTH = "both"
"""Name of the mean of kBET and cell type ASW."""


def groups(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what rows are averaged over: each data set of the batches, and each other part."""
    found = [
        (part, data_set(task)) for part, task in zip(table["part"], table["task"], strict=True)
    ]
    ordered = sorted(dict.fromkeys(found), key=lambda group: group[0] != BATCHES)
    return list(ordered)


def rows_of(table: pd.DataFrame, part: str, data: str, cells: str) -> pd.DataFrame:
    """Return the rows of a group, with the mean of kBET and cell type ASW."""
    own = table[
        (table["part"] == part) & (table["task"].map(data_set) == data) & (table["cells"] == cells)
    ]
    return own.assign(**{BOTH: (own["kbet"] + own["cell_type_asw"]) / 2})


def score(own: pd.DataFrame, method: str, measure: str) -> Score:
    """Return mean and deviation of a method over the tasks and seeds of a group.

    A method that has not run on every task of the group has none; nor has a measure that could
    not be taken on some task.
    """
    lines = own[own["method"] == method]
    wide = lines.pivot(index="seed", columns="task", values=measure)
    wide = wide.reindex(columns=sorted(set(own["task"]))).astype(float).dropna()
    if wide.empty:
        return NONE
    each = wide.mean(axis=1)
    return float(each.mean()), float(each.std())


def written(found: Score) -> str:
    """Return "0.812 ± 0.004", or a dash."""
    return plus_minus(*found)


def is_there(found: Score) -> bool:
    """Say whether a score was measured."""
    return found[0] == found[0]
