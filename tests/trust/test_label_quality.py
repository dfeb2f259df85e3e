"""Doubtful labels: neighbours against loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.trust import label_quality
from plkd.trust.cell_points import singular_points
from plkd.trust.label_quality import (
    nearest_labels,
    neighbour_shares,
    own_shares,
    share_of_doubtful,
    shares_among,
)


def blobs(sizes: tuple[int, ...], seed: int = 0) -> tuple[csr_matrix, np.ndarray]:
    """Cells of types that express eight genes each, well apart."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rates = np.where(np.arange(8 * len(sizes)) // 8 == codes[:, None], 6.0, 0.3)
    return csr_matrix(np.log1p(rng.poisson(rates)).astype(np.float32)), codes


def slow_shares(points: np.ndarray, codes: np.ndarray, n_types: int, among: set[int]) -> np.ndarray:
    """Cell by cell: the nearest labelled cells but itself, counted."""
    shares = np.zeros((len(codes), n_types))
    for cell in range(len(codes)):
        others = [other for other in sorted(among) if other != cell]
        others.sort(key=lambda other: float(((points[cell] - points[other]) ** 2).sum()))
        near = others[: min(label_quality.N_NEIGHBOURS, len(among) - 1)]
        for other in near:
            shares[cell, codes[other]] += 1 / len(near)
    return shares


def test_shares_are_those_of_a_loop() -> None:
    expression, codes = blobs((40, 30, 25))
    points = singular_points(expression)
    expected = slow_shares(points, codes, 3, set(range(len(codes))))
    np.testing.assert_allclose(neighbour_shares(expression, codes, 3), expected, atol=1e-12)
    np.testing.assert_array_equal(
        neighbour_shares(expression, codes, 3), shares_among(points, codes, 3)
    )


def test_unlabelled_cells_have_neighbours_and_are_nobodys() -> None:
    expression, codes = blobs((40, 30, 25))
    codes[::4] = -1
    labelled = set(np.flatnonzero(codes >= 0).tolist())
    found = neighbour_shares(expression, codes, 3)
    expected = slow_shares(singular_points(expression), codes, 3, labelled)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(1), 1)


def test_neighbours_are_sought_among_so_many_cells_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expression, codes = blobs((60, 50))
    monkeypatch.setattr(label_quality, "MOST_NEIGHBOURS_FROM", 50)
    monkeypatch.setattr(label_quality, "CELLS_AT_A_TIME", 16)
    drawn = np.random.default_rng(5).choice(np.arange(110), 50, replace=False)
    expected = slow_shares(singular_points(expression, seed=5), codes, 2, set(drawn.tolist()))
    found = neighbour_shares(expression, codes, 2, seed=5)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    other = neighbour_shares(expression, codes, 2, seed=6)
    assert np.abs(other - found).max() > 0.01


def test_fewer_cells_than_neighbours() -> None:
    expression, codes = blobs((4, 3))
    found = neighbour_shares(expression, codes, 2)
    for cell, row in enumerate(found):
        others = np.delete(codes, cell)
        np.testing.assert_allclose(row, np.bincount(others, minlength=2) / 6)


@pytest.mark.parametrize("labelled", [0, 1])
def test_without_another_labelled_cell_there_is_nothing_to_say(labelled: int) -> None:
    expression, codes = blobs((4, 3))
    codes[labelled:] = -1
    assert neighbour_shares(expression, codes, 2).tolist() == [[0.0, 0.0]] * 7


def test_own_share_of_a_cell_without_a_label_is_1() -> None:
    shares = np.array([[0.25, 0.75], [0.25, 0.75], [0.0, 1.0]])
    assert own_shares(shares, np.array([0, 1, -1])).tolist() == [0.25, 0.75, 1.0]


def test_doubtful_are_labels_that_others_contradict_together() -> None:
    shares = np.array(
        [
            [0.05, 0.90, 0.05],  # contradicted
            [0.05, 0.48, 0.47],  # the others do not agree
            [0.10, 0.90, 0.00],  # a tenth has the label
            [0.90, 0.05, 0.05],
            [0.00, 1.00, 0.00],  # has no label to contradict
        ]
    )
    assert share_of_doubtful(shares, np.array([0, 0, 0, 0, -1])) == 0.25
    assert share_of_doubtful(shares, np.full(5, -1)) == 0.0


def test_mixed_up_labels_are_doubtful() -> None:
    expression, codes = blobs((120, 100, 80))
    wrong = np.random.default_rng(1).permutation(300)[:9]
    mixed = codes.copy()
    mixed[wrong] = (codes[wrong] + 1) % 3
    assert share_of_doubtful(neighbour_shares(expression, codes, 3), codes) == 0
    shares = neighbour_shares(expression, mixed, 3)
    assert share_of_doubtful(shares, mixed) == pytest.approx(0.03)


def test_nearest_labels_come_nearest_first() -> None:
    points = np.array([[0.0], [1.0], [3.0], [7.0], [15.0]])
    found = nearest_labels(points, np.array([0, 1, 2, -1, 3]))
    assert found.tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0], [2, 1, 0]]
