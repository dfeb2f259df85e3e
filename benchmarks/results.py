"""Rows of results: scoring a prediction, reading and writing them, and the table they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from predictions import Prediction

if TYPE_CHECKING:
    import pandas as pd

KEY = ["task", "method", "seed"]


@dataclass(frozen=True)
class Row:
    """How one method did on one task with one seed."""

    task: str
    method: str
    seed: int
    accuracy: float
    macro_f1: float
    fit_seconds: float
    predict_seconds: float


def scored(task: str, method: str, *, seed: int, truth: np.ndarray, found: Prediction) -> Row:
    """Return accuracy and macro F1, both in [0, 1], over the types present in the truth."""
    from sklearn.metrics import accuracy_score, f1_score

    f1 = f1_score(truth, found.labels, labels=np.unique(truth), average="macro", zero_division=0)
    return Row(
        task=task,
        method=method,
        seed=seed,
        accuracy=round(float(accuracy_score(truth, found.labels)), 5),
        macro_f1=round(float(f1), 5),
        fit_seconds=round(found.fit_seconds, 3),
        predict_seconds=round(found.predict_seconds, 3),
    )


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, none where it does not exist."""
    import pandas as pd

    if not path.is_file():
        return []
    return [Row(**line) for line in pd.read_csv(path).to_dict(orient="records")]


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

    The last line is the mean over tasks; its deviation is that of the mean from seed to seed. It
    is left empty for a method that has not run on every task.
    """
    import pandas as pd

    tasks = list(dict.fromkeys(table["task"]))
    grouped = table.groupby(["task", "method"])[measure]
    mean = grouped.mean().unstack("method").reindex(index=tasks, columns=list(methods))
    spread = grouped.std().unstack("method").reindex(index=tasks, columns=list(methods))
    text = pd.DataFrame("–", index=[*tasks, "mean"], columns=list(methods))
    for method in methods:
        for task in tasks:
            text.loc[task, method] = plus_minus(mean.loc[task, method], spread.loc[task, method])
        if mean[method].notna().all():
            over_seeds = table[table["method"] == method].groupby("seed")[measure].mean()
            text.loc["mean", method] = plus_minus(mean[method].mean(), over_seeds.std())
    return text


def summary(table: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Return one line a method: scores averaged over tasks, rank by macro F1, seconds.

    The rank is 1 for the best method of a task, averaged over tasks; equals share their rank.
    """
    import pandas as pd

    scores = table.groupby(["task", "method"])["macro_f1"].mean().unstack("method")
    ranks = scores.rank(axis=1, ascending=False).mean()
    seconds = table.groupby("method")[["fit_seconds", "predict_seconds"]].mean()
    f1 = per_task(table, "macro_f1", methods).loc["mean"]
    accuracy = per_task(table, "accuracy", methods).loc["mean"]
    return pd.DataFrame(
        {
            "macro F1": [f1[method] for method in methods],
            "accuracy": [accuracy[method] for method in methods],
            "mean rank": [f"{ranks[method]:.2f}" for method in methods],
            "fit, s": [f"{seconds.loc[method, 'fit_seconds']:.1f}" for method in methods],
            "predict, s": [f"{seconds.loc[method, 'predict_seconds']:.2f}" for method in methods],
        },
        index=list(methods),
    )


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
