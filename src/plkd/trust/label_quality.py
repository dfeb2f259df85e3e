"""Which labels of a reference look wrong: those that the cells next to a cell hardly ever have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.trust.cell_points import singular_points

N_NEIGHBOURS = 30
MOST_NEIGHBOURS_FROM = 20_000
"""Cells among which neighbours are sought, at most: the time then grows with the cells only."""

CELLS_AT_A_TIME = 2048

HARDLY_EVER = 0.1
"""Share of a cell's neighbours below which its own label is hardly ever found among them. With
fewer than about six types, labels that are wrong at random are found among more than that."""

MOSTLY = 0.5
"""Share of its neighbours from which they agree on another label."""


def neighbour_shares(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return how often each label is found among the neighbours of each cell, itself left out.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Label of each cell, ``(n_cells,)``, -1 where it has none; such cells have neighbours and are
        nobody's.
    n_types
        Number of types.
    seed
        Decides among which cells neighbours are sought, where there are more than 20,000.

    Returns
    -------
    ``(n_cells, n_types)`` in [0, 1]: shares among the 30 nearest labelled cells in the first 50
    singular vectors of the expression. Rows sum to 1; to 0 where there is no other labelled cell.
    """
    if np.count_nonzero(codes >= 0) < 2:
        return np.zeros((len(codes), n_types))
    return shares_among(singular_points(expression, seed=seed), codes, n_types, seed=seed)


def shares_among(
    points: NDArray[np.floating], codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return the same as :func:`neighbour_shares` for cells that are points already.

    Parameters
    ----------
    points
        Where the cells lie, ``(n_cells, n_components)``.
    codes, n_types, seed
        As :func:`neighbour_shares`; two cells or more have a label.
    """
    near = nearest_labels(points, codes, seed=seed)
    votes = np.eye(n_types)
    starts = range(0, len(near), CELLS_AT_A_TIME)
    return np.concatenate([votes[near[at : at + CELLS_AT_A_TIME]].mean(1) for at in starts])


def nearest_labels(
    points: NDArray[np.floating], codes: NDArray[np.int64], *, seed: int = 0
) -> NDArray[np.int64]:
    """Return the labels of the labelled cells next to each cell, itself left out.

    Parameters
    ----------
    points, codes, seed
        As :func:`shares_among`.

    Returns
    -------
    Codes, ``(n_cells, n_near)``, those of the nearest cell first: 30, or all others.
    """
    among = cells_among(codes, seed=seed)
    return codes[among][_nearest_others(points, among)]


def cells_among(codes: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.int64]:
    """Return the labelled cells among which neighbours are sought, 20,000 of them at most."""
    among = np.flatnonzero(codes >= 0)
    if len(among) > MOST_NEIGHBOURS_FROM:
        drawn = np.random.default_rng(seed).choice(among, MOST_NEIGHBOURS_FROM, replace=False)
        among = np.sort(drawn)
    return among


def _nearest_others(points: NDArray[np.floating], among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nearest of the cells ``among`` of each cell but itself, as places in ``among``."""
    from sklearn.neighbors import NearestNeighbors

    n_near = min(N_NEIGHBOURS, len(among) - 1)
    search = NearestNeighbors(n_neighbors=n_near + 1, algorithm="brute").fit(points[among])
    parts = []
    for start in range(0, len(points), CELLS_AT_A_TIME):
        block = points[start : start + CELLS_AT_A_TIME]
        found = search.kneighbors(block, return_distance=False)
        own = among[found] == np.arange(start, start + len(block))[:, None]
        own[~own.any(1), -1] = True  # not among them: the furthest is one too many
        parts.append(found[~own].reshape(len(block), n_near))
    return np.concatenate(parts)


def neighbour_log_probabilities(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return how probable each type is for a cell, by the labels of its neighbours.

    Parameters
    ----------
    shares
        Of the labels among the n = 30 nearest cells, or all others where there are fewer,
        ``(n_cells, n_types)``.

    Returns
    -------
    ``(n_cells, n_types)``, with one vote more, spread over the k types:
    :math:`\log ((n s_t + 1 / k) / (n + 1))`.
    """
    n_cells, n_types = shares.shape
    n_near = min(N_NEIGHBOURS, n_cells - 1)
    return np.asarray(np.log((n_near * shares + 1 / n_types) / (n_near + 1)))


def own_shares(shares: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each cell's own label, ``(n_cells,)``; 1 where it has none."""
    own = shares[np.arange(len(codes)), np.maximum(codes, 0)]
    return np.where(codes >= 0, own, 1.0)


def share_of_doubtful(shares: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    """Return the share of labels that the neighbours hardly have while they agree on another.

    Returns
    -------
    A share of the labelled cells, in [0, 1]. Types that blend into each other add little to it,
    since there the neighbours do not agree; labels that were mixed up at random add nearly all.
    """
    labelled = codes >= 0
    doubtful = (own_shares(shares, codes) < HARDLY_EVER) & (shares.max(1) >= MOSTLY)
    return float(doubtful[labelled].mean()) if labelled.any() else 0.0
