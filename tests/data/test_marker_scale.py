"""Genes are heard by how far they tell some pair of types apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.data.marker_scale import marker_scale

N_GENES = 60


def cells(seed=0, n=300):
    """Three types: 0 and 1 differ by a little in genes 0 to 4, 2 by much in genes 5 to 9."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    values = rng.poisson(0.3, (n, N_GENES)).astype(np.float32)
    values[codes == 1, :5] += 1
    values[codes == 2, 5:10] += 5
    return values, codes.astype(np.int64)


def slow(values, codes, power, floor=0.0):
    """Write the definition out, pair by pair and gene by gene."""
    types = sorted(set(codes[codes >= 0].tolist()))
    best = [0.0] * values.shape[1]
    quiet = []
    for a in types:
        for b in types:
            if a >= b:
                continue
            apart = [
                abs(float(values[codes == a, g].mean()) - float(values[codes == b, g].mean()))
                for g in range(values.shape[1])
            ]
            top = sum(sorted(apart)[-5:]) / 5
            markers = np.argsort(apart)[-5:]
            within = [values[codes == each][:, markers].astype(float).var(0) for each in (a, b)]
            noise = floor * float(np.mean(within))
            quiet.append(noise / (top**2 + noise))
            best = [max(old, min(1.0, each / top)) for old, each in zip(best, apart, strict=True)]
    least = np.mean(quiet)
    scale = np.array([least + (1 - least) * each**power + 1e-3 for each in best])
    variance = values.astype(np.float64).var(0)
    return scale * np.sqrt(variance.sum() / (scale**2 * variance).sum())


@pytest.mark.parametrize("floor", [0.0, 0.5])
@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_it_is_the_definition(power, floor):
    values, codes = cells()
    fast = marker_scale(csr_matrix(values), codes, 3, power=power, floor=floor)
    np.testing.assert_allclose(fast, slow(values, codes, power, floor), rtol=1e-4)


def test_where_markers_tell_little_of_a_cell_all_genes_are_heard():
    rng = np.random.default_rng(1)
    codes = np.arange(600) % 3
    quietest = []
    for strength in (6.0, 0.1):
        values = rng.poisson(0.3, (600, N_GENES)).astype(np.float32)
        for code in range(3):
            genes = slice(5 * code, 5 * code + 5)
            values[codes == code, genes] += rng.poisson(strength, (200, 5))
        scale = marker_scale(csr_matrix(values), codes, 3, power=2.0, floor=0.5)
        quietest.append(scale.min() / scale.max())
    assert quietest[0] < 0.1
    assert quietest[1] > 0.5


def test_close_types_have_their_markers_too():
    values, codes = cells()
    scale = marker_scale(csr_matrix(values), codes, 3, power=2.0)
    assert scale[:10].min() > 5 * scale[10:].max()
    assert scale[:5].max() > 0.7 * scale[5:10].max()  # though their difference is five times less


def test_the_variance_heard_is_what_it_was():
    values, codes = cells()
    scale = marker_scale(csr_matrix(values), codes, 3, power=2.0)
    assert (values * scale).var(0).sum() == pytest.approx(values.var(0).sum(), rel=1e-4)
    assert (scale > 0).all()


def test_power_zero_makes_all_genes_alike():
    values, codes = cells()
    np.testing.assert_allclose(marker_scale(csr_matrix(values), codes, 3, power=0.0), 1, rtol=1e-5)


def test_cells_without_a_type_and_types_without_a_cell_change_nothing_but_the_variance():
    values, codes = cells()
    codes[:30] = -1
    known = codes >= 0
    both = [
        marker_scale(csr_matrix(values), codes, 5, power=2.0, floor=0.5),
        marker_scale(csr_matrix(values[known]), codes[known], 3, power=2.0, floor=0.5),
    ]
    np.testing.assert_allclose(both[0] / both[0].max(), both[1] / both[1].max(), rtol=1e-5)


def test_constant_cells_give_a_scale_of_one():
    flat = csr_matrix(np.ones((6, 4), dtype=np.float32))
    for floor in (0.0, 0.5):
        scale = marker_scale(flat, np.array([0, 0, 0, 1, 1, 1]), 2, power=2.0, floor=floor)
        np.testing.assert_array_equal(scale, 1)
