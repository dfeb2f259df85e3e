"""The mean expression of each cell type."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


def type_means(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the mean of each type that has cells.

    Parameters
    ----------
    expression
        Any values, ``(n_cells, n_genes)``.
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``.
    n_types
        Number of types.

    Returns
    -------
    Means, ``(n_present, n_genes)``, and the codes of the types they are of, ascending.
    """
    labelled = np.flatnonzero(codes >= 0)
    ones = np.ones(len(labelled))
    member = csr_matrix((ones, (codes[labelled], labelled)), shape=(n_types, len(codes)))
    counts = np.asarray(member.sum(1)).ravel()
    sums = np.asarray((member @ expression).todense(), dtype=np.float64)
    present = np.flatnonzero(counts)
    return sums[present] / counts[present, None], present
