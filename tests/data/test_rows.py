from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from plkd.data.rows import (
    VALUES_AT_A_TIME,
    as_csr,
    gene_variance,
    largest_in_row,
    log1p_in_place,
    rows_between,
)
from plkd.data.type_means import type_means


@pytest.mark.parametrize("n_values", [0, 1, VALUES_AT_A_TIME, 3 * VALUES_AT_A_TIME + 7])
def test_the_logarithm_is_that_of_numpy(n_values):
    rng = np.random.default_rng(0)
    values = (10 ** rng.uniform(-9, 6, n_values)).astype(np.float32)
    expected = np.log1p(values.astype(np.float64))
    log1p_in_place(values)
    np.testing.assert_allclose(values, expected, rtol=5e-7)


def test_the_logarithm_of_one_is_zero():
    values = np.zeros(9, dtype=np.float32)
    log1p_in_place(values)
    assert not values.any()
    assert not np.signbit(values).any()


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (50, 7)])
def test_the_largest_of_each_row_is_found(shape):
    table = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    found = largest_in_row(table)
    assert found.dtype == table.dtype
    np.testing.assert_array_equal(found, table.max(1))


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csr_array, sp.csc_matrix, np.asarray])
def test_rows_between_are_those_of_the_matrix(kind):
    values = np.random.default_rng(0).poisson(0.5, (20, 7)).astype(np.float32)
    matrix = kind(values)
    for start, stop in ((0, 20), (3, 11), (5, 5), (19, 20)):
        found = rows_between(matrix, start, stop)
        found = found.toarray() if sp.issparse(found) else found
        np.testing.assert_array_equal(found, values[start:stop])


def test_rows_between_that_are_not_in_order_are_put_right_in_a_copy():
    matrix = sp.csr_matrix(([1.0, 2.0, 4.0], [2, 0, 0], [0, 2, 3]), shape=(2, 3))
    before = matrix.data.copy(), matrix.indices.copy()
    rows = as_csr(rows_between(matrix, 0, 1))
    np.testing.assert_array_equal(rows.toarray(), [[2, 0, 1]])
    assert rows.has_sorted_indices
    np.testing.assert_array_equal(matrix.data, before[0])
    np.testing.assert_array_equal(matrix.indices, before[1])


def test_sums_by_blocks_of_cells_are_those_of_all(monkeypatch):
    for module in ("rows", "type_means"):
        monkeypatch.setattr(f"plkd.data.{module}.CELLS_AT_A_TIME", 7)
    rng = np.random.default_rng(0)
    values = rng.poisson(0.5, (30, 5)).astype(np.float32)
    codes = np.arange(30) % 4 - 1
    np.testing.assert_allclose(gene_variance(sp.csr_matrix(values)), values.var(0), rtol=1e-5)
    means, present = type_means(sp.csr_matrix(values), codes, 3)
    np.testing.assert_array_equal(present, [0, 1, 2])
    np.testing.assert_allclose(means, [values[codes == code].mean(0) for code in range(3)])
