"""The label audit on cells whose truth is known, and against a loop over the cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from plkd.trust import label_quality
from plkd.trust.cell_points import cell_points, directions, singular_points
from plkd.trust.discriminant import LEAST_LOG_PROBABILITY, SHRINKAGE
from plkd.trust.label_audit import N_FOLDS, folds, held_out_log_probabilities, judge_labels
from plkd.trust.label_quality import shares_among


def cells(sizes: tuple[int, ...], seed: int = 0) -> tuple[csr_matrix, np.ndarray]:
    """Cells of types that overlap a little, each with eight genes of its own."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rates = np.where(np.arange(8 * len(sizes)) // 8 == codes[:, None], 2.0, 0.4)
    return csr_matrix(np.log1p(rng.poisson(rates)).astype(np.float32)), codes


def planted(codes: np.ndarray, share: float, n_types: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    wrong = np.zeros(len(codes), dtype=bool)
    wrong[rng.permutation(len(codes))[: round(share * len(codes))]] = True
    other = (codes + rng.integers(1, n_types, len(codes))) % n_types
    return np.where(wrong, other, codes), wrong


def test_judged_as_by_a_loop() -> None:
    expression, truth = cells((40, 30, 20))
    codes, _ = planted(truth, 0.1, 3)
    points = cell_points(expression)
    fold = folds(codes)
    witnesses = points.plain, directions(points.scaled)
    shares = [shares_among(where, codes, 3) for where in witnesses]
    judged = judge_labels(expression, codes, 3)
    for cell in range(len(codes)):
        learned = fold != fold[cell]
        said = 1.0
        for where, near in zip(points, shares, strict=True):
            theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
            theirs.fit(where[learned], codes[learned])
            told = theirs.predict_log_proba(where[[cell]])[0]
            said *= np.exp(np.maximum(told, LEAST_LOG_PROBABILITY)) * (30 * near[cell] + 1 / 3) / 31
        both = said**0.25
        both /= both.sum()
        assert judged.score[cell] == pytest.approx(both[codes[cell]], abs=1e-5)
        assert judged.suggestion[cell] == both.argmax()
        assert judged.doubtful[cell] == (10 * both[codes[cell]] < both.max())
        assert judged.neighbour_share[cell] == shares[0][cell, codes[cell]]


def test_planted_labels_come_first_and_are_told_what_they_are() -> None:
    expression, truth = cells((120, 100, 80))
    codes, wrong = planted(truth, 0.1, 3)
    judged = judge_labels(expression, codes, 3)
    first = judged.order()[:36]
    assert wrong[first].sum() >= 27
    assert (judged.suggestion[wrong] == truth[wrong]).mean() >= 0.9
    assert wrong[judged.doubtful].mean() >= 0.9
    assert 0 <= judged.score.min() <= judged.score.max() <= 1
    assert np.all(np.diff(judged.score[judged.order()]) >= 0)


def test_right_labels_are_hardly_doubted() -> None:
    expression, codes = cells((120, 100, 80))
    judged = judge_labels(expression, codes, 3)
    assert judged.doubtful.mean() <= 0.03
    assert (judged.suggestion == codes).mean() >= 0.93


def test_of_equal_scores_the_less_supported_comes_first() -> None:
    from plkd.trust.label_audit import JudgedLabels

    nothing = np.zeros(4, dtype=np.int64)
    judged = JudgedLabels(
        np.array([0.5, 0.2, 0.2, 0.2]), nothing, np.array([0.0, 0.3, 0.1, 0.3]), nothing > 0
    )
    assert judged.order().tolist() == [2, 1, 3, 0]


def test_a_type_of_three_cells_far_from_all_others_is_believed_by_the_classifier() -> None:
    expression, codes = cells((60, 50, 3))
    counts = expression.toarray()
    counts[codes == 2, 16:] += 3
    points = singular_points(csr_matrix(counts))
    said = held_out_log_probabilities(points, codes, 3)
    assert (said.argmax(1)[codes == 2] == 2).all()
    judged = judge_labels(csr_matrix(counts), codes, 3)
    assert (judged.neighbour_share[codes == 2] < 0.1).all()
    assert not judged.doubtful[codes == 2].any()


def test_neighbours_among_some_of_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    expression, truth = cells((160, 140))
    codes, wrong = planted(truth, 0.05, 2)
    monkeypatch.setattr(label_quality, "MOST_NEIGHBOURS_FROM", 100)
    judged = judge_labels(expression, codes, 2)
    expected = shares_among(singular_points(expression), codes, 2)
    np.testing.assert_array_equal(judged.neighbour_share, expected[np.arange(len(codes)), codes])
    assert wrong[judged.order()[:18]].sum() >= 11


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(2, 23), min_size=1, max_size=6), st.integers(0, 99))
def test_folds_share_each_type_evenly(sizes: list[int], seed: int) -> None:
    codes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    dealt = folds(codes, seed=seed)
    counts = np.array(
        [np.bincount(dealt[codes == t], minlength=N_FOLDS) for t in range(len(sizes))]
    )
    assert np.ptp(counts, axis=1).max() <= 1
    assert np.ptp(counts.sum(0)) <= 1
    assert (counts.max(1) < counts.sum(1)).all()


def test_another_seed_deals_otherwise_and_the_same_seed_alike() -> None:
    _, codes = cells((20, 20))
    np.testing.assert_array_equal(folds(codes, seed=3), folds(codes, seed=3))
    assert (folds(codes, seed=3) != folds(codes, seed=4)).any()


@pytest.mark.parametrize("sizes", [(2, 2), (2, 3)])
def test_few_cells_are_no_error(sizes: tuple[int, ...]) -> None:
    expression, codes = cells(sizes)
    judged = judge_labels(expression, codes, 2)
    assert np.isfinite(judged.score).all()
    assert judged.score.shape == codes.shape
