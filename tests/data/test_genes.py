from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd.data.gene_names import organism, without_version
from plkd.data.genes import GeneList, GeneMatch, align, dense_align, gene_list, match_genes
from plkd.errors import GeneMatchError, InputError
from toy import gene_symbols

SYMBOLS = gene_symbols(20)
IDS = tuple(f"ENSG{i:011d}" for i in range(20))
MODEL = GeneList(SYMBOLS, IDS)
MOUSE = tuple(name.capitalize() for name in SYMBOLS)


def random_counts(n_cells: int, n_genes: int, seed: int = 0) -> sp.csr_matrix:
    draws = np.random.default_rng(seed).poisson(0.7, (n_cells, n_genes))
    return sp.csr_matrix(draws.astype(np.float32))


def slow_align(values: np.ndarray, lookup: np.ndarray, n_model: int, linear: bool) -> np.ndarray:
    out = np.zeros((len(values), n_model))
    for cell in range(len(values)):
        for gene, column in enumerate(lookup):
            if column >= 0:
                value = float(values[cell, gene])
                out[cell, column] += value if linear else np.expm1(value)
    return out if linear else np.log1p(out)


# --- the list of a reference -----------------------------------------------------------------


def test_symbols_stay_and_ids_lose_their_version() -> None:
    versioned = [f"{name}.{i}" for i, name in enumerate(IDS)]
    found = gene_list(SYMBOLS, {"gene_ids": versioned, "chromosome": ["1"] * 20})
    assert found == GeneList(SYMBOLS, IDS)


def test_ids_in_any_column_are_found() -> None:
    assert gene_list(SYMBOLS, {"of the authors": IDS}).ids == IDS
    assert gene_list(SYMBOLS, {"chromosome": ["1"] * 20}).ids is None


def test_ensembl_names_give_symbols_where_a_column_has_them() -> None:
    symbols = [*SYMBOLS[:18], "", SYMBOLS[0]]
    found = gene_list(IDS, {"feature_name": symbols})
    assert found.names == (*SYMBOLS[:18], IDS[18], IDS[19])
    assert found.ids == IDS
    assert gene_list([f"{name}.2" for name in IDS]) == GeneList(IDS, IDS)


def test_duplicated_genes_in_the_reference_are_refused_by_name() -> None:
    names = ["A", "B", "A", "C", "B", "A"]
    with pytest.raises(InputError, match=r"2 duplicated name\(s\): 'A', 'B'\."):
        gene_list(names)
    assert gene_list(names, duplicates="sum") == GeneList(("A", "B", "C"))


def test_a_column_of_symbols_that_was_asked_for_does_as_the_same_column_found() -> None:
    symbols = [*SYMBOLS[:17], "", SYMBOLS[0], "nan"]
    columns = {"gene_symbols": symbols}
    found = gene_list(IDS, columns)
    assert gene_list(IDS, columns, gene_key="gene_symbols") == found
    assert found.names == (*SYMBOLS[:17], *IDS[17:])
    versioned = [f"{name}.2" for name in IDS]
    assert gene_list(versioned, columns, gene_key="gene_symbols") == found


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"column 'symbol' .*gene_key.*text columns gene_symbols"):
        gene_list(IDS, {"gene_symbols": SYMBOLS}, gene_key="symbol")


def test_ids_that_stand_twice_are_refused_with_what_helps() -> None:
    with pytest.raises(InputError, match=r"'X'.*adata\.var_names_make_unique\(\)"):
        gene_list(["X", "X"], {"s": ["", ""]}, gene_key="s")


POSITIONS = [str(i) for i in range(20)]


@pytest.mark.parametrize("part", [slice(None), slice(3, None, 4)])
def test_positions_are_no_names(part: slice) -> None:
    """As in cells from the CELLxGENE Census, whole or some genes of them."""
    names, ids, symbols = POSITIONS[part], IDS[part], SYMBOLS[part]
    columns = {"feature_id": ids, "feature_name": symbols, "feature_length": ["9"] * len(ids)}
    assert gene_list(names, columns) == GeneList(symbols, ids)
    assert gene_list(names, {"feature_name": symbols}) == GeneList(symbols)
    assert gene_list(names, {"feature_id": ids}) == GeneList(ids, ids)
    keyed = gene_list(names, {"feature_id": ids, "s": ["", *symbols[1:]]}, gene_key="s")
    assert keyed == GeneList((ids[0], *symbols[1:]), ids)


