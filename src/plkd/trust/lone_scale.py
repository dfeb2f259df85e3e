"""How new a cell looks by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.trust.novelty import ENERGY, FAR_FROM_TYPES
from plkd.trust.usual_scores import UsualScores, usual_scores

TOWARDS_NEW = ((FAR_FROM_TYPES, 1), (ENERGY, -1))
"""Which readings of a cell are heard, and whether more or less of it is strange."""


@dataclass(frozen=True, eq=False)
class LoneScale:
    """How new cells of a known type look by themselves, as held-out cells of the reference show it.

    Attributes
    ----------
    middle, spread
        Median of the distance to the nearest type in what is expressed, and of the network's
        energy; and from there to the strangest tenth of the cells, the distances above it and the
        energies below, float64 ``(2,)``.
    usual
        How the scores are spread.

    Notes
    -----
    Of the four numbers that say how far a cell is from the reference
    (:func:`plkd.trust.novelty.readings_of`) two are not heard here. The correlation with the type
    that is named grows with the depth of a cell: the deep cells of a new type correlate better with
    a known one than the shallow cells of that. So does the energy, and where it is high it tells
    depth more than kind; what agrees with no type has little of it.
    """

    middle: NDArray[np.float64]
    spread: NDArray[np.float64]
    usual: UsualScores

    def scores(self, readings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return one number of each cell, large where it is like no type, ``(n_cells,)``.

        Parameters
        ----------
        readings
            What :func:`plkd.trust.novelty.readings_of` returned, ``(n_cells, 4)``.
        """
        return _scores(readings, self.middle, self.spread)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, for the model file."""
        return {"middle": self.middle, "spread": self.spread, **self.usual.as_arrays()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the scale that ``as_arrays`` wrote."""
        return cls(arrays["middle"], arrays["spread"], UsualScores.from_arrays(arrays))


def lone_scale(held_out: NDArray[np.float32], shifted: NDArray[np.float32]) -> LoneScale:
    """Learn how new cells of a known type look.

    Parameters
    ----------
    held_out
        Readings of reference cells that networks and type space have not seen, ``(n_cells, 4)``.
    shifted
        Readings of such cells under made-up batch effects, ``(n_cells, 4)``.
    """
    towards = np.column_stack([sign * held_out[:, place] for place, sign in TOWARDS_NEW])
    median = np.median(towards, axis=0).astype(np.float64)
    spread = np.maximum(np.quantile(towards, 0.9, axis=0) - median, 1e-9).astype(np.float64)
    middle = median * [sign for _, sign in TOWARDS_NEW]
    scores, raised = (_scores(each, middle, spread) for each in (held_out, shifted))
    return LoneScale(middle, spread, usual_scores(scores, raised))


def _scores(
    readings: NDArray[np.float32], middle: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    found = np.zeros(len(readings))
    for (place, sign), usual, width in zip(TOWARDS_NEW, middle, spread, strict=True):
        found += sign * (readings[:, place] - usual) / width
    return found
