"""Novelty: shares of held-out cells, the query's batch effect, strange in both directions."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.trust.novelty import (
    MOST_RAISED,
    NoveltyScale,
    beside_the_query,
    novelty,
    novelty_scale,
    readings_of,
)
from plkd.trust.usual_scores import FEWEST_CELLS, UsualScores, usual_scores


def readings(n_cells: int, *, raised: float = 0.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n_cells, 4)) + raised).astype(np.float32)


@pytest.fixture
def scale() -> NoveltyScale:
    return novelty_scale(readings(2000), readings(2000, raised=1.0, seed=1))


def test_a_score_adds_up_what_is_strange_in_units_of_the_held_out_cells(scale):
    seen = readings(5, seed=3)
    held = readings(2000)
    middle = np.median(held, axis=0)
    apart = (seen - middle) / (np.quantile(held, 0.9, axis=0) - middle)
    expected = apart[:, 0] + apart[:, 1] + np.abs(apart[:, 2]) + apart[:, 3]
    assert np.allclose(scale.scores(seen), expected, atol=1e-5)


def test_novelty_is_the_share_of_held_out_cells_that_are_less_strange(scale):
    held = scale.scores(readings(2000))
    found = scale.usual.strangeness(held)
    expected = np.array([(held < score).mean() for score in held])
    inside = expected < 0.985
    assert np.allclose(found[inside], expected[inside], atol=0.012)
    assert (found > 0.95).mean() == pytest.approx(0.05, abs=0.004)


def test_it_rises_with_the_score_beyond_all_held_out_cells(scale):
    scores = np.linspace(-10, 60, 200)
    found = scale.usual.strangeness(scores)
    assert (np.diff(found) >= 0).all()
    assert (np.diff(found[scores > scale.usual.quantiles[-1]]) > 0).all()
    assert 0 <= found.min() <= found.max() < 1


def test_an_energy_far_above_the_usual_is_as_strange_as_one_far_below(scale):
    base = np.tile(np.median(readings(2000), axis=0), (3, 1))
    base[1, 2] += 8
    base[2, 2] -= 8
    usual, above, below = scale.scores(base)
    assert above == pytest.approx(below, rel=0.05)
    assert above > usual + 5


def test_what_all_cells_of_a_query_share_is_its_batch_effect(scale):
    known, novel = readings(300, raised=0.8, seed=5), readings(60, raised=6.0, seed=6)
    scores = scale.scores(np.concatenate([known, novel]))
    shift = scale.usual.shift(scores)
    assert shift > 1
    false_alarms = (scale.usual.strangeness(scores[:300], shift) > 0.95).mean()
    assert false_alarms < 0.1 < (scale.usual.strangeness(scores[:300]) > 0.95).mean()
    assert (scale.usual.strangeness(scores[300:], shift) > 0.95).mean() > 0.9


def test_a_batch_effect_is_never_negative_and_not_read_off_few_cells(scale):
    assert scale.usual.shift(scale.scores(readings(500, raised=-1.0))) == 0
    few = scale.scores(readings(FEWEST_CELLS - 1, raised=3.0))
    assert scale.usual.shift(few) == 0
    assert scale.usual.shift(np.append(few, few[0])) > 0


def test_a_query_closer_than_the_held_out_cells_has_as_many_false_alarms_as_stated():
    rng = np.random.default_rng(0)
    closer = rng.random(4000) ** 1.7  # half are below 0.31
    novel = rng.uniform(0.8, 1.0, 400)
    found = np.concatenate([closer, novel]).astype(np.float32)
    raised = beside_the_query(found)
    assert np.median(raised) == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(raised[np.argsort(found)]) >= 0).all()  # the order stays
    assert raised.min() >= 0
    assert raised.max() <= 1
    assert (found[:4000] > 0.95).mean() < 0.04 < (raised[:4000] > 0.95).mean() < 0.08
    assert (raised[4000:] > 0.95).mean() > (found[4000:] > 0.95).mean() + 0.15


def test_a_query_is_raised_by_no_more_than_a_little():
    found = (np.random.default_rng(0).random(500) ** 8).astype(np.float32)
    raised = beside_the_query(found).astype(np.float64)
    odds = [float(np.median(each)) / (1 - float(np.median(each))) for each in (found, raised)]
    assert np.log(odds[1] / odds[0]) == pytest.approx(MOST_RAISED, abs=0.01)


def test_a_query_like_the_held_out_cells_or_of_few_cells_is_left_as_it_is():
    found = np.random.default_rng(0).random(500).astype(np.float32)
    found[0] = 1.0
    further = np.sqrt(found)
    assert (beside_the_query(further) == further).all()
    few = found[: FEWEST_CELLS - 1] / 2
    assert (beside_the_query(few) == few).all()
    assert (beside_the_query(found / 2) > found / 2).mean() > 0.99


def test_the_order_of_the_cells_does_not_matter(scale):
    scores = scale.scores(readings(400, raised=0.5))
    order = np.random.default_rng(0).permutation(400)
    assert scale.usual.shift(scores[order]) == scale.usual.shift(scores)


def test_the_usual_shift_is_what_made_up_batch_effects_do(scale):
    held, shifted = (scale.scores(readings(2000, raised=r, seed=s)) for r, s in ((0, 0), (1, 1)))
    expected = np.quantile(shifted, 0.25) - np.quantile(held, 0.25)
    assert scale.usual.usual_shift == pytest.approx(expected, abs=0.05)


def test_energy_is_the_logarithm_of_summed_exponentials():
    logits = np.array([[0.0, 1.0, 2.0], [500.0, 0.0, -500.0]], dtype=np.float32)
    says = np.array([[1.0, 0.5], [2.0, 0.25]], dtype=np.float32)
    found = readings_of(says, logits, np.array([3.0, 4.0], dtype=np.float32))
    assert found.dtype == np.float32
    assert np.allclose(found[:, :2], says)
    assert found[0, 2] == pytest.approx(np.log(np.exp([0, 1, 2]).sum()), rel=1e-6)
    assert found[1, 2] == pytest.approx(500)
    assert found[:, 3].tolist() == [3, 4]


def test_it_comes_back_from_arrays(scale):
    again = NoveltyScale.from_arrays(scale.as_arrays())
    scores = scale.scores(readings(50, raised=2.0))
    assert np.array_equal(
        again.usual.strangeness(scores, 0.3), scale.usual.strangeness(scores, 0.3)
    )
    assert (again.usual.usual_shift, again.usual.tail) == (
        scale.usual.usual_shift,
        scale.usual.tail,
    )


def test_held_out_cells_that_are_all_alike_do_not_divide_by_zero():
    alike = np.ones((30, 4), dtype=np.float32)
    scale = novelty_scale(alike, alike)
    assert np.isfinite(scale.usual.strangeness(scale.scores(readings(20)))).all()


def test_either_distance_or_doubt_makes_a_cell_novel():
    found = novelty(np.array([0.5, 0.999, 0.5]), np.array([0.6, 0.6, 0.001]))
    smaller = np.array([0.5 / 0.75, 0.001 / 0.75, 0.001 / 0.25])
    assert np.allclose(found, (1 - 0.75 * smaller) * (1 - 0.25 * smaller), atol=1e-6)
    assert found[0] < 0.5 < 0.99 < min(found[1:])


def test_false_alarms_are_as_many_as_stated_and_no_two_cells_tie():
    rng = np.random.default_rng(0)
    far, doubt = rng.random((2, 200_000))
    apart, together = novelty(far, doubt), novelty(far, 1 - far)
    for found in (apart, together):
        assert ((found >= 0) & (found <= 1)).all()
    assert len(np.unique(apart)) > 0.9 * len(apart)
    for rate in (0.01, 0.05, 0.2):
        assert (apart > 1 - rate).mean() == pytest.approx(rate, rel=0.06)
        assert (together > 1 - rate).mean() <= rate * 1.05


@pytest.mark.parametrize("n_held_out", [2, 5, 20, 60, 400])
def test_few_held_out_cells_make_no_more_false_alarms(n_held_out: int) -> None:
    """One more cell like n others is stranger than all of them once in n + 1."""
    rng = np.random.default_rng(n_held_out)
    alarms = []
    for _ in range(100):
        usual = usual_scores(rng.normal(size=n_held_out), rng.normal(size=n_held_out))
        strange = usual.strangeness(rng.normal(size=200))
        assert np.isfinite(usual.strangeness(rng.normal(size=200), 0.5)).all()
        assert strange.max() <= max(n_held_out / (n_held_out + 1), 0.99) or n_held_out > 98
        alarms.append((strange > 0.95).mean())
    assert np.mean(alarms) < 0.065


def test_a_batch_effect_spreads_the_scores_as_made_up_ones_do():
    rng = np.random.default_rng(0)
    held, shifted = rng.normal(size=4000), 8 + 3 * rng.normal(size=4000)
    usual = usual_scores(held, shifted)
    old = UsualScores(usual.quantiles, usual.tail, usual.usual_shift)
    alarms, without = [], []
    for part in (0.0, 0.5, 1.0, 1.5):
        query = part * 8 + (1 + min(part, 1) * 2) * rng.normal(size=20_000)
        shift = usual.shift(query)
        alarms.append((usual.strangeness(query, shift) > 0.95).mean())
        without.append((old.strangeness(query, shift) > 0.95).mean())
    assert np.allclose(alarms, 0.05, atol=0.01)
    assert without[0] == pytest.approx(0.05, abs=0.01)
    assert min(without[1:]) > 0.15  # models up to format version 5 know of no spread
    smaller = usual.strangeness(query, shift, effect=0.5)
    assert (smaller > 0.95).mean() > 0.1  # so do other scores that say it is half as large
    assert np.array_equal(
        usual.strangeness(query, shift, effect=1.0), usual.strangeness(query, shift)
    )


def test_made_up_batch_effects_spread_the_scores_by_no_more_than_the_shift():
    rng = np.random.default_rng(0)
    usual = usual_scores(rng.normal(size=4000), 4 + 10 * rng.normal(size=4000))
    held = UsualScores(usual.quantiles, usual.tail, usual.usual_shift)
    scores = np.linspace(-3, 6, 2000)
    for shift in (0.2, 1.0):
        apart, before = (
            np.interp(0.95, each, scores) - np.interp(0.25, each, scores)
            for each in (usual.strangeness(scores + shift, shift), held.strangeness(scores))
        )
        assert apart - before == pytest.approx(shift, abs=0.02)


def test_novelty_rises_with_the_score_under_a_batch_effect_too(scale):
    scores = np.linspace(-10, 60, 400)
    for shift in (0.5 * scale.usual.usual_shift, scale.usual.usual_shift, 9.0):
        found = scale.usual.strangeness(scores, shift)
        assert (np.diff(found) >= 0).all()
        assert 0 <= found.min() <= found.max() < 1
