"""Whether batches, or omics layers, stand among one another: alignment and connectivity."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError
from plkd.metrics.codes import Values
from plkd.metrics.embedded import check_groups, check_points
from plkd.metrics.nearest import SHARE, near_count, nearest_cells, nearest_table

N_NEIGHBORS = 15
"""Cells next to one another in the graph of GC, the cell itself counted, as scanpy counts."""


def seurat_alignment_score(
    embedding: ArrayLike,
    batches: Values,
    *,
    share: float = SHARE,
    n_repeats: int = 4,
    seed: int = 0,
) -> float:
    r"""Say how well batches are mixed among the nearest cells, each batch counting the same (SAS).

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    batches
        Batch or omics layer of each cell, ``(n_cells,)``.
    share
        Share of the drawn cells that count as near; the default is 1 %, at least one cell, and at
        most one fewer than the smallest batch has.
    n_repeats
        How often as many cells as the smallest batch has are drawn from each batch. Batches that
        are alike in size are taken whole, once.
    seed
        Which cells are drawn.

    Returns
    -------
    A number in [0, 1]: 1 where near cells come from every batch alike, 0 where all are of the
    cell's own batch.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, a cell has no batch, there is one batch only,
        a batch has a single cell, ``n_repeats`` is below 1, or the share is not in (0, 1).

    Notes
    -----
    Butler et al., Nat Biotechnol 2018, as used by GLUE (Cao & Gao 2022). With B batches of one
    size, k near cells and :math:`\bar x` the mean number of them that are of the cell's own batch,
    :math:`SAS = \frac{k - \bar x}{k - k / B}`, at most 1; the mean over the draws.

    It does not look at types: where batches differ in their composition, even a perfect
    integration stays below 1. With a batch of few cells it rests on few cells.

    Deviation: where the share of the drawn cells is as many as a batch has or more, by default
    from about 100 batches on, k is one fewer than a batch has. Otherwise the near cells of a cell
    could not all be of its own batch, and the score would be high for any embedding.
    """
    points = check_points(embedding)
    names, codes = check_groups(batches, "batches", len(points))
    if n_repeats < 1:
        raise InputError("n_repeats of 1 or more", f"{n_repeats}", "leave it out")
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    least = min(map(len, members))
    n_near = max(min(near_count(least * len(names), share), least - 1), 1)
    if not can_be_aligned(codes):
        smallest = names[int(np.argmin([len(cells) for cells in members]))]
        raise InputError(
            f"more cells in every batch than the {n_near} that count as near",
            f"{least} in {smallest!r}",
            "leave that batch out",
        )
    if all(len(cells) == least for cells in members):
        n_repeats = 1  # every draw is all cells
    rng = np.random.default_rng(seed)
    scores = []
    for _ in range(n_repeats):
        drawn = np.concatenate([rng.choice(cells, least, replace=False) for cells in members])
        scores.append(_alignment(points[drawn], codes[drawn], len(names), n_near))
    return float(np.mean(scores))


def can_be_aligned(codes: np.ndarray) -> bool:
    """Say whether every cell has another of its own batch, which can be near it.

    Parameters
    ----------
    codes
        Batch of each cell, ``(n_cells,)``.
    """
    return int(np.unique(codes, return_counts=True)[1].min()) > 1


def graph_connectivity(
    embedding: ArrayLike, types: Values, *, n_neighbors: int = N_NEIGHBORS
) -> float:
    r"""Say how far the cells of a type hang together in the graph of neighbours (GC).

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    types
        Cell type of each cell, ``(n_cells,)``.
    n_neighbors
        Neighbours of a cell, itself counted, as in scanpy; 2 or more.

    Returns
    -------
    A number in (0, 1]; 1 where every type is one piece.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, a cell has no type, or ``n_neighbors`` is
        below 2.

    Notes
    -----
    Luecken et al., Nat Methods 2022, as used by GLUE (Cao & Gao 2022): two cells are joined where
    either is among the neighbours of the other; with :math:`LCC_t` the largest connected component
    of the cells of type t alone, the mean over the types of :math:`|LCC_t| / n_t`.

    Deviations: GLUE takes scanpy's weighted graph, whose weights play no part and whose neighbours
    are approximate for many cells; here they are exact. scib-metrics follows the edges in their
    direction, which can leave more pieces.
    """
    points = check_points(embedding)
    _, codes = check_groups(types, "types", len(points), least=1)
    if n_neighbors < 2:
        raise InputError("n_neighbors of 2 or more", f"{n_neighbors}", "leave it out")
    return connectivity(nearest_table(points, min(n_neighbors, len(points)) - 1), codes)


def connectivity(near: np.ndarray, codes: np.ndarray) -> float:
    """Return the mean over types of the share of cells in the type's largest piece.

    Parameters
    ----------
    near
        Neighbours of each cell, ``(n_cells, n_near)``.
    codes
        Type of each cell, ``(n_cells,)``.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n_cells, n_near = near.shape
    rows = np.repeat(np.arange(n_cells), n_near)
    joined = codes[rows] == codes[near.ravel()]
    ends = rows[joined], near.ravel()[joined]
    graph = coo_matrix((np.ones(len(ends[0]), dtype=np.int8), ends), shape=(n_cells, n_cells))
    _, piece = connected_components(graph.tocsr(), directed=True, connection="weak")
    sizes = np.bincount(piece)
    largest = np.zeros(int(codes.max()) + 1)
    np.maximum.at(largest, codes, sizes[piece])
    return float(np.mean(largest / np.bincount(codes)))


def _alignment(points: np.ndarray, codes: np.ndarray, n_batches: int, k: int) -> float:
    own = 0
    for cells, near in nearest_cells(points, k):
        own += int(np.count_nonzero(codes[near] == codes[cells, None]))
    mean_own = own / len(points)
    return min((k - mean_own) * n_batches / (k * (n_batches - 1)), 1.0)
