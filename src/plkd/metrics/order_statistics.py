"""Several rankings of the same items brought to one number: rank ratios and their Q statistic."""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError

MAX_RANKINGS = 15
"""More rankings are refused: the alternating sums lose digits (of 15 rankings nine stay right)."""
DIGITS = 10
"""Values that agree to so many decimals are one rank: sums in another order are no difference."""


def rank_ratios(values: ArrayLike) -> np.ndarray:
    """Turn the values of some items into rank ratios, the highest value first.

    Parameters
    ----------
    values
        One value an item, ``(n_items,)`` or ``(n_items, n_rankings)``; each column is a ranking of
        its own.

    Returns
    -------
    Float64 of the same shape, in (0, 1]: rank over number of items, ``1 / n_items`` for the best.
    Items of one value share the mean of their ranks, so that a measure that cannot tell them apart
    favours none of them, nor all.

    Raises
    ------
    InputError
        There is no item, a value is NaN, or there are more than two dimensions.
    """
    from scipy.stats import rankdata

    table = np.asarray(values, dtype=np.float64)
    if table.ndim not in (1, 2) or not table.size:
        raise InputError(
            "values of at least one item, a column for each ranking",
            f"an array of shape {table.shape}",
            "pass (n_items,) or (n_items, n_rankings)",
        )
    if np.isnan(table).any():
        raise InputError(
            "a value for each item", f"{int(np.isnan(table).sum())} NaN", "leave those items out"
        )
    ranks = rankdata(-np.round(table, DIGITS), method="average", axis=0)
    return np.asarray(ranks / len(table))


def q_statistic(ratios: ArrayLike) -> np.ndarray:
    r"""Combine the rank ratios of each item: small where several rankings put it near the top.

    Parameters
    ----------
    ratios
        Rank ratios in [0, 1], ``(n_items, n_rankings)``, as :func:`rank_ratios` gives them; at
        most 15 rankings.

    Returns
    -------
    Q, float64 ``(n_items,)`` in [0, 1].

    Raises
    ------
    InputError
        The table has not two dimensions, a ratio is not in [0, 1], or there are no rankings or too
        many.

    Notes
    -----
    With the N ratios of an item sorted, :math:`r_1 \le \dots \le r_N`, and :math:`V_0 = 1`,
    :math:`V_q = \sum_{i=1}^{q} (-1)^{i-1} \frac{V_{q-i}}{i!} r_{N-q+1}^i` and
    :math:`Q = N! \, V_N` (Stuart et al. 2003; Aerts et al. 2006; section 2.4 of the paper).

    Q is the chance that N independent uniform numbers, sorted, all lie at or below
    :math:`r_1, \dots, r_N`. It is a p-value only where the rankings are independent; those of one
    network's centralities are not, so compare items by Q and do not read it as an error rate.
    """
    table = np.asarray(ratios, dtype=np.float64)
    if table.ndim != 2 or not 1 <= table.shape[1] <= MAX_RANKINGS:
        raise InputError(
            f"a table (n_items, n_rankings) with 1 to {MAX_RANKINGS} rankings",
            f"an array of shape {table.shape}",
            "pass a row for each item and a column for each ranking",
        )
    if not np.all((table >= 0) & (table <= 1)):
        raise InputError(
            "rank ratios in [0, 1]", "others or NaN", "turn values into ratios with rank_ratios"
        )
    table = np.sort(table, axis=1)
    n_rankings = table.shape[1]
    v = np.ones((n_rankings + 1, len(table)))
    for q in range(1, n_rankings + 1):
        r = table[:, n_rankings - q]
        v[q] = sum((-1) ** (i - 1) * v[q - i] / factorial(i) * r**i for i in range(1, q + 1))
    return np.asarray(np.clip(factorial(n_rankings) * v[n_rankings], 0.0, 1.0))
