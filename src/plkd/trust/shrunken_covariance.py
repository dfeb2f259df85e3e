"""The covariance of all genes within types, drawn towards a ball and never written out.

Genes are in units of the root of their standard deviation. The ball stands for what is not known of
the covariance; in the expression's own units it says that quiet genes vary as much as loud ones, so
that hardly a quiet one is heard, and in units of the standard deviation that all genes tell types
apart alike. Between the two the discriminants were right most often on batches held out inside
references (``docs/log.md``, 2026-11-28).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, cg

from plkd.data.type_means import weighted_means
from plkd.trust.gene_scale import gene_scale, scaled

SHRINKAGE = 0.7
"""How far the common covariance of the genes is drawn towards a ball."""

TOLERANCE = 1e-6
POWER = 0.5
"""Of their standard deviation, in units of which genes are."""


def linear_functions(
    expression: csr_matrix,
    share: NDArray[np.floating] | csr_matrix,
    means: NDArray[np.float64],
    taking_part: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the linear functions of a linear discriminant analysis, all types as likely.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    share
        How far each cell is of each type, rows summing to 1, ``(n_cells, n_types)``.
    means
        Mean of each type, ``(n_types, n_genes)``.
    taking_part
        Codes of the types that take part.

    Returns
    -------
    Directions ``(n_types, n_genes)`` and offsets ``(n_types,)``; zeros and minus infinity of types
    that do not take part.

    Notes
    -----
    Of type t :math:`S^{-1} m_t` and :math:`-m_t^T S^{-1} m_t / 2`, found by conjugate gradients, in
    some twenty steps, S being the shrunken covariance and all of it of genes in units of the root
    of their standard deviation; the directions are of the expression as it came.
    """
    scale = gene_scale(expression, power=POWER)
    means = means * scale
    covariance = _shrunken_covariance(scaled(expression, scale), share, means)
    directions, offsets = np.zeros(means.shape), np.full(len(means), -np.inf)
    for code in taking_part:
        directions[code] = cg(covariance, means[code], rtol=TOLERANCE)[0]
        offsets[code] = -0.5 * means[code] @ directions[code]
    return directions * scale, offsets


def _shrunken_covariance(
    cells: csr_matrix,
    share: NDArray[np.floating] | csr_matrix,
    means: NDArray[np.float64],
) -> LinearOperator:
    """Return the shrunken covariance of cells around the means of the types that they share."""
    n_cells, n_genes = cells.shape
    of_type = np.asarray(share.sum(0), dtype=np.float64).ravel()
    squares = cells.multiply(cells).sum()
    squares -= 2 * (weighted_means(cells, share) * means).sum(1) @ of_type
    squares += of_type @ np.square(means).sum(1)
    ball = max(float(squares) / (n_cells * n_genes), 1e-12)

    def times(gene: NDArray[np.float64]) -> NDArray[np.float64]:
        along, own = cells @ gene.ravel(), means @ gene.ravel()
        within = (along - share @ own) @ cells - (along @ share - of_type * own) @ means
        return np.asarray((1 - SHRINKAGE) * within / n_cells + SHRINKAGE * ball * gene.ravel())

    return LinearOperator((n_genes, n_genes), matvec=times, dtype=np.float64)
