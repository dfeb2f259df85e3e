"""Where cells lie: in the first singular vectors of their expression, and of scaled genes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.errors import InputError
from plkd.trust.gene_scale import gene_scale, scaled

FIRST = 50
"""Components along which neighbours are sought."""

N_COMPONENTS = 200
"""Components that a linear discriminant sees: among 50 a type of a few cells is not."""

CELLS_OF_A_COMPONENT = 3
"""For each of them there are so many cells at least."""

MOST_DEVIATIONS = 10.0
"""Where genes are scaled, no cell expresses one more than so many of its standard deviations."""


class CellPoints(NamedTuple):
    """Where the cells of a reference lie, ``(n_cells, n_components)`` each."""

    plain: NDArray[np.floating]
    """In the first singular vectors of their expression."""

    scaled: NDArray[np.floating]
    """In those of genes that all vary alike (:func:`scaled_points`)."""


def cell_points(expression: csr_matrix, *, seed: int = 0) -> CellPoints:
    """Return where cells lie, by 200 components each, or a third as many as there are cells.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``, of three cells or more.
    seed
        Of the search for singular vectors.

    Raises
    ------
    InputError
        There are fewer than two genes.
    """
    most = max(1, min(N_COMPONENTS, expression.shape[0] // CELLS_OF_A_COMPONENT))
    return CellPoints(
        singular_points(expression, n_components=most, seed=seed),
        scaled_points(expression, n_components=most, seed=seed),
    )


def singular_points(
    expression: csr_matrix, *, n_components: int = FIRST, seed: int = 0
) -> NDArray[np.floating]:
    """Return the cells in the first singular vectors, ``(n_cells, n_components)``.

    Parameters
    ----------
    expression
        ``(n_cells, n_genes)``.
    n_components
        How many; fewer of few cells or genes.
    seed
        Of the search for them.

    Returns
    -------
    What each cell has along each of them.

    Raises
    ------
    InputError
        There are fewer than two genes.
    """
    from sklearn.decomposition import TruncatedSVD

    if expression.shape[1] < 2:
        raise InputError(
            "two genes or more", f"{expression.shape[1]}", "pass a reference with more genes"
        )
    n_components = min(n_components, min(expression.shape) - 1)
    return TruncatedSVD(n_components, random_state=seed).fit_transform(expression)


def scaled_points(
    expression: csr_matrix, *, n_components: int = FIRST, seed: int = 0
) -> NDArray[np.floating]:
    """Return the cells in the first singular vectors of genes that all vary alike.

    Parameters
    ----------
    expression, n_components, seed
        As :func:`singular_points`.

    Returns
    -------
    ``(n_cells, n_components)``, their mean taken off: each gene in units of its standard deviation,
    10 at most. A type of a few cells whose genes hardly any other cell expresses has axes of its
    own among these; among those of the expression as it is it does not.

    Raises
    ------
    InputError
        As :func:`singular_points`.
    """
    cells = scaled(expression, gene_scale(expression))
    np.minimum(cells.data, MOST_DEVIATIONS, out=cells.data)
    points = singular_points(cells, n_components=n_components, seed=seed)
    return points - points.mean(0)


def directions(points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return points at the length of one, so that shallow cells lie beside deep ones."""
    return np.asarray(points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12))
