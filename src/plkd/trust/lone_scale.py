"""How new a cell looks by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from plkd.trust.novelty import ENERGY, FAR_FROM_TYPES, Scale, middle_and_spread
from plkd.trust.usual_scores import GRID, UsualScores, usual_scores

HEARD = [FAR_FROM_TYPES, ENERGY]
"""Which readings of a cell are heard."""

TOWARDS_NEW = np.array([1.0, -1.0])
"""Whether more or less of each is strange."""


@dataclass(frozen=True, eq=False)
class LoneScale(Scale):
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
    (:func:`plkd.trust.novelty.readings_of`) two are not heard here: the correlation with the type
    that is named, and energy above the usual. Some new types correlate better with a known one than
    its own cells do.
    """

    def scores(self, readings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return one number of each cell, large where it is like no type, ``(n_cells,)``.

        Parameters
        ----------
        readings
            What :func:`plkd.trust.novelty.readings_of` returned, ``(n_cells, 4)``.
        """
        apart = (readings[:, HEARD] - self.middle) / self.spread
        return np.asarray(apart @ TOWARDS_NEW)


def lone_scale(held_out: NDArray[np.float32], shifted: NDArray[np.float32]) -> LoneScale:
    """Learn how new cells of a known type look.

    Parameters
    ----------
    held_out
        Readings of reference cells that networks and type space have not seen, ``(n_cells, 4)``.
    shifted
        Readings of such cells under made-up batch effects, ``(n_cells, 4)``.
    """
    middle, spread = middle_and_spread(held_out[:, HEARD] * TOWARDS_NEW)
    nothing = UsualScores(np.zeros(len(GRID)), 1.0, 0.0)
    scale = LoneScale(middle * TOWARDS_NEW, spread, nothing)
    return replace(scale, usual=usual_scores(scale.scores(held_out), scale.scores(shifted)))
