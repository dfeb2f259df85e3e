"""Batches of an embedding brought together, type by type."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.metrics import cell_type_asw, kbet
from plkd.tools.joint_alignment import FEW_FOR_MEAN, ROUNDS, aligned

WIDTH = 6


def clouds(counts: dict[tuple[int, int], int], seed: int = 0) -> tuple[np.ndarray, ...]:
    """Cells of types and batches: types far apart, each moved and bent by each batch in its way."""
    rng = np.random.default_rng(seed)
    points, types, batches = [], [], []
    for (kind, batch), n_cells in counts.items():
        own = np.random.default_rng([kind, batch])
        bent = np.eye(WIDTH) + 0.5 * own.normal(size=(WIDTH, WIDTH))
        centre = 12.0 * np.eye(WIDTH)[kind] + own.normal(size=WIDTH)
        points.append(rng.normal(size=(n_cells, WIDTH)) @ bent + centre)
        types += [kind] * n_cells
        batches += [batch] * n_cells
    return np.concatenate(points).astype(np.float32), np.array(types), np.array(batches)


def certain(types: np.ndarray) -> np.ndarray:
    return np.eye(types.max() + 1, dtype=np.float32)[types]


def test_types_get_one_mean_and_one_covariance_in_all_batches():
    points, types, batches = clouds({(0, 0): 40000, (0, 1): 30000, (1, 0): 30000, (1, 1): 40000})
    moved = aligned(points, certain(types), batches)
    assert (moved.dtype, moved.shape) == (np.float32, points.shape)
    for kind in (0, 1):
        one, other = (moved[(types == kind) & (batches == batch)] for batch in (0, 1))
        np.testing.assert_allclose(one.mean(0), other.mean(0), atol=0.01)
        spread = np.cov(one.T)
        np.testing.assert_allclose(np.cov(other.T), spread, atol=0.05 * np.trace(spread) / WIDTH)
        pooled = points[types == kind].mean(0)
        np.testing.assert_allclose(moved[types == kind].mean(0), pooled, atol=0.01)


def test_batches_mix_and_types_stay_apart():
    points, types, batches = clouds({(k, b): 150 for k in range(3) for b in range(3)})
    moved = aligned(points, certain(types), batches)
    assert kbet(points, batches) < 0.2
    assert kbet(moved, batches) > 0.8
    assert cell_type_asw(moved, types) > cell_type_asw(points, types) - 0.01


def test_order_of_cells_and_names_of_batches_do_not_matter():
    points, types, batches = clouds({(0, 0): 60, (0, 1): 40, (1, 1): 50, (1, 2): 30})
    shares = 0.8 * certain(types) + 0.1
    expected = aligned(points, shares, batches)
    order = np.random.default_rng(1).permutation(len(points))
    found = aligned(points[order], shares[order], 7 - batches[order])
    np.testing.assert_allclose(found, expected[order], atol=1e-4)


@pytest.mark.parametrize("counts", [{(0, 0): 30, (1, 1): 40}, {(0, 0): 30, (1, 0): 30}])
def test_a_type_in_one_batch_stays_in_place(counts):
    points, types, batches = clouds(counts)
    np.testing.assert_allclose(aligned(points, certain(types), batches), points, rtol=1e-6)


@pytest.mark.parametrize("doubt", [0.002, 0.01, 0.03])
def test_a_rare_type_of_one_batch_is_not_drawn_to_what_is_common_in_others(doubt):
    """Five thousand cells of another type that hold a little of it are not a cloud of it."""
    rng = np.random.default_rng(3)
    types = np.repeat([0, 1, 0], [1000, 50, 5000])
    batches = np.repeat([0, 0, 1], [1000, 50, 5000])
    points = rng.normal(size=(6050, WIDTH)).astype(np.float32)
    points[types == 1, 0] += 10
    shares = (1 - doubt) * certain(types) + doubt * (1 - certain(types))
    moved = aligned(points, shares, batches)
    gap = moved[types == 1].mean(0) - moved[types == 0].mean(0)
    assert gap[0] == pytest.approx(10, abs=0.5)
    assert moved[types == 1].std(0) == pytest.approx(points[types == 1].std(0), rel=0.1)


@pytest.mark.parametrize("unit", [1e-4, 0.03, 100.0])
def test_the_unit_of_the_embedding_does_not_matter(unit):
    points, types, batches = clouds({(k, b): 60 for k in range(2) for b in range(2)})
    points[:, 4:] *= 0.01  # directions in which little varies
    shares = 0.9 * certain(types) + 0.05
    expected = aligned(points, shares, batches)
    found = aligned(points * np.float32(unit), shares, batches)
    np.testing.assert_allclose(found / unit, expected, atol=1e-4)


def test_single_cells_of_a_type_meet_half_way_each_time():
    points, types, batches = clouds({(0, 0): 50, (0, 1): 50})
    far = np.full((2, WIDTH), 40.0, dtype=np.float32)
    far[1] += 1
    cells = np.concatenate([points, far])
    shares = certain(np.append(types, [1, 1]))
    moved = aligned(cells, shares, np.append(batches, [0, 1]))
    np.testing.assert_allclose(moved[-1] - moved[-2], 0.25, atol=1e-3)


def test_cells_without_a_probability_stay_in_place_and_count_for_nothing():
    points, types, batches = clouds({(0, 0): 80, (0, 1): 80})
    shares = certain(types)
    expected = aligned(points, shares, batches)
    strange = np.concatenate([points, points[:5] + 100])
    found = aligned(strange, np.pad(shares, ((0, 5), (0, 0))), np.append(batches, [0] * 5))
    np.testing.assert_allclose(found[:-5], expected, atol=1e-5)
    np.testing.assert_array_equal(found[-5:], strange[-5:])


def test_one_cell_of_a_batch_is_moved_by_half_each_time_and_keeps_its_shape():
    points, types, batches = clouds({(0, 0): 200})
    alone = np.concatenate([points, points[:1] + 4])
    moved = aligned(alone, certain(np.append(types, 0)), np.append(batches, 1))
    assert (FEW_FOR_MEAN, ROUNDS) == (1.0, 2)
    expected = (alone[-1] + 3 * np.average(alone, axis=0)) / 4
    np.testing.assert_allclose(moved[-1], expected, atol=0.08)


def test_directions_in_which_nothing_varies_do_no_harm():
    points, types, batches = clouds({(0, 0): 50, (0, 1): 50})
    flat = np.concatenate([points, np.zeros_like(points)], axis=1)
    moved = aligned(flat, certain(types), batches)
    assert np.isfinite(moved).all()
    np.testing.assert_allclose(moved[:, WIDTH:], 0, atol=1e-5)


def test_a_batch_whose_cells_lie_closer_together_is_spread_from_few_cells_too():
    rng = np.random.default_rng(0)
    n_cells, width = 20, 64
    tight, wide = rng.normal(scale=0.5, size=(n_cells, width)), rng.normal(size=(n_cells, width))
    other = rng.normal(size=(2 * n_cells, width)) + 20
    points = np.concatenate([tight, wide, other]).astype(np.float32)
    types = np.repeat([0, 1], 2 * n_cells)
    batches = np.tile(np.repeat([0, 1], n_cells), 2)
    moved = aligned(points, certain(types), batches)
    sizes = [np.trace(np.cov(moved[rows].T)) for rows in np.split(np.arange(40), 2)]
    assert 0.8 < sizes[0] / sizes[1] < 1.25
    unmoved = [np.trace(np.cov(points[rows].T)) for rows in np.split(np.arange(40), 2)]
    assert unmoved[0] / unmoved[1] < 0.3
