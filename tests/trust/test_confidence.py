"""Calibration: it leaves a calibrated network alone, and mends one that is not."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.metrics import expected_calibration_error
from plkd.trust.confidence import (
    LIKELY_SLOPE,
    LIKELY_SLOPE_BESIDE,
    Calibration,
    fit_calibration,
    likely_slope,
)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def cells(n_cells: int = 4000, *, sharp: float = 1.0, strange: float = 0.0, seed: int = 0):
    """Return probability, whether it is right, and score, of a network ``sharp`` times too sure."""
    rng = np.random.default_rng(seed)
    logits = rng.uniform(-1, 4, n_cells)
    scores = rng.uniform(0, 9, n_cells)
    right = rng.random(n_cells) < sigmoid(logits - strange * scores / 3)
    return sigmoid(sharp * logits).astype(np.float32), right, scores


def test_a_calibrated_network_is_left_nearly_alone():
    probability, right, scores = cells()
    found = fit_calibration(probability, right, scores, middle=0.0)
    assert found.slope == pytest.approx(1, abs=0.1)
    assert found.strangeness == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize(("sharp", "strange"), [(2.0, 0.0), (0.5, 0.0), (1.0, 1.0), (1.5, 0.8)])
def test_confidence_becomes_the_share_that_is_right(sharp, strange):
    probability, right, scores = cells(sharp=sharp, strange=strange)
    found = fit_calibration(probability, right, scores, middle=0.0)
    new, truth, its = cells(sharp=sharp, strange=strange, seed=1)
    before = expected_calibration_error(new, truth)
    after = expected_calibration_error(found.confidence(new, its), truth)
    assert after < 0.6 * before
    assert after < 0.05


def test_few_cells_do_not_outweigh_what_is_likely_beforehand():
    probability, right, scores = cells(6, sharp=4.0)
    found = fit_calibration(probability, right, scores, middle=0.0)
    assert 0.5 < found.slope < 1.5


def test_what_is_likely_beforehand_is_what_few_cells_leave():
    probability, right, scores = cells(6)
    alone, beside = (
        fit_calibration(probability, right, scores, middle=0.0, likely=likely)
        for likely in (LIKELY_SLOPE, LIKELY_SLOPE_BESIDE)
    )
    assert alone.slope == pytest.approx(LIKELY_SLOPE, rel=0.2)
    assert beside.slope == pytest.approx(LIKELY_SLOPE_BESIDE, rel=0.2)


def test_networks_that_learned_from_few_cells_are_believed_less():
    slopes = [likely_slope(n, beside=False) for n in (50, 200, 1000, 10**6)]
    assert slopes == sorted(slopes)
    assert slopes[1] == LIKELY_SLOPE / 2
    assert slopes[3] == pytest.approx(LIKELY_SLOPE, rel=1e-3)
    assert likely_slope(200, beside=True) == LIKELY_SLOPE_BESIDE / 2


def test_cells_that_were_looked_at_twice_count_once():
    probability, right, scores = cells(60, sharp=2.0)
    once = fit_calibration(probability, right, scores, middle=0.0)
    twice = [np.concatenate([each, each]) for each in (probability, right, scores)]
    again = fit_calibration(*twice, middle=0.0, n_cells=60)
    assert again.slope == pytest.approx(once.slope, rel=1e-4)
    assert abs(fit_calibration(*twice, middle=0.0).slope - 0.5) < abs(once.slope - 0.5)


def hopeless(n_cells: int = 40, n_types: int = 10, seed: int = 0):
    """Return probabilities of a network that is right in a quarter of the cells at most."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.1] * n_types, n_cells).astype(np.float32)
    return probabilities, rng.random(n_cells) < 0.25, rng.uniform(0, 2, n_cells)


def test_labels_that_are_mostly_wrong_are_not_believed_by_half():
    probabilities, right, scores = hopeless()
    found = fit_calibration(probabilities.max(1), right, scores, middle=1.0, likely=0.4)
    new, truth, its = hopeless(2000, seed=1)
    made = found.probabilities(new, its)
    assert found.offset > 0.2
    assert np.array_equal(made.argmax(1), new.argmax(1))
    assert np.allclose(made.sum(1), 1, atol=1e-5)
    assert new.max(1).mean() > 0.65
    assert made.max(1).mean() == pytest.approx(truth.mean(), abs=0.15)
    without = Calibration(found.slope, found.strangeness, found.middle)
    assert made.max(1).mean() < without.probabilities(new, its).max(1).mean() - 0.1


