"""Groups of like cells of a query, and how far they are from the groups of the reference.

A single cell is measured too noisily to show that it is of a new type beside a known one. The mean
of a few dozen like cells is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.marker_scale import marker_scale

N_AXES = 20
MARKER_POWER = 0.5
"""Markers of the types are heard a little louder in the axes than other genes."""

CELLS_OF_GROUP = 30
MOST_GROUPS = 120
N_GROUPINGS = 3
"""Cells are put into groups so often, by chance anew; the mean is steadier than one."""

FEWEST_CELLS = 200
"""Cells below which no groups are made."""

NEAREST = 3
"""Groups of the reference whose mean distance is taken."""

MOST_FOR_AXES = 3000
ROUNDS = 10
ROWS_AT_A_TIME = 8192

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GroupSpace:
    """Principal axes of a reference, and where the groups of its cells lie along them.

    Attributes
    ----------
    axes
        What a cell is multiplied by, float32 ``(n_axes, n_genes)``.
    origin
        Where the mean of the reference lies along the axes, float32 ``(n_axes,)``.
    centers
        Means of the reference's groups, taken from the origin, of each of three groupings, float32
        ``(3, n_groups, n_axes)``.
    """

    axes: NDArray[np.float32]
    origin: Points
    centers: Points

    def points(self, expression: csr_matrix) -> Points:
        """Return where cells lie along the axes, ``(n_cells, n_axes)``."""
        return np.asarray(expression @ self.axes.T, dtype=np.float32) - self.origin

    def distances(self, points: Points) -> NDArray[np.float32]:
        """Return how far the group of each cell is from the groups of the reference.

        Parameters
        ----------
        points
            Where the cells of a query lie along the axes, all of them, ``(n_cells, n_axes)``.

        Returns
        -------
        float32 ``(n_cells,)``: mean Euclidean distance of the mean of the cell's group to the three
        nearest groups of the reference, and of that the mean over three groupings.
        """
        apart = np.zeros(len(points), dtype=np.float32)
        for seed, centers in enumerate(self.centers):
            group, means = grouped(points, seed)
            squared = np.square(means[:, None] - centers).sum(2)
            n_nearest = min(NEAREST, len(centers))
            nearest = np.partition(squared, n_nearest - 1, axis=1)[:, :n_nearest]
            apart += np.sqrt(nearest).mean(1)[group]
        return apart / np.float32(len(self.centers))

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        return {"axes": self.axes, "origin": self.origin, "centers": self.centers}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the space that ``as_arrays`` wrote."""
        return cls(arrays["axes"], arrays["origin"], arrays["centers"])


def group_space(expression: csr_matrix, codes: NDArray[np.int64], n_types: int) -> GroupSpace:
    """Learn the axes and the groups of a reference.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``; says which genes are markers.
    n_types
        Number of types.

    Notes
    -----
    The axes are the principal components of the cells (of 3,000 at most) with each gene on the
    scale of :func:`plkd.data.marker_scale.marker_scale` to the power 0.5, which they absorb.
    """
    scale = marker_scale(expression, codes, n_types, power=MARKER_POWER)
    order = np.random.default_rng(0).permutation(expression.shape[0])[:MOST_FOR_AXES]
    heard = expression[np.sort(order)].multiply(scale).toarray()
    heard -= heard.mean(0)
    axes = _principal_axes(heard, N_AXES) * scale
    nowhere = np.empty((0, 0, len(axes)), dtype=np.float32)
    origin = np.asarray(axes @ np.asarray(expression.mean(0)).ravel(), dtype=np.float32)
    space = GroupSpace(np.ascontiguousarray(axes, dtype=np.float32), origin, nowhere)
    points = space.points(expression)
    centers = [grouped(points, seed)[1] for seed in range(N_GROUPINGS)]
    return replace(space, centers=np.stack(centers))


def grouped(points: Points, seed: int) -> tuple[NDArray[np.int64], Points]:
    """Put cells into groups of some thirty like ones, or into 120 larger ones (k-means).

    Parameters
    ----------
    points
        Where the cells lie, ``(n_cells, n_axes)``.
    seed
        Decides from which cells the search sets out.

    Returns
    -------
    The group of each cell, int64 ``(n_cells,)``, and the mean of each group, float32 ``(n_groups,
    n_axes)``.

    Notes
    -----
    Lloyd's algorithm, ten rounds, from cells drawn by chance; of many cells 3,600 are drawn to find
    the groups. They are drawn by where they lie, so that the order of the cells does not matter. It
    is written out here for it is a few lines, and sklearn's costs more than the annotation of the
    cells.
    """
    rng = np.random.default_rng(seed)
    most = MOST_GROUPS * CELLS_OF_GROUP
    order = np.argsort(points.sum(1, dtype=np.float64), kind="stable")
    if len(points) > most:
        order = order[np.sort(rng.choice(len(points), most, replace=False))]
    some = points[order]
    n_groups = max(1, len(some) // CELLS_OF_GROUP)
    means = some[np.sort(rng.choice(len(some), n_groups, replace=False))]
    for _ in range(ROUNDS):
        means = _means(some, _nearest(some, means), means)
    group = _nearest(points, means)
    return group, _means(points, group, means)


def _nearest(points: Points, means: Points) -> NDArray[np.int64]:
    """Return the nearest mean of each cell."""
    half = np.square(means).sum(1) / 2
    starts = range(0, len(points), ROWS_AT_A_TIME)
    rows = (points[start : start + ROWS_AT_A_TIME] for start in starts)
    return np.concatenate([(half - part @ means.T).argmin(1) for part in rows])


def _means(points: Points, group: NDArray[np.int64], before: Points) -> Points:
    """Return the mean of each group; one without cells stays where it was."""
    cells = np.arange(len(points))
    members = csr_matrix(
        (np.ones(len(points), dtype=np.float32), (group, cells)), shape=(len(before), len(points))
    )
    counts = np.bincount(group, minlength=len(before))[:, None]
    means = (members @ points) / np.maximum(counts, 1)
    return np.where(counts > 0, means, before).astype(np.float32)


def _principal_axes(cells: NDArray[np.floating], n_axes: int) -> NDArray[np.float64]:
    """Return the first principal axes of centred cells, ``(n_axes, n_genes)``, orthonormal."""
    from scipy.linalg import eigh

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
