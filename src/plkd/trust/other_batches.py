"""Labels of a batch that the other batches contradict: it lacks a name for a type and uses another.

Studies name cells by their own lists of types. Where one has no dendritic cells on its list and
calls them monocytes, a model that learns from it and from others is told both, and cells of later
batches that lie between follow whom they resemble more. Neighbours do not tell: the cells of that
study lie beside each other, and all have the same label. Beyond the paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.type_means import member_weights
from plkd.trust.discriminant import discriminant_of
from plkd.trust.label_audit import TIMES_AS_LIKELY

FEWEST_CELLS = 20
"""Cells of a label in the batch, and of a type in the others, of fewer of which nothing is said."""

FEWEST_SHARED = 10
"""Cells of a type in the batch from which it helps to tell how the batch lies to the others."""

HARDLY_ANY = 5
"""A batch with fewer cells of a type is taken to have no name for it."""

FEWEST_CALLED = 10
"""Cells that the others must call so."""

MOST = 0.5
"""Share of the cells of a label from which it is contradicted however they lie."""

N_NEIGHBOURS = 10
TOGETHER = 0.8
"""Fewer cells must lie together: so many of the nearest cells with their label, on the mean, are
called so as well. Those of a type that blends into another are scattered among the rest."""

UNDERSTOOD = 0.6
"""Share of the cells of the batch's other labels, mean of these, that the others must name as it
does: a batch that they do not understand they cannot correct."""


@dataclass(frozen=True, eq=False)
class Contradiction:
    """A label of one batch, and what the other batches call its cells.

    Attributes
    ----------
    batch
        Name of the batch.
    label, looks_like
        Codes of the label and of the type, for which the batch has no name.
    cells
        Places of the cells that are called so, ``(n_found,)``, in order.
    n_labelled
        Cells of the batch that have the label.
    """

    batch: str
    label: int
    looks_like: int
    cells: NDArray[np.int64]
    n_labelled: int

    def named(self, types: Sequence[str]) -> ContradictedLabel:
        """Return the same with names of types, and how many cells in place of which."""
        return ContradictedLabel(
            batch=self.batch,
            label=str(types[self.label]),
            looks_like=str(types[self.looks_like]),
            n_cells=len(self.cells),
            n_labelled=self.n_labelled,
        )


@dataclass(frozen=True)
class ContradictedLabel:
    """A label of one batch that the other batches contradict, for people.

    Attributes
    ----------
    batch, label, looks_like
        The batch, the label, and the type that the others call its cells.
    n_cells, n_labelled
        Cells that are called so, of how many of the batch that have the label.
    """

    batch: str
    label: str
    looks_like: str
    n_cells: int
    n_labelled: int


def contradicted_labels(
    points: NDArray[np.floating],
    codes: NDArray[np.int64],
    batches: NDArray[Any],
    n_types: int,
) -> list[Contradiction]:
    r"""Find labels of single batches that the other batches contradict.

    Parameters
    ----------
    points
        Where the cells lie in the first 50 singular vectors of their expression,
        ``(n_cells, n_components)``.
    codes
        Label of each cell, ``(n_cells,)``, -1 where it has none.
    batches
        Batch of each cell, ``(n_cells,)``.
    n_types
        Number of types.

    Returns
    -------
    One for each batch, label and type, batches sorted: the cells of a label (twenty or more) of
    which a type that the batch has no name for (fewer than five cells; twenty or more in the
    others) is the likeliest and more than ten times as likely as the label, where they are ten or
    more and either half of the label's cells or lie together among them.

    Notes
    -----
    What the others say of the cells of a batch: a linear discriminant of their labelled cells
    (:mod:`plkd.trust.discriminant`), all types as likely beforehand, of points from which is taken
    by what the batch lies off the others, the mean over the types that both have of the difference
    of their means. The label's own type is among these, so that a label has the benefit of the
    doubt. Of each batch the others' means and covariance are what all cells have less its own.

    Cells lie together where of the ten nearest cells with the same label in the batch (or as many
    as there are others of them) at least 0.8 on the mean are called so, too. Where a batch truly
    lacks a type, hardly any of its labels is contradicted (``docs/log.md``, 2026-11-28).
    """
    labelled = np.flatnonzero(codes >= 0)
    names, batch = np.unique(np.asarray(batches[labelled]).astype(str), return_inverse=True)
    if len(names) < 2:
        return []
    own = [labelled[batch == number] for number in range(len(names))]
    each = [_Sums.of(points[cells], codes[cells], n_types) for cells in own]
    every = reduce(add, each)
    found: list[Contradiction] = []
    for name, cells, here in zip(names, own, each, strict=True):
        where = np.asarray(points[cells], dtype=np.float64)
        for label, looks_like, hit in _contradicted(where, codes[cells], here, every - here):
            n_labelled = int(here.counts[label])
            found.append(Contradiction(str(name), label, looks_like, cells[hit], n_labelled))
    return found


def _contradicted(
    points: NDArray[np.float64], codes: NDArray[np.int64], here: _Sums, others: _Sums
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Yield label, type and places of the cells of one batch that the others call otherwise."""
    unnamed = (others.counts >= FEWEST_CELLS) & (here.counts < HARDLY_ANY)
    shared = np.flatnonzero((others.counts >= FEWEST_CELLS) & (here.counts >= FEWEST_SHARED))
    if not unnamed.any() or len(shared) < 2:
        return
    says = others.say_of(points - (here.means - others.means)[shared].mean(0))
    likeliest = says.argmax(1)
    as_labelled = {t: float(np.mean(likeliest[codes == t] == t)) for t in shared}
    for label in shared[here.counts[shared] >= FEWEST_CELLS]:
        own = np.flatnonzero(codes == label)
        understood = np.mean([share for t, share in as_labelled.items() if t != label])
        if understood < UNDERSTOOD:
            continue
        for looks_like in np.flatnonzero(unnamed):
            surely = says[own, looks_like] - says[own, label] > np.log(TIMES_AS_LIKELY)
            called = (likeliest[own] == looks_like) & surely
            if np.count_nonzero(called) < FEWEST_CALLED:
                continue
            if called.mean() >= MOST or _together(points[own], called) >= TOGETHER:
                yield int(label), int(looks_like), own[called]