def test_nothing_is_taken_off_all_cells_unless_held_out_ones_insist():
    for sharp in (1.0, 1.5, 2.0):
        probability, right, scores = cells(sharp=sharp)
        assert fit_calibration(probability, right, scores, middle=0.0).offset == 0
    probability, _, scores = cells(20)
    assert fit_calibration(probability, probability > 0.6, scores, middle=0.0).offset == 0


def test_of_two_types_the_named_one_stays_first_whatever_is_taken_off():
    given = np.array([[0.7, 0.3], [0.1, 0.9]], dtype=np.float32)
    made = Calibration(slope=0.3, offset=3.0).probabilities(given, np.zeros(2))
    assert np.array_equal(made.argmax(1), [0, 1])
    assert np.allclose(made.max(1), 0.5, atol=1e-5)


def test_a_certain_cell_stays_certain_beside_an_offset():
    given = np.array([[1.0, 0.0, 0.0], [0.5, 0.4, 0.1]], dtype=np.float32)
    made = Calibration(slope=4.0, offset=1.0).probabilities(given, np.zeros(2))
    assert np.isfinite(made).all()
    assert np.allclose(made.sum(1), 1, atol=1e-5)
    assert made[0, 0] == pytest.approx(1, abs=1e-6)
    assert made[1].argmax() == 0


def test_all_right_or_all_wrong_gives_finite_numbers():
    probability, _, scores = cells(200)
    for right in (np.ones(200, dtype=bool), np.zeros(200, dtype=bool)):
        found = fit_calibration(probability, right, scores, middle=0.0)
        confidence = found.confidence(probability, scores)
        assert np.isfinite(confidence).all()
        assert ((confidence >= 0) & (confidence <= 1)).all()


def test_a_strange_cell_is_believed_less_up_to_a_bound():
    found = Calibration(slope=1.0, strangeness=0.5, middle=2.0)
    p = np.full(5, 0.9, dtype=np.float32)
    confidence = found.confidence(p, np.array([-5.0, 2.0, 5.0, 14.0, 1000.0]))
    assert confidence[0] == confidence[1] == pytest.approx(0.9, abs=1e-6)
    assert confidence[2] == pytest.approx(sigmoid(np.log(9) - 0.5), abs=1e-6)
    assert confidence[1] > confidence[2] > confidence[3] == confidence[4]


def test_probabilities_sum_to_one_keep_their_order_and_the_named_type():
    rng = np.random.default_rng(0)
    given = rng.dirichlet([0.3] * 6, 500).astype(np.float32)
    found = Calibration(slope=0.6, strangeness=0.7, middle=0.0)
    scores = rng.uniform(0, 20, 500)
    made = found.probabilities(given, scores)
    assert np.allclose(made.sum(1), 1, atol=1e-5)
    rows = np.arange(500)
    named = given.argmax(1)
    assert np.array_equal(made.argmax(1), named)
    others = given.copy()
    others[rows, named] = -1
    assert (made[rows, others.argmax(1)] >= np.sort(made, axis=1)[:, -2] - 1e-6).all()
    confidence = found.confidence(given.max(1), scores)
    assert (made[rows, named] >= confidence - 1e-6).all()


def test_a_network_that_is_certain_still_shares_out_the_rest():
    given = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)
    made = Calibration(1.0, 5.0, 0.0).probabilities(given, np.array([3.0]))
    assert made.sum() == pytest.approx(1, abs=1e-6)
    assert made[0, 1] == made[0, 2] > 0


def test_an_untouched_calibration_changes_nothing():
    given = np.random.default_rng(0).dirichlet([1.0] * 4, 50).astype(np.float32)
    assert np.allclose(Calibration().probabilities(given, np.zeros(50)), given, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 0.4])
def test_it_can_be_made_as_sure_as_asked(offset):
    probability, _, scores = cells(sharp=2.0)
    given = Calibration(slope=0.8, strangeness=0.3, middle=4.0, offset=offset)
    before = float(given.confidence(probability, scores).mean())
    found = given.as_sure_as(before - 0.1, probability, scores)
    assert float(found.confidence(probability, scores).mean()) == pytest.approx(
        before - 0.1, abs=1e-4
    )
    assert 0 < found.slope < given.slope
    assert (found.strangeness, found.middle, found.offset) == (0.3, 4.0, offset)


def test_nothing_makes_it_surer():
    probability, _, scores = cells()
    given = Calibration(slope=0.8, strangeness=0.3, middle=4.0)
    assert given.as_sure_as(0.999, probability, scores) == given
    least = given.as_sure_as(0.01, probability, scores)  # less sure than no slope makes it
    assert least.slope == pytest.approx(0, abs=1e-6)
