"""The k-nearest-neighbour batch effect test: whether neighbourhoods are made up as the whole is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError
from plkd.metrics.codes import Values
from plkd.metrics.embedded import check_groups, check_points
from plkd.metrics.nearest import nearest_table

ALPHA = 0.05
FEWEST, MOST = 10, 70
"""Bounds of the size of a neighbourhood, as in scIB (Luecken et al. 2022)."""


def kbet(
    embedding: ArrayLike,
    batches: Values,
    *,
    n_neighbors: int | None = None,
    alpha: float = ALPHA,
) -> float:
    r"""Say in what share of the neighbourhoods batches are mixed as they are overall (kBET).

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    batches
        Batch of each cell, ``(n_cells,)``.
    n_neighbors
        Cells of a neighbourhood, the cell itself counted. Default: a quarter of the mean size of a
        batch, within 10 and 70.
    alpha
        Level of the test: a neighbourhood is accepted where its p-value is at least this.

    Returns
    -------
    Acceptance rate, one minus kBET's rejection rate, in [0, 1]. Batches that are mixed by chance
    alone give about ``1 - alpha``, 0.95.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, a cell has no batch, there is one batch only,
        ``n_neighbors`` is below 2 or above the number of cells, or ``alpha`` is not in (0, 1).

    Notes
    -----
    Büttner et al., Nat Methods 2019. With k cells in the neighbourhood of cell i, :math:`n_{ib}`
    of them of batch b, and :math:`f_b` the share of batch b in all cells,
    :math:`\kappa_i = \sum_b \frac{(n_{ib} - k f_b)^2}{k f_b}` is compared with the chi-squared
    distribution of B − 1 degrees of freedom.

    Where batches differ in their types, neighbourhoods differ from the whole although batches are
    mixed: see :func:`kbet_per_type`.

    Deviations: all cells are tested; the authors' program draws a tenth of them, a hundred times,
    and averages, which has the same expectation. Its k is a quarter of the mean size of a batch
    without bounds; in thousands of neighbours the least difference is significant, hence scIB's
    bounds. scib-metrics takes the k of the neighbours it is handed.
    """
    points = check_points(embedding)
    names, codes = check_groups(batches, "batches", len(points))
    _check_alpha(alpha)
    k = n_neighbors or neighbourhood_size(len(points), len(names))
    _check_size(n_neighbors, len(points))
    return accepted(with_itself(nearest_table(points, k - 1)), codes, alpha=alpha)


def kbet_per_type(
    embedding: ArrayLike,
    batches: Values,
    types: Values,
    *,
    n_neighbors: int | None = None,
    alpha: float = ALPHA,
) -> float:
    """Give kBET within each cell type, averaged over the types, each counting the same.

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    batches
        Batch of each cell, ``(n_cells,)``.
    types
        Cell type of each cell, ``(n_cells,)``.
    n_neighbors
        Cells of a neighbourhood, the cell itself counted. Default: a
        quarter of the mean size of a batch within the type, within 10 and 70.
    alpha
        Level of the test.

    Returns
    -------
    Mean acceptance rate in [0, 1]. Types of one batch, or of fewer cells than two neighbourhoods
    (20 by default), are left out: most of their cells are in every neighbourhood, so none would be
    found unlike the whole.

    Raises
    ------
    InputError
        As :func:`kbet`; or no type is large enough and in two batches.

    Notes
    -----
    Luecken et al., Nat Methods 2022: kBET on the cells of one type, with the shares of the batches
    in that type, so that a difference in the batches' composition does not count.

    Deviations: neighbours within a type are its nearest cells in the embedding. scIB and
    scib-metrics take a graph of all cells, cut it to the type and let distances diffuse on what is
    left; a type that falls to pieces there has a score of 0.
    """
    points = check_points(embedding)
    names, codes = check_groups(batches, "batches", len(points))
    _, kinds = check_groups(types, "types", len(points), least=1)
    _check_alpha(alpha)
    _check_size(n_neighbors, len(points))
    scores = accepted_by_type(points, codes, kinds, n_neighbors=n_neighbors, alpha=alpha)
    if not scores:
        raise InputError(
            f"a type of {2 * (n_neighbors or FEWEST)} cells or more in two of the batches",
            f"none, with the batches {', '.join(names[:5])}",
            "check that types and batches are columns of the same cells",
        )
    return float(np.mean(scores))


def accepted_by_type(
    points: np.ndarray,
    codes: np.ndarray,
    kinds: np.ndarray,
    *,
    n_neighbors: int | None = None,
    alpha: float = ALPHA,
) -> list[float]:
    """Return the acceptance rate within each type that has two batches and two neighbourhoods.

    Parameters
    ----------
    points
        Where the cells stand, ``(n_cells, n_dimensions)``.
    codes, kinds
        Batch and type of each cell, ``(n_cells,)``.
    """
    rates = []
    for kind in np.unique(kinds):
        cells = np.flatnonzero(kinds == kind)
        n_batches = len(np.unique(codes[cells]))
        k = n_neighbors or neighbourhood_size(len(cells), n_batches)
        if n_batches < 2 or 2 * k > len(cells):
            continue  # a neighbourhood that is most of the type is made up as the type is
        near = with_itself(nearest_table(points[cells], k - 1))
        rates.append(accepted(near, codes[cells], alpha=alpha))
    return rates


def neighbourhood_size(n_cells: int, n_batches: int) -> int:
    """Return k: a quarter of the mean size of a batch, within 10 and 70, at most all cells."""
    return min(max(n_cells // n_batches // 4, FEWEST), MOST, n_cells)


def with_itself(near: np.ndarray) -> np.ndarray:
    """Return neighbourhoods with the cell itself first, ``(n_cells, n_near + 1)``."""
    return np.column_stack([np.arange(len(near), dtype=near.dtype), near])


def accepted(near: np.ndarray, codes: np.ndarray, *, alpha: float) -> float:
    """Return the share of neighbourhoods whose batches are as those of all cells.

    Parameters
    ----------
    near
        Cells of each neighbourhood, ``(n_neighbourhoods, k)``.
    codes
        Batch of each cell, ``(n_cells,)``; every cell counts in the expectation.
    alpha
        Level of the test.
    """
    from scipy.stats import chi2

    present, codes = np.unique(codes, return_inverse=True)
    n_batches, k = len(present), near.shape[1]
    expected = k * np.bincount(codes) / len(codes)
    place = np.arange(len(near))[:, None] * n_batches + codes[near]
    counts = np.bincount(place.ravel(), minlength=len(near) * n_batches)
    difference = counts.reshape(len(near), n_batches) - expected
    statistic = (difference**2 / expected).sum(axis=1)
    return float(np.mean(chi2.sf(statistic, n_batches - 1) >= alpha))


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InputError("alpha in (0, 1)", f"{alpha}", "leave it out, or pass 0.05")


def _check_size(n_neighbors: int | None, n_cells: int) -> None:
    if n_neighbors is not None and not 2 <= n_neighbors <= n_cells:
        raise InputError(
            f"n_neighbors from 2 to the number of cells, {n_cells}",
            f"{n_neighbors}",
            "leave it out, or pass another number",
        )
