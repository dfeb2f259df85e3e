"""What every method of the comparison gives: labels of the query, and how long they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData
    from tasks import TaskData

LABELS, BATCH = "cell_type", "batch"
"""Columns of ``obs`` in which a method finds types (of the reference) and batches (of both)."""

COUNTS = "counts"
"""Layer in which a method finds the counts whose log1p stands in ``X``."""


def name_columns(cells: TaskData) -> None:
    """Put types and batches of a task where every method looks for them."""
    for side in (cells.reference, cells.query):
        side.obs[LABELS] = side.obs[cells.task.labels]
        side.obs[BATCH] = side.obs[cells.task.batch]


def known_types(annotated: AnnData) -> np.ndarray:
    """Return the best type of the reference that plkd gave each cell, ``(n_cells,)`` text.

    Whether or not a cell is called unknown: peers, too, have to name each cell.
    """
    return np.asarray(annotated.obs[known_type_key(annotated)]).astype(str)


def known_type_key(annotated: AnnData) -> str:
    """Return the column of the best types; models that held nothing out write one column only."""
    return "plkd_best_label" if "plkd_best_label" in annotated.obs else "plkd_label"


@dataclass(frozen=True)
class Prediction:
    """Labels of the query's cells, ``(n_query,)`` text, and the seconds they took."""

    labels: np.ndarray
    fit_seconds: float
    predict_seconds: float


FitPredict = Callable[["AnnData", "AnnData", int], Prediction]
