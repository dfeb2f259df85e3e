"""What it is worth to call some cells unknown instead of giving them a type."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from plkd.errors import InputError
from plkd.metrics.codes import Values, label_codes
from plkd.metrics.scored_cells import NO_PREDICTION, scored_cells
from plkd.metrics.trust_results import RejectionReport

UNKNOWN = "unknown"


def rejection_report(
    truth: Values,
    predicted: Values,
    *,
    known_types: Collection[str] | None = None,
    novelty: Any = None,
    unknown: str = UNKNOWN,
) -> RejectionReport:
    """Say how many cells are called unknown, how good the other labels are, and who is unknown.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``, or ``unknown``.
    known_types
        Types that the model knows; without them new types are not looked for.
    novelty
        A number for each cell, ``(n_cells,)``, higher where the cell is like no known type; heard
        where ``known_types`` are given, and not of cells without a prediction.
    unknown
        What unknown cells are called. They count as such even where a true type has this name.

    Returns
    -------
    A ``RejectionReport``.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, no cell has a truth, or a novelty is
        not a number.

    Notes
    -----
    The area under the ROC curve does not depend on the threshold by which cells are called unknown;
    ties count half. Cells without a prediction were not judged: they are neither among those with
    a label nor in this area.
    """
    scored = scored_cells(truth, predicted)
    names = np.array(scored.names, dtype=object)
    rejected = names[scored.predicted] == unknown
    answered = names[scored.predicted] != NO_PREDICTION
    right = scored.truth == scored.predicted
    new_types: tuple[str, ...] | None = None
    new = np.zeros(len(right), dtype=bool)
    if known_types is not None:
        strange = [code for code in scored.types if scored.names[code] not in known_types]
        new_types = tuple(scored.names[code] for code in strange)
        new = np.isin(scored.truth, strange)
    auroc = None
    if novelty is not None and known_types is not None:
        auroc = _auroc(new[answered], _answered(novelty, truth, answered))
    return RejectionReport(
        n_cells=len(right),
        n_unknown=int(rejected.sum()),
        accuracy_of_named=_share(right[answered & ~rejected]),
        new_types=new_types,
        n_new=int(new.sum()),
        unknown_of_new=_share(rejected[new]),
        unknown_of_known=_share(rejected[~new]) if known_types is not None else None,
        auroc=auroc,
    )


def _share(yes: np.ndarray) -> float | None:
    return float(yes.mean()) if len(yes) else None


def _answered(novelty: Any, truth: Values, answered: np.ndarray) -> np.ndarray:
    """Return the novelty of the cells that have a truth and, of these, were ``answered``."""
    labelled = label_codes(truth, "truth")[1] >= 0
    values = np.asarray(novelty)
    if values.shape != labelled.shape or values.dtype.kind not in "biuf":
        raise InputError(
            f"'novelty' with a number for each of {len(labelled)} cells",
            f"an array of shape {values.shape} and type {values.dtype}",
            "pass one number a cell",
        )
    values = values[labelled][answered].astype(np.float64)
    if not np.isfinite(values).all():
        raise InputError(
            "'novelty' with a finite number for every cell",
            f"NaN or infinite for {np.count_nonzero(~np.isfinite(values))} of {len(values)}",
            "leave those cells out",
        )
    return values


def _auroc(new: np.ndarray, novelty: np.ndarray) -> float | None:
    if not new.any() or new.all():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(new, novelty))
