"""Groups of like cells of a query, and what each says of how far it is from the reference.

A single cell is measured too noisily to show that it is of a new type beside a known one. The mean
of a few dozen like cells is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

CELLS_OF_GROUP = 30
MOST_GROUPS = 80
N_GROUPINGS = 3
"""Cells are put into groups so often, by chance anew; the mean is steadier than one."""

MOST_CELLS = CELLS_OF_GROUP * MOST_GROUPS
"""Cells of a query from which its groups are made, at most."""

FEWEST_CELLS = 200
"""Cells below which no groups are made."""

NEAREST = 3
"""Groups of the reference whose mean distance is taken."""

NEAREST_OWN = 2
"""Groups of the query whose mean distance says how crowded it is around one of them."""

ROUNDS = 10
ROWS_AT_A_TIME = 8192

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class QueryGroups:
    """Groups of the cells of one query.

    Attributes
    ----------
    axes
        What a cell is multiplied by, float32 ``(n_axes, n_genes)``.
    origin
        What is taken off then, float32 ``(n_axes,)``.
    centers
        Points of the groups, of each of three groupings, float32 ``(n_groups, n_axes)``: a cell is
        in the group whose point is nearest.
    says
        What :func:`far_and_crowded` returned of each grouping, float32 ``(n_groups, 2)``.
    """

    axes: NDArray[np.float32]
    origin: Points
    centers: tuple[Points, ...]
    says: tuple[NDArray[np.float32], ...]

    def points(self, expression: csr_matrix) -> Points:
        """Return where cells lie along the axes, ``(n_cells, n_axes)``."""
        return points_along(expression, self.axes, self.origin)

    def groups(self, points: Points) -> NDArray[np.uint8]:
        """Return the group of each cell in each grouping.

        Parameters
        ----------
        points
            Where cells lie, taken from the origin, ``(n_cells, n_axes)``.

        Returns
        -------
        uint8 ``(n_cells, 3)``.
        """
        found = [_nearest(points, centers) for centers in self.centers]
        return np.column_stack(found).astype(np.uint8)

    def readings(
        self, groups: NDArray[np.uint8], doubt: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Return what the groups of each cell say of it.

        Parameters
        ----------
        groups
            What :meth:`groups` returned of all cells of the query, ``(n_cells, 3)``.
        doubt
            1 less the network's own probability of the type that it names, of all cells of the
            query, ``(n_cells,)``.

        Returns
        -------
        float32 ``(n_cells, 3)``, each the mean over the groupings: how far the group is from the
        reference; how much more crowded its surroundings are with cells of the query than with
        those of the reference; and the mean doubt of its cells.
        """
        total = np.zeros((len(groups), 3), dtype=np.float32)
        for group, says in zip(groups.T, self.says, strict=True):
            sums = np.bincount(group, doubt, minlength=len(says))
            of_group = sums / np.maximum(np.bincount(group, minlength=len(says)), 1)
            total += np.column_stack([says, of_group]).astype(np.float32)[group]
        return total / np.float32(len(self.says))


def points_along(expression: csr_matrix, axes: NDArray[np.float32], origin: Points) -> Points:
    """Return where cells lie along axes, taken from an origin, ``(n_cells, n_axes)``."""
    return np.asarray(expression @ axes.T, dtype=np.float32) - origin


def far_and_crowded(means: Points, reference: Points) -> NDArray[np.float32]:
    r"""Return how far groups are from the reference, and how crowded it is around them.

    Parameters
    ----------
    means
        Where groups of a query lie, ``(n_groups, n_axes)``.
    reference
        Where groups of the reference lie, ``(n_reference_groups, n_axes)``.

    Returns
    -------
    float32 ``(n_groups, 2)``: the mean distance to the three nearest groups of the reference; and
    :math:`\log(r / q)`, with q the mean distance to the two nearest other groups of the query, and
    r that to as large a share of the reference's groups. It is large where the query has a type
    that the reference lacks, also beside or between known types, where no cell is far from all of
    them; and, less so, where the query has more cells of a known type.
    """
    to_reference, to_own = squared_distances(means, reference), squared_distances(means, means)
    np.fill_diagonal(to_own, np.inf)
    n_own = max(min(NEAREST_OWN, len(means) - 1), 1)
    n_reference = max(1, round(n_own * len(reference) / len(means)))
    crowd = _nearest_mean(to_reference, n_reference) / _nearest_mean(to_own, n_own)
    return np.column_stack([_nearest_mean(to_reference, NEAREST), np.log(crowd)])


