"""The core of smoothing: who stands next to whom, and what neighbours say together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.errors import InputError

LEAST_PROBABILITY = 1e-6
"""Probabilities below are taken as this: one cell cannot rule a type out for its neighbours."""
TOLERANCE = 1e-5
"""Largest change of a log-probability in the last round, nats."""


@dataclass(frozen=True)
class SmoothingSummary:
    """What a smoothing did, in plain numbers.

    Attributes
    ----------
    n_cells, n_unknown
        Cells of all slices, and those without an answer of their own, which stay "unknown".
    n_changed
        Cells that got another label.
    slices
        Cells of each slice; one entry, "all", without ``batch_key``.
    coordinates
        Slot of ``obsm`` that neighbours were found by.
    weight, n_neighbors, radius
        How much neighbours count, how many there are at most, and how far away.
    mean_neighbors
        Neighbours that a cell has, on average over the cells with an answer.
    rounds
        Rounds until nothing changed any more.
    network, model
        Which network of which model gave the probabilities.
    """

    n_cells: int
    n_unknown: int
    n_changed: int
    slices: dict[str, int]
    batch_key: str | None
    coordinates: str
    weight: float
    n_neighbors: int | None
    radius: float | None
    mean_neighbors: float
    rounds: int
    network: str
    model: str
    plkd_version: str

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON, without what was not asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def for_uns(self) -> dict[str, Any]:
        """Return the same without ``slices``, whose names may be keys that no h5ad file takes."""
        return {name: value for name, value in self.as_dict().items() if name != "slices"}


def neighbour_shares(
    coordinates: NDArray[np.float64],
    slices: NDArray[np.int64],
    speaks: NDArray[np.bool_],
    *,
    n_neighbors: int | None,
    radius: float | None,
) -> csr_matrix:
    """Say which cells are neighbours, and what share each has in what they say.

    Parameters
    ----------
    coordinates
        Where the cells stand, ``(n_cells, n_axes)``.
    slices
        Slice of each cell, ``(n_cells,)``: neighbours are of one slice.
    speaks
        Whether a cell has an answer, ``(n_cells,)``; others neither have nor are neighbours.
    n_neighbors
        The nearest so many; None for all within ``radius``.
    radius
        No neighbour is farther away; None for any distance.

    Returns
    -------
    CSR float64 ``(n_cells, n_cells)``: a row adds up to 1, or to 0 where a cell has no neighbour.
    """
    rows, columns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for code in np.unique(slices):
        cells = np.flatnonzero((slices == code) & speaks)
        if len(cells) > 1:
            own, near = _pairs(coordinates[cells], n_neighbors, radius)
            rows.append(cells[own])
            columns.append(cells[near])
    row, column = np.concatenate(rows), np.concatenate(columns)
    n_cells = len(coordinates)
    share = 1.0 / np.bincount(row, minlength=n_cells)[row]
    return csr_matrix((share, (row, column)), shape=(n_cells, n_cells))


def pooled(
    probabilities: NDArray[Any], shares: csr_matrix, weight: float
) -> tuple[NDArray[np.float64], int]:
    r"""Bring what each cell and its neighbours say to one answer.

    Parameters
    ----------
    probabilities
        Of each type, ``(n_cells, n_types)``.
    shares
        Of each neighbour, ``(n_cells, n_cells)``, from :func:`neighbour_shares`.
    weight
        Of the neighbours, in [0, 1).

    Returns
    -------
    Probabilities, float64 ``(n_cells, n_types)``, and the rounds that it took.

    Notes
    -----
    A logarithmic opinion pool on a graph. With :math:`p_i` what the network says of cell i,
    :math:`a_{ij}` the share of its neighbour j and w the weight, the answers solve

    .. math:: \log q_i = (1 - w) \log p_i + w \sum_j a_{ij} \log q_j + const,

    each the distribution nearest to what the cell and its neighbours say,
    :math:`(1 - w) KL(q_i \| p_i) + w \sum_j a_{ij} KL(q_i \| q_j)`. A round brings the largest
    error down by the factor w, so there is one solution and it is reached from anywhere:
    :math:`(1 - w) \sum_r w^r A^r \log p`. A cell without neighbours keeps :math:`p_i`.
    """
    own = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), LEAST_PROBABILITY))
    own -= _log_sum(own)
    heard = weight * (shares.getnnz(axis=1) > 0)[:, None]
    said, rounds, change = own, 0, np.inf
    while change > TOLERANCE:
        new = (1 - heard) * own + heard * (shares @ said)
        change = float(np.abs(new - said).max(initial=0.0))
        said, rounds = new, rounds + 1
    return np.exp(said - _log_sum(said)), rounds


def check_neighbourhood(weight: float, n_neighbors: int | None, radius: float | None) -> None:
    """Refuse a weight, a number or a distance of neighbours that makes no sense.

    Raises
    ------
    InputError
        ``weight`` is not in [0, 1), ``n_neighbors`` below 1, ``radius`` not above 0, or neither of
        the two is given.
    """
    if not 0 <= weight < 1:
        raise InputError("a weight of the neighbours in [0, 1)", f"{weight}", "leave it out")
    if n_neighbors is not None and n_neighbors < 1:
        raise InputError("n_neighbors of 1 or more", f"{n_neighbors}", "leave it out")
    if radius is not None and not 0 < radius < np.inf:
        raise InputError(
            "a radius above 0, in the units of the coordinates", f"{radius}", "leave it out"
        )
    if n_neighbors is None and radius is None:
        raise InputError("n_neighbors or a radius", "neither", "pass one of them, or both")


def check_coordinates(values: Any, slot: str, n_cells: int) -> NDArray[np.float64]:
    """Return where the cells stand.

    Raises
    ------
    InputError
        It is no table of finite numbers with a row a cell and two columns at least.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"numbers in obsm[{slot!r}]",
            f"{type(values).__name__}",
            "pass coordinates of the cells",
        ) from error
    if array.ndim != 2 or array.shape[0] != n_cells or array.shape[1] < 2:
        raise InputError(
            f"obsm[{slot!r}] of shape ({n_cells}, 2)",
            f"{array.shape}",
            "pass the slot with the coordinates of the cells",
        )
    lost = int(np.count_nonzero(~np.isfinite(array).all(axis=1)))
    if lost:
        raise InputError(
            f"finite coordinates in obsm[{slot!r}]",
            f"NaN or infinite in {lost} cells",
            "leave those cells out",
        )
    return array


