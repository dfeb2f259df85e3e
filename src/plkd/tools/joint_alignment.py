"""Batches of one embedding brought together, type by type."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

FEW_FOR_MEAN, FEW_FOR_SIZE, FEW_FOR_SHAPE = 1.0, 3.0, 50.0
"""Cells of a type in a batch at which its own mean, the size of its own covariance (the trace), and
its shape count one half; the rest is the type's of all batches."""

ROUNDS = 2
"""Types overlap, so one round does not finish; a third hardly moves anything."""

LEAST = 1e-3
"""Probability of a type below which a cell has no part in it."""

FLOOR = 1e-3
"""Share of the mean variance that every direction has at least: types of few cells are flat. A type
has at least so much of the embedding's."""


class _Cloud(NamedTuple):
    """Cells of a type, in one batch or in all: how many, around where, spread how."""

    n_cells: float
    mean: Float
    covariance: Float


def aligned(
    embedding: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    batches: NDArray[np.integer],
) -> NDArray[np.float32]:
    r"""Move cells so that those of a type stand alike in every batch.

    Parameters
    ----------
    embedding
        Where a model puts the cells, ``(n_cells, width)``.
    probabilities
        Of each type, as the model says, ``(n_cells, n_types)``. A row of zeros stays in place.
    batches
        Batch of each cell, codes from 0, ``(n_cells,)``.

    Returns
    -------
    float32 ``(n_cells, width)``. True types have no part in it.

    Notes
    -----
    The cells of batch b whose most probable type is t, each counting with its probability p, have
    a mean :math:`\mu_{tb}` and a covariance :math:`C_{tb}`; :math:`\mu_t` and :math:`C_t` are the
    means of these over the batches, by cells. The map between two normal distributions that moves
    cells least (Dowson & Landau, J Multivariate Anal 1982) is
    :math:`T_{tb}(z) = \mu_t + A (A C_{tb} A)^{-1/2} A (z - \mu_{tb})` with :math:`A = C_t^{1/2}`,
    and a cell moves by :math:`\sum_t p_t (T_{tb}(z) - z)`. Cells of another type have no part in
    the clouds of t, however many there are that hold a small probability of it. Harmony (Korsunsky
    et al., Nat Methods 2019) does so for the means, with clusters that it finds in the place of
    types.

    Estimates are drawn towards those of all batches: of n cells the mean counts n / (n + 1), the
    covariance n / (n + 50). The rest is :math:`C_t` of the size that the own one seems to have: by
    its trace, which few cells tell, of which n of n + 3 parts are its own. So the cells that a
    model has learned from, which lie closer together than others do, are spread as these are. All
    of it is done twice. A type that cells of one batch only are named moves nobody.
    """
    members = [np.flatnonzero(batches == batch) for batch in np.unique(batches)]
    if len(members) < 2:
        return embedding
    unit = max(float(np.sqrt(embedding.var(axis=0, dtype=np.float64).mean())), 1e-30)
    points = embedding.astype(np.float64) / unit
    named = probabilities.argmax(axis=1)
    for _ in range(ROUNDS):
        moved = points.copy()
        for code, share in enumerate(probabilities.T):
            own = share.astype(np.float64)  # of one type at a time: there may be many
            _move_type(points, own, named == code, members, moved)
        points = moved
    return np.asarray(points * unit, dtype=np.float32)


def _move_type(
    points: Float,
    share: Float,
    named: NDArray[np.bool_],
    members: list[NDArray[np.int64]],
    moved: Float,
) -> None:
    """Add to ``moved`` what a type moves cells by; it is the likeliest of those ``named``."""
    touched = share > LEAST
    own = [cells[named[cells] & touched[cells]] for cells in members]
    present = [cells[touched[cells]] for cells, its in zip(members, own, strict=True) if len(its)]
    own = [its for its in own if len(its)]
    if len(own) < 2:
        return
    clouds = [_cloud(points[cells], share[cells]) for cells in own]
    whole = _joined(clouds)
    width = points.shape[1]
    floor = np.eye(width) * FLOOR * max(float(np.trace(whole.covariance)) / width, FLOOR)
    root = _power(whole.covariance + floor, 0.5)
    for cells, cloud in zip(present, clouds, strict=True):
        ours = cloud.n_cells / (cloud.n_cells + FEW_FOR_MEAN)
        mean = ours * cloud.mean + (1 - ours) * whole.mean
        ours = cloud.n_cells / (cloud.n_cells + FEW_FOR_SHAPE)
        alike = _relative_size(cloud, whole) * whole.covariance
        shape = ours * cloud.covariance + (1 - ours) * alike + floor
        transport = root @ _power(root @ shape @ root, -0.5) @ root
        new = whole.mean + (points[cells] - mean) @ transport
        moved[cells] += share[cells, None] * (new - points[cells])


def _cloud(points: Float, share: Float) -> _Cloud:
    """Return mean and covariance of cells that count each with its share."""
    n_cells = float(share.sum())
    mean = share @ points / n_cells
    within = points - mean
    return _Cloud(n_cells, mean, (within * share[:, None]).T @ within / n_cells)


def _relative_size(cloud: _Cloud, whole: _Cloud) -> float:
    """Return how large a covariance seems to be beside that of all batches, by their traces."""
    own, others = float(np.trace(cloud.covariance)), float(np.trace(whole.covariance))
    if others <= 0:
        return 1.0
    n_free = max(cloud.n_cells - 1, 0.0)  # one is spent on the mean
    return (cloud.n_cells * own / others + FEW_FOR_SIZE) / (n_free + FEW_FOR_SIZE)


def _joined(clouds: list[_Cloud]) -> _Cloud:
    """Return the mean of several clouds' means and the mean of their covariances, by cells."""
    n_cells = sum(cloud.n_cells for cloud in clouds)
    parts = [cloud.n_cells / n_cells for cloud in clouds]
    mean = sum(part * cloud.mean for part, cloud in zip(parts, clouds, strict=True))
    shape = sum(part * cloud.covariance for part, cloud in zip(parts, clouds, strict=True))
    return _Cloud(n_cells, np.asarray(mean), np.asarray(shape))


def _power(symmetric: Float, exponent: float) -> Float:
    """Return a power of a symmetric positive matrix."""
    spread, axes = np.linalg.eigh(symmetric)
    return np.asarray((axes * np.maximum(spread, 1e-15) ** exponent) @ axes.T)
