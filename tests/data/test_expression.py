from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd.data.expression import ExpressionKind, Recognised, check_chunk, recognise, to_log1p
from plkd.data.rows import as_csr, row_sums
from plkd.data.scales import multiples
from plkd.errors import InputError
from toy import toy_reference

COUNTS = Recognised(ExpressionKind.COUNTS, None, "")


@pytest.fixture
def counts() -> sp.csr_matrix:
    return toy_reference(120).X


def scaled(counts: sp.csr_matrix, target: float = 1e4) -> np.ndarray:
    dense = counts.toarray().astype(np.float64)
    return dense / dense.sum(axis=1, keepdims=True) * target


def with_value(counts: sp.csr_matrix, value: float) -> sp.csr_matrix:
    changed = counts.copy()
    changed.data[changed.indptr[7] + 1] = value
    return changed


# --- recognised ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.int64, np.float32, np.float64])
def test_whole_numbers_are_counts(counts: sp.csr_matrix, dtype: type) -> None:
    assert recognise(counts.astype(dtype)).kind == "counts"
    assert recognise(counts.toarray().astype(dtype)).kind == "counts"
    assert recognise(counts.tocsc().astype(dtype)).kind == "counts"


@pytest.mark.parametrize("target", [1e4, 1e6, 1234.5])
def test_log1p_of_all_genes_tells_its_target(counts: sp.csr_matrix, target: float) -> None:
    found = recognise(np.log1p(scaled(counts, target)).astype(np.float32))
    assert found.kind == "log1p"
    assert found.target_sum == pytest.approx(target, rel=1e-5)


def test_log1p_scaled_to_the_median_keeps_its_own_target(counts: sp.csr_matrix) -> None:
    found = recognise(np.log1p(scaled(counts, 9950.0)))
    assert found.target_sum == pytest.approx(9950.0)


@pytest.mark.parametrize("seed", range(5))
def test_some_genes_of_log1p_data_are_log1p(counts: sp.csr_matrix, seed: int) -> None:
    genes = np.random.default_rng(seed).choice(counts.shape[1], 100, replace=False)
    found = recognise(np.log1p(scaled(counts)).astype(np.float32)[:, genes])
    assert (found.kind, found.target_sum) == ("log1p", None)
    assert found.note.endswith("scaled to an unknown total; 10,000 assumed")


def test_some_genes_of_rounded_log1p_data_are_log1p(counts: sp.csr_matrix) -> None:
    assert recognise(np.round(np.log1p(scaled(counts))[:, :100], 3)).kind == "log1p"


def test_one_cell_of_log1p_data_is_recognised(counts: sp.csr_matrix) -> None:
    found = recognise(np.log1p(scaled(counts))[:1])
    assert (found.kind, found.target_sum) == ("log1p", 1e4)


def test_zero_cells_are_left_out_of_the_judgement(counts: sp.csr_matrix) -> None:
    values = np.log1p(scaled(counts))
    values[::3] = 0.0
    assert recognise(values).target_sum == 1e4
    assert recognise(np.where(values > 0, 2, 0)).kind == "counts"


# --- refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"finite values in layers\['a'\]; found 1 NaN value\(s\), the first in cell 7 "),
        (np.inf, r"finite values in layers\['a'\]; found 1 infinite value\(s\), .*cell 7 "),
        (-np.inf, r"1 infinite value\(s\), the first in cell 7 "),
        (-0.5, r"1 negative value\(s\), the first in cell 7 .*scaled or centred"),
    ],
)
@pytest.mark.parametrize("declared", [None, "counts", "log1p"])
def test_bad_values_are_refused_whatever_is_declared(
    counts: sp.csr_matrix, value: float, message: str, declared: str | None
) -> None:
    with pytest.raises(InputError, match=message):
        recognise(with_value(counts, value), slot="layers['a']", declared=declared)


def test_scaled_values_are_refused(counts: sp.csr_matrix) -> None:
    values = np.log1p(scaled(counts))
    with pytest.raises(InputError, match="scaled or centred"):
        recognise((values - values.mean(0)) / (values.std(0) + 1e-3))


