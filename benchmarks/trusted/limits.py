"""How well the left-out type is told apart by methods that are told which cells are of it.

=====================  ===========================================================================
told by the reference  plkd's default on the whole reference, which has the type: the Student's
                       probability of it
told by the query      the query's own labels: logistic regression of "of the type or not" on the
                       50 first principal components of the query's log1p counts, five-fold
                       cross-validated
=====================  ===========================================================================

A method that has never heard of a type can hardly be expected to be ahead of these. Measured is the
area under the ROC curve, of the cells of the type against all others of the query.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from kept_models import fitted
from ours import without_obs
from predictions import LABELS, name_columns
from results import markdown, per_task
from study.rows import RowsByKey
from study.runs import say
from study.words import listed
from tasks import TaskData, load_task, read_tasks
from trusted.leaving import left_out_types
from trusted.names import AUROC, PLKD
from trusted.running import Choice
from trusted.tables import novelty_rows

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from study.rows import Row

    from plkd import CellAnnotator

FILE = "trust_limits.csv"
KEY = ("task", "left_out", "method", "seed")
BY_REFERENCE, BY_QUERY = "told by the reference", "told by the query"
COMPONENTS = 50
FOLDS = 5

TEXT = (
    "AUROC of the same cells by methods that are told which cells are of the left-out type: by the "
    "reference (the Student of a model that learned all types, its probability of this one), or by "
    "the query's own labels (logistic regression on principal components, cross-validated). What "
    "is run stands at the head of `benchmarks/trusted/limits.py`."
)


def run(choice: Choice, folder: Path, file: Path) -> None:
    """Write the AUROC of both, of each task and seed; rows that are not measured again stay."""
    kept = RowsByKey(file, KEY)
    for task in read_tasks(folder, choice.tasks):
        cells = load_task(folder, task)
        name_columns(cells)
        for left_out in left_out_types(cells):
            for row in measured(cells, left_out, folder, choice):
                kept.keep([row])
                say(f"{task.name}, {left_out}, {row['method']}: {row['auroc']:.3f}")


def measured(cells: TaskData, left_out: str, folder: Path, choice: Choice) -> Iterator[Row]:
    """Yield the rows of one type of a task: one of the query's labels, one of each seed's model."""
    from sklearn.metrics import roc_auc_score

    of_type = cells.query.obs[LABELS].to_numpy().astype(str) == left_out
    head = {"task": cells.task.name, "left_out": left_out}
    found = by_query(cells.query, of_type)
    for seed in choice.seeds:  # it has no randomness: one row stands for all
        auroc = round(float(roc_auc_score(of_type, found)), 5)
        yield {**head, "method": BY_QUERY, "seed": seed, "auroc": auroc}
    for seed in choice.seeds:
        fit = fitted(cells.reference, folder, name=cells.task.name, seed=seed, models=choice.models)
        auroc = round(
            float(roc_auc_score(of_type, by_reference(cells.query, fit.model, left_out))), 5
        )
        yield {**head, "method": BY_REFERENCE, "seed": seed, "auroc": auroc}


def by_query(query: AnnData, of_type: np.ndarray) -> np.ndarray:
    """Return how likely each cell is of the type, by the labels of the other folds."""
    import scanpy as sc
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    cells = query.copy()
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
    values = np.asarray(cells.X.todense(), dtype=np.float32)
    n_components = min(COMPONENTS, *values.shape)
    points = PCA(n_components, svd_solver="randomized", random_state=0).fit_transform(values)
    model = LogisticRegression(max_iter=1000, class_weight="balanced")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    told = make_pipeline(StandardScaler(), model)
    return cross_val_predict(told, points, of_type, cv=folds, method="predict_proba")[:, 1]


def by_reference(query: AnnData, model: CellAnnotator, left_out: str) -> np.ndarray:
    """Return the probability of the type, by a model that has learned it."""
    import plkd

    cells = without_obs(query)
    plkd.tl.annotate(cells, model, probabilities=True)
    return np.asarray(cells.obsm["plkd_proba"])[:, model.classes_.index(left_out)]


def section(table: pd.DataFrame, limits: pd.DataFrame) -> list[str]:
    """Return the section of the page: plkd's novelty beside both, tasks down."""
    import pandas as pd

    mine = novelty_rows(table)
    rows = pd.concat([mine[mine["method"] == PLKD], limits])
    text = per_task(rows, "auroc", [PLKD, BY_REFERENCE, BY_QUERY])
    said = f"{TEXT} {reach(rows)}".strip()
    return ["### What could be told at all", said, markdown(text, "task")]


def reach(rows: pd.DataFrame) -> str:
    """Return the mean if plkd told as much as the reference does, where that is above the aim.

    Elsewhere plkd is taken as it is. Nothing is said where there is no such task.
    """
    means = rows.groupby(["method", "task"])["auroc"].mean()
    if not {PLKD, BY_REFERENCE} <= set(means.index.get_level_values("method")):
        return ""
    told = means[BY_REFERENCE]
    mine = means[PLKD].reindex(told.index)
    low = [f"`{task}`" for task in told.index[told <= AUROC]]
    if not low or mine.isna().any():
        return ""
    mean = told.where(told > AUROC, mine).mean()
    return (
        f"Of {listed(low)} not even the reference tells more than {AUROC:.2f}. With plkd's there "
        "as they are, and of every other task all that the reference tells of a type that it has, "
        f"the mean would be {mean:.3f}."
    )


def claim(limits: pd.DataFrame) -> str:
    """Return what is out of reach, in a sentence to follow that on the AUROC."""
    means = limits.groupby(["method", "task"])["auroc"].mean().groupby("method").mean()
    each = [
        f"{words} {means[method]:.3f}"
        for method, words in (
            (BY_REFERENCE, "plkd that learned the type in the reference has"),
            (BY_QUERY, "logistic regression that is told the query's labels"),
        )
        if method in means
    ]
    return f" Told which cells are of the type, {' and '.join(each)} (below)."
