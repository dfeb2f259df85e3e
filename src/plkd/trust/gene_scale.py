"""Genes in units of how much they vary, or of a root of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.rows import gene_variance

LEAST_VARIANCE = 1e-12
"""A gene that varies less says nothing."""


def gene_scale(expression: csr_matrix, *, power: float = 1.0) -> NDArray[np.float64]:
    """Return what genes are multiplied by to be in units of a power of their standard deviation.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    power
        1 makes all genes vary alike; the nearer to 0, the more loud genes vary beside quiet ones.

    Returns
    -------
    ``(n_genes,)``; 0 of a gene whose variance over all cells is below 1e-12.
    """
    variance = gene_variance(expression)
    scale = np.zeros(len(variance))
    np.power(variance, -power / 2, out=scale, where=variance > LEAST_VARIANCE)
    return scale


def scaled(expression: csr_matrix, scale: NDArray[np.float64]) -> csr_matrix:
    """Return a copy in which each gene is multiplied by its scale, float64."""
    cells = csr_matrix(expression, dtype=np.float64, copy=True)
    cells.data *= scale[cells.indices]
    return cells