def test_positions_without_a_column_of_names_are_refused() -> None:
    with pytest.raises(InputError, match=r"numbers.*'0', '1'.*text columns s\..*pass gene_key"):
        gene_list(POSITIONS, {"s": SYMBOLS})
    assert gene_list(POSITIONS, {"s": SYMBOLS}, gene_key="s") == GeneList(SYMBOLS)


def test_entrez_ids_are_names() -> None:
    assert gene_list(["7157", "100130771"]).names == ("7157", "100130771")


def test_a_reference_without_genes_is_refused() -> None:
    with pytest.raises(InputError, match="genes in the reference; found none"):
        gene_list([])


def test_genes_are_taken_in_the_order_asked() -> None:
    assert MODEL.take([3, 1]) == GeneList((SYMBOLS[3], SYMBOLS[1]), (IDS[3], IDS[1]))
    assert len(MODEL.take(np.array([0]))) == 1


# --- matching --------------------------------------------------------------------------------


def test_the_same_genes_are_the_identity() -> None:
    match = match_genes(MODEL, SYMBOLS)
    assert match.is_identity
    assert (match.share, match.n_found, match.how, match.missing) == (1.0, 20, "var_names", ())


def test_ensembl_names_with_versions_match() -> None:
    match = match_genes(MODEL, [f"{name}.12" for name in IDS])
    assert match.is_identity
    assert match.how == "var_names, Ensembl ids"
    assert match_genes(GeneList(IDS), [f"{name}.3" for name in IDS]).how.endswith("without version")


def test_a_version_is_taken_from_ensembl_ids_only() -> None:
    assert without_version("ENSMUSG00000000001.4") == "ENSMUSG00000000001"
    assert without_version("AC012345.1") == "AC012345.1"
    assert without_version("ENSA.1") == "ENSA.1"


def test_a_column_of_ids_matches_where_names_do_not() -> None:
    match = match_genes(MODEL, [f"row {i}" for i in range(20)], {"ensembl": IDS})
    assert match.is_identity
    assert match.how == "var['ensembl'], Ensembl ids"


def test_a_column_of_symbols_matches_where_names_do_not() -> None:
    match = match_genes(GeneList(SYMBOLS), IDS, {"chrom": ["1"] * 20, "feature_name": SYMBOLS})
    assert match.is_identity
    assert match.how == "var['feature_name']"


def test_lower_case_names_match_with_case_folded() -> None:
    match = match_genes(MODEL, [name.lower() for name in SYMBOLS])
    assert match.is_identity
    assert match.how == "var_names, case folded"


def test_case_is_kept_when_asked() -> None:
    with pytest.raises(GeneMatchError, match="0 of 20"):
        match_genes(MODEL, [name.lower() for name in SYMBOLS], fold_case=False)


def test_gene_key_names_the_column() -> None:
    match = match_genes(MODEL, SYMBOLS[::-1], {"symbol": SYMBOLS}, gene_key="symbol")
    assert match.is_identity
    with pytest.raises(InputError, match=r"a column 'symbols' .*found columns 'symbol'"):
        match_genes(MODEL, SYMBOLS, {"symbol": SYMBOLS}, gene_key="symbols")


@pytest.mark.parametrize("names", [IDS, [f"{name}-1" for name in SYMBOLS], POSITIONS])
@pytest.mark.parametrize("chosen", [slice(None), slice(17)])
def test_a_reference_with_repeated_and_missing_symbols_matches_itself(
    names: Sequence[str], chosen: slice
) -> None:
    """Of all genes of the model, and where the genes without a symbol of their own are left out."""
    columns = {"symbol": [*SYMBOLS[:17], SYMBOLS[0], SYMBOLS[0], "nan"]}
    genes = gene_list(names, columns, gene_key="symbol").take(range(20)[chosen])
    match = match_genes(genes, names, columns, gene_key="symbol")
    expected = [i if i < len(genes) else -1 for i in range(20)]
    np.testing.assert_array_equal(match.lookup, expected)
    assert (match.summed, match.how) == ((), "var['symbol']")


@pytest.mark.parametrize("names", [MOUSE, [f"ENSMUSG{i:011d}" for i in range(20)]])
def test_genes_of_another_organism_that_share_an_ortholog_are_summed(names: Sequence[str]) -> None:
    columns = {"human": [*SYMBOLS[:19], SYMBOLS[0]]}
    match = match_genes(MODEL, names, columns, gene_key="human")
    np.testing.assert_array_equal(match.lookup, [*range(19), 0])
    assert match.summed == SYMBOLS[:1]


