"""Strange among its like: groups count beside the cell, and when older models ask them."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.trust.group_scale import WEIGHTS, GroupScale, group_scale
from plkd.trust.usual_scores import FURTHEST


def of_groups(n_cells: int, seed: int = 0) -> np.ndarray:
    """Distance, crowd and doubt of groups."""
    rng = np.random.default_rng(seed)
    told = (rng.gamma(4, size=n_cells), rng.normal(size=n_cells), rng.beta(1, 4, size=n_cells))
    return np.column_stack(told).astype(np.float32)


def test_the_distance_of_the_group_counts_beside_the_cell_itself():
    alone, told = np.random.default_rng(0).normal(size=2000), of_groups(2000)
    scale = group_scale(alone, told, (alone + 1, told))
    assert scale.heeds_doubt
    middle, far = np.median(told, axis=0), np.quantile(told, 0.9, axis=0)
    asked = np.tile(middle, (6, 1)).astype(np.float32)
    for place, reading in ((1, 0), (2, 1), (3, 2)):
        asked[place, reading] = far[reading]
    asked[4] -= (far - middle) / 2
    asked[5] = far
    found = scale.scores(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 3.0]), asked)
    distance, crowd, doubt = WEIGHTS
    lower = -(distance + crowd) / 2  # less doubt than usual does not make a cell less strange
    expected = [0, distance, crowd, doubt, lower, 3 + sum(WEIGHTS)]
    assert np.allclose(found, expected, atol=1e-4)
    assert scale.usual.usual_shift == pytest.approx(1, abs=0.01)
    both = scale.scores(alone, told)
    assert (scale.usual.strangeness(both) > 0.95).mean() == pytest.approx(0.05, abs=0.004)
    again = GroupScale.from_arrays(scale.as_arrays())
    assert np.array_equal(again.scores(alone, told), both)
    assert np.array_equal(again.usual.strangeness(both), scale.usual.strangeness(both))


def test_groups_that_are_all_equally_far_do_not_divide_by_zero():
    alone, told = np.zeros(300), np.ones((300, 3), dtype=np.float32)
    scale = group_scale(alone, told, (alone, told))
    assert np.isfinite(scale.usual.strangeness(scale.scores(alone, told + 1))).all()


def test_a_scale_of_format_4_heeds_the_distance_alone():
    alone, told = np.random.default_rng(0).normal(size=2000), of_groups(2000)
    whole = group_scale(alone, told, (alone, told))
    arrays = {**whole.as_arrays(), "middle": np.asarray(2.0), "spread": np.asarray(0.5)}
    old = GroupScale.from_arrays(arrays)
    assert not old.heeds_doubt
    assert np.allclose(old.scores(alone, told), alone + WEIGHTS[0] * (told[:, 0] - 2) / 0.5)
    assert old.as_arrays()["middle"].shape == ()


def test_groups_of_a_query_from_another_world_are_not_asked():
    alone, told = np.random.default_rng(0).normal(size=2000), of_groups(2000)
    scale = group_scale(alone, told, (alone + 2, told))
    assert scale.usual.usual_shift == pytest.approx(2, abs=0.01)
    assert scale.is_asked(0.0)
    assert scale.is_asked(FURTHEST * 2 - 0.1)
    assert not scale.is_asked(FURTHEST * 2 + 0.1)
    old = GroupScale.from_arrays({**scale.as_arrays(), "middle": np.array(2.0)})
    assert old.is_asked(1000.0)  # as it always did
