"""A linear discriminant of a query's own cells, by what a model says of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.type_means import weighted_means
from plkd.trust.gene_discriminant import GeneDiscriminant
from plkd.trust.shrunken_covariance import linear_functions


def query_discriminant(
    expression: csr_matrix, share: NDArray[np.float64], *, weight: float, fewest: float
) -> GeneDiscriminant | None:
    r"""Learn a discriminant of cells without labels.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    share
        Probability of each type, ``(n_cells, n_types)``; rows sum to 1.
    weight
        How much it will count beside a network.
    fewest
        Cells of a type in the query, expected number, below which it is left out.

    Returns
    -------
    ``None`` where fewer than two types have so many.

    Notes
    -----
    As :func:`plkd.trust.gene_discriminant.gene_discriminant`, but each cell takes part in means and
    covariance with its probabilities, and each type with its share :math:`\pi_t` of the cells:
    :math:`x^T S^{-1} m_t - m_t^T S^{-1} m_t / 2 + \log \pi_t`. One step of expectation
    maximisation, where the query's batch effect is in the means and not in the way.
    """
    expected = share.sum(0)
    taking_part = np.flatnonzero(expected >= fewest)
    if len(taking_part) < 2:
        return None
    means = weighted_means(expression, share)
    directions, offsets = linear_functions(expression, share, means, taking_part)
    offsets[taking_part] += np.log(expected[taking_part] / expected.sum())
    return GeneDiscriminant(directions.astype(np.float32), offsets.astype(np.float32), weight)
