"""The nearest cells of every cell, some cells at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from plkd.errors import InputError

CELLS_AT_A_TIME = 2048
SHARE = 0.01
"""Share of the cells that count as near (GLUE and the Seurat alignment score: 1 %)."""


def near_count(n_cells: int, share: float) -> int:
    """Return how many cells are near: a share of all, rounded, one at least.

    Raises
    ------
    InputError
        The share is not in (0, 1).
    """
    if not 0 < share < 1:
        raise InputError("a share of the cells in (0, 1)", f"{share}", "leave it out, or pass 0.01")
    return min(max(round(n_cells * share), 1), n_cells - 1)


def nearest_cells(
    points: np.ndarray, n_near: int, *, size: int = CELLS_AT_A_TIME
) -> Iterator[tuple[slice, np.ndarray]]:
    """Find the nearest other cells of every cell, exactly, in Euclidean distance.

    Parameters
    ----------
    points
        Where the cells stand, ``(n_cells, n_dimensions)``.
    n_near
        Other cells to find, below ``n_cells``.
    size
        Cells whose neighbours are held at a time; memory grows with ``size * n_near`` and with the
        points, never with the square of the cells.

    Yields
    ------
    Which cells, and the positions of the cells next to each, the nearest first, int64
    ``(at most size, n_near)``.

    Notes
    -----
    A cell is left out of its own neighbours by its position, not as the first that was found:
    other cells may stand at the same place. Which of several such cells are taken is drawn by lot,
    not by the order in which they are stored, where batches often follow one another.
    """
    from sklearn.neighbors import NearestNeighbors

    n_cells = len(points)
    order = np.random.default_rng(0).permutation(n_cells)
    search = NearestNeighbors(n_neighbors=n_near + 1, algorithm="brute").fit(points[order])
    for start in range(0, n_cells, size):
        cells = slice(start, min(start + size, n_cells))
        found = order[search.kneighbors(points[cells], return_distance=False)]
        own = found == np.arange(cells.start, cells.stop)[:, None]
        own[~own.any(axis=1), -1] = True  # so many at its own place that it is not among them
        yield cells, found[~own].reshape(len(found), n_near)


def nearest_table(points: np.ndarray, n_near: int) -> np.ndarray:
    """Return the nearest other cells of every cell, int32 ``(n_cells, n_near)``, nearest first.

    For a number of neighbours that does not grow with the number of cells.
    """
    table = np.empty((len(points), n_near), dtype=np.int32)
    for cells, near in nearest_cells(points, n_near):
        table[cells] = near
    return table