@pytest.mark.parametrize("empty", [np.zeros((5, 4)), sp.csr_matrix((5, 4), dtype=np.float32)])
def test_nothing_but_zeros_is_refused(empty: np.ndarray | sp.csr_matrix) -> None:
    with pytest.raises(InputError, match="nothing but zeros in 5 cells and 4 genes"):
        recognise(empty)


@pytest.mark.parametrize("n_genes", [300, 100])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: np.log2(1 + x), r"log2\(1 \+ x\) values, another logarithm"),
        (lambda x: np.log10(1 + x), r"log10\(1 \+ x\) values, another logarithm"),
        (lambda x: x, "normalised but not logged"),
        (lambda x: x / 1e4, "normalised but not logged"),
    ],
)
@pytest.mark.parametrize("declared", [None, "log1p"])
def test_other_scales_are_refused_by_name(
    counts: sp.csr_matrix, n_genes: int, change: object, message: str, declared: str | None
) -> None:
    with pytest.raises(InputError, match=message):
        recognise(change(scaled(counts))[:, :n_genes], declared=declared)  # type: ignore[operator]


def test_log1p_of_unscaled_counts_is_refused(counts: sp.csr_matrix) -> None:
    with pytest.raises(InputError, match="never scaled to a common total"):
        recognise(counts.log1p())


def test_values_that_do_not_tell_are_refused_unless_declared(counts: sp.csr_matrix) -> None:
    noisy = counts.astype(np.float64)
    noisy.data *= np.random.default_rng(0).lognormal(0.0, 0.5, noisy.nnz)
    with pytest.raises(InputError, match=r"do not tell.*expression='counts'"):
        recognise(noisy)
    assert recognise(noisy, declared="counts").kind == "counts"
    assert "assumed" not in recognise(noisy, declared="counts").note
    logged = recognise(noisy.log1p(), declared="log1p")
    assert logged.kind == "log1p"
    assert "10,000 assumed" in logged.note


def test_some_genes_scaled_to_a_million_are_refused_unless_declared(counts: sp.csr_matrix) -> None:
    values = np.log1p(scaled(counts, 1e6))[:, :100]
    with pytest.raises(InputError, match="scaled to more than 10000"):
        recognise(values)
    assert recognise(values, declared="log1p").target_sum is None


def test_scaled_counts_may_be_declared_counts(counts: sp.csr_matrix) -> None:
    values = scaled(counts)
    found = recognise(values, declared="counts")
    expected = to_log1p(counts, COUNTS).toarray()
    np.testing.assert_allclose(to_log1p(values, found).toarray(), expected, rtol=1e-5)


def test_a_declaration_that_the_values_contradict_is_refused(counts: sp.csr_matrix) -> None:
    with pytest.raises(InputError, match="log1p values in X, as declared; found nothing but whole"):
        recognise(counts, declared="log1p")
    with pytest.raises(InputError, match="counts in X, as declared; found log1p"):
        recognise(np.log1p(scaled(counts)), declared="counts")


def test_an_unknown_declaration_is_refused(counts: sp.csr_matrix) -> None:
    with pytest.raises(InputError, match="'counts' or 'log1p'; found 'cpm'"):
        recognise(counts, declared="cpm")


@pytest.mark.parametrize("values", [np.array([["a", "b"]]), np.ones(3), np.array([[1j]])])
def test_what_is_no_matrix_of_numbers_is_refused(values: np.ndarray) -> None:
    with pytest.raises(InputError, match="numbers in X, cells by genes"):
        recognise(values)


def test_half_precision_is_read(counts: sp.csr_matrix) -> None:
    rows = as_csr(counts.toarray().astype(np.float16))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows.toarray(), counts.toarray())


