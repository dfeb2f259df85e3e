"""Size of the reference: how many annotated cells are enough, and whether the confidence knows.

plkd at its defaults and four peers learn from 200, 600, 2,000 or all cells of a task's reference,
drawn at random from all its batches; the cells of a smaller draw are among those of a larger one.
As in ``tasks.json``, types with fewer than five drawn cells are left out of reference and query.
Measured are macro F1 over the types left in the query, accuracy, and, for plkd, the expected
calibration error of its confidence and the share of the cells that it calls unknown.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from predictions import LABELS
from study.methods import Found, Sides
from study.names import NETWORKS
from study.rows import Row
from study.runs import Setting, Study
from study.size_page import ALL, SIZES, figure, page

TASKS = ("kang8:donors", "pbmc:to_pbmc3k", "cortex:rna", "dlpfc:673+674")
METHODS = (*NETWORKS, "logistic unscaled", "svm", "centroid", "celltypist")
FEWEST_CELLS = 5


def drawn(sides: Sides, seed: int, *, n_cells: int) -> Sides:
    """Return so many cells of the reference, and the query's cells of the types that are left.

    Raises
    ------
    SystemExit
        The reference has fewer cells.
    """
    there = sides.reference.n_obs
    if n_cells > there:
        raise SystemExit(f"{n_cells:,} cells cannot be drawn from a reference of {there:,}")
    order = np.random.default_rng(seed).permutation(there)
    reference = sides.reference[np.sort(order[:n_cells])]
    counts = reference.obs[LABELS].astype(str).value_counts()
    left = counts.index[counts >= FEWEST_CELLS]
    both = (
        side[side.obs[LABELS].astype(str).isin(left)].copy() for side in (reference, sides.query)
    )
    found = Sides(*both)
    for side in (found.reference, found.query):
        side.obs[LABELS] = side.obs[LABELS].astype(str).astype("category")
    return found


def measure(setting: Setting, sides: Sides, found: Found) -> list[Row]:
    """Return how well the query was named, and how well that was known, as one row."""
    from sklearn.metrics import accuracy_score, f1_score

    del setting
    truth = sides.truth
    types = np.unique(truth)
    f1 = f1_score(truth, found.labels, labels=types, average="macro", zero_division=0)
    return [
        {
            "reference_cells": sides.reference.n_obs,
            "cell_types": len(types),
            "macro_f1": round(float(f1), 5),
            "accuracy": round(float(accuracy_score(truth, found.labels)), 5),
            "ece": round(calibration_error(found, truth), 5),
            "unknown": np.nan if found.unknown is None else round(float(found.unknown.mean()), 5),
        }
    ]


def calibration_error(found: Found, truth: np.ndarray) -> float:
    """Return the ECE of a method's confidence; none of methods that have no confidence here."""
    if found.confidence is None:
        return float("nan")
    from plkd.metrics import expected_calibration_error

    return float(expected_calibration_error(found.confidence, found.labels == truth))


STUDY = Study(
    name="size",
    tasks=TASKS,
    settings=(
        *(
            Setting(name, METHODS, changed=partial(drawn, n_cells=n_cells))
            for name, n_cells in SIZES.items()
        ),
        Setting(ALL, METHODS),
    ),
    measure=measure,
    page=page,
    figure=figure,
)
