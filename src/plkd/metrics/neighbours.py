"""Whether near cells are alike: of one type, and the same ones as before integration."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError
from plkd.metrics.codes import Values
from plkd.metrics.embedded import check_groups, check_points
from plkd.metrics.nearest import SHARE, near_count, nearest_cells

Original = ArrayLike | Mapping[str, ArrayLike]


def mean_average_precision(embedding: ArrayLike, types: Values, *, share: float = SHARE) -> float:
    r"""Say how far the nearest cells are of a cell's own type, the nearest counting most (MAP).

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    types
        Cell type of each cell, ``(n_cells,)``.
    share
        Share of all cells that count as near; the default is 1 %, at least one cell.

    Returns
    -------
    A number in [0, 1]; 1 where every near cell is of the cell's own type.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, a cell has no type, or the share is not in
        (0, 1).

    Notes
    -----
    GLUE (Cao & Gao, Nat Biotechnol 2022). With K near cells in the order of their distance and
    :math:`h_k` = 1 where the k-th of them is of cell i's type, else 0,
    :math:`AP(i) = \sum_k h_k \left(\frac1k \sum_{j \le k} h_j\right) / \sum_k h_k`,
    0 where no near cell is of its type; MAP is its mean over the cells.
    """
    points = check_points(embedding)
    _, codes = check_groups(types, "types", len(points), least=1)
    precision = np.empty(len(points))
    for cells, near in nearest_cells(points, near_count(len(points), share)):
        precision[cells] = average_precision(codes[near] == codes[cells, None])
    return float(precision.mean())


def neighbor_conservation(
    embedding: ArrayLike,
    original: Original,
    layers: Values | None = None,
    *,
    share: float = SHARE,
) -> float:
    r"""Say how many of its neighbours within its layer a cell keeps after integration (NC).

    Parameters
    ----------
    embedding
        Where the cells stand after integration, ``(n_cells, n_dimensions)``.
    original
        Where they stood before, in a space of their layer alone (PCA, LSI), ``(n_cells, n)``; or,
        for layers of different widths, a mapping from the name of a layer to the places of its
        cells in the order of the embedding, ``(n_cells_of_layer, n)``.
    layers
        Batch or omics layer of each cell, ``(n_cells,)``; left out, all cells are one layer.
    share
        Share of *all* cells that count as near; the default is 1 %, at least one cell, and at most
        all others of the layer.

    Returns
    -------
    A number in [0, 1]; 1 where all neighbours are kept.

    Raises
    ------
    InputError
        A space is no table of finite numbers, the cells of the two differ in number, a cell has no
        layer, a layer has one cell only, or ``original`` lacks a layer.

    Notes
    -----
    GLUE (Cao & Gao 2022): with :math:`A_i` and :math:`B_i` the near cells of cell i among its
    layer before and after, :math:`|A_i \cap B_i| / |A_i \cup B_i|`, averaged over the cells of a
    layer and then over the layers.
    """
    points = check_points(embedding)
    return conserved(points, by_layer(original, layers, len(points)), share)


def average_precision(hits: np.ndarray) -> np.ndarray:
    """Return the average precision of each row of hits and misses, nearest first.

    Parameters
    ----------
    hits
        Whether the near cells of a cell are of its type, bool ``(n_cells, n_near)``.

    Returns
    -------
    float64 ``(n_cells,)`` in [0, 1]; 0 for a row without a hit.
    """
    so_far = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray((so_far * hits).sum(axis=1) / np.maximum(hits.sum(axis=1), 1))


def conserved(
    points: np.ndarray, layers: list[tuple[np.ndarray, np.ndarray]], share: float
) -> float:
    """Return NC of cells in layers.

    Parameters
    ----------
    points
        Where the cells stand after integration, ``(n_cells, n_dimensions)``.
    layers
        Positions of the cells of each layer, and where they stood before.
    share
        Share of all cells that count as near.
    """
    n_near = near_count(len(points), share)
    kept = [
        _shared_neighbours(before, points[cells], min(n_near, len(cells) - 1))
        for cells, before in layers
    ]
    return float(np.mean(kept))


def by_layer(
    original: Original, layers: Values | None, n_cells: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return, for each layer, the positions of its cells and where they stood before.

    Raises
    ------
    InputError
        As :func:`neighbor_conservation`.
    """
    if layers is None:
        names: tuple[str, ...] = ("all",)
        codes = np.zeros(n_cells, dtype=np.int64)
    else:
        names, codes = check_groups(layers, "layers", n_cells, least=1)
    counts = np.bincount(codes, minlength=len(names))
    lonely = [name for name, count in zip(names, counts, strict=True) if count < 2]
    if lonely:
        raise InputError(
            "two cells or more in each layer",
            f"one in {', '.join(lonely[:5])}" + f" and {len(lonely) - 5} more" * (len(lonely) > 5),
            "leave those cells out",
        )
    positions = [np.flatnonzero(codes == code) for code in range(len(names))]
    if not isinstance(original, Mapping):
        whole = _before(original, n_cells, "original")
        return [(cells, whole[cells]) for cells in positions]
    absent = [name for name in names if name not in original]
    if absent or layers is None:
        raise InputError(
            "a space of its own for each layer in 'original'",
            f"{', '.join(map(str, original))}; not {', '.join(absent[:5])}",
            "pass layers, and a mapping from each of their names to an array",
        )
    return [
        (cells, _before(original[name], len(cells), f"original[{name!r}]"))
        for name, cells in zip(names, positions, strict=True)
    ]


def _before(space: ArrayLike, n_cells: int, which: str) -> np.ndarray:
    points = check_points(space, which)
    if len(points) != n_cells:
        raise InputError(
            f"'{which}' with a row for each of {n_cells} cells",
            f"{len(points)} rows",
            "pass the same cells, in the same order",
        )
    return points


def _shared_neighbours(before: np.ndarray, after: np.ndarray, n_near: int) -> float:
    """Return the mean over cells of shared neighbours over neighbours in either space."""
    share = np.empty(len(before))
    pairs = zip(nearest_cells(before, n_near), nearest_cells(after, n_near), strict=True)
    for (cells, one), (_, other) in pairs:
        both = np.sort(np.concatenate([one, other], axis=1), axis=1)
        shared = (both[:, 1:] == both[:, :-1]).sum(axis=1)
        share[cells] = shared / (2 * n_near - shared)
    return float(share.mean())
