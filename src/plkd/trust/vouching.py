"""Labels that the nearest cells share more often than chance would have it: a rare type's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plkd.trust.label_quality import cells_among, nearest_labels

BY_CHANCE = 0.002
"""Probability up to which so many alike among the nearest are no chance."""

LEAST_ALIKE = 2
"""Neighbours with the label of which it takes so many, how rare it may be."""


def vouched_for(
    points: NDArray[np.floating], codes: NDArray[np.int64], *, seed: int = 0
) -> NDArray[np.bool_]:
    r"""Say of which labels a cell's neighbours have too many for it to be chance.

    Parameters
    ----------
    points
        Where the cells lie, ``(n_cells, n_components)``.
    codes
        Label of each cell, ``(n_cells,)``, from 0.
    seed
        Decides among which cells neighbours are sought, where there are more than 20,000.

    Returns
    -------
    bool ``(n_cells,)``. Few labels that are wrong at random are vouched for.

    Notes
    -----
    If a label says nothing of where a cell lies, then of its n nearest cells h have it with a
    hypergeometric probability: drawn from N others, of which K have it. A label is vouched for if
    for any n of 2 to 30 two or more have it and

    .. math:: P(H \ge h \mid N, K, n) \le 0.002.

    A type of five cells is told by the first four, one of fifty by the first thirty. Where
    neighbours are sought among cells that were drawn, N and K are of these; a cell that was not
    drawn is taken for one of them.
    """
    near = nearest_labels(points, codes, seed=seed)
    among = cells_among(codes, seed=seed)
    n_types = int(codes.max()) + 1
    counts = np.bincount(codes[among], minlength=n_types)
    alike = np.cumsum(near == codes[:, None], axis=1)
    vouched = np.zeros(len(codes), dtype=bool)
    for n_near in range(LEAST_ALIKE, near.shape[1] + 1):
        chance = chance_of(counts, n_near)[codes, alike[:, n_near - 1]]
        vouched |= (chance <= BY_CHANCE) & (alike[:, n_near - 1] >= LEAST_ALIKE)
    return vouched


def chance_of(counts: NDArray[np.int64], n_near: int) -> NDArray[np.float64]:
    """Return how probable so many or more alike are among cells that were drawn by chance.

    Parameters
    ----------
    counts
        Cells of each type, one that is asked about among them, ``(n_types,)``.
    n_near
        How many others are drawn.

    Returns
    -------
    ``(n_types, n_near + 1)``: of h or more with the label of the one that is asked about.
    """
    from scipy.stats import hypergeom

    others = np.maximum(counts - 1, 0)[:, None]
    return np.asarray(hypergeom.sf(np.arange(n_near + 1) - 1, counts.sum() - 1, others, n_near))
