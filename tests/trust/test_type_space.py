"""Where types lie: every number against a slow way to it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from plkd.trust.type_space import TypeClouds, TypeSpace, centred_length, type_clouds, type_space


def cells(n_cells: int = 240, n_genes: int = 40, n_types: int = 3, seed: int = 0):
    """Return counts-like values in which each type has ten genes of its own, and the types."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_types, n_cells)
    rate = np.full((n_types, n_genes), 0.3)
    for code in range(n_types):
        rate[code, 10 * code : 10 * code + 10] = 3.0
    return sp.csr_matrix(np.log1p(rng.poisson(rate[codes])).astype(np.float32)), codes


def slow_distance(points, clouds: TypeClouds):
    precision = clouds.whitening.astype(float) @ clouds.whitening.T
    return [
        min(
            float(np.sqrt((point - center) @ precision @ (point - center)))
            for center in clouds.centers.astype(float)
        )
        for point in points.astype(float)
    ]


def test_distance_is_that_of_mahalanobis_to_the_nearest_centre():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, 300)
    points = (rng.normal(size=(300, 5)) + 4 * codes[:, None]).astype(np.float32)
    clouds = type_clouds(points, codes, 4)
    within = np.concatenate([points[codes == c] - points[codes == c].mean(0) for c in range(4)])
    assert np.allclose(clouds.centers, [points[codes == c].mean(0) for c in range(4)], atol=1e-4)
    expected = np.linalg.inv(within.T.astype(float) @ within / 300)
    assert np.allclose(clouds.whitening @ clouds.whitening.T, expected, rtol=0.02, atol=0.02)
    assert np.allclose(clouds.distance(points), slow_distance(points, clouds), atol=1e-3)


def test_many_cells_are_taken_some_at_a_time_to_the_same_result(monkeypatch):
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 4, 700)
    points = (rng.normal(size=(700, 6)) + codes[:, None]).astype(np.float32)
    whole = type_clouds(points, codes, 5)
    monkeypatch.setattr("plkd.trust.type_space.CELLS_AT_A_TIME", 64)
    parts = type_clouds(points, codes, 5)
    assert np.allclose(parts.centers, whole.centers, rtol=1e-6)
    assert np.allclose(parts.centers[4], points.mean(0), atol=1e-6)
    precisions = (each.whitening @ each.whitening.T for each in (parts, whole))
    assert np.allclose(*precisions, rtol=1e-5, atol=1e-5)


def test_clouds_of_many_cells_need_little_memory_beside_them():
    points = np.random.default_rng(4).random((40_000, 50), dtype=np.float32)
    codes = np.arange(len(points)) % 50
    tracemalloc.start()
    type_clouds(points, codes, 50)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < points.nbytes


def test_distances_far_from_zero_lose_no_digits():
    rng = np.random.default_rng(2)
    points = (rng.normal(size=(50, 3)) + 1000).astype(np.float32)
    clouds = type_clouds(points, np.zeros(50, dtype=int), 1)
    assert np.allclose(clouds.distance(points), slow_distance(points, clouds), atol=2e-3)


def test_a_type_without_cells_stands_in_the_middle_and_a_flat_cloud_can_be_inverted():
    points = np.zeros((6, 2), dtype=np.float32)
    clouds = type_clouds(points, np.zeros(6, dtype=int), 2)
    assert np.array_equal(clouds.centers, np.zeros((2, 2)))
    assert np.isfinite(clouds.whitening).all()
    assert np.isfinite(clouds.distance(points)).all()


def test_readings_are_distance_and_correlation_with_the_named_type():
    expression, codes = cells()
    space = type_space(expression, codes, 3)
    heard = np.asarray(expression @ space.directions.T)
    named = np.random.default_rng(0).integers(0, 3, len(codes))
    found = space.readings(heard, centred_length(expression), named)
    dense = expression.toarray()
    for cell in range(0, len(codes), 17):
        mean = dense[codes == named[cell]].mean(0)
        expected = np.corrcoef(dense[cell], mean)[0, 1]
        assert found[cell, 1] == pytest.approx(1 - expected, abs=1e-4)
    assert np.allclose(found[:, 0], slow_distance(heard[:, :3], space.agreement), atol=1e-3)


def test_cells_of_no_type_are_further_away():
    expression, codes = cells()
    space = type_space(expression, codes, 3)
    novel = np.zeros((20, 40), dtype=np.float32)
    novel[:, 30:] = 2.0
    both = sp.vstack([expression, sp.csr_matrix(novel)]).tocsr()
    heard = np.asarray(both @ space.directions.T)
    found = space.readings(heard, centred_length(both), heard[:, :3].argmax(1))
    assert found[-20:].min(0)[1] > np.quantile(found[:-20, 1], 0.95)


def test_length_is_taken_around_the_mean_of_a_cell():
    expression, _ = cells(30)
    dense = expression.toarray()
    expected = np.linalg.norm(dense - dense.mean(1, keepdims=True), axis=1)
    assert np.allclose(centred_length(expression), expected, atol=1e-4)
    assert centred_length(sp.csr_matrix((2, 5), dtype=np.float32)).tolist() == [0, 0]


def test_unlabelled_cells_teach_nothing():
    expression, codes = cells()
    some = np.where(np.arange(len(codes)) % 3 == 0, -1, codes)
    known = some >= 0
    ours = type_space(expression, some, 3)
    agreement = np.asarray(expression[known] @ ours.directions[:3].T)
    expected = [agreement[codes[known] == code].mean(0) for code in range(3)]
    assert np.allclose(ours.agreement.centers, expected, atol=1e-4)


def test_it_comes_back_from_arrays():
    expression, codes = cells()
    space = type_space(expression, codes, 3)
    again = TypeSpace.from_arrays(space.as_arrays())
    heard = np.asarray(expression @ again.directions.T)
    named, length = codes, centred_length(expression)
    assert np.array_equal(
        again.readings(heard, length, named), space.readings(heard, length, named)
    )
