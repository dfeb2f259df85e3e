"""Truth and prediction of each cell, brought to codes; cells without a truth are left out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plkd.errors import InputError
from plkd.metrics.codes import Values, label_codes

NO_PREDICTION = "(no prediction)"


class ScoredCells(NamedTuple):
    """Truth and prediction of the labelled cells as codes into ``names``."""

    truth: np.ndarray
    predicted: np.ndarray
    names: tuple[str, ...]  # sorted
    types: np.ndarray  # codes of the names present in the truth
    n_unlabelled: int


def scored_cells(truth: Values, predicted: Values) -> ScoredCells:
    """Keep the cells that have a truth and bring both columns to codes of one list of names.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are missing.
    predicted
        Predicted type of each cell, ``(n_cells,)``; a missing one becomes ``NO_PREDICTION``.

    Returns
    -------
    Codes of the cells that have a truth, int64.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.
    """
    true_names, true_codes = label_codes(truth, "truth")
    predicted_names, predicted_codes = label_codes(predicted, "predicted")
    if len(true_codes) != len(predicted_codes):
        raise InputError(
            expected="truth and predicted of one length",
            found=f"{len(true_codes)} true and {len(predicted_codes)} predicted types",
            mend="pass both for the same cells in the same order",
        )
    labelled = true_codes >= 0
    if not labelled.any():
        raise InputError(
            expected="at least one cell with a true type",
            found=f"{len(labelled)} cells, none with one",
            mend="pass the column that holds the true types",
        )
    names = tuple(sorted({*true_names, *predicted_names, NO_PREDICTION}))
    at = {name: code for code, name in enumerate(names)}
    true = np.array([at[name] for name in true_names])[true_codes[labelled]]
    # code -1, no prediction, takes the last place
    lookup = np.array([at[name] for name in (*predicted_names, NO_PREDICTION)])
    guess = lookup[predicted_codes[labelled]]
    present = np.union1d(true, guess)  # names that only unlabelled cells bear are dropped
    return ScoredCells(
        truth=np.searchsorted(present, true),
        predicted=np.searchsorted(present, guess),
        names=tuple(names[code] for code in present),
        types=np.searchsorted(present, np.unique(true)),
        n_unlabelled=int(np.count_nonzero(~labelled)),
    )
