"""A cell's product with the profiles is, nearly, its correlation with each type's mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.data.marker_scale import marker_scale
from plkd.data.type_means import type_means
from plkd.data.type_profiles import type_profiles

N_GENES = 40


def cells(seed=0, n=240, n_types=3):
    """Types with eight markers each, and as many counts of them in every cell."""
    rng = np.random.default_rng(seed)
    codes = (np.arange(n) % n_types).astype(np.int64)
    values = rng.poisson(0.4, (n, N_GENES)).astype(np.float32)
    for code in range(n_types):
        values[codes == code, 8 * code : 8 * code + 8] += 3
    return np.log1p(values), codes


def slow(values, codes, n_types, scale):
    """Write the definition out, type by type."""
    heard = values.astype(np.float64) * scale
    lengths = [np.sum((cell - cell.mean()) ** 2) for cell in heard]
    rows = []
    for code in range(n_types):
        if not (codes == code).any():
            rows.append(np.zeros(values.shape[1]))
            continue
        mean = heard[codes == code].mean(0)
        mean = mean - mean.mean()
        rows.append(mean / np.sqrt(np.sum(mean**2)) * scale / np.sqrt(np.mean(lengths)))
    return np.array(rows) - np.mean(rows, axis=0)


@pytest.mark.parametrize("power", [0.0, 2.0])
def test_they_are_the_definition(power):
    values, codes = cells()
    scale = marker_scale(csr_matrix(values), codes, 3, power=power)
    found = type_profiles(csr_matrix(values), codes, 3, scale=scale)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, slow(values, codes, 3, scale), rtol=1e-4, atol=1e-7)


def test_for_a_cell_of_typical_length_it_is_the_correlation():
    values, codes = cells()
    scale = np.ones(N_GENES, dtype=np.float32)
    found = values @ type_profiles(csr_matrix(values), codes, 3, scale=scale).T
    means = np.stack([values[codes == code].mean(0) for code in range(3)])
    exact = np.corrcoef(np.concatenate([values, means]))[: len(values), len(values) :]
    lengths = (values - values.mean(1, keepdims=True)).std(1)
    typical = np.sqrt((lengths**2).mean())
    exact -= exact.mean(1, keepdims=True)  # which no probability notices
    np.testing.assert_allclose(found * (typical / lengths)[:, None], exact, atol=1e-5)
    assert (found.argmax(1) == codes).mean() > 0.95


def test_the_size_of_the_scale_does_not_matter():
    values, codes = cells()
    scale = marker_scale(csr_matrix(values), codes, 3, power=2.0)
    one, other = (type_profiles(csr_matrix(values), codes, 3, scale=s) for s in (scale, 7 * scale))
    np.testing.assert_allclose(one, other, rtol=1e-4)


def test_cells_without_a_type_have_no_say_and_a_type_without_cells_says_as_much_as_all():
    values, codes = cells()
    scale = np.ones(N_GENES, dtype=np.float32)
    codes[codes == 1] = -1
    found = type_profiles(csr_matrix(values), codes, 4, scale=scale)
    np.testing.assert_array_equal(found[1], found[3])
    np.testing.assert_allclose(found, slow(values, codes, 4, scale), rtol=1e-4, atol=1e-7)


def test_means_are_those_of_a_loop():
    values, codes = cells()
    codes[:50], codes[codes == 2] = -1, 3
    means, present = type_means(csr_matrix(values), codes, 5)
    assert present.tolist() == [0, 1, 3]
    for mean, code in zip(means, present, strict=True):
        np.testing.assert_allclose(mean, values[codes == code].mean(0), rtol=1e-5)


def test_cells_that_are_all_alike_give_finite_profiles():
    flat = csr_matrix(np.ones((6, 4), dtype=np.float32))
    codes = np.array([0, 0, 0, 1, 1, 1])
    found = type_profiles(flat, codes, 2, scale=np.ones(4, dtype=np.float32))
    assert np.isfinite(found).all()


def test_what_all_types_express_has_no_weight():
    values, codes = cells()
    values[:, 30] = 4.0
    found = type_profiles(csr_matrix(values), codes, 3, scale=np.ones(N_GENES, dtype=np.float32))
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-7)
    assert np.abs(found[:, 30]).max() < 0.2 * np.abs(found[:, :24]).max()