def test_rows_that_have_yet_to_be_computed_are_read(counts: sp.csr_matrix) -> None:
    class Lazy:  # as a Dask array of sparse blocks
        def compute(self) -> sp.csc_matrix:
            return counts.tocsc()

    np.testing.assert_array_equal(as_csr(Lazy()).toarray(), counts.toarray())


# --- later chunks ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_a_later_chunk_names_the_cell_of_the_whole(counts: sp.csr_matrix, value: float) -> None:
    with pytest.raises(InputError, match=r"cell 8199 \(counted from 0\)"):
        check_chunk(with_value(counts, value), COUNTS, slot="X", first_cell=8192)


def test_a_later_chunk_of_another_kind_is_refused(counts: sp.csr_matrix) -> None:
    logged = np.log1p(scaled(counts))
    known = recognise(logged)
    check_chunk(logged, known, slot="X", first_cell=10)
    check_chunk(counts, COUNTS, slot="X", first_cell=10)
    with pytest.raises(InputError, match=r"counts in X.*not whole numbers in the 120 cells from"):
        check_chunk(logged, COUNTS, slot="X", first_cell=10)
    with pytest.raises(InputError, match=r"log1p values in X.*whole numbers"):
        check_chunk(counts, known, slot="X", first_cell=10)
    with pytest.raises(InputError, match=r"scaled to 10000 counts a cell.*found cells that sum to"):
        check_chunk(np.log1p(scaled(counts, 2e4)), known, slot="X", first_cell=10)


def test_a_later_chunk_of_zeros_is_kept() -> None:
    nothing = sp.csr_matrix((4, 3), dtype=np.float32)
    check_chunk(nothing, COUNTS, slot="X", first_cell=0)
    check_chunk(nothing, Recognised(ExpressionKind.LOG1P, 1e4, ""), slot="X", first_cell=0)


def test_a_later_chunk_is_taken_as_declared(counts: sp.csr_matrix) -> None:
    known = Recognised(ExpressionKind.COUNTS, None, "", declared=True)
    check_chunk(counts.log1p(), known, slot="X", first_cell=0)


# --- to log1p --------------------------------------------------------------------------------


def test_counts_become_log1p_per_ten_thousand(counts: sp.csr_matrix) -> None:
    before = counts.copy()
    found = to_log1p(counts, COUNTS)
    np.testing.assert_allclose(found.toarray(), np.log1p(scaled(counts)), rtol=1e-6)
    assert found.dtype == np.float32
    found.data[:] = -1.0
    found.indices[:] = 0
    np.testing.assert_array_equal(counts.toarray(), before.toarray())


def test_totals_stand_for_genes_that_are_not_there(counts: sp.csr_matrix) -> None:
    whole = to_log1p(counts, COUNTS)[:, :50]
    part = to_log1p(counts[:, :50], COUNTS, totals=row_sums(counts))
    np.testing.assert_array_equal(part.toarray(), whole.toarray())
    with pytest.raises(InputError, match="one total for each of 120 cells; found 3"):
        to_log1p(counts, COUNTS, totals=np.ones(3))


def test_cells_without_counts_are_kept_as_zeros(counts: sp.csr_matrix) -> None:
    dense = counts.toarray()
    dense[[0, 5, 119]] = 0.0
    found = to_log1p(dense, COUNTS).toarray()
    assert not found[[0, 5, 119]].any()
    np.testing.assert_array_equal(found[1:5], to_log1p(counts, COUNTS).toarray()[1:5])


@pytest.mark.parametrize("target", [1e4, 1e6, 1234.5])
def test_log1p_of_any_target_becomes_the_same(counts: sp.csr_matrix, target: float) -> None:
    values = np.log1p(scaled(counts, target))
    found = to_log1p(values, recognise(values))
    np.testing.assert_allclose(found.toarray(), np.log1p(scaled(counts)), rtol=1e-5)


