"""What a model keeps of its reference's groups, and a query compared with it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

from plkd.data.marker_scale import marker_scale
from plkd.trust.group_space import (
    N_AXES,
    N_QUERY_AXES,
    FixedGroupSpace,
    GroupSpace,
    group_space,
    group_space_from,
)
from plkd.trust.groups import (
    CELLS_OF_GROUP,
    MOST_CELLS,
    N_GROUPINGS,
    far_and_crowded,
    grouped,
    points_along,
)

N_GENES = 200
OWN = [range(0, 20), range(20, 40), range(40, 60), [*range(10, 20), *range(30, 40)], range(60, 80)]


def cells(programmes: dict[int, int], seed: int = 0, *, batch: float = 0.0) -> csr_matrix:
    """Noisy cells; types 0, 1, 2, 4 have genes of their own a little up, 3 half of 0's and 1's."""
    rng = np.random.default_rng(seed)
    types = types_of(programmes)
    mean = np.full((len(types), N_GENES), 0.3)
    for place, kind in enumerate(types):
        mean[place, OWN[kind]] += 0.7
    mean[:, :60:2] += batch
    return csr_matrix(np.log1p(rng.poisson(mean)).astype(np.float32))


def types_of(programmes: dict[int, int]) -> np.ndarray:
    return np.repeat(list(programmes), list(programmes.values()))


def told(
    space: GroupSpace | FixedGroupSpace, query: csr_matrix, *, batch_effect: bool = True
) -> np.ndarray:
    """What the groups say of each cell, nobody being in doubt."""
    among = space.of_query(query, batch_effect=batch_effect)
    return among.readings(among.groups(among.points(query)), np.zeros(query.shape[0]))


@pytest.fixture(scope="module")
def reference() -> csr_matrix:
    return cells({0: 300, 1: 300, 2: 300})


@pytest.fixture(scope="module")
def space(reference: csr_matrix) -> GroupSpace:
    return group_space(reference, types_of({0: 300, 1: 300, 2: 300}), 3)


def test_axes_are_principal_components_of_cells_with_markers_louder(reference, space):
    scale = marker_scale(reference, types_of({0: 300, 1: 300, 2: 300}), 3, power=0.5)
    heard = reference.toarray() * scale
    heard -= heard.mean(0)
    assert np.array_equal(space.scale, scale)
    assert space.axes.shape == (N_AXES, N_GENES)
    unscaled = space.axes / scale
    assert np.allclose(unscaled @ unscaled.T, np.eye(N_AXES), atol=1e-3)
    singular = np.linalg.svd(heard, compute_uv=False)[:N_AXES]
    along = np.linalg.norm(points_along(reference, space.axes, space.origin), axis=0)
    assert np.allclose(along, singular, rtol=1e-3)
    assert np.abs(points_along(reference, space.axes, space.origin).mean(0)).max() < 1e-3


def test_fewer_cells_than_genes_have_the_same_axes(reference):
    rows = np.arange(0, 900, 6)
    expression, codes = reference[rows], types_of({0: 300, 1: 300, 2: 300})[rows]
    few = group_space(expression, codes, 3)
    heard = expression.toarray() * marker_scale(expression, codes, 3, power=0.5)
    singular = np.linalg.svd(heard - heard.mean(0), compute_uv=False)[:N_AXES]
    along = np.linalg.norm(points_along(expression, few.axes, few.origin), axis=0)
    assert np.allclose(along, singular, rtol=1e-3)


def test_it_keeps_the_means_of_groups_and_types_in_all_genes(reference, space):
    points = points_along(reference, space.axes, space.origin)
    dense = reference.toarray()
    assert space.means.shape == (N_GROUPINGS * 900 // CELLS_OF_GROUP, N_GENES)
    for seed in range(N_GROUPINGS):
        group, centers, _ = grouped(points, seed)
        expected = np.stack([dense[group == place].mean(0) for place in range(len(centers))])
        assert np.allclose(space.means[space.grouping == seed], expected, atol=2e-3)
    assert np.allclose(space.types[1], dense[300:600].mean(0), atol=2e-3)


def test_what_the_groups_say_is_measured_along_the_querys_own_axes(space):
    query = cells({0: 150, 1: 150, 2: 100, 4: 80}, seed=1)
    among = space.of_query(query, batch_effect=False)
    assert among.axes.shape == (N_QUERY_AXES, N_GENES)
    # the fourth type differs in genes along which the reference does not vary
    both = [np.linalg.norm(axes[:, 60:80]) for axes in (among.axes, space.axes)]
    assert both[0] > 1.2 * both[1]
    points = np.asarray(query @ among.axes.T)
    expected = np.zeros((480, 2))
    for seed in range(N_GROUPINGS):
        group, means, _ = grouped(points, seed)
        reference = space.means[space.grouping == seed].astype(np.float32) @ among.axes.T
        expected += far_and_crowded(means, reference)[group] / N_GROUPINGS
    assert np.allclose(told(space, query, batch_effect=False)[:, :2], expected, atol=1e-3)


@pytest.mark.parametrize("novel", [3, 4], ids=["between two known ones", "apart"])
def test_a_new_type_shows_in_groups_and_not_in_cells(space, novel):
    far, crowded, alone = [], [], []
    for seed in range(2, 8):
        programmes = {0: 300, 1: 300, 2: 300, novel: 100}
        query, is_new = cells(programmes, seed=seed), types_of(programmes) == novel
        says = told(space, query)
        far.append(roc_auc_score(is_new, says[:, 0]))
        crowded.append(roc_auc_score(is_new, says[:, 1]))
        known = space.means[space.grouping == 0].astype(np.float32) @ space.axes.T - space.origin
        apart = np.linalg.norm(
            points_along(query, space.axes, space.origin)[:, None] - known, axis=2
        )
        alone.append(roc_auc_score(is_new, apart.min(1)))
    assert np.mean(far) > 0.9
    assert np.mean(crowded) > 0.9
    assert np.min(np.subtract(far, alone)) > 0.05


def test_a_batch_effect_that_all_types_share_is_taken_off(space):
    programmes = {0: 300, 1: 300, 2: 300}
    plain, moved = cells(programmes, seed=1), cells(programmes, seed=1, batch=0.5)
    near = told(space, plain)[:, 0].mean()
    assert told(space, moved)[:, 0].mean() < 1.2 * near
    assert told(space, moved, batch_effect=False)[:, 0].mean() > 1.4 * near


def test_a_query_of_new_cells_alone_is_far_where_no_batch_effect_is_taken_off(space):
    new = told(space, cells({4: 400}, seed=1), batch_effect=False)[:, 0]
    known = told(space, cells({0: 150, 1: 150, 2: 150}, seed=1), batch_effect=False)[:, 0]
    assert new.mean() > 1.5 * known.mean()


def test_two_types_do_not_say_how_a_query_is_displaced(space):
    query = cells({0: 200, 1: 200}, seed=1, batch=0.1)
    assert not space.of_query(query).origin.any()
    assert np.array_equal(told(space, query), told(space, query, batch_effect=False))
    assert space.of_query(cells({0: 100, 1: 100, 2: 100}, seed=1, batch=0.5)).origin.any()


def test_a_known_type_that_became_common_is_crowded_less_than_a_new_one(space):
    crowded = []
    for programmes in ({0: 600, 1: 200, 2: 200}, {0: 200, 1: 200, 2: 200, 4: 400}):
        says = told(space, cells(programmes, seed=1))[:, 1]
        kind, common = types_of(programmes), max(programmes, key=programmes.__getitem__)
        crowded.append(says[kind == common].mean() - says[kind == 1].mean())
    assert 0.1 < crowded[0] < crowded[1] - 0.1


def test_of_many_cells_some_are_drawn(space):
    is_new = np.arange(6200) >= 6000
    found = []
    for seed in range(1, 5):
        query = cells({0: 2000, 1: 2000, 2: 2000, 4: 200}, seed=seed)
        among = space.of_query(query)
        assert all(len(each) == MOST_CELLS // CELLS_OF_GROUP for each in among.centers)
        says = told(space, query)
        assert says.shape == (6200, 3)
        found.append(roc_auc_score(is_new, says[:, 0]))
    assert np.mean(found) > 0.9


def test_it_comes_back_from_arrays(space):
    again = group_space_from(space.as_arrays())
    assert isinstance(again, GroupSpace)
    query = cells({0: 150, 1: 150}, seed=3)
    assert np.array_equal(told(again, query), told(space, query))


def test_a_space_of_format_4_measures_along_the_references_axes(space, reference):
    points = points_along(reference, space.axes, space.origin)
    centers = np.stack([grouped(points, seed).means for seed in range(N_GROUPINGS)])
    fixed = group_space_from({"axes": space.axes, "origin": space.origin, "centers": centers})
    assert isinstance(fixed, FixedGroupSpace)
    assert fixed.as_arrays().keys() == {"axes", "origin", "centers"}
    query = cells({0: 150, 1: 150}, seed=1)
    points = points_along(query, fixed.axes, fixed.origin)
    expected = np.zeros(300)
    for seed in range(N_GROUPINGS):
        group = grouped(points, seed).group
        for place, own in enumerate(group):
            mean = points[group == own].mean(0)
            apart = np.sort(np.linalg.norm(centers[seed] - mean, axis=1))
            expected[place] += apart[:3].mean() / N_GROUPINGS
    assert np.allclose(told(fixed, query)[:, 0], expected, atol=2e-3)