def _together(points: NDArray[np.float64], chosen: NDArray[np.bool_]) -> float:
    """Return how many of the cells nearest to chosen ones are chosen, a share of all such."""
    from sklearn.neighbors import NearestNeighbors

    n_near = min(N_NEIGHBOURS, int(np.count_nonzero(chosen)) - 1)
    search = NearestNeighbors(n_neighbors=n_near + 1, algorithm="brute").fit(points)
    nearest = search.kneighbors(points[chosen], return_distance=False)
    return float((chosen[nearest].sum(1) - 1).mean() / n_near)  # each is its own nearest


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over labelled cells, of which those of a part can be taken away.

    Attributes
    ----------
    counts
        Cells of each type, ``(n_types,)``.
    points
        Sum of the points of each type, ``(n_types, n_components)``.
    squares
        Sum of the outer products of all points, ``(n_components, n_components)``.
    """

    counts: NDArray[np.float64]
    points: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, points: NDArray[np.floating], codes: NDArray[np.int64], n_types: int) -> _Sums:
        points = np.asarray(points, dtype=np.float64)
        counts = np.bincount(codes, minlength=n_types).astype(np.float64)
        sums = np.asarray(member_weights(codes, n_types).T @ points, dtype=np.float64)
        return cls(counts, sums, points.T @ points)

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.counts + other.counts, self.points + other.points, self.squares + other.squares
        )

    def __sub__(self, part: _Sums) -> _Sums:
        return _Sums(
            self.counts - part.counts, self.points - part.points, self.squares - part.squares
        )

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean of each type, ``(n_types, n_components)``; zeros of a type without cells."""
        return self.points / np.maximum(self.counts, 1)[:, None]

    def say_of(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what a discriminant of these cells says, ``(n_cells, n_types)``, up to a sum.

        Types of fewer than 20 cells have minus infinity.
        """
        means = self.means
        within = (self.squares - (means.T * self.counts) @ means) / max(self.counts.sum(), 1)
        classifier = discriminant_of(means, self.counts, within)
        share = np.log(np.maximum(self.counts, 1) / max(self.counts.sum(), 1))
        asked = np.where(self.counts >= FEWEST_CELLS, classifier.offsets - share, -np.inf)
        return np.asarray(points @ classifier.weights + asked)
