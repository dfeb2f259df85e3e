"""Tables of the rows: which rows a part is made of, means over tasks, pooled reliability."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trusted.names import (
    FROM_LEFT_OUT,
    FULL,
    KNOWN,
    LEFT_OUT,
    METHODS,
    NOTHING,
    PLKD,
    SOFTMAX,
)

if TYPE_CHECKING:
    import pandas as pd

Score = tuple[float, float]
"""Mean and standard deviation over seeds; NaN where there is none."""


def novelty_rows(table: pd.DataFrame, *, every_type: bool = False) -> pd.DataFrame:
    """Return the rows of left-out types: one a task, method and seed.

    Parameters
    ----------
    every_type
        Average over all left-out types of a task, in place of the one that the rule takes.
    """
    own = table[table["part"] == LEFT_OUT]
    if not every_type:
        return own[own["by_rule"] == 1]
    run = ["task", "method", "seed"]
    return own.groupby(run, sort=False).mean(numeric_only=True).reset_index()


def tasks_with_every_type(table: pd.DataFrame) -> list[str]:
    """Return the tasks of which plkd ran without types beside the one of the rule."""
    own = table[(table["part"] == LEFT_OUT) & (table["method"] == PLKD)]
    return list(dict.fromkeys(own.loc[own["by_rule"] != 1, "task"]))


def known_source(table: pd.DataFrame) -> str:
    """Say whether cells of known types are taken from fits of the whole reference.

    They are where plkd has such rows for every task that it has rows of.
    """
    own = table[(table["part"] == KNOWN) & (table["method"] == PLKD)]
    own = own if len(own) else table[table["part"] == KNOWN]
    whole = set(own.loc[own["left_out"] == NOTHING, "task"])
    return FULL if whole and whole == set(own["task"]) else FROM_LEFT_OUT


def shown_source(table: pd.DataFrame) -> str:
    """Say which fits the tables of known cells are of.

    Those without a type, which all peers were asked, where plkd has them of every task that it has
    rows of; whole references then stand beside.
    """
    own = table[(table["part"] == KNOWN) & (table["method"] == PLKD)]
    without = set(own.loc[own["left_out"] != NOTHING, "task"])
    every = without == set(own["task"])
    return FROM_LEFT_OUT if without and every else known_source(table)


def whole_beside(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return plkd's rows of whole references, if of every task, where others are shown first."""
    rows = known_rows(table, FULL)
    beside = source == FROM_LEFT_OUT and known_source(table) == FULL
    return rows[rows["method"].isin((PLKD, SOFTMAX))] if beside else rows.iloc[:0]


def from_source(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return rows or bins of the whole reference, or of the fits without the rule's type."""
    whole = table["left_out"] == NOTHING
    return table[whole if source == FULL else ~whole & (table["by_rule"] == 1)]


def known_rows(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the rows of cells of known types: one a task, method and seed."""
    return from_source(table[table["part"] == KNOWN], source)


def score(rows: pd.DataFrame, method: str, measure: str) -> Score:
    """Return mean over tasks, and its deviation over seeds; NaN unless on every task."""
    tasks = list(dict.fromkeys(rows["task"]))
    lines = rows[rows["method"] == method]
    wide = lines.pivot(index="seed", columns="task", values=measure)
    wide = wide.reindex(columns=tasks).astype(float)
    if not tasks or wide.mean().isna().any():
        return float("nan"), float("nan")
    return float(wide.mean().mean()), float(wide.dropna().mean(axis=1).std())


def by_task(rows: pd.DataFrame, method: str, measure: str) -> pd.Series:
    """Return the mean over seeds for each task that was measured."""
    lines = rows[rows["method"] == method]
    return lines.groupby("task", sort=False)[measure].mean().dropna()


def pooled_bins(bins: pd.DataFrame, method: str, source: str) -> pd.DataFrame:
    """Return one reliability diagram over the cells of all tasks and seeds.

    Returns
    -------
    One line a bin that holds a cell, with columns ``n_cells``, ``confidence`` and
    ``bin_accuracy``.
    """
    own = from_source(bins[bins["method"] == method], source)
    weighted = own.assign(
        **{name: own[name] * own["n_cells"] for name in ("confidence", "bin_accuracy")}
    )
    sums = weighted.groupby("bin")[["n_cells", "confidence", "bin_accuracy"]].sum()
    for name in ("confidence", "bin_accuracy"):
        sums[name] /= sums["n_cells"]
    return sums


def present(rows: pd.DataFrame, methods: tuple[str, ...] = METHODS) -> list[str]:
    """Return the methods that have a row, in their order."""
    return [method for method in methods if (rows["method"] == method).any()]
