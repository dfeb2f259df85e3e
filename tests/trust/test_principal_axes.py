"""Principal axes: exactly, and quickly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from plkd.trust.principal_axes import exact_axes, leading_axes


def cells(n_cells: int, n_genes: int, seed: int = 0) -> csr_matrix:
    """Sparse cells that differ in four programmes of very different size, and in noise."""
    rng = np.random.default_rng(seed)
    programmes = rng.normal(size=(4, n_genes)) * np.array([[8.0], [5.0], [3.0], [2.0]])
    dense = rng.normal(size=(n_cells, 4)) @ programmes + rng.normal(size=(n_cells, n_genes)) + 1
    return csr_matrix(dense * (rng.random(dense.shape) < 0.9), dtype=np.float32)


def quick(expression: csr_matrix, n_axes: int) -> np.ndarray:
    return leading_axes(expression.toarray(), n_axes, np.asarray(expression.mean(0)).ravel())


def of_svd(expression: csr_matrix) -> np.ndarray:
    dense = expression.toarray().astype(np.float64)
    return np.linalg.svd(dense - dense.mean(0), full_matrices=False)[2]


@pytest.mark.parametrize(("n_cells", "n_genes"), [(300, 40), (60, 200)])
def test_both_find_the_axes_of_a_singular_value_decomposition(n_cells, n_genes):
    expression = cells(n_cells, n_genes)
    expected = of_svd(expression)[:4]
    for found in (exact_axes(expression.toarray(), 4), quick(expression, 4)):
        assert found.shape == (4, n_genes)
        assert np.allclose(found @ found.T, np.eye(4), atol=1e-4)
        assert np.allclose(np.abs((found * expected).sum(1)), 1, atol=0.01)


def test_what_all_cells_have_in_common_is_no_axis():
    expression = cells(200, 50)
    raised = csr_matrix(expression.toarray() + np.linspace(0, 40, 50), dtype=np.float32)
    for axes in (exact_axes(raised.toarray(), 1), quick(raised, 1)):
        assert abs(float(axes[0] @ of_svd(raised)[0])) > 0.99


@pytest.mark.parametrize("shape", [(3, 20), (20, 3)])
def test_there_are_no_more_axes_than_cells_or_genes(shape):
    expression = csr_matrix(random_array(shape, density=0.8, rng=np.random.default_rng(0)))
    assert exact_axes(expression.toarray(), 10).shape == (3, shape[1])
    assert quick(expression.astype(np.float32), 10).shape == (3, shape[1])


def test_cells_that_are_all_alike_have_finite_axes():
    alike = csr_matrix(np.ones((30, 12), dtype=np.float32))
    assert np.isfinite(quick(alike, 5)).all()
    assert np.isfinite(exact_axes(alike.toarray(), 5)).all()


def test_the_quick_axes_are_the_same_each_time():
    expression = cells(200, 50)
    assert np.array_equal(quick(expression, 6), quick(expression, 6))


def test_cells_all_on_one_side_of_the_point_differ_from_it_first_of_all():
    expression = cells(200, 50)
    aside = np.zeros(50, dtype=np.float32)
    aside[7] = 60
    first = leading_axes(expression.toarray(), 2, expression.toarray().mean(0) + aside)[0]
    assert abs(float(first[7])) > 0.95