def squared_distances(points: Points, others: Points) -> NDArray[np.float32]:
    """Return the squared Euclidean distance of each point to each other, ``(n, n_others)``."""
    product = np.square(points).sum(1)[:, None] + np.square(others).sum(1) - 2 * points @ others.T
    return np.asarray(np.maximum(product, 0), dtype=np.float32)


def _nearest_mean(squared: NDArray[np.float32], n_nearest: int) -> NDArray[np.float32]:
    """Return the mean distance to the nearest ones, neither zero nor infinite, ``(n,)``."""
    n_nearest = min(n_nearest, squared.shape[1])
    nearest = np.sqrt(np.partition(squared, n_nearest - 1, axis=1)[:, :n_nearest]).mean(1)
    return np.clip(nearest, 1e-6, 1e6)


class Grouping(NamedTuple):
    """Cells in groups of like ones."""

    group: NDArray[np.int64]
    """Group of each cell, ``(n_cells,)``."""
    means: Points
    """Mean of each group, float32 ``(n_groups, n_axes)``."""
    centers: Points
    """Means of the round before: a cell is in the group whose center is nearest."""


def grouped(points: Points, seed: int) -> Grouping:
    """Put cells into groups of some thirty like ones, or into 80 larger ones (k-means).

    Parameters
    ----------
    points
        Where the cells lie, ``(n_cells, n_axes)``.
    seed
        Decides from which cells the search sets out.

    Returns
    -------
    Groups, their means, and the centers by which further cells are put into them.

    Notes
    -----
    Lloyd's algorithm, ten rounds, from cells drawn by chance; of many cells 2,400 are drawn to find
    the groups. They are drawn by where they lie, so that the order of the cells does not matter. It
    is written out here for it is a few lines, and sklearn's costs more than the annotation of the
    cells.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(points.sum(1, dtype=np.float64), kind="stable")
    if len(points) > MOST_CELLS:
        order = order[np.sort(rng.choice(len(points), MOST_CELLS, replace=False))]
    some = points[order]
    n_groups = max(1, len(some) // CELLS_OF_GROUP)
    means = some[np.sort(rng.choice(len(some), n_groups, replace=False))]
    for _ in range(ROUNDS):
        means = _means(some, _nearest(some, means), means)
    group = _nearest(points, means)
    return Grouping(group, _means(points, group, means), means)


def _nearest(points: Points, means: Points) -> NDArray[np.int64]:
    """Return the nearest mean of each cell."""
    half = np.square(means).sum(1) / 2
    found = np.empty(len(points), dtype=np.int64)
    for start in range(0, len(points), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        closeness = points[rows] @ means.T
        closeness -= half
        closeness.argmax(1, out=found[rows])
    return found


def _means(points: Points, group: NDArray[np.int64], before: Points) -> Points:
    """Return the mean of each group; one without cells stays where it was."""
    means = (members(group, len(before)) @ points) / _at_least_one(group, len(before))
    there = np.bincount(group, minlength=len(before))[:, None] > 0
    return np.where(there, means, before).astype(np.float32)


def _at_least_one(group: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    return np.maximum(np.bincount(group, minlength=n_groups), 1)[:, None]


def members(group: NDArray[np.int64], n_groups: int) -> csr_matrix:
    """Return which cells are in which group, as ones, ``(n_groups, n_cells)``."""
    cells = np.arange(len(group))
    ones = np.ones(len(group), dtype=np.float32)
    return csr_matrix((ones, (group, cells)), shape=(n_groups, len(group)))
