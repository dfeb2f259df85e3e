"""Where the types of a reference lie, as far as novelty looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.marker_scale import marker_scale
from plkd.data.type_means import member_weights, weighted_means
from plkd.data.type_profiles import type_profiles

MARKER_POWER, MARKER_FLOOR = 2.0, 0.3
"""As in training by default: profiles of the same scale are then heard only once."""

CELLS_AT_A_TIME = 2048


@dataclass(frozen=True, eq=False)
class TypeClouds:
    """Types as clouds of points of one shape, each around its own centre.

    Attributes
    ----------
    centers
        Mean of the cells of each type, float32 ``(n_types, width)``.
    whitening
        What gives cells of a type the same spread in all directions, float32 ``(width, width)``:
        times its transpose it is the inverse of the covariance within types.
    """

    centers: NDArray[np.float32]
    whitening: NDArray[np.float32]

    def distance(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the Mahalanobis distance of each cell to the nearest centre, ``(n_cells,)``.

        Notes
        -----
        |x - c|^2 = |x|^2 - 2 x c + |c|^2 of the whitened points, for all types at once; points are
        taken from the mean of the centres first, so that float32 is enough.
        """
        middle = self.centers.mean(0)
        around, centers = ((each - middle) @ self.whitening for each in (points, self.centers))
        nearest = (np.square(centers).sum(1)[:, None] - 2 * centers @ around.T).min(0)
        squared = np.einsum("ij,ij->i", around, around) + nearest
        return np.asarray(np.sqrt(np.maximum(squared, 0)), dtype=np.float32)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return both arrays by name."""
        return {"centers": self.centers, "whitening": self.whitening}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the clouds that ``as_arrays`` wrote."""
        return cls(arrays["centers"], arrays["whitening"])


def type_clouds(points: NDArray[np.floating], codes: NDArray[np.int64], n_types: int) -> TypeClouds:
    """Learn the clouds of labelled cells.

    Parameters
    ----------
    points
        Where the cells stand, ``(n_cells, width)``.
    codes
        Type of each cell, 0 or more, ``(n_cells,)``. A type without cells gets the mean of all.

    Notes
    -----
    Cells are taken so many at a time: in float64 they would need many times the memory.
    """
    n_cells, width = points.shape
    blocks = [slice(start, start + CELLS_AT_A_TIME) for start in range(0, n_cells, CELLS_AT_A_TIME)]
    members = member_weights(codes, n_types)
    sums = np.zeros((n_types, width))
    for rows in blocks:
        sums += members[rows].T @ points[rows].astype(np.float64)
    counts = np.bincount(codes, minlength=n_types)[:, None]
    centers = np.where(counts > 0, sums / np.maximum(counts, 1), sums.sum(0) / n_cells)
    covariance = np.zeros((width, width))
    for rows in blocks:
        within = points[rows] - centers[codes[rows]]
        covariance += within.T @ within
    covariance /= n_cells
    # Some directions hold nothing: profiles add up to zero, and a small reference has few cells.
    covariance += np.eye(width) * (1e-3 * np.trace(covariance) / width + 1e-12)
    spread, axes = np.linalg.eigh(covariance)
    return TypeClouds(
        np.ascontiguousarray(centers, dtype=np.float32),
        np.ascontiguousarray(axes / np.sqrt(np.maximum(spread, 1e-12)), dtype=np.float32),
    )


@dataclass(frozen=True, eq=False)
class TypeSpace:
    """Directions in expression that tell the types, and how far cells of a type are spread.

    Attributes
    ----------
    directions
        What a cell is multiplied by, float32 ``(2 * n_types, n_genes)``: how far it agrees with
        the profile of each type (:func:`plkd.data.type_profiles.type_profiles`), then how much it
        has of the mean of each type, centred over the genes and of unit length.
    agreement
        The types as clouds in the agreement with all profiles, ``n_types`` wide.
    """

    directions: NDArray[np.float32]
    agreement: TypeClouds

    def readings(
        self,
        heard: NDArray[np.float32],
        length: NDArray[np.float32],
        named: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Return what expression alone says of how strange each cell is.

        Parameters
        ----------
        heard
            The cells times ``directions``, ``(n_cells, 2 * n_types)``.
        length
            Length of each cell, centred over the genes, ``(n_cells,)``: :func:`centred_length`.
        named
            The type that a network names, ``(n_cells,)``.

        Returns
        -------
        float32 ``(n_cells, 2)``: distance to the nearest type in the agreement with all types, and
        one less the correlation with the mean of the type that was named.
        """
        n_types = len(self.agreement.centers)
        shared = heard[np.arange(len(named)), n_types + named]
        correlation = shared / np.maximum(length, 1e-12)
        return np.stack([self.agreement.distance(heard[:, :n_types]), 1 - correlation], axis=1)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        return {"directions": self.directions, **self.agreement.as_arrays()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the space that ``as_arrays`` wrote."""
        return cls(arrays["directions"], TypeClouds.from_arrays(arrays))


def type_space(expression: csr_matrix, codes: NDArray[np.int64], n_types: int) -> TypeSpace:
    """Learn where the types of a reference lie.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``.
    n_types
        Number of types.
    """
    scale = marker_scale(expression, codes, n_types, power=MARKER_POWER, floor=MARKER_FLOOR)
    profiles = type_profiles(expression, codes, n_types, scale=scale)
    means = weighted_means(expression, member_weights(codes, n_types))
    means -= means.mean(1, keepdims=True)
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    labelled = np.flatnonzero(codes >= 0)
    agreement = np.asarray(expression[labelled] @ profiles.T)
    return TypeSpace(
        np.ascontiguousarray(np.concatenate([profiles, means]), dtype=np.float32),
        type_clouds(agreement, codes[labelled], n_types),
    )


def centred_length(expression: csr_matrix) -> NDArray[np.float32]:
    """Return the length of each cell, its mean over the genes taken off, ``(n_cells,)``."""
    squares, sums = np.zeros((2, expression.shape[0]), dtype=np.float32)
    filled = np.flatnonzero(np.diff(expression.indptr))
    if len(filled):
        starts, data = expression.indptr[filled], expression.data[: expression.indptr[-1]]
        squares[filled] = np.add.reduceat(data * data, starts)
        sums[filled] = np.add.reduceat(data, starts)
    return np.asarray(np.sqrt(np.maximum(squares - sums**2 / expression.shape[1], 0)))
