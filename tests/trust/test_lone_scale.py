"""How new a cell looks by itself: far in what is expressed, and little energy."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.trust.lone_scale import LoneScale, lone_scale
from plkd.trust.novelty import ENERGY, FAR_FROM_TYPES


def readings(n_cells: int = 2000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(4, size=(n_cells, 4)).astype(np.float32)


@pytest.fixture
def scale() -> LoneScale:
    return lone_scale(readings(), readings(seed=1) + np.float32([1, 0, 0, 0]))


def test_a_score_adds_distance_and_missing_energy_in_units_of_the_held_out_cells(scale):
    held, seen = readings(), readings(20, seed=3)
    far, energy = held[:, FAR_FROM_TYPES], held[:, ENERGY]
    beyond = (seen[:, FAR_FROM_TYPES] - np.median(far)) / (np.quantile(far, 0.9) - np.median(far))
    missing = (np.median(energy) - seen[:, ENERGY]) / (np.median(energy) - np.quantile(energy, 0.1))
    assert np.allclose(scale.scores(seen), beyond + missing, atol=1e-4)


def test_much_energy_is_not_strange_and_little_is(scale):
    some = np.tile(np.median(readings(), axis=0), (3, 1)).astype(np.float32)
    some[1, ENERGY] += 8
    some[2, ENERGY] -= 8
    usual, sure, unsure = scale.scores(some)
    assert sure < usual < unsure


@pytest.mark.parametrize("reading", [1, 3])
def test_two_readings_are_not_heard(scale, reading):
    some, others = readings(20), readings(20)
    others[:, reading] += 5
    assert np.array_equal(scale.scores(some), scale.scores(others))


def test_false_alarms_are_as_many_as_stated(scale):
    scores = scale.scores(readings())
    assert (scale.usual.strangeness(scores) > 0.95).mean() == pytest.approx(0.05, abs=0.004)


def test_the_usual_shift_is_what_made_up_batch_effects_do(scale):
    both = scale.scores(readings()), scale.scores(readings(seed=1) + np.float32([1, 0, 0, 0]))
    expected = np.subtract(*(np.quantile(each, 0.25) for each in both[::-1]))
    assert expected > 0.2
    assert scale.usual.usual_shift == pytest.approx(expected, rel=1e-6)


def test_it_comes_back_from_arrays(scale):
    again, seen = LoneScale.from_arrays(scale.as_arrays()), readings(50, seed=4)
    scores = scale.scores(seen)
    assert np.array_equal(again.scores(seen), scores)
    assert np.array_equal(
        again.usual.strangeness(scores, 0.3), scale.usual.strangeness(scores, 0.3)
    )


def test_held_out_cells_that_are_all_alike_do_not_divide_by_zero():
    alike = np.ones((30, 4), dtype=np.float32)
    scale = lone_scale(alike, alike)
    assert np.isfinite(scale.usual.strangeness(scale.scores(readings(20)))).all()
