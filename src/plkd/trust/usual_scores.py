"""How scores of cells of known types are spread, and what a batch effect adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

GRID = np.concatenate([np.linspace(0, 0.9, 91), np.linspace(0.905, 0.99, 18)])
"""Quantiles of the held-out scores that are kept; above the last a tail takes over."""

UNREACHED = 1e300
"""Score of a share that too few held-out cells can tell."""

QUIET_QUARTER = 0.25
STRANGEST = 0.95
"""Shares between whose scores a batch effect spreads by no more than it raises them."""

FURTHEST = 1.5
"""How many times what made-up ones do may a batch effect do, and still be like them."""

FEWEST_CELLS = 50
"""Cells of a query below which no batch effect is read off it."""


@dataclass(frozen=True, eq=False)
class UsualScores:
    """How scores of cells of known types are spread, as held-out cells of the reference show it.

    Attributes
    ----------
    quantiles
        Scores of the held-out cells at the shares :data:`GRID`, ascending, float64.
    tail
        How fast scores above the last of them become rarer.
    usual_shift
        What made-up batch effects, as training makes them up, do to the scores of held-out cells.
    shifted
        The same quantiles under those effects, less ``usual_shift``; ``None`` in models of format
        versions up to 5.
    """

    quantiles: NDArray[np.float64]
    tail: float
    usual_shift: float
    shifted: NDArray[np.float64] | None = None

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

    @property
    def knows_spread(self) -> bool:
        """Whether it is known what a batch effect spreads; not in format versions up to 5."""
        return self.shifted is not None

    def effect(self, shift: float) -> float:
        """Return how large a batch effect is beside the made-up ones, at most 1."""
        return min(shift / max(self.usual_shift, 1e-9), 1.0)

    def is_beyond(self, shift: float) -> bool:
        """Say whether a batch effect is far beyond the made-up ones.

        From one modality to another the displacement is many times a new type's. Which group of
        like cells is furthest is then chance, and many of known types would be called unknown.
        """
        return shift > FURTHEST * self.usual_shift

    def strangeness(
        self, scores: NDArray[np.float64], shift: float = 0.0, *, effect: float | None = None
    ) -> NDArray[np.float64]:
        """Return the share of held-out reference cells that are less strange, in [0, 1].

        Parameters
        ----------
        scores
            Of the cells, ``(n_cells,)``.
        shift
            What the query's batch effect has raised the scores by, from :meth:`shift`.
        effect
            How large it is beside the made-up ones, from :meth:`effect`, where other scores of the
            same query tell it better.

        Returns
        -------
        float64 ``(n_cells,)``: of cells like the held-out ones a share a exceeds 1 - a. Beyond the
        99 % quantile it goes on to rise with the score, ever more slowly.

        Notes
        -----
        A batch effect moves some types further than others: it raises the scores of all cells, and
        spreads them. How much it spreads them is taken from the made-up ones, in proportion: with
        an effect of 0.5 the quantiles are half-way between the held-out cells' as they are and
        under those effects; but what parts the strangest twentieth from the lowest quarter grows by
        no more than the shift.
        """
        above = scores - shift
        quantiles, tail = self._under(shift, self.effect(shift) if effect is None else effect)
        last = quantiles[-1]
        inside = np.interp(above, quantiles, GRID)
        beyond = np.maximum(above - last, 0) / tail
        outside = 1 - (1 - GRID[-1]) / (1 + beyond) ** 2
        return np.where(above > last, outside, inside)

    def _under(self, shift: float, effect: float) -> tuple[NDArray[np.float64], float]:
        """Return quantiles and tail under a batch effect, less what it raises all cells by."""
        if self.shifted is None or shift <= 0:
            return self.quantiles, self.tail
        part = min(effect, shift / max(_width(self.shifted) - _width(self.quantiles), 1e-9))
        tail = max(float(self.shifted[-1] - np.interp(0.9, GRID, self.shifted)), 1e-9)
        mixed = (1 - part) * self.quantiles + part * self.shifted
        return mixed, (1 - part) * self.tail + part * tail

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, for the model file."""
        names = ("quantiles", "tail", "usual_shift", "shifted")
        values = {name: getattr(self, name) for name in names}
        return {name: np.asarray(value) for name, value in values.items() if value is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what ``as_arrays`` wrote, other arrays beside it left alone."""
        tail, usual_shift = (float(arrays[name]) for name in ("tail", "usual_shift"))
        return cls(arrays["quantiles"], tail, usual_shift, arrays.get("shifted"))


def usual_scores(
    held_out: NDArray[np.float64], shifted: NDArray[np.float64], *, n_alike: int | None = None
) -> UsualScores:
    """Learn how scores are spread, of held-out cells and under batch effects.

    Parameters
    ----------
    held_out, shifted
        Scores, ``(n_cells,)``.
    n_alike
        How many they are that know nothing of each other; ``None`` for all of them.

    Notes
    -----
    One more cell like n others exceeds all of them with probability 1 / (n + 1): the share q of
    such cells lies at the quantile q (n + 1) / n of those that there are, and shares beyond
    n / (n + 1) are never reached. Few held-out cells make nothing look strange.
    """
    raised = np.quantile(shifted, QUIET_QUARTER) - np.quantile(held_out, QUIET_QUARTER)
    return UsualScores(
        quantiles=_quantiles(held_out, n_alike or len(held_out)),
        tail=max(float(np.subtract(*np.quantile(held_out, [0.99, 0.9]))), 1e-9),
        usual_shift=max(float(raised), 0.0),
        shifted=_quantiles(shifted - raised, n_alike or len(shifted)),
    )


def _width(quantiles: NDArray[np.float64]) -> float:
    """Return how far the strangest twentieth is from the lowest quarter."""
    return float(np.subtract(*np.interp([STRANGEST, QUIET_QUARTER], GRID, quantiles)))


def _quantiles(scores: NDArray[np.float64], n_cells: int) -> NDArray[np.float64]:
    """Return the scores at the shares :data:`GRID`, ascending, as of so many cells."""
    share = GRID * (n_cells + 1) / n_cells
    quantiles = np.maximum.accumulate(np.quantile(scores, np.minimum(share, 1)))
    quantiles += np.arange(len(GRID)) * 1e-12 * max(1.0, float(np.abs(quantiles).max()))
    quantiles[share > 1] = UNREACHED
    return quantiles
