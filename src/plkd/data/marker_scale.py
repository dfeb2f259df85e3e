"""How far each gene tells types apart, as the scale on which a network hears it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.rows import gene_variance
from plkd.data.type_means import type_means

N_BEST = 5
"""Genes whose mean difference says how far two types are apart at best."""

QUIETEST = 1e-3
"""Scale of a gene that tells no types apart, before the scales are brought to a common size."""


def marker_scale(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int, *, power: float
) -> NDArray[np.float32]:
    r"""Return a scale for each gene: large for the markers of some pair of types, small otherwise.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``.
    n_types
        Number of types.
    power
        0 makes all genes alike; the larger, the more the best markers stand out.

    Returns
    -------
    ``(n_genes,)``, positive; the scaled genes have together the variance that they had before.

    Notes
    -----
    With :math:`c_a` the mean of type a, gene g tells the types a and b apart by
    :math:`d_{abg} = |c_{ag} - c_{bg}|`, relative to the mean of the five best genes of that pair
    (1 at most). A gene's scale is that of the pair that it tells apart best, to the given power.
    Every pair has its markers so, also of types that are close to each other; and the
    difference is absolute, not in units of the gene's deviation: what few cells express strongly
    carries over to other batches better than what many express a little more of.
    """
    n_genes = expression.shape[1]
    mean, _ = type_means(expression, codes, n_types)
    best = np.zeros(n_genes)
    for code in range(1, len(mean)):
        apart = np.abs(mean[:code] - mean[code])
        n_best = min(N_BEST, n_genes)
        furthest = np.partition(apart, n_genes - n_best, axis=1)[:, n_genes - n_best :].mean(1)
        told = apart / np.maximum(furthest, 1e-12)[:, None]
        best = np.maximum(best, told.max(0))
    scale = np.minimum(best, 1.0) ** power + QUIETEST
    variance = gene_variance(expression)
    total = float((scale**2 * variance).sum())
    if total <= 0:
        return np.ones(n_genes, dtype=np.float32)
    return (scale * np.sqrt(variance.sum() / total)).astype(np.float32)
