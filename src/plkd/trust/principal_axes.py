"""Principal axes of cells: the first ones exactly, or nearly and quickly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 5
MORE_AXES = 10
"""Axes that are sought beside those that are asked for, so that these are found sooner."""


def exact_axes(cells: NDArray[np.floating], n_axes: int) -> NDArray[np.float64]:
    """Return the first principal axes of cells.

    Parameters
    ----------
    cells
        Their expression, ``(n_cells, n_genes)``.
    n_axes
        How many; fewer come back where there are fewer cells or genes.

    Returns
    -------
    float64 ``(n_axes, n_genes)``, orthonormal.
    """
    from scipy.linalg import eigh

    cells = cells - cells.mean(0)
    n_cells, n_genes = cells.shape
    wide = n_genes > n_cells
    product = np.asarray(cells @ cells.T if wide else cells.T @ cells, dtype=np.float64)
    size = len(product)
    n_axes = min(n_axes, size)
    spread, axes = eigh(product, subset_by_index=[size - n_axes, size - 1])
    axes = axes[:, ::-1].T
    if wide:
        lengths = np.sqrt(np.maximum(spread[::-1], 1e-12))[:, None]
        axes = (axes @ cells) / lengths
    return np.asarray(axes, dtype=np.float64)


def leading_axes(
    cells: NDArray[np.float32], n_axes: int, origin: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return nearly the axes along which cells are furthest from a point.

    With their mean for the point these are their principal axes.

    Parameters
    ----------
    cells
        Their expression, ``(n_cells, n_genes)``.
    n_axes
        How many; fewer come back where there are fewer cells or genes.
    origin
        The point, ``(n_genes,)``.

    Returns
    -------
    float32 ``(n_axes, n_genes)``, orthonormal, the furthest one first; the largest entry of each is
    positive.

    Notes
    -----
    Subspace iteration from random directions (Halko, Martinsson & Tropp 2011), five rounds: axes
    that differ little in their share of the variance may be mixed, as the groups that are made
    along them do not mind. It is written out here for sklearn's takes several times as long.
    """
    n_axes = min(n_axes, *cells.shape)
    wide = min(n_axes + MORE_AXES, *cells.shape)
    apart = cells - origin
    found = np.random.default_rng(0).normal(size=(cells.shape[1], wide)).astype(np.float32)
    for _ in range(ROUNDS):
        found, _ = np.linalg.qr(apart.T @ (apart @ found))
    along = apart @ found
    _, _, turned = np.linalg.svd(along.T @ along)
    axes = turned[:n_axes] @ found.T
    largest = axes[np.arange(n_axes), np.abs(axes).argmax(1)]
    return np.ascontiguousarray(axes * np.sign(largest)[:, None], dtype=np.float32)
