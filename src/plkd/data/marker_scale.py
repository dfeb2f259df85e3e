"""How far each gene tells types apart, as the scale on which a network hears it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.rows import gene_variance
from plkd.data.type_means import member_weights, type_means, weighted_means

N_BEST = 5
"""Genes whose mean difference says how far two types are apart at best."""

QUIETEST = 1e-3
"""Scale of a gene that tells no types apart, before the scales are brought to a common size."""


def marker_scale(
    expression: csr_matrix,
    codes: NDArray[np.int64],
    n_types: int,
    *,
    power: float,
    floor: float = 0.0,
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
    floor
        The larger, the more of every gene is heard where the best markers tell little of a single
        cell; 0 hears markers alone.

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

    A few markers suffice where they differ by more than cells of one type do, as in blood; where
    they do not, as in the accessibility of genes, all genes together tell more. With
    :math:`D_{ab}` the mean difference of the five best genes of a pair and :math:`v_{ab}` the
    variance of these genes within the two types, the scale is not below the mean over the pairs of
    :math:`f v_{ab} / (D_{ab}^2 + f v_{ab})`, f the floor.
    """
    n_genes = expression.shape[1]
    mean, present = type_means(expression, codes, n_types)
    within = _variance_within(expression, codes, n_types)[present] if floor else None
    n_best = min(N_BEST, n_genes)
    best = np.zeros(n_genes)
    quiet: list[float] = []
    for code in range(1, len(mean)):
        apart = np.abs(mean[:code] - mean[code])
        genes = np.argpartition(apart, n_genes - n_best, axis=1)[:, n_genes - n_best :]
        furthest = np.take_along_axis(apart, genes, axis=1).mean(1)
        told = apart / np.maximum(furthest, 1e-12)[:, None]
        best = np.maximum(best, told.max(0))
        if within is not None:
            both = (within[:code] + within[code]) / 2
            noise = floor * np.take_along_axis(both, genes, axis=1).mean(1)
            quiet.extend(noise / np.maximum(furthest**2 + noise, 1e-24))
    least = float(np.mean(quiet)) if quiet else 0.0
    scale = least + (1 - least) * np.minimum(best, 1.0) ** power + QUIETEST
    variance = gene_variance(expression)
    total = float((scale**2 * variance).sum())
    if total <= 0:
        return np.ones(n_genes, dtype=np.float32)
    return (scale * np.sqrt(variance.sum() / total)).astype(np.float32)


def _variance_within(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int
) -> NDArray[np.float64]:
    """Return the variance of each gene among the cells of each type, ``(n_types, n_genes)``."""
    members = member_weights(codes, n_types)
    squares = weighted_means(expression, members, squared=True)
    variance: NDArray[np.float64] = squares - weighted_means(expression, members) ** 2
    return np.maximum(variance, 0.0)