def test_a_bad_gene_key_is_told_the_better_column() -> None:
    columns = {"chrom": ["1"] * 20, "id": IDS}
    others = [f"row {i}" for i in range(20)]
    with pytest.raises(GeneMatchError, match=r"pass gene_key for var\['id'\], which would find 20"):
        match_genes(MODEL, others, columns, gene_key="chrom")
    with pytest.raises(GeneMatchError, match="leave gene_key out, which would find 20"):
        match_genes(MODEL, SYMBOLS, columns, gene_key="chrom")


def test_too_few_shared_genes_are_refused_with_both_sides() -> None:
    query = [*SYMBOLS[:5], *(f"OTHER{i}" for i in range(40))]
    with pytest.raises(
        GeneMatchError, match=r"at least 30% of the model's 20 genes.*5 of 20 "
    ) as e:
        match_genes(MODEL, query)
    assert repr(SYMBOLS[4]) in str(e.value)
    assert "and 40 more" in str(e.value)
    assert "\n" not in str(e.value)


def test_no_shared_gene_is_refused_even_without_a_floor() -> None:
    with pytest.raises(GeneMatchError, match="0 of 20"):
        match_genes(MODEL, ["X1", "X2"], min_share=0.0)


def test_a_share_under_the_warning_is_warned_about() -> None:
    with pytest.warns(UserWarning, match=r"10 of the model's 20 genes \(50%, by var_names\)"):
        match = match_genes(MODEL, SYMBOLS[:10], weights=np.arange(20.0))
    assert match.share == 0.5
    assert match.weight_share == pytest.approx(45 / 190)
    assert match.missing == SYMBOLS[10:]


def test_an_empty_query_is_refused() -> None:
    with pytest.raises(InputError, match="genes in the query; found none"):
        match_genes(MODEL, [])


@pytest.mark.parametrize(
    ("model", "query", "message"),
    [
        (GeneList(SYMBOLS), MOUSE, "human genes.*found mouse genes"),
        (GeneList(MOUSE), SYMBOLS, "mouse genes.*found human genes"),
        (MODEL, [f"ENSMUSG{i:011d}" for i in range(20)], "human genes.*found mouse genes"),
    ],
)
def test_the_wrong_organism_is_named(model: GeneList, query: tuple[str, ...], message: str) -> None:
    with pytest.raises(GeneMatchError, match=message):
        match_genes(model, query)


def test_the_wrong_organism_is_taken_when_case_is_folded_on_purpose() -> None:
    assert match_genes(MODEL, MOUSE, fold_case=True).is_identity


def test_orthologs_in_a_column_are_taken_without_asking() -> None:
    assert match_genes(MODEL, MOUSE, {"human": SYMBOLS}).how == "var['human']"


@pytest.mark.parametrize(
    ("prefix", "name"), [("ENSRNOG", "rat"), ("ENSMUSG", "mouse"), ("ENSBTAG", "ENSBTAG")]
)
def test_another_organism_is_told_by_ids_where_symbols_are_shared(prefix: str, name: str) -> None:
    ids = [f"{prefix}{i:011d}" for i in range(20)]
    for names, columns in ((ids, {"feature_name": SYMBOLS}), (SYMBOLS, {"gene_ids": ids})):
        with pytest.warns(UserWarning, match=f"Ensembl ids are of {name} genes, .* of human"):
            assert match_genes(MODEL, names, columns).is_identity
    assert match_genes(MODEL, ids, {"human": SYMBOLS}, gene_key="human").is_identity
    assert match_genes(MODEL, ids, {"human": IDS}).is_identity
    with pytest.raises(GeneMatchError, match=f"human genes.*found {name} genes"):
        match_genes(MODEL, ids)


def test_another_organism_with_symbols_in_small_letters_is_refused_by_its_ids() -> None:
    ids = [f"ENSDARG{i:011d}" for i in range(20)]
    with pytest.raises(GeneMatchError, match=r"human genes.*found zebrafish genes"):
        match_genes(MODEL, [name.lower() for name in SYMBOLS], {"gene_ids": ids})


def test_positions_of_a_query_are_matched_by_its_columns() -> None:
    assert (
        match_genes(MODEL, POSITIONS, {"feature_id": IDS}).how == "var['feature_id'], Ensembl ids"
    )
    with pytest.raises(GeneMatchError, match="gene_key"):
        match_genes(MODEL, POSITIONS)
    with pytest.warns(UserWarning, match=r"have numbers for names \('0', '1'"):
        match_genes(GeneList(tuple(POSITIONS)), POSITIONS)


