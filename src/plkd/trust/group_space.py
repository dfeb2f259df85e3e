"""What a model keeps of its reference, to compare groups of a query's cells with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.marker_scale import marker_scale
from plkd.data.type_means import type_means
from plkd.trust.groups import (
    MOST_CELLS,
    N_GROUPINGS,
    Points,
    QueryGroups,
    far_and_crowded,
    grouped,
    members,
    points_along,
    squared_distances,
)
from plkd.trust.principal_axes import exact_axes, leading_axes

N_AXES = 20
"""Principal axes of the reference that are kept."""

N_QUERY_AXES = 10
"""Axes of a query along which its groups are made."""

MARKER_POWER = 0.5
"""Markers of the types are heard a little louder in the axes than other genes."""

MOST_FOR_AXES = 3000
MOST_FOR_QUERY_AXES = 1000
"""Cells that decide about the axes, of a reference and of a query, at most."""

FEWEST_NAMED = 10
"""Cells of a query that a type must be nearest to before it says how the query is displaced."""

FEWEST_TYPES = 3
"""Types that must say so: of one or two, a new type would pass for a batch effect."""


@dataclass(frozen=True, eq=False)
class GroupSpace:
    """Principal axes of a reference, and the means of groups of its like cells.

    Attributes
    ----------
    axes
        What a cell is multiplied by, float32 ``(n_axes, n_genes)``.
    mean
        Mean expression of the reference, float32 ``(n_genes,)``.
    scale
        How loud each gene is heard, float32 ``(n_genes,)``.
    types
        Mean expression of each type, float16 ``(n_types, n_genes)``.
    means
        Mean expression of each group of the reference, of three groupings, float16 ``(n_groups,
        n_genes)``.
    grouping
        Of which grouping each group is, uint8 ``(n_groups,)``.
    """

    axes: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    types: NDArray[np.float16]
    means: NDArray[np.float16]
    grouping: NDArray[np.uint8]

    @property
    def origin(self) -> Points:
        """Where the mean of the reference lies along the axes, float32 ``(n_axes,)``."""
        return self.axes @ self.mean

    def of_query(self, expression: csr_matrix, *, batch_effect: bool = True) -> QueryGroups:
        """Put cells of a query into groups and compare these with the groups of the reference.

        Parameters
        ----------
        expression
            log1p counts per 10,000 of some or all cells of the query, ``(n_cells, n_genes)``; of
            more than 2,400 some are drawn.
        batch_effect
            Move the query by what its types have in common first.

        Notes
        -----
        Along the axes on which the query's cells are furthest from the mean of the reference, for a
        new type may differ from the known ones in what these have in common. Each cell is named by
        the nearest mean of a type; the displacement of each type of ten cells or more from its mean
        in the reference is taken, and along each axis the median over the types is the batch
        effect. Of fewer than three types there is none.
        """
        some = _some(expression, MOST_CELLS)
        heard = _some(some, MOST_FOR_QUERY_AXES).toarray() * self.scale
        axes = leading_axes(heard, N_QUERY_AXES, self.mean * self.scale) * self.scale
        points = np.asarray(some @ axes.T, dtype=np.float32)
        types, reference = (each.astype(np.float32) @ axes.T for each in (self.types, self.means))
        origin = np.zeros(len(axes), dtype=np.float32)
        if batch_effect:
            origin = _displacement(points, types)
        points -= origin
        found = [grouped(points, seed) for seed in range(N_GROUPINGS)]
        says = tuple(
            far_and_crowded(each.means, reference[self.grouping == seed])
            for seed, each in enumerate(found)
        )
        return QueryGroups(axes, origin, tuple(each.centers for each in found), says)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        names = ("axes", "mean", "scale", "types", "means", "grouping")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, eq=False)
class FixedGroupSpace:
    """Principal axes of a reference and where its groups lie along them: format version 4.

    Attributes
    ----------
    axes
        As of :class:`GroupSpace`.
    origin
        Where the mean of the reference lies along the axes, float32 ``(n_axes,)``.
    centers
        Means of the reference's groups, taken from the origin, of each of three groupings, float32
        ``(3, n_groups, n_axes)``.
    """

    axes: NDArray[np.float32]
    origin: Points
    centers: Points

    def of_query(self, expression: csr_matrix, *, batch_effect: bool = True) -> QueryGroups:
        """Put cells of a query into groups along the reference's axes, where they lie."""
        del batch_effect  # is taken off the scores alone
        points = points_along(expression, self.axes, self.origin)
        found = [grouped(points, seed) for seed in range(len(self.centers))]
        says = tuple(
            far_and_crowded(each.means, reference)
            for each, reference in zip(found, self.centers, strict=True)
        )
        return QueryGroups(self.axes, self.origin, tuple(each.centers for each in found), says)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        return {"axes": self.axes, "origin": self.origin, "centers": self.centers}


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
    scale of :func:`plkd.data.marker_scale.marker_scale` to the power 0.5, which they absorb. The
    groups are made along them.
    """
    scale = marker_scale(expression, codes, n_types, power=MARKER_POWER)
    heard = _some(expression, MOST_FOR_AXES).multiply(scale).toarray()
    axes = np.ascontiguousarray(exact_axes(heard, N_AXES) * scale, dtype=np.float32)
    mean = np.asarray(expression.mean(0), dtype=np.float32).ravel()
    points = points_along(expression, axes, axes @ mean)
    means, grouping = [], []
    for seed in range(N_GROUPINGS):
        group = grouped(points, seed).group
        n_cells = np.bincount(group)
        sums = (members(group, len(n_cells)) @ expression).toarray()
        means.append((sums / np.maximum(n_cells, 1)[:, None])[n_cells > 0].astype(np.float16))
        grouping.append(np.full(len(means[-1]), seed, dtype=np.uint8))
    types = type_means(expression, codes, n_types)[0].astype(np.float16)
    return GroupSpace(axes, mean, scale, types, np.concatenate(means), np.concatenate(grouping))


def group_space_from(arrays: Mapping[str, NDArray[Any]]) -> GroupSpace | FixedGroupSpace:
    """Return the space that ``as_arrays`` of either kind wrote."""
    return FixedGroupSpace(**arrays) if "centers" in arrays else GroupSpace(**arrays)


def _some(expression: csr_matrix, most: int) -> csr_matrix:
    """Return cells drawn by chance, in their order; all of them where they are no more."""
    if expression.shape[0] <= most:
        return expression
    order = np.random.default_rng(0).permutation(expression.shape[0])[:most]
    return expression[np.sort(order)]


def _displacement(points: Points, types: Points) -> Points:
    """Return how far the types of a query are displaced, the median of them, ``(n_axes,)``."""
    named = squared_distances(points, types).argmin(1)
    n_cells = np.bincount(named, minlength=len(types))
    many = n_cells >= FEWEST_NAMED
    if np.count_nonzero(many) < FEWEST_TYPES:
        return np.zeros(points.shape[1], dtype=np.float32)
    means = (members(named, len(types)) @ points) / np.maximum(n_cells, 1)[:, None]
    return np.asarray(np.median((means - types)[many], axis=0), dtype=np.float32)
