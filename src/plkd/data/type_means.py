"""The mean expression of each cell type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.rows import CELLS_AT_A_TIME, rows_between


def member_weights(codes: NDArray[np.int64], n_types: int) -> csr_matrix:
    """Return which cell is of which type, ``(n_cells, n_types)``: 1 where it is, else 0.

    Parameters
    ----------
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``.
    """
    labelled = np.flatnonzero(codes >= 0)
    ones = np.ones(len(labelled))
    return csr_matrix((ones, (labelled, codes[labelled])), shape=(len(codes), n_types))


def weighted_means(
    expression: csr_matrix, share: NDArray[np.floating] | csr_matrix, *, squared: bool = False
) -> NDArray[np.float64]:
    """Return the mean of each type, cells counting with their shares.

    Parameters
    ----------
    expression
        Any values, ``(n_cells, n_genes)``.
    share
        How far each cell is of each type, ``(n_cells, n_types)``.
    squared
        Take the mean of the squares of the values.

    Returns
    -------
    ``(n_types, n_genes)``; zeros for a type without cells.
    """
    total = np.asarray(share.sum(0), dtype=np.float64).ravel()
    n_cells, n_genes = expression.shape
    sums = np.zeros((len(total), n_genes))
    for start in range(0, n_cells, CELLS_AT_A_TIME):
        stop = min(start + CELLS_AT_A_TIME, n_cells)
        values = rows_between(expression, start, stop)
        some = share[start:stop].T @ (values.multiply(values) if squared else values)
        sums += some.toarray() if hasattr(some, "toarray") else some
    return sums / np.maximum(total, np.finfo(np.float64).tiny)[:, None]


def type_means(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mean of each type that has cells, and the codes of these types, ascending.

    Returns
    -------
    Means, ``(n_present, n_genes)``, and codes, ``(n_present,)``.
    """
    means = weighted_means(expression, member_weights(codes, n_types))
    present = np.unique(codes[codes >= 0])
    return means[present], present
