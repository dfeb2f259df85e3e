"""How strange a cell is among its like."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from plkd.trust.novelty import Scale, middle_and_spread
from plkd.trust.usual_scores import GRID, UsualScores, usual_scores

WEIGHTS = (2.0, 1.0, 1.0)
"""How much each reading of a cell's groups counts beside one reading of the cell alone."""

DOUBT = 2
"""Which reading of the groups is the network's doubt; only more than usual is strange."""


@dataclass(frozen=True, eq=False)
class GroupScale(Scale):
    """What a cell of a known type looks like among its like (:mod:`plkd.trust.groups`).

    Attributes
    ----------
    middle, spread
        Median of each reading of the held-out cells' groups, and from there to its 90 % quantile,
        float64 ``(3,)``; ``(2,)`` where too few cells were held out, without the network's doubt
        (:mod:`plkd.model.halves`); scalars, of the first alone, in models of format version 4.
    usual
        How the scores are spread.
    """

    @property
    def heeds_doubt(self) -> bool:
        """Whether the network's doubt is among the readings."""
        return self.middle.size > DOUBT

    def is_asked(self, shift: float) -> bool:
        """Say whether the groups of a query with such a batch effect tell anything.

        Parameters
        ----------
        shift
            What the query's batch effect has raised the scores of this scale by.

        Notes
        -----
        It is how models of format versions 5 to 9 decided; those of version 4 always asked. A new
        type raises what groups say of others too, so that now the cells alone say how large the
        effect is (:meth:`plkd.trust.usual_scores.UsualScores.is_beyond`).
        """
        return not self.heeds_doubt or not self.usual.is_beyond(shift)

    def scores(
        self, alone: NDArray[np.float64], readings: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return one number of each cell, ``(n_cells,)``, in the units of the cells' own scores.

        Parameters
        ----------
        alone
            What :meth:`plkd.trust.lone_scale.LoneScale.scores` returned, ``(n_cells,)``; in models
            of format versions up to 9 :meth:`plkd.trust.novelty.NoveltyScale.scores`.
        readings
            What :meth:`plkd.trust.groups.QueryGroups.readings` returned, ``(n_cells, 3)``.
        """
        n_readings = self.middle.size
        apart = (readings[:, :n_readings] - self.middle) / self.spread
        apart[:, DOUBT:] = np.maximum(apart[:, DOUBT:], 0)
        return np.asarray(alone + apart @ np.array(WEIGHTS[:n_readings]))


def group_scale(
    alone: NDArray[np.float64],
    readings: NDArray[np.float32],
    shifted: tuple[NDArray[np.float64], NDArray[np.float32]],
    *,
    n_alike: int | None = None,
) -> GroupScale:
    """Learn what cells of a known type look like among their like.

    Parameters
    ----------
    alone, readings
        Scores of reference cells that have not been seen, ``(n_cells,)``, and what their groups say
        of them, ``(n_cells, 3)``, or ``(n_cells, 2)`` without the network's doubt.
    shifted
        Both of such cells under made-up batch effects.
    n_alike
        As of :func:`plkd.trust.usual_scores.usual_scores`.
    """
    nothing = UsualScores(np.zeros(len(GRID)), 1.0, 0.0)
    scale = GroupScale(*middle_and_spread(readings), nothing)
    usual = usual_scores(scale.scores(alone, readings), scale.scores(*shifted), n_alike=n_alike)
    return replace(scale, usual=usual)
