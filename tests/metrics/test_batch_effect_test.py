"""kBET, against the formula written out and against chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plkd import metrics
from plkd.errors import InputError
from plkd.metrics.batch_effect_test import neighbourhood_size
from slow_measures import kbet_of


@pytest.mark.parametrize("k", [2, 10, 25, 90])
@pytest.mark.parametrize("alpha", [0.05, 0.4])
def test_kbet_is_what_the_formula_says(cells: Any, k: int, alpha: float) -> None:
    found = metrics.kbet(cells.points, cells.batches, n_neighbors=k, alpha=alpha)
    assert found == pytest.approx(kbet_of(cells.points, cells.batches, k, alpha))


def test_a_batch_effect_lowers_it(cells: Any) -> None:
    before = metrics.kbet(cells.before, cells.batches)
    assert before == pytest.approx(kbet_of(cells.before, cells.batches, 10))
    assert before < 0.6 < metrics.kbet(cells.points, cells.batches)


@pytest.mark.parametrize(
    ("n_cells", "n_batches", "k"),
    [(30, 3, 10), (120, 2, 15), (100_000, 4, 70), (6, 2, 6), (480, 3, 40)],
)
def test_neighbourhood_is_a_quarter_of_a_batch_within_bounds(
    n_cells: int, n_batches: int, k: int
) -> None:
    assert neighbourhood_size(n_cells, n_batches) == k


def test_kbet_per_type_is_the_mean_over_types(cells: Any) -> None:
    expected = []
    for kind in np.unique(cells.types):
        own = np.flatnonzero(cells.types == kind)
        k = neighbourhood_size(len(own), len(set(cells.batches[own])))
        if 2 * k > len(own):
            continue
        expected.append(kbet_of(cells.points[own], cells.batches[own], k))
    found = metrics.kbet_per_type(cells.points, cells.batches, cells.types)
    assert found == pytest.approx(np.mean(expected))


def test_types_that_cannot_be_tested_are_left_out(cells: Any) -> None:
    types, batches = cells.types.astype(object), cells.batches.copy()
    batches[types == "B"] = "one"  # one batch only
    types[np.flatnonzero(types == "NK")[:9]] = "rare"
    own = np.isin(types, ["T", "NK"])
    expected = metrics.kbet_per_type(cells.points[own], batches[own], types[own])
    assert metrics.kbet_per_type(cells.points, batches, types) == expected


@pytest.mark.parametrize("k", [2, 3, 4])
def test_small_types_are_tested_where_neighbourhoods_are_small(cells: Any, k: int) -> None:
    own = np.concatenate([np.flatnonzero(cells.types == kind)[: 2 * k] for kind in ("NK", "T")])
    points, types = cells.points[own], cells.types[own]
    batches = np.resize(["one", "two"], len(own))
    expected = [kbet_of(points[types == kind], batches[types == kind], k) for kind in ("NK", "T")]
    found = metrics.kbet_per_type(points, batches, types, n_neighbors=k)
    assert found == pytest.approx(np.mean(expected))


def test_composition_of_types_lowers_kbet_but_not_kbet_per_type() -> None:
    """Batches that are mixed within types, but hold them in different shares."""
    rng = np.random.default_rng(0)
    types = np.repeat(["a", "b"], 600)
    chance = np.where(types == "a", 0.8, 0.2)
    batches = np.where(rng.random(1200) < chance, "one", "two")
    points = rng.normal(size=(1200, 5)) + 20 * (types == "a")[:, None]
    assert metrics.kbet(points, batches) < 0.1
    assert metrics.kbet_per_type(points, batches, types) > 0.9


def test_shuffled_batches_are_accepted_as_often_as_the_level_says() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 10))
    batches = rng.choice(["a", "b", "c"], 3000, p=[0.6, 0.3, 0.1])
    assert metrics.kbet(points, batches) == pytest.approx(0.95, abs=0.02)
    assert metrics.kbet(points, batches, alpha=0.5) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 1}, "n_neighbors from 2 to the number of cells, 90; found 1"),
        ({"n_neighbors": 0}, "n_neighbors from 2"),
        ({"n_neighbors": 91}, "n_neighbors from 2"),
        ({"alpha": 0}, r"alpha in \(0, 1\)"),
        ({"alpha": 1}, r"alpha in \(0, 1\)"),
    ],
)
def test_bad_options_are_refused(cells: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.kbet(cells.points, cells.batches, **options)
    with pytest.raises(InputError, match=message):
        metrics.kbet_per_type(cells.points, cells.batches, cells.types, **options)


def test_bad_groups_are_refused(cells: Any) -> None:
    with pytest.raises(InputError, match="2 groups or more in 'batches'"):
        metrics.kbet(cells.points, ["a"] * 90)
    with pytest.raises(InputError, match="'types' with a value for each of 90"):
        metrics.kbet_per_type(cells.points, cells.batches, ["T"])
    with pytest.raises(InputError, match="a type of 20 cells or more in two of the batches"):
        metrics.kbet_per_type(cells.points, cells.batches, cells.batches)


@pytest.mark.parametrize("n_cells", [10, 12, 16, 18])
def test_a_type_that_one_neighbourhood_nearly_holds_says_nothing(n_cells: int) -> None:
    """Batches wholly apart: too few cells for the test to see it, so the type is left out."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(100 + n_cells, 3))
    types = np.repeat(["large", "small"], [100, n_cells])
    batches = np.concatenate([np.arange(100) % 2, np.arange(n_cells) >= n_cells // 2]).astype(str)
    batches = np.where(np.isin(batches, ["1", "True"]), "one", "other")
    points[types == "small", 0] += 20 + 20 * (batches[types == "small"] == "one")
    expected = metrics.kbet_per_type(points[:100], batches[:100], types[:100])
    assert metrics.kbet_per_type(points, batches, types) == expected
