"""Groups of like cells, and what they say of a cell."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.trust.groups import (
    MOST_GROUPS,
    QueryGroups,
    far_and_crowded,
    grouped,
    squared_distances,
)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_a_group_is_nearer_to_its_mean_than_to_any_other():
    points = normal(900, 5)
    group, means, centers = grouped(points, 0)
    assert (group.shape, means.dtype) == ((900,), np.float32)
    for place in np.unique(group):
        assert np.allclose(means[place], points[group == place].mean(0), atol=1e-4)
    to_centers, to_means = (np.linalg.norm(points[:, None] - p, axis=2) for p in (centers, means))
    assert (to_centers.argmin(1) == group).mean() > 0.999
    assert (to_means.argmin(1) == group).mean() > 0.9  # ten rounds do not always come to rest


def test_many_cells_are_put_into_as_many_groups_as_there_may_be():
    points = normal(20_000, 4)
    group, means, _ = grouped(points, 1)
    assert means.shape == (MOST_GROUPS, 4)
    assert len(np.unique(group)) == MOST_GROUPS
    other = grouped(points, 2).group
    assert not np.array_equal(group, other)
    assert np.array_equal(group, grouped(points, 1).group)


@pytest.mark.parametrize("n_cells", [900, 5000])
def test_the_order_of_the_cells_does_not_matter(n_cells):
    points = normal(n_cells, 4)
    order = np.random.default_rng(1).permutation(n_cells)
    group, means, _ = grouped(points, 0)
    other, same, _ = grouped(points[order], 0)
    assert np.allclose(means, same, atol=1e-4)
    assert np.array_equal(group[order], other)


def test_distances_are_euclidean():
    points, others = normal(7, 3), normal(5, 3, seed=1)
    expected = np.linalg.norm(points[:, None] - others, axis=2) ** 2
    assert np.allclose(squared_distances(points, others), expected, atol=1e-5)


def test_far_is_three_groups_away_and_crowded_is_nearer_to_its_own_than_to_them():
    means, reference = normal(20, 4), normal(40, 4, seed=1)
    found = far_and_crowded(means, reference)
    assert found.dtype == np.float32
    for place, mean in enumerate(means):
        to_reference = np.sort(np.linalg.norm(reference - mean, axis=1))
        to_own = np.sort(np.linalg.norm(np.delete(means, place, axis=0) - mean, axis=1))
        assert found[place, 0] == pytest.approx(to_reference[:3].mean(), rel=1e-4)
        # twice as many groups of the reference: four of them are as large a share as two
        expected = np.log(to_reference[:4].mean() / to_own[:2].mean())
        assert found[place, 1] == pytest.approx(expected, abs=1e-3)


def test_groups_that_lie_on_each_other_are_crowded_without_end_but_finite():
    same = np.zeros((8, 3), dtype=np.float32)
    assert np.isfinite(far_and_crowded(same, same)).all()
    apart = far_and_crowded(same, same + 1)
    assert np.isfinite(apart).all()
    assert (apart[:, 1] > 5).all()


@pytest.mark.parametrize("n_groups", [1, 2])
def test_very_few_groups_are_told_something_too(n_groups):
    assert np.isfinite(far_and_crowded(normal(n_groups, 3), normal(2, 3, seed=1))).all()


def test_a_cell_has_the_readings_of_its_groups_and_their_mean_doubt():
    means = tuple(np.array(m, dtype=np.float32) for m in ([[0.0], [10.0]], [[0.0], [4.0]]))
    says = (np.array([[1, 2], [3, 4]], np.float32), np.array([[5, 6], [7, 8]], np.float32))
    among = QueryGroups(np.ones((1, 1), np.float32), np.zeros(1, np.float32), means, says)
    points = np.array([[1.0], [3.0], [9.0]], dtype=np.float32)
    groups = among.groups(points)
    assert groups.dtype == np.uint8
    assert groups.tolist() == [[0, 0], [0, 1], [1, 1]]
    found = among.readings(groups, np.array([0.1, 0.3, 0.8]))
    # doubt: groups of the first grouping 0.2 and 0.8, of the second 0.1 and 0.55
    expected = [[3, 4, 0.15], [4, 5, 0.375], [5, 6, 0.675]]
    assert np.allclose(found, expected, atol=1e-6)
