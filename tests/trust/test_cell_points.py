"""Where cells lie: against dense singular vectors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.errors import InputError
from plkd.trust import cell_points
from plkd.trust.cell_points import directions, scaled_points, singular_points
from plkd.trust.label_quality import nearest_labels


def test_one_gene_is_too_few() -> None:
    with pytest.raises(InputError, match="two genes or more; found 1"):
        singular_points(csr_matrix(np.arange(1.0, 6.0)[:, None]))
    assert singular_points(csr_matrix(np.arange(1.0, 11.0).reshape(5, 2))).shape == (5, 1)


def test_scaled_points_are_the_singular_vectors_of_clipped_genes() -> None:
    rng = np.random.default_rng(0)
    values = rng.poisson(0.3, (60, 12)).astype(np.float64)
    values[:, 3] = 0.0  # nobody expresses it
    values[:, 4] = 1.0  # all alike
    values[:, 5] = np.arange(60) == 7  # one cell alone: 7.7 deviations
    values[7, 6] = 500.0
    deviation = values.std(0)
    scaled = np.where(deviation > 0, values / np.where(deviation > 0, deviation, 1.0), 0.0)
    clipped = np.minimum(scaled, 2.0)
    for most, expected in ((10.0, scaled), (2.0, clipped)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(cell_points, "MOST_DEVIATIONS", most)
            found = scaled_points(csr_matrix(values), n_components=10)
        np.testing.assert_allclose(found.mean(0), 0.0, atol=1e-9)
        expected = expected - expected.mean(0)
        np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)


def test_a_few_cells_of_their_own_kind_lie_together_where_genes_are_scaled() -> None:
    """Six genes that four of 600 cells express, beside forty that vary in all of them."""
    rng = np.random.default_rng(1)
    own = rng.poisson(np.where(np.arange(600) < 4, 3.0, 0.002)[:, None], (600, 6))
    common = rng.poisson(4.0 * rng.gamma(1.0, size=(600, 40)))
    expression = csr_matrix(np.log1p(np.hstack([own, common])).astype(np.float32))
    codes = (np.arange(600) < 4).astype(np.int64)
    alike = [
        nearest_labels(points(expression, n_components=10), codes)[:4, :3].mean()
        for points in (singular_points, scaled_points)
    ]
    assert alike[1] > alike[0] + 0.5


def test_components_are_at_most_a_third_of_the_cells() -> None:
    expression = csr_matrix(np.random.default_rng(3).poisson(1.0, (31, 40)).astype(np.float32))
    found = cell_points.cell_points(expression)
    assert found.plain.shape == found.scaled.shape == (31, 10)
    np.testing.assert_array_equal(found.plain, singular_points(expression, n_components=10))
    np.testing.assert_array_equal(found.scaled, scaled_points(expression, n_components=10))


def test_directions_have_the_length_of_one_and_nothing_has_none() -> None:
    found = directions(np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]]))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 0.0], [0.0, -1.0]])
