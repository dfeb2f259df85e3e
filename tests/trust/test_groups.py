"""Groups of like cells, and how far they are from the groups of the reference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.trust.groups import (
    CELLS_OF_GROUP,
    MOST_GROUPS,
    N_AXES,
    N_GROUPINGS,
    GroupSpace,
    group_space,
    grouped,
)

N_GENES = 200


def cells(programmes: dict[int, int], seed: int = 0) -> tuple[csr_matrix, np.ndarray]:
    """Noisy cells; three types have genes of their own a little up, a fourth half of two's."""
    rng = np.random.default_rng(seed)
    types = np.repeat(list(programmes), list(programmes.values()))
    own = [range(0, 20), range(20, 40), range(40, 60), [*range(10, 20), *range(30, 40)]]
    mean = np.full((len(types), N_GENES), 0.3)
    for place, kind in enumerate(types):
        mean[place, own[kind]] += 0.7
    return csr_matrix(np.log1p(rng.poisson(mean)).astype(np.float32)), types


@pytest.fixture(scope="module")
def reference() -> tuple[csr_matrix, np.ndarray]:
    return cells({0: 300, 1: 300, 2: 300})


@pytest.fixture(scope="module")
def space(reference: tuple[csr_matrix, np.ndarray]) -> GroupSpace:
    return group_space(*reference, 3)


def test_axes_are_principal_components_of_cells_with_markers_louder(reference, space):
    from plkd.data.marker_scale import marker_scale

    expression, codes = reference
    scale = marker_scale(expression, codes, 3, power=0.5)
    heard = expression.toarray() * scale
    heard -= heard.mean(0)
    assert space.axes.shape == (N_AXES, N_GENES)
    unscaled = space.axes / scale
    assert np.allclose(unscaled @ unscaled.T, np.eye(N_AXES), atol=1e-3)
    singular = np.linalg.svd(heard, compute_uv=False)[:N_AXES]
    along = np.linalg.norm(space.points(expression), axis=0)
    assert np.allclose(along, singular, rtol=1e-3)
    assert np.abs(space.points(expression).mean(0)).max() < 1e-3
    assert space.centers.shape == (N_GROUPINGS, 900 // CELLS_OF_GROUP, N_AXES)


def test_fewer_cells_than_genes_have_the_same_axes(reference):
    from plkd.data.marker_scale import marker_scale

    rows = np.arange(0, 900, 6)
    expression, codes = reference[0][rows], reference[1][rows]
    few = group_space(expression, codes, 3)
    heard = expression.toarray() * marker_scale(expression, codes, 3, power=0.5)
    singular = np.linalg.svd(heard - heard.mean(0), compute_uv=False)[:N_AXES]
    along = np.linalg.norm(few.points(expression), axis=0)
    assert np.allclose(along, singular, rtol=1e-3)


def test_a_group_is_nearer_to_its_mean_than_to_any_other(space, reference):
    points = space.points(reference[0])
    group, means = grouped(points, 0)
    assert (group.shape, means.dtype) == ((900,), np.float32)
    for place in np.unique(group):
        assert np.allclose(means[place], points[group == place].mean(0), atol=1e-4)
    apart = np.linalg.norm(points[:, None] - means, axis=2)
    assert (apart.argmin(1) == group).mean() > 0.9  # ten rounds do not always come to rest


def test_many_cells_are_put_into_as_many_groups_as_there_may_be():
    points = np.random.default_rng(0).normal(size=(20_000, 4)).astype(np.float32)
    group, means = grouped(points, 1)
    assert means.shape == (MOST_GROUPS, 4)
    assert len(np.unique(group)) == MOST_GROUPS
    other, _ = grouped(points, 2)
    assert not np.array_equal(group, other)
    assert np.array_equal(group, grouped(points, 1)[0])


@pytest.mark.parametrize("n_cells", [900, 5000])
def test_the_order_of_the_cells_does_not_matter(n_cells):
    points = np.random.default_rng(0).normal(size=(n_cells, 4)).astype(np.float32)
    order = np.random.default_rng(1).permutation(n_cells)
    group, means = grouped(points, 0)
    other, same = grouped(points[order], 0)
    assert np.allclose(means, same, atol=1e-4)
    assert np.array_equal(group[order], other)


def test_distance_is_that_of_the_groups_mean_to_three_groups_of_the_reference(space):
    query, _ = cells({0: 150, 1: 150}, seed=1)
    points = space.points(query)
    expected = np.zeros(300)
    for seed in range(N_GROUPINGS):
        group, _ = grouped(points, seed)
        for place, own in enumerate(group):
            mean = points[group == own].mean(0)
            apart = np.sort(np.linalg.norm(space.centers[seed] - mean, axis=1))
            expected[place] += apart[:3].mean() / N_GROUPINGS
    found = space.distances(points)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-3)


def test_a_type_beside_a_known_one_shows_in_groups_and_not_in_cells(space):
    from sklearn.metrics import roc_auc_score

    by_group, alone = [], []
    for seed in range(2, 8):
        query, types = cells({0: 300, 1: 300, 2: 300, 3: 100}, seed=seed)
        points = space.points(query)
        nearest = np.linalg.norm(points[:, None] - space.centers[0], axis=2).min(1)
        by_group.append(roc_auc_score(types == 3, space.distances(points)))
        alone.append(roc_auc_score(types == 3, nearest))
    assert np.mean(by_group) > 0.92
    assert np.min(np.subtract(by_group, alone)) > 0.1


def test_groups_come_back_from_arrays(space):
    again = GroupSpace.from_arrays(space.as_arrays())
    points = space.points(cells({0: 300}, seed=3)[0])
    assert np.array_equal(again.distances(points), space.distances(points))