def test_a_gene_named_twice_in_a_row_is_added_up_before_the_logarithm() -> None:
    twice = sp.csr_matrix(
        (np.array([1.0, 2.0, 3.0], np.float32), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2)
    )
    found = to_log1p(twice, COUNTS, target_sum=6.0)
    np.testing.assert_allclose(found.toarray(), np.log1p([[2.0, 4.0]]), rtol=1e-6)
    assert twice.nnz == 3
    np.testing.assert_array_equal(as_csr(twice.tocoo()).toarray(), [[2.0, 4.0]])


@given(
    counts=st.lists(
        st.lists(st.integers(0, 50), min_size=4, max_size=4), min_size=1, max_size=6
    ).filter(lambda rows: any(map(any, rows)))
)
@settings(max_examples=50, deadline=None)
def test_normalising_equals_the_plain_formula(counts: list[list[int]]) -> None:
    values = np.array(counts, dtype=np.float64)
    expected = np.zeros_like(values)
    for i, row in enumerate(values):
        if row.sum() > 0:
            expected[i] = np.log1p(row / row.sum() * 1e4)
    np.testing.assert_allclose(to_log1p(values, COUNTS).toarray(), expected, rtol=1e-6)
    np.testing.assert_array_equal(row_sums(as_csr(values)), values.sum(axis=1))


def test_too_few_values_prove_no_multiples() -> None:
    assert multiples(sp.csr_matrix(np.array([[0.5, 1.0, 1.5]]))) is None


def test_a_few_odd_cells_at_the_end_are_not_another_scale():
    known = Recognised(ExpressionKind.LOG1P, 1e4, "")
    odd = sp.csr_matrix(np.log1p(np.array([[2e4 / 3, 1e4 / 7, 5.5]], dtype=np.float32)))
    check_chunk(odd, known, slot="X", first_cell=4096)
    many = sp.csr_matrix(np.repeat(odd.toarray(), 20, axis=0))
    with pytest.raises(InputError, match="sum to"):
        check_chunk(many, known, slot="X", first_cell=4096)


# --- several scales, and counts that are not whole -------------------------------------------


def test_samples_scaled_to_totals_of_their_own_are_refused() -> None:
    """As ``sc.pp.normalize_total`` leaves samples that were normalised one by one."""
    counts = toy_reference(300).X
    totals = np.repeat([1999.0, 10000.0, 4242.0], 100)
    mixed = np.log1p(scaled(counts, 1.0) * totals[:, None]).astype(np.float32)
    with pytest.raises(InputError, match="several totals"):
        recognise(mixed)
    assert recognise(mixed, declared="log1p").kind == "log1p"


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_some_genes_are_not_taken_for_several_totals(kept: float) -> None:
    logged = np.log1p(scaled(toy_reference(400).X)).astype(np.float32)
    genes = np.random.default_rng(0).random(logged.shape[1]) < kept
    assert recognise(logged[:, genes]).kind == "log1p"


def test_counts_that_are_not_whole_may_be_declared(counts: sp.csr_matrix) -> None:
    """As ambient RNA removal and alevin leave them."""
    rng = np.random.default_rng(0)
    corrected = counts.copy()
    corrected.data = (corrected.data * rng.uniform(0.5, 1.0, corrected.nnz) * 40).astype(np.float32)
    with pytest.raises(InputError, match="expression='counts'"):
        recognise(corrected)
    assert recognise(corrected, declared="counts").kind == "counts"
    with pytest.raises(InputError, match="no logarithm"):
        recognise(corrected, declared="log1p")


def test_counts_with_the_noise_of_floats_may_be_declared(counts: sp.csr_matrix) -> None:
    noisy = counts.copy()
    noisy.data = np.expm1(np.log1p(counts.data.astype(np.float32)))
    with pytest.raises(InputError, match="nearly all are whole numbers"):
        recognise(noisy)
    assert recognise(noisy, declared="counts").kind == "counts"


def test_what_was_recognised_is_not_refused_later() -> None:
    """Rows that sum to a little less than 10,000, since some genes were taken out."""
    logged = np.log1p(scaled(toy_reference(200).X, 9915.0)).astype(np.float32)
    found = recognise(logged)
    check_chunk(logged, found, slot="X", first_cell=0)
