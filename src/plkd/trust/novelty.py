"""How far a cell is from all that the reference holds, and when that means "unknown"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FALSE_ALARM = 0.05
"""Share of cells of known types that may be called unknown."""

GRID = np.concatenate([np.linspace(0, 0.9, 91), np.linspace(0.905, 0.99, 18)])
"""Quantiles of the held-out scores that are kept; above the last a tail takes over."""

ENERGY = 2
"""Which reading is the energy; it is strange in both directions."""

FAR = 0.75
"""Part of the false alarms that distance from the reference may raise; doubt between its types may
raise the rest."""

QUIET_QUARTER = 0.25
FEWEST_CELLS = 50
"""Cells of a query below which no batch effect is read off it."""


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
    highest = logits.max(1)
    energy = highest + np.log(np.exp(logits - highest[:, None]).sum(1))
    return np.column_stack([expression_says, energy, from_types]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class NoveltyScale:
    """What cells of a known type look like, as held-out cells of the reference show it.

    Attributes
    ----------
    middle, spread
        Median of each reading and the distance to its 90 % quantile, float64 ``(4,)``.
    quantiles
        Scores of the held-out cells at the shares :data:`GRID`, ascending, float64.
    tail
        How fast scores above the last of them become rarer.
    usual_shift
        What made-up batch effects, as training makes them up, do to the scores of held-out cells.
    """

    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    tail: float
    usual_shift: float

    def scores(self, readings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return one number of each cell, large where it is unlike the reference, ``(n_cells,)``.

        The energy counts in both directions: a cell that agrees with a type far more than the
        type's own cells do is as strange as one that agrees with none.
        """
        return _scores(readings, self.middle, self.spread)

    def shift(self, scores: NDArray[np.float64]) -> float:
        """Return by how much the batch effect of a query has raised its scores, 0 or more.

        Parameters
        ----------
        scores
            Of all cells of the query, ``(n_cells,)``.

        Notes
        -----
        Novel cells raise some scores, a batch effect raises all of them: the end of the query's
        lowest quarter is compared with that of the held-out reference cells. A query of which more
        than three quarters are novel raises it too, and cannot be told from a batch effect by its
        scores: where the shift exceeds ``usual_shift``, the user has to be told.
        """
        if len(scores) < FEWEST_CELLS:
            return 0.0
        usual = float(np.interp(QUIET_QUARTER, GRID, self.quantiles))
        return max(float(np.quantile(scores, QUIET_QUARTER)) - usual, 0.0)

    def strangeness(self, scores: NDArray[np.float64], shift: float = 0.0) -> NDArray[np.float64]:
        """Return the share of held-out reference cells that are less strange, in [0, 1].

        Parameters
        ----------
        scores
            What :meth:`scores` returned.
        shift
            The query's batch effect, from :meth:`shift`.

        Returns
        -------
        float64 ``(n_cells,)``: of cells like the held-out ones a share a exceeds 1 - a. Beyond the
        99 % quantile it goes on to rise with the score, ever more slowly.
        """
        above = scores - shift
        last = self.quantiles[-1]
        inside = np.interp(above, self.quantiles, GRID)
        beyond = np.maximum(above - last, 0) / self.tail
        outside = 1 - (1 - GRID[-1]) / (1 + beyond) ** 2
        return np.where(above > last, outside, inside)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, for the model file."""
        return {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the scale that ``as_arrays`` wrote."""
        values: dict[str, Any] = {
            name: float(value) if value.ndim == 0 else value for name, value in arrays.items()
        }
        return cls(**values)


def novelty(
    strangeness: NDArray[np.float64], credibility: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return how unlike the reference each cell is, by its distance and by the network's doubt.

    Parameters
    ----------
    strangeness
        What :meth:`NoveltyScale.strangeness` returned, ``(n_cells,)``.
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


def novelty_scale(held_out: NDArray[np.float32], shifted: NDArray[np.float32]) -> NoveltyScale:
    """Learn what cells of a known type look like.

    Parameters
    ----------
    held_out
        Readings of reference cells that networks and type space have not seen, ``(n_cells, 4)``.
    shifted
        Readings of such cells under made-up batch effects, ``(n_cells, 4)``.
    """
    middle = np.median(held_out, axis=0).astype(np.float64)
    spread = np.maximum(np.quantile(held_out, 0.9, axis=0) - middle, 1e-9)
    scores = _scores(held_out, middle, spread)
    quantiles = np.maximum.accumulate(np.quantile(scores, GRID))
    quantiles += np.arange(len(GRID)) * 1e-12 * max(1.0, float(np.abs(quantiles).max()))
    raised = np.quantile(_scores(shifted, middle, spread), QUIET_QUARTER)
    usual = np.quantile(scores, QUIET_QUARTER)
    return NoveltyScale(
        middle=middle,
        spread=spread.astype(np.float64),
        quantiles=quantiles,
        tail=max(float(np.subtract(*np.quantile(scores, [0.99, 0.9]))), 1e-9),
        usual_shift=max(float(raised - usual), 0.0),
    )


def _scores(
    readings: NDArray[np.float32], middle: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    apart = (readings - middle) / spread
    apart[:, ENERGY] = np.abs(apart[:, ENERGY])
    return np.asarray(apart.sum(1))
