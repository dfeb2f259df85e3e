"""Counts out of published log1p values, where they can be had back."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

LARGEST_SURE = 100
"""Larger counts are not looked at: rounding of the published values may hide what they are."""

TOLERANCE = 0.05
"""How far a value may be from a whole multiple."""


def recover_counts(logged: sp.csr_matrix) -> tuple[sp.csr_matrix, np.ndarray]:
    """Return counts that give these log1p values, and which cells they fit.

    log1p of counts over a size factor keeps the counts: expm1 makes every value of a cell a whole
    multiple of what one count became. That unit is the cell's smallest value, or a half or a third
    of it where the cell has no gene with a single count.

    Parameters
    ----------
    logged
        Natural logarithm of one plus scaled counts, ``(n_cells, n_genes)``.

    Returns
    -------
    Counts ``(n_cells, n_genes)`` float32, and ``(n_cells,)`` bool: whether every value of the cell
    is a multiple. What is returned for other cells is not to be used.
    """
    counts = logged.astype(np.float64)
    counts.eliminate_zeros()
    fits = np.zeros(counts.shape[0], dtype=bool)
    for cell, (start, stop) in enumerate(zip(counts.indptr[:-1], counts.indptr[1:], strict=True)):
        linear = np.expm1(counts.data[start:stop])
        if len(linear) and linear.min() > 0:
            counts.data[start:stop], fits[cell] = _whole_multiples(linear)
    return counts.astype(np.float32), fits


def _whole_multiples(linear: np.ndarray) -> tuple[np.ndarray, bool]:
    for parts in (1, 2, 3):
        unit = linear.min() / parts
        sure = linear <= LARGEST_SURE * unit
        whole = np.rint(linear[sure] / unit)
        unit = float(linear[sure] @ whole / (whole @ whole))  # many values know it better than one
        ratio = linear / unit
        off = np.abs(ratio - np.rint(ratio))[ratio <= LARGEST_SURE]
        if np.all(off <= TOLERANCE):
            return np.rint(ratio), True
    return np.rint(linear / linear.min()), False
