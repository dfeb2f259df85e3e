"""How far a cell is from all that the reference holds, and when that means "unknown"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.data.rows import largest_in_row
from plkd.trust.usual_scores import FEWEST_CELLS, UsualScores, usual_scores

FALSE_ALARM = 0.05
"""Share of cells of known types that may be called unknown."""

FAR_FROM_TYPES = 0
"""Which reading is the distance to the nearest type in what is expressed."""

ENERGY = 2
"""Which reading is the energy; it is strange in both directions."""

FAR = 0.75
"""Part of the false alarms that distance from the reference may raise; doubt between its types may
raise the rest."""

MOST_RAISED = 1.0
"""Log odds by which the novelties of a query close to the reference are raised at most."""


def readings_of(
    expression_says: NDArray[np.float32],
    logits: NDArray[np.float32],
    from_types: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the four numbers of each cell of which novelty is made.

    Parameters
    ----------
    expression_says
        What :meth:`plkd.trust.type_space.TypeSpace.readings` returned, ``(n_cells, 2)``.
    logits
        What a network says, ``(n_cells, n_types)``.
    from_types
        Distance to the nearest type in the network's embedding, ``(n_cells,)``.

    Returns
    -------
    float32 ``(n_cells, 4)``: these, the third being the network's energy, the logarithm of the
    summed exponentials of its logits.
    """
    highest = largest_in_row(logits)
    energy = highest + np.log(np.exp(logits - highest[:, None]).sum(1))
    return np.column_stack([expression_says, energy, from_types]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scale:
    """In what units readings are taken, and how scores made of them are spread.

    Attributes
    ----------
    middle, spread
        What is usual of each reading, and how far the strangest tenth of the cells is from there.
    usual
        How the scores are spread.
    """

    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    usual: UsualScores

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, for the model file."""
        return {"middle": self.middle, "spread": self.spread, **self.usual.as_arrays()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the scale that ``as_arrays`` wrote."""
        return cls(arrays["middle"], arrays["spread"], UsualScores.from_arrays(arrays))


@dataclass(frozen=True, eq=False)
class NoveltyScale(Scale):
    """What a cell of a known type looks like by itself, as held-out cells of the reference show it.

    Attributes
    ----------
    middle, spread
        Median of each reading and the distance to its 90 % quantile, float64 ``(4,)``.
    usual
        How the scores are spread.
    """

    def scores(self, readings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return one number of each cell, large where it is unlike the reference, ``(n_cells,)``.

        The energy counts in both directions: a cell that agrees with a type far more than the
        type's own cells do is as strange as one that agrees with none.
        """
        return _scores(readings, self.middle, self.spread)


def novelty(
    strangeness: NDArray[np.float64], credibility: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return how unlike the reference each cell is, by its distance and by the network's doubt.

    Parameters
    ----------
    strangeness
        What :meth:`UsualScores.strangeness` returned, ``(n_cells,)``.
    credibility
        What :meth:`plkd.trust.conformal.HeldOutScores.credibility` returned, ``(n_cells,)``.

    Returns
    -------
    float32 ``(n_cells,)`` in [0, 1]: of cells like the held-out ones a share a exceeds 1 - a.

    Notes
    -----
    With m the smaller of (1 - strangeness) / 0.75 and credibility / 0.25 it is
    (1 - 0.75 m) (1 - 0.25 m): two p-values, brought together with unequal weights as Šidák does. It
    is exact where they know nothing of each other; however they hang together, at most 0.0505 of
    the cells exceed 0.95. A new type that lies beyond the known ones is far from all of them; one
    that lies between two of them is not, but the network cannot decide.
    """
    smaller = np.minimum((1 - strangeness) / FAR, credibility / (1 - FAR))
    return ((1 - FAR * smaller) * (1 - (1 - FAR) * smaller)).astype(np.float32)


def beside_the_query(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raise the novelties of a query that is closer to the reference than the held-out cells were.

    Parameters
    ----------
    found
        What :func:`novelty` returned for all cells of a query, ``(n_cells,)``.

    Returns
    -------
    float32 ``(n_cells,)``, in the same order; as they are of fewer than 50 cells, and where half of
    the cells or more exceed 0.5, as of cells like the held-out ones they do.

    Notes
    -----
    Held-out batches of a reference made in several ways may be further off than a query that was
    made in one of them. By the held-out cells alone fewer of its cells than stated would be called
    unknown, and fewer of new types. So the same number is added to the log odds of all, which
    brings their median to 0.5, or near it: at most :data:`MOST_RAISED`. New types among the cells
    raise the median, so that less is added. It is not for a query of which a batch effect was taken
    off: that is no closer than the held-out cells.
    """
    if len(found) < FEWEST_CELLS or np.median(found) >= 0.5:
        return found
    share = np.clip(found.astype(np.float64), 1e-9, 1 - 1e-9)
    odds = share / (1 - share)
    odds *= min(1 / np.median(odds), np.exp(MOST_RAISED))
    return (odds / (1 + odds)).astype(np.float32)


def novelty_scale(held_out: NDArray[np.float32], shifted: NDArray[np.float32]) -> NoveltyScale:
    """Learn what cells of a known type look like.

    Parameters
    ----------
    held_out
        Readings of reference cells that networks and type space have not seen, ``(n_cells, 4)``.
    shifted
        Readings of such cells under made-up batch effects, ``(n_cells, 4)``.
    """
    middle, spread = middle_and_spread(held_out)
    scores, raised = (_scores(each, middle, spread) for each in (held_out, shifted))
    return NoveltyScale(middle, spread, usual_scores(scores, raised))


def middle_and_spread(
    readings: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median of each reading, and the distance from there to its 90 % quantile."""
    middle = np.median(readings, axis=0).astype(np.float64)
    spread = np.maximum(np.quantile(readings, 0.9, axis=0) - middle, 1e-9)
    return middle, spread.astype(np.float64)


def _scores(
    readings: NDArray[np.float32], middle: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    apart = (readings - middle) / spread
    apart[:, ENERGY] = np.abs(apart[:, ENERGY])
    return np.asarray(apart.sum(1))