def test_names_that_fold_alike_in_the_model_are_not_guessed() -> None:
    model = GeneList(("Ab", "AB", "CD", "EF"))
    match = match_genes(model, ["ab", "cd", "ef"], warn_share=0.0)
    np.testing.assert_array_equal(match.lookup, [-1, 2, 3])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (SYMBOLS, "human"),
        (MOUSE, "mouse"),
        (IDS, "human"),
        (["chr1-1-2"] * 9, None),
        (["1", "2"], None),
    ],
)
def test_organism_is_told_by_the_names(names: tuple[str, ...], expected: str | None) -> None:
    assert organism(names) == expected


# --- aligning --------------------------------------------------------------------------------


@pytest.mark.parametrize("linear", [True, False])
def test_permuted_genes_give_the_identical_matrix(linear: bool) -> None:
    counts = random_counts(30, 20)
    values = counts if linear else counts.log1p()
    order = np.random.default_rng(3).permutation(20)
    plain = match_genes(MODEL, SYMBOLS)
    turned = match_genes(MODEL, [SYMBOLS[i] for i in order])
    expected, found = (
        align(values, plain, linear=linear),
        align(values[:, order], turned, linear=linear),
    )
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    dense = dense_align(values[:, order], turned, linear=linear)
    np.testing.assert_array_equal(dense, dense_align(values, plain, linear=linear))


@pytest.mark.parametrize("linear", [True, False])
def test_duplicated_query_genes_are_summed_before_the_logarithm(linear: bool) -> None:
    names = [SYMBOLS[0], *SYMBOLS, SYMBOLS[0], SYMBOLS[7]]
    counts = random_counts(10, 23)
    match = match_genes(MODEL, names)
    assert match.summed == (SYMBOLS[0], SYMBOLS[7])
    values = counts if linear else counts.log1p()
    expected = slow_align(values.toarray(), match.lookup, 20, linear)
    np.testing.assert_allclose(align(values, match, linear=linear).toarray(), expected, rtol=1e-6)
    np.testing.assert_allclose(dense_align(values, match, linear=linear), expected, rtol=1e-6)
    loose = align(values, match, linear=linear, ordered=False)
    np.testing.assert_allclose(loose.toarray(), expected, rtol=1e-6)


@given(
    lookup=st.lists(st.integers(-1, 5), min_size=1, max_size=9),
    linear=st.booleans(),
    seed=st.integers(0, 9),
)
@settings(max_examples=80, deadline=None)
def test_both_paths_equal_the_plain_loop(lookup: list[int], linear: bool, seed: int) -> None:
    match = match_of(lookup, 6)
    counts = random_counts(5, len(lookup), seed)
    values = counts if linear else counts.log1p()
    before = values.toarray()
    expected = slow_align(before, match.lookup, 6, linear)
    sparse = align(values, match, linear=linear)
    assert sparse.dtype == np.float32
    assert sparse.shape == (5, 6)
    np.testing.assert_allclose(sparse.toarray(), expected, rtol=1e-5)
    np.testing.assert_allclose(
        dense_align(values, match, linear=linear), sparse.toarray(), rtol=1e-6
    )
    np.testing.assert_array_equal(values.toarray(), before)


def test_dense_align_writes_into_what_it_is_given() -> None:
    out = np.full((8, 20), 9.0, np.float32)
    counts = random_counts(5, 20)
    found = dense_align(counts, match_genes(MODEL, SYMBOLS[::-1]), out)
    assert np.shares_memory(found, out)
    np.testing.assert_array_equal(found, counts.toarray()[:, ::-1])
    assert np.all(out[5:] == 9.0)


def match_of(lookup: list[int], n_model: int) -> GeneMatch:
    """Return a match made by hand."""
    names = tuple(f"g{i}" for i in range(n_model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        query = [f"g{i}" if i >= 0 else f"other{j}" for j, i in enumerate(lookup)]
        if max(lookup) < 0:
            none = np.array(lookup, np.int32)
            return GeneMatch(none, n_model, 0, 0.0, 0.0, "", names, ())
        return match_genes(GeneList(names), query, min_share=0.0, fold_case=False)


@pytest.mark.parametrize("names", [tuple(f"ENSMUSG{i:011d}" for i in range(20)), range(20)])
def test_another_organism_is_refused_in_a_column_too(names: object) -> None:
    """A model of symbols alone, and mouse symbols beside names that say nothing to it."""
    human = GeneList(SYMBOLS, None)
    with pytest.raises(GeneMatchError, match="mouse genes"):
        match_genes(human, [str(name) for name in names], {"feature_name": MOUSE})
    kinds = ["Gene Expression"] * 20
    lower = [name.lower() for name in SYMBOLS]
    assert match_genes(human, lower, {"feature_types": kinds}).share == 1
