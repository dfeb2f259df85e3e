"""Rank ratios, and Q against exact counts of what it stands for."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations, product
from math import comb

import numpy as np
import pytest

from plkd.errors import InputError
from plkd.metrics.order_statistics import MAX_RANKINGS, q_statistic, rank_ratios


def exact(ratios: list[Fraction]) -> Fraction:
    """The chance that sorted uniform numbers lie at or below sorted ratios, without subtraction.

    Going from ratio to ratio, the state is how many numbers have fallen so far; by the i-th ratio
    at least i must have.
    """
    ratios, n = sorted(ratios), len(ratios)
    fallen, before = {0: Fraction(1)}, Fraction(0)
    for i, ratio in enumerate(ratios, start=1):
        after: dict[int, Fraction] = {}
        for so_far, chance in fallen.items():
            for more in range(max(0, i - so_far), n - so_far + 1):
                ways = comb(n - so_far, more) * (ratio - before) ** more
                after[so_far + more] = after.get(so_far + more, Fraction(0)) + chance * ways
        fallen, before = after, ratio
    return fallen.get(n, Fraction(0))


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_q_counts_the_draws_at_or_below_the_ratios(n):
    steps = 5
    draws = np.sort(list(product(range(1, steps + 1), repeat=n)), axis=1)
    for steps_of_item in product(range(1, steps + 1), repeat=n):
        share = (draws <= np.sort(steps_of_item)).all(1).mean()
        assert q_statistic([np.array(steps_of_item) / steps])[0] == pytest.approx(share)


@pytest.mark.parametrize(("n", "digits"), [(5, 1e-13), (10, 1e-10), (MAX_RANKINGS, 1e-8)])
def test_q_is_exact_for_many_rankings(n, digits):
    rng = np.random.default_rng(n)
    rows = [rng.integers(1, top + 1, n) for top in (20, 100, 1000) for _ in range(4)]
    rows += [np.full(n, 50), np.full(n, 950), np.r_[50, np.full(n - 1, 1000)]]
    found = q_statistic(np.array(rows) / 1000)
    true = [float(exact([Fraction(int(r), 1000) for r in row])) for row in rows]
    np.testing.assert_allclose(found, true, rtol=digits)


@pytest.mark.parametrize("n", range(1, 8))
def test_q_of_evenly_spread_ratios_is_known(n):
    ratios = np.arange(1, n + 1) / n  # parking functions: (n + 1)^(n - 1) of n^n
    assert q_statistic([ratios])[0] == pytest.approx((n + 1) ** (n - 1) / n**n)


def test_q_does_not_mind_the_order_of_rankings():
    ratios = [0.05, 0.2, 0.5, 0.9]
    found = q_statistic(list(permutations(ratios)))
    assert np.all(found == found[0])


def test_q_lies_between_none_and_all():
    assert q_statistic([[0.0, 0.0], [1.0, 1.0]]).tolist() == [0, 1]
    assert q_statistic([[0.3]])[0] == pytest.approx(0.3)
    assert q_statistic(np.ones((3, MAX_RANKINGS))).max() <= 1


def test_an_item_better_in_any_ranking_has_a_smaller_q():
    rng = np.random.default_rng(0)
    worse = rng.uniform(0.2, 1.0, size=(50, 5))
    better = worse.copy()
    better[:, 2] *= 0.8
    assert np.all(q_statistic(better) < q_statistic(worse))


def test_the_highest_value_ranks_first_and_ties_share_the_mean():
    np.testing.assert_allclose(rank_ratios([1.0, 5.0, 3.0, 3.0]), [1, 0.25, 0.625, 0.625])
    table = np.array([[1.0, 9.0], [2.0, 8.0]])
    np.testing.assert_allclose(rank_ratios(table), [[1, 0.5], [0.5, 1]])


def test_rounding_does_not_part_equal_items():
    assert rank_ratios([0.1 + 0.2, 0.3]).tolist() == [0.75, 0.75]


@pytest.mark.parametrize("values", [[], [[[1.0]]], [1.0, np.nan], 3.0])
def test_values_that_are_no_ranking_are_refused(values):
    with pytest.raises(InputError):
        rank_ratios(values)


@pytest.mark.parametrize(
    "ratios", [[0.5], [[]], [[1.5]], [[-0.1]], [[np.nan]], np.ones((2, MAX_RANKINGS + 1))]
)
def test_ratios_that_are_none_are_refused(ratios):
    with pytest.raises(InputError):
        q_statistic(ratios)
