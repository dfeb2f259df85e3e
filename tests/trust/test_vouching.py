"""Labels that the nearest cells vouch for: against counting and the definition of chance."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from plkd.trust import label_quality
from plkd.trust.vouching import chance_of, vouched_for


def chance(others: int, alike: int, drawn: int, found: int) -> float:
    """How probable so many or more alike are: every number that there can be, counted."""
    ways = sum(
        comb(alike, h) * comb(others - alike, drawn - h)
        for h in range(found, min(alike, drawn) + 1)
        if drawn - h <= others - alike
    )
    return ways / comb(others, drawn)


def test_chance_is_that_of_drawing_without_putting_back() -> None:
    found = chance_of(np.array([5, 1, 34]), 7)
    expected = [[chance(39, n - 1, 7, h) for h in range(8)] for n in (5, 1, 34)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_neighbours_vouch_as_counting_them_says() -> None:
    rng = np.random.default_rng(5)
    codes = rng.choice(4, 200, p=[0.5, 0.3, 0.17, 0.03])
    counts = np.bincount(codes)
    points = rng.normal(size=(200, 3)) + 1.2 * codes[:, None]
    expected = []
    for cell in range(200):
        apart = np.square(points - points[cell]).sum(1)
        apart[cell] = np.inf
        near = (codes == codes[cell])[np.argsort(apart)[:30]]
        expected.append(
            any(
                near[:n].sum() >= 2
                and chance(199, counts[codes[cell]] - 1, n, near[:n].sum()) <= 0.002
                for n in range(2, 31)
            )
        )
    found = vouched_for(points, codes)
    np.testing.assert_array_equal(found, expected)
    assert 0.1 < found.mean() < 0.9


def test_a_type_of_five_is_vouched_for_among_as_many_wrong_labels() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [400, 300, 5])
    points = 6.0 * np.eye(3)[codes] + rng.normal(size=(705, 3))
    given = codes.copy()
    given[rng.choice(700, 10, replace=False)] = 2
    found = vouched_for(points, given)
    assert found[codes == 2].all()
    assert found[(given == 2) & (codes != 2)].mean() < 0.2


def test_labels_at_random_are_hardly_ever_vouched_for() -> None:
    rng = np.random.default_rng(1)
    codes = rng.choice(6, 3000, p=[0.4, 0.3, 0.15, 0.1, 0.04, 0.01])
    assert vouched_for(rng.normal(size=(3000, 10)), codes).mean() < 0.02


def test_of_many_cells_those_drawn_say_who_vouches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_quality, "MOST_NEIGHBOURS_FROM", 60)
    rng = np.random.default_rng(2)
    codes = np.repeat([0, 1], [150, 150])
    points = 8.0 * codes[:, None] + rng.normal(size=(300, 2))
    given = codes.copy()
    given[0] = 1
    found = vouched_for(points, given, seed=3)
    assert found[1:].all()
    assert not found[0]


@pytest.mark.parametrize("n_cells", [2, 3])
def test_two_or_three_cells_are_too_few(n_cells: int) -> None:
    assert not vouched_for(np.zeros((n_cells, 1)), np.zeros(n_cells, dtype=np.int64)).any()
