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
        fit_calibration(probability, right, scores, middle=0.0, likely_slope=likely)
        for likely in (LIKELY_SLOPE, LIKELY_SLOPE_BESIDE)
    )
    assert alone.slope == pytest.approx(LIKELY_SLOPE, rel=0.2)
    assert beside.slope == pytest.approx(LIKELY_SLOPE_BESIDE, rel=0.2)


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
