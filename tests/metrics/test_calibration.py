from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd import metrics
from plkd.errors import InputError


def slow_bins(
    confidence: list[float], correct: list[bool], edges: list[float]
) -> list[list[tuple[float, bool]]]:
    """Every cell into the bin whose lower end is below it and whose upper end is not."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in edges[1:]]
    for sure, right in zip(confidence, correct, strict=True):
        for b, (low, high) in enumerate(itertools.pairwise(edges)):
            if low < sure <= high or (b == 0 and sure <= low):
                bins[b].append((sure, right))
                break
    return bins


def slow_error(bins: list[list[tuple[float, bool]]]) -> float:
    n = sum(map(len, bins))
    apart = 0.0
    for cells in bins:
        if cells:
            accuracy = sum(right for _, right in cells) / len(cells)
            confidence = sum(sure for sure, _ in cells) / len(cells)
            apart += len(cells) / n * abs(accuracy - confidence)
    return apart


cells = st.lists(
    st.tuples(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.2, 0.5, 1.0])), st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(deadline=None, max_examples=80)
@given(cells, st.sampled_from([1, 2, 5, 15]))
def test_error_of_equal_widths_is_that_of_loops(pairs: list, n_bins: int) -> None:
    confidence, correct = map(list, zip(*pairs, strict=True))
    bins = slow_bins(confidence, correct, np.linspace(0, 1, n_bins + 1).tolist())
    curve = metrics.reliability_curve(confidence, correct, n_bins=n_bins)
    assert [each.n_cells for each in curve] == [len(inside) for inside in bins]
    for each, inside in zip(curve, bins, strict=True):
        if inside:
            assert each.confidence == pytest.approx(np.mean([sure for sure, _ in inside]))
            assert each.accuracy == pytest.approx(np.mean([right for _, right in inside]))
        else:
            assert each.confidence is each.accuracy is None
    found = metrics.expected_calibration_error(confidence, correct, n_bins=n_bins)
    assert found == pytest.approx(slow_error(bins), abs=1e-12)


@settings(deadline=None, max_examples=80)
@given(cells, st.sampled_from([1, 2, 5, 15]), st.randoms())
def test_error_of_equal_mass_is_that_of_loops(pairs: list, n_bins: int, random: object) -> None:
    confidence, correct = map(list, zip(*pairs, strict=True))
    ordered = sorted(confidence)
    upper = [ordered[-(-(b * len(ordered)) // n_bins) - 1] for b in range(1, n_bins + 1)]
    bins = slow_bins(confidence, correct, [-1.0, *sorted(set(upper))])
    found = metrics.expected_calibration_error(confidence, correct, n_bins=n_bins, binning="mass")
    assert found == pytest.approx(slow_error(bins), abs=1e-12)
    random.shuffle(pairs)  # type: ignore[attr-defined]
    confidence, correct = map(list, zip(*pairs, strict=True))
    again = metrics.expected_calibration_error(confidence, correct, n_bins=n_bins, binning="mass")
    assert again == pytest.approx(found, abs=1e-12)


def test_bins_of_equal_mass_hold_alike_many_cells() -> None:
    confidence = np.random.default_rng(0).beta(8, 1, 1000)
    curve = metrics.reliability_curve(confidence, confidence > 0.5, binning="mass", n_bins=10)
    assert [each.n_cells for each in curve] == [100] * 10
    assert [each.low for each in curve[1:]] == [each.high for each in curve[:-1]]
    assert curve[0].low == confidence.min()


def test_cells_of_one_confidence_share_a_bin() -> None:
    curve = metrics.reliability_curve([0.3] * 7 + [0.9], [True] * 8, binning="mass", n_bins=4)
    assert [each.n_cells for each in curve] == [7, 1]


def test_a_known_case() -> None:
    confidence = [0.95, 0.95, 0.95, 0.95, 0.55, 0.55]
    correct = [True, True, True, False, False, True]
    error = metrics.expected_calibration_error(confidence, correct, n_bins=10)
    assert error == pytest.approx(4 / 6 * 0.20 + 2 / 6 * 0.05)
    brier = metrics.brier_score(confidence, correct)
    assert brier == pytest.approx((3 * 0.05**2 + 0.95**2 + 0.55**2 + 0.45**2) / 6)


def test_confidence_that_is_a_probability_has_a_small_error() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.random(60_000)
    correct = rng.random(60_000) < confidence
    report = metrics.calibration_report(confidence, correct)
    assert report.ece < 0.01
    assert report.adaptive_ece < 0.01
    boast = metrics.calibration_report(np.sqrt(confidence), correct)
    assert boast.ece > 0.1
    assert boast.brier > report.brier


def test_report_is_the_sum_of_its_parts() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.random(300).astype(np.float32)
    correct = rng.random(300) < 0.5
    report = metrics.calibration_report(confidence, correct)
    assert report.n_cells == 300
    assert report.mean_confidence == pytest.approx(confidence.mean())
    assert report.accuracy == correct.mean()
    assert report.ece == metrics.expected_calibration_error(confidence, correct)
    assert report.adaptive_ece == metrics.expected_calibration_error(
        confidence, correct, binning="mass"
    )
    assert report.brier == metrics.brier_score(confidence, correct)
    assert report.curve == metrics.reliability_curve(confidence, correct)
    assert len(report.curve) == 15
    whole = report.as_dict()
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


def test_rounding_above_one_is_taken_for_one() -> None:
    assert metrics.brier_score(np.array([1 + 1e-7]), [True]) == 0.0


@pytest.mark.parametrize(
    ("confidence", "correct", "message"),
    [
        ([], [], r"shapes \(0,\)"),
        ([0.5], [True, False], r"shapes \(1,\) and \(2,\)"),
        ([[0.5]], [[True]], "for the same cells"),
        ([1.2], [True], r"confidences in \[0, 1\]"),
        ([-0.1], [True], r"confidences in \[0, 1\]"),
        ([np.nan], [True], "NaN"),
        (["a"], [True], r"confidences in \[0, 1\]"),
        ([0.5], [2], "True or False"),
        ([0.5], ["yes"], "True or False"),
    ],
)
def test_bad_input_is_refused(confidence: list, correct: list, message: str) -> None:
    for measure in (metrics.brier_score, metrics.calibration_report):
        with pytest.raises(InputError, match=message):
            measure(confidence, correct)


def test_bad_bins_are_refused() -> None:
    with pytest.raises(InputError, match="n_bins of 1"):
        metrics.reliability_curve([0.5], [True], n_bins=0)
    with pytest.raises(InputError, match="'width' or 'mass'"):
        metrics.reliability_curve([0.5], [True], binning="odd")  # type: ignore[arg-type]
