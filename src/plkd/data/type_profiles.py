"""The mean profile of each type, as weights that say how far a cell agrees with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.type_means import member_weights, weighted_means


def type_profiles(
    expression: csr_matrix,
    codes: NDArray[np.int64],
    n_types: int,
    *,
    scale: NDArray[np.float32],
) -> NDArray[np.float32]:
    r"""Return weights whose product with a cell says how far it agrees with each type's mean.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``.
    n_types
        Number of types.
    scale
        How loud each gene is, ``(n_genes,)``: :func:`plkd.data.marker_scale.marker_scale`.

    Returns
    -------
    ``(n_types, n_genes)`` float32; together they sum to zero.

    Notes
    -----
    With a cell x and the mean :math:`c_a` of type a, both on the scale r and both less their mean
    over the genes, the correlation of the two is :math:`\langle r x, r c_a \rangle / (|r x|
    \, |r c_a|)`. The product of x with the weights is that with the root mean square of
    :math:`|r x|` over the reference in place of the cell's own: linear, and on held-out batches as
    good as the correlation. It has nothing that could be fitted too closely, so it stays right
    where a batch is far from all that the networks have seen. The mean over the types is taken
    off: no probability notices it, but the values of genes (SHAP) would name those that all types
    express.
    """
    return soft_type_profiles(expression, member_weights(codes, n_types), scale=scale)


def soft_type_profiles(
    expression: csr_matrix, share: NDArray[np.floating] | csr_matrix, *, scale: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the same where each cell belongs to the types in shares.

    Parameters
    ----------
    share
        How far each cell is of each type, non-negative, ``(n_cells, n_types)``.
    """
    heard = expression.multiply(scale[None, :]).tocsr()
    n_genes = expression.shape[1]
    squares = np.asarray(heard.multiply(heard).sum(1), dtype=np.float64).ravel()
    sums = np.asarray(heard.sum(1), dtype=np.float64).ravel()
    length = np.sqrt(max(float((squares - sums**2 / n_genes).mean()), 1e-24))
    profile = weighted_means(expression, share) * scale
    profile -= profile.mean(1, keepdims=True)
    profile /= np.maximum(np.linalg.norm(profile, axis=1, keepdims=True), 1e-12)
    weights = profile * scale / length
    # In C order, as models are stored: another order would round products otherwise.
    return np.ascontiguousarray(weights - weights.mean(0), dtype=np.float32)
