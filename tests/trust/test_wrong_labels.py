"""Wrong labels: their number against what was planted, and which are set aside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.trust import wrong_labels
from plkd.trust.cell_points import CellPoints
from plkd.trust.label_audit import held_out_log_probabilities
from plkd.trust.label_quality import neighbour_log_probabilities, shares_among
from plkd.trust.wrong_labels import (
    LabelTrust,
    expected_right,
    label_trust,
    labels_to_set_aside,
    trust_by_others,
)


def blobs(sizes: tuple[int, ...], seed: int = 0) -> tuple[csr_matrix, np.ndarray]:
    """Cells of types that express eight genes each, well apart."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rates = np.where(np.arange(8 * len(sizes)) // 8 == codes[:, None], 6.0, 0.3)
    return csr_matrix(np.log1p(rng.poisson(rates)).astype(np.float32)), codes


def with_wrong(codes: np.ndarray, share: float, n_types: int, seed: int = 1) -> np.ndarray:
    """Give a share of the cells another type, each alike likely."""
    rng = np.random.default_rng(seed)
    wrong = rng.permutation(len(codes))[: round(share * len(codes))]
    given = codes.copy()
    given[wrong] = (codes[wrong] + rng.integers(1, n_types, len(wrong))) % n_types
    return given


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_the_share_of_wrong_labels_is_found_where_types_are_clear(share: float) -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(5, 3000, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    given = with_wrong(truth, share, 5)
    likelihood = np.full((3000, 5), 1e-4)
    likelihood[np.arange(3000), truth] = 1.0
    said = likelihood * np.bincount(given, minlength=5) / 3000
    trust = label_trust(np.log(said / said.sum(1, keepdims=True)), given)
    assert trust.share_wrong == pytest.approx(share, abs=0.005)
    assert np.array_equal(trust.right > 0.5, given == truth)


def test_one_round_is_bayes_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cell by cell, with the share of wrong labels and of types that it begins with."""
    monkeypatch.setattr(wrong_labels, "N_ROUNDS", 1)
    rng = np.random.default_rng(3)
    said = rng.dirichlet(np.ones(4), 30)
    codes = np.arange(30) % 4
    share = np.bincount(codes) / 30
    right = []
    for cell, code in enumerate(codes):
        weights = [
            said[cell, t] / share[t] * share[t] * (0.8 if t == code else 0.2 / 3) for t in range(4)
        ]
        right.append(weights[code] / sum(weights))
    trust = label_trust(np.log(said), codes)
    np.testing.assert_allclose(trust.right, right, rtol=1e-9)
    assert trust.share_wrong == pytest.approx(1 - np.mean(right))


def test_right_labels_expected_are_those_of_a_count() -> None:
    sizes = np.array([4000, 900, 100])
    truth = np.repeat(np.arange(3), sizes)
    given = with_wrong(truth, 0.2, 3)
    counts = np.bincount(given)
    right = np.bincount(given[given == truth])
    assert counts[2] > 3 * right[2]  # most of the rare type's labels are wrong
    np.testing.assert_allclose(expected_right(counts, 0.2), right, atol=60)
    assert expected_right(np.array([5000, 10]), 0.2)[1] == 0  # fewer than fall on it by chance


def test_a_rare_type_is_found_among_five_times_as_many_wrong_labels() -> None:
    expression, codes = blobs((900, 700, 500, 400, 300, 20))
    given = with_wrong(codes, 0.2, 6)
    wrong = given != codes
    rare = given == 5
    assert wrong[rare].sum() > 5 * (~wrong)[rare].sum()
    aside = labels_to_set_aside(expression, given, 6)
    assert aside[wrong].mean() > 0.98
    assert aside[~wrong].mean() < 0.01
    assert not aside[rare & ~wrong].any()


def test_hardly_a_label_of_a_clean_reference_goes() -> None:
    expression, codes = blobs((120, 100, 80))
    assert labels_to_set_aside(expression, codes, 3).mean() <= 0.01


@pytest.mark.parametrize("until", [0.0, 1.0])
def test_neighbours_are_heard_by_their_weight_where_few_labels_are_wrong(
    monkeypatch: pytest.MonkeyPatch, until: float
) -> None:
    rng = np.random.default_rng(6)
    codes = rng.choice(3, 90, p=[0.5, 0.3, 0.2])
    points = rng.normal(size=(90, 60)) + codes[:, None]
    scaled = rng.normal(size=(90, 20)) + codes[:, None]
    classifier = (
        held_out_log_probabilities(points, codes, 3) + held_out_log_probabilities(scaled, codes, 3)
    ) / 2
    both = np.empty((90, 3))
    for cell in range(90):
        apart = np.square(points[:, :50] - points[cell, :50]).sum(1)
        apart[cell] = np.inf
        votes = np.bincount(codes[np.argsort(apart)[:30]], minlength=3)
        both[cell] = 0.7 * np.log((votes + 1 / 3) / 31) + 0.3 * classifier[cell]
    monkeypatch.setattr(wrong_labels, "NEIGHBOURS_HEARD_UNTIL", until)
    found = trust_by_others(CellPoints(points, scaled), codes, 3)
    expected = label_trust(both if until else classifier, codes)
    np.testing.assert_allclose(found.right, expected.right, rtol=1e-6)
    assert found.share_wrong == pytest.approx(expected.share_wrong)


@pytest.mark.parametrize(("share", "heard"), [(0.1, True), (0.2, False)])
def test_a_fifth_of_wrong_labels_is_too_many_for_neighbours(
    monkeypatch: pytest.MonkeyPatch, share: float, heard: bool
) -> None:
    asked = []
    nearest = wrong_labels.shares_among
    monkeypatch.setattr(
        wrong_labels, "shares_among", lambda *a, **k: asked.append(1) or nearest(*a, **k)
    )
    rng = np.random.default_rng(7)
    codes = rng.integers(0, 8, 2000)
    points = 4 * rng.normal(size=(8, 10))[codes] + rng.normal(size=(2000, 10))
    trust_by_others(CellPoints(points, points), with_wrong(codes, share, 8), 8)
    assert bool(asked) == heard


def test_right_labels_of_wide_types_beside_narrow_ones_are_doubted_less_by_both() -> None:
    """One shape for all types, which the classifier assumes, gives the edge of a wide one away."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, 4000)
    given = with_wrong(codes, 0.1, 8)
    spread = np.where(codes % 2, 3.0, 0.5)[:, None]
    points = 3 * rng.normal(size=(8, 8))[codes] + spread * rng.normal(size=(4000, 8))
    near = neighbour_log_probabilities(shares_among(points, given, 8))
    classifier = held_out_log_probabilities(points, given, 8)
    wrong = given != codes
    both = trust_by_others(CellPoints(points, points), given, 8).right <= 0.5
    by_classifier, by_neighbours = (label_trust(w, given).right <= 0.5 for w in (classifier, near))
    assert both[~wrong].mean() < 0.7 * by_classifier[~wrong].mean()
    assert both[wrong].mean() > by_neighbours[wrong].mean() + 0.05


def test_a_doubted_label_that_neighbours_vouch_for_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rare type of which the classifier knows nothing, and whose cells lie together."""
    expression, codes = blobs((900, 700, 400, 24))
    given = with_wrong(codes, 0.1, 4)
    nothing = LabelTrust(np.where(given == 3, 0.0, 1.0), 0.1)
    monkeypatch.setattr(wrong_labels, "trust_by_others", lambda *_, **__: nothing)
    aside = labels_to_set_aside(expression, given, 4)
    rare = given == 3
    assert not aside[rare & (codes == 3)].any()
    assert aside[rare & (codes != 3)].mean() > 0.9
    assert not aside[~rare].any()


def test_a_type_keeps_half_of_the_labels_expected_right_and_two_at_least() -> None:
    """Of noise no classifier can tell anything: the rare type would go as a whole."""
    rng = np.random.default_rng(4)
    expression = csr_matrix(np.log1p(rng.poisson(1.0, (600, 40))).astype(np.float32))
    codes = np.repeat([0, 1, 2, 3], [300, 200, 96, 4])
    aside = labels_to_set_aside(expression, codes, 4)
    kept = np.bincount(codes[~aside], minlength=4)
    assert kept[3] >= 2
    assert (kept[:3] > 0.2 * np.array([300, 200, 96])).all()


def test_cells_without_a_label_are_never_set_aside_and_say_nothing() -> None:
    expression, codes = blobs((120, 100, 80))
    given = with_wrong(codes, 0.2, 3)
    labelled = np.arange(300) % 5 > 0
    without = np.where(labelled, given, -1)
    aside = labels_to_set_aside(expression, without, 3)
    assert not aside[~labelled].any()
    alone = labels_to_set_aside(expression[labelled], given[labelled], 3)
    np.testing.assert_array_equal(aside[labelled], alone)


@pytest.mark.parametrize("n_types", [1, 2])
def test_few_cells_or_one_type_leave_labels_as_they_are(n_types: int) -> None:
    expression, _ = blobs((2,))
    assert not labels_to_set_aside(expression, np.arange(2) % n_types, n_types).any()


@pytest.mark.parametrize("n_types", [2, 3, 8])
def test_no_more_labels_are_expected_right_than_there_are(n_types: int) -> None:
    counts = np.arange(1, n_types + 1) * 100
    for share in (0.0, 0.3, 0.7 * (n_types - 1) / n_types):
        expected = expected_right(counts, share)
        assert ((expected >= 0) & (expected <= counts)).all()