def check_probabilities(values: Any, slot: str, shape: tuple[int, int]) -> NDArray[Any]:
    """Return the probabilities of the types.

    Raises
    ------
    InputError
        There is not a row a cell and a column a class, or a number is not in [0, 1].
    """
    array = np.asarray(values)
    if array.shape != shape:
        raise InputError(
            f"obsm[{slot!r}] with a row for each of {shape[0]} cells and a column for each of "
            f"{shape[1]} classes",
            f"{array.shape}",
            "annotate again with probabilities=True (--probabilities)",
        )
    if not (np.all(array >= -1e-6) and np.all(array <= 1 + 1e-6)):  # NaN fails both
        raise InputError(
            f"probabilities in obsm[{slot!r}]",
            "numbers outside of [0, 1], or NaN",
            "annotate again with probabilities=True (--probabilities)",
        )
    return array


def _pairs(
    points: NDArray[np.float64], n_neighbors: int | None, radius: float | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pairs of a cell and its neighbour, by their places; a cell is none of its own."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors().fit(points)
    if n_neighbors is None:
        near = search.radius_neighbors(radius=radius, return_distance=False)
        own = np.repeat(np.arange(len(points)), [len(each) for each in near])
        return own, np.concatenate(near).astype(np.int64)
    distance, place = search.kneighbors(n_neighbors=min(n_neighbors, len(points) - 1))
    own = np.repeat(np.arange(len(points)), place.shape[1])
    kept = np.ones(len(own), dtype=bool) if radius is None else distance.ravel() <= radius
    return own[kept], place.ravel()[kept]


def _log_sum(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the sum of exponentials of each row, as a column."""
    most = logs.max(axis=1, keepdims=True)
    return np.asarray(most + np.log(np.exp(logs - most).sum(axis=1, keepdims=True)))
