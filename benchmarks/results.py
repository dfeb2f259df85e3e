"""Rows of results: scoring a prediction, reading and writing them, and the tables they make.

Macro F1 is over the types present in the query. *Rare-type F1* is the same mean over the rare
types alone: those of the query that have fewer than 5 % of the reference's cells. A query
without such a type has none (NaN, a dash in the tables), and does not enter the mean over tasks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from predictions import Prediction

if TYPE_CHECKING:
    import pandas as pd

RARE_SHARE = 0.05
"""A type with a smaller share of the reference's cells than this is rare."""

SUMMARISED = {"macro F1": "macro_f1", "rare-type F1": "rare_f1", "accuracy": "accuracy"}


@dataclass(frozen=True)
class Row:
    """How one method did on one task with one seed; scores in [0, 1].

    ``rare_f1`` is NaN where the query has no rare type, and in rows from before it was measured;
    seconds are NaN where a method did not run alone and with all threads.
    """

    task: str
    method: str
    seed: int
    accuracy: float
    macro_f1: float
    fit_seconds: float
    predict_seconds: float
    rare_f1: float = math.nan


def scored(
    task: str,
    method: str,
    *,
    seed: int,
    truth: np.ndarray,
    found: Prediction,
    reference: np.ndarray | None = None,
) -> Row:
    """Return how well a query was annotated.

    Parameters
    ----------
    truth
        Types of the query's cells, ``(n_query,)``; both F1 are over types that are among them.
    found
        What the method said of the same cells.
    reference
        Types of the reference's cells, ``(n_reference,)``, which say what types are rare;
        without them ``rare_f1`` is NaN.
    """
    from sklearn.metrics import accuracy_score

    rare = [] if reference is None else rare_types(reference, truth)
    return Row(
        task=task,
        method=method,
        seed=seed,
        accuracy=round(float(accuracy_score(truth, found.labels)), 5),
        macro_f1=_mean_f1(truth, found, np.unique(truth)),
        fit_seconds=round(found.fit_seconds, 3),
        predict_seconds=round(found.predict_seconds, 3),
        rare_f1=_mean_f1(truth, found, rare),
    )


def rare_types(reference: np.ndarray, truth: np.ndarray) -> list[str]:
    """Return the types of the query that have fewer than 5 % of the reference's cells."""
    types, counts = np.unique(reference, return_counts=True)
    share = dict(zip(types, counts / len(reference), strict=True))
    return [str(name) for name in np.unique(truth) if share.get(name, 0.0) < RARE_SHARE]


def _mean_f1(truth: np.ndarray, found: Prediction, types: Sequence[str]) -> float:
    from sklearn.metrics import f1_score

    if not len(types):
        return math.nan
    f1 = f1_score(truth, found.labels, labels=types, average="macro", zero_division=0)
    return round(float(f1), 5)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, none where it does not exist; rare-type F1 may lack."""
    import pandas as pd

    if not path.is_file():
        return []
    lines = pd.read_csv(path).to_dict(orient="records")
    return [Row(**line) for line in lines]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, the last one of each (task, method, seed), in the order they first came."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame(rows).to_csv(path, index=False, lineterminator="\n")


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table, the last one of each (task, method, seed)."""
    import pandas as pd

    last: dict[tuple[str, str, int], Row] = {}
    for row in rows:
        last[row.task, row.method, row.seed] = row
    return pd.DataFrame([asdict(row) for row in last.values()], columns=list(Row.__annotations__))


def per_task(table: pd.DataFrame, measure: str, methods: Sequence[str]) -> pd.DataFrame:
    """Return mean and standard deviation over seeds as text, tasks down and methods across.

    The last line is the mean over the tasks that have the measure at all; its deviation is that
    of the mean from seed to seed. A method that has not run on each of them gets no mean, but how
    many it has run on.
    """
    import pandas as pd

    tasks = list(dict.fromkeys(table["task"]))
    over_seeds = table.groupby(["task", "method"])[measure]
    mean, spread = (
        over_seeds.agg(how).unstack("method").reindex(index=tasks) for how in ("mean", "std")
    )
    measured = mean.index[mean.notna().any(axis=1)]
    mean, spread = (values.reindex(columns=list(methods)) for values in (mean, spread))
    text = pd.DataFrame("–", index=[*tasks, "mean"], columns=list(methods))
    for method in methods:
        for task in tasks:
            text.loc[task, method] = plus_minus(mean.loc[task, method], spread.loc[task, method])
        done = mean.loc[measured, method].dropna()
        if len(done) == len(measured) > 0:
            seeds = _mean_of_each_seed(table, measure, method=method, tasks=measured)
            text.loc["mean", method] = plus_minus(done.mean(), seeds.std())
        elif len(done):
            text.loc["mean", method] = f"– ({len(done)} of {len(measured)})"
    return text


def _mean_of_each_seed(
    table: pd.DataFrame, measure: str, *, method: str, tasks: Sequence[str]
) -> pd.Series:
    """Return the mean over tasks for each seed that has run on all of them."""
    lines = table[table["method"] == method]
    by_seed = lines.pivot(index="seed", columns="task", values=measure).reindex(columns=tasks)
    return by_seed.dropna().mean(axis=1)


def complete_methods(table: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Return the methods that have run on every task of the table, with one seed at least."""
    n_tasks = table["task"].nunique()
    run_on = table.groupby("method")["task"].nunique()
    return [method for method in methods if n_tasks and run_on.get(method, 0) == n_tasks]


def summary(
    table: pd.DataFrame, methods: Sequence[str], memory: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Return one line a method: scores averaged over tasks, rank by macro F1, seconds, memory.

    The rank is 1 for the best of ``methods`` on a task, averaged over tasks; equals share their
    rank. Methods that have not run on every task are neither ranked nor timed.

    Parameters
    ----------
    memory
        Peak memory of a method in GiB; without any, the table has no such column.
    """
    import pandas as pd

    complete = complete_methods(table, methods)
    ran = table[table["method"].isin(complete)]
    ranks = ran.groupby(["task", "method"])["macro_f1"].mean().unstack("method")
    ranks = ranks.rank(axis=1, ascending=False).mean()
    seconds = ran.groupby("method")[["fit_seconds", "predict_seconds"]].mean()
    columns: dict[str, Mapping[str, object]] = {
        title: per_task(table, measure, methods).loc["mean"].to_dict()
        for title, measure in SUMMARISED.items()
    }
    columns["mean rank"] = {name: f"{ranks[name]:.2f}" for name in complete}
    columns["fit, s"] = {name: f"{seconds.loc[name, 'fit_seconds']:.1f}" for name in complete}
    columns["predict, s"] = {
        name: f"{seconds.loc[name, 'predict_seconds']:.2f}" for name in complete
    }
    if memory:
        columns["peak memory, GiB"] = {name: f"{peak:.2f}" for name, peak in memory.items()}
    text = {title: [cells.get(name, "–") for name in methods] for title, cells in columns.items()}
    return pd.DataFrame(text, index=list(methods))


def plus_minus(mean: float, spread: float) -> str:
    """Return "0.812 ± 0.004", without the deviation where there is only one value."""
    if np.isnan(mean):
        return "–"
    return f"{mean:.3f}" if np.isnan(spread) else f"{mean:.3f} ± {spread:.3f}"


def markdown(text: pd.DataFrame, corner: str) -> str:
    """Return a table of text in Markdown, its first column headed by ``corner``."""
    lines = [[corner, *map(str, text.columns)], ["---"] * (1 + text.shape[1])]
    lines += [
        [str(name), *map(str, row)] for name, row in zip(text.index, text.values, strict=True)
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
