"""Annotating an AnnData in memory."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import plkd
from plkd.errors import GeneMatchError, InputError
from plkd.model.annotator import CellAnnotator
from toy import toy_query


def labels(adata: AnnData) -> np.ndarray:
    return adata.obs["plkd_label"].astype(str).to_numpy()


def annotated(query: AnnData, model: CellAnnotator, **options) -> AnnData:
    return plkd.tl.annotate(query, model, copy=True, probabilities=True, **options)


def assert_same_answers(one: AnnData, other: AnnData) -> None:
    np.testing.assert_array_equal(labels(one), labels(other))
    np.testing.assert_allclose(one.obsm["plkd_proba"], other.obsm["plkd_proba"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(one.obsm["X_plkd"], other.obsm["X_plkd"], rtol=0, atol=1e-5)


def log1p_10k(adata: AnnData) -> sp.csr_matrix:
    counts = adata.X.toarray().astype(np.float64)
    totals = np.maximum(counts.sum(1, keepdims=True), 1)
    return sp.csr_matrix(np.log1p(1e4 * counts / totals).astype(np.float32))


@pytest.mark.parametrize(("network", "width"), [("student", 128), ("teacher", 48)])
def test_slots_are_as_documented(query, annotator, network, width):
    assert plkd.tl.annotate(query, annotator, with_=network, probabilities=True) is None
    label = query.obs["plkd_label"]
    assert isinstance(label.dtype, pd.CategoricalDtype)
    assert not label.cat.ordered
    assert tuple(label.cat.categories) == annotator.classes_
    assert query.obs["plkd_confidence"].dtype == np.float32
    assert query.obs["plkd_no_counts"].dtype == bool
    assert not query.obs["plkd_no_counts"].any()
    shares = query.obsm["plkd_proba"]
    assert (shares.dtype, shares.shape) == (np.float32, (65, 4))
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(shares.max(1), query.obs["plkd_confidence"])
    np.testing.assert_array_equal(np.array(annotator.classes_)[shares.argmax(1)], labels(query))
    embedding = query.obsm["X_plkd"]
    assert (embedding.dtype, embedding.shape) == (np.float32, (65, width))
    assert np.isfinite(embedding).all()
    assert embedding.std(0).max() > 0
    said = query.uns["plkd"]
    assert said["classes"].tolist() == list(annotator.classes_)
    assert (said["n_cells"], said["n_no_counts"]) == (65, 0)
    assert (said["network"], said["expression"], said["matched_by"]) == (
        network,
        "counts",
        "var_names",
    )
    assert (said["genes_found"], said["genes_of_model"]) == (120, 120)
    assert (said["model"], said["plkd_version"]) == (annotator.fingerprint(), plkd.__version__)


def test_the_answers_are_right_and_not_all_alike(query, annotator):
    plkd.tl.annotate(query, annotator)
    assert set(labels(query)) == set(annotator.classes_)
    assert (labels(query) == query.obs["cell_type"].astype(str)).mean() > 0.9


def test_nothing_but_the_slots_is_written(query, annotator):
    before = query.copy()
    plkd.tl.annotate(query, annotator)
    assert list(query.obs) == [
        "cell_type",
        "batch",
        "plkd_label",
        "plkd_confidence",
        "plkd_no_counts",
    ]
    assert list(query.obsm) == ["X_plkd"]
    assert list(query.uns) == ["plkd"]
    assert (query.X != before.X).nnz == 0
    pd.testing.assert_frame_equal(query.obs[["cell_type", "batch"]], before.obs)
    pd.testing.assert_frame_equal(query.var, before.var)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_a_matrix_that_cannot_be_written_to_is_read(query, annotator, index):
    expected = plkd.tl.annotate(query, annotator, copy=True).obs
    query.X = sp.csr_matrix(query.X)
    query.X.indices, query.X.indptr = (
        part.astype(index) for part in (query.X.indices, query.X.indptr)
    )
    parts = query.X.data, query.X.indices, query.X.indptr
    for part in parts:
        part.flags.writeable = False
    for chunk_size in (40, 10_000):
        plkd.tl.annotate(query, annotator, chunk_size=chunk_size)
        assert not any(part.flags.writeable for part in parts)
        pd.testing.assert_frame_equal(query.obs, expected, atol=1e-5)


def test_copy_leaves_the_query(query, annotator):
    before = query.copy()
    answer = plkd.tl.annotate(query, annotator, copy=True)
    assert isinstance(answer, AnnData)
    pd.testing.assert_frame_equal(query.obs, before.obs)
    assert (query.X != before.X).nnz == 0
    assert not query.obsm
    assert not query.uns
    plkd.tl.annotate(query, annotator)
    np.testing.assert_array_equal(labels(query), labels(answer))


def test_key_added_names_every_slot(query, annotator):
    plkd.tl.annotate(query, annotator, key_added="mine", probabilities=True)
    assert {"mine_label", "mine_confidence", "mine_no_counts"} <= set(query.obs)
    assert set(query.obsm) == {"X_mine", "mine_proba"}
    assert list(query.uns) == ["mine"]


@pytest.mark.parametrize("key", ["", "a/b"])
def test_a_key_that_files_cannot_hold_is_refused(query, annotator, key):
    with pytest.raises(InputError, match="key_added") as caught:
        plkd.tl.annotate(query, annotator, key_added=key)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("slot", "key", "value"),
    [
        ("obs", "plkd_label", "mine"),
        ("obs", "plkd_confidence", 0.5),
        ("obs", "plkd_no_counts", True),
        ("obsm", "X_plkd", np.zeros((65, 2))),
        ("obsm", "plkd_proba", np.zeros((65, 2))),
        ("uns", "plkd", {"mine": 1}),
        ("uns", "plkd", "a note"),
    ],
)
def test_slots_of_the_user_are_not_overwritten(query, annotator, slot, key, value):
    getattr(query, slot)[key] = value
    before = query.copy()
    with pytest.raises(InputError, match=f"{slot}.'{key}'.*key_added") as caught:
        plkd.tl.annotate(query, annotator)
    assert "\n" not in str(caught.value)
    pd.testing.assert_frame_equal(query.obs, before.obs)
    assert (set(query.obsm), query.uns) == (set(before.obsm), before.uns)


def test_scanpys_slots_are_not_taken_for_plkds(query, annotator):
    query.obsm["X_pca"] = np.ones((65, 3))
    query.uns["pca"] = {"variance": np.ones(3)}
    with pytest.raises(InputError, match="X_pca"):
        plkd.tl.annotate(query, annotator, key_added="pca")
    np.testing.assert_array_equal(query.obsm["X_pca"], np.ones((65, 3)))
    assert list(query.uns["pca"]) == ["variance"]


def test_annotating_again_replaces(query, annotator):
    plkd.tl.annotate(query, annotator, with_="teacher", probabilities=True)
    plkd.tl.annotate(query, annotator)
    assert "plkd_proba" not in query.obsm  # would be another network's
    assert query.obsm["X_plkd"].shape == (65, 128)
    assert query.uns["plkd"]["network"] == "student"
    assert list(query.obs).count("plkd_label") == 1


def test_order_of_the_querys_genes_does_not_matter(query, annotator):
    shuffled = query[:, np.random.default_rng(0).permutation(query.n_vars)].copy()
    assert_same_answers(annotated(query, annotator), annotated(shuffled, annotator))


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_counts_and_log1p_agree(query, annotator, network):
    logged = AnnData(log1p_10k(query), obs=query.obs, var=query.var)
    one, other = (annotated(data, annotator, with_=network) for data in (query, logged))
    np.testing.assert_array_equal(labels(one), labels(other))
    np.testing.assert_allclose(one.obsm["plkd_proba"], other.obsm["plkd_proba"], atol=1e-5)
    assert other.uns["plkd"]["expression"] == "log1p"


@pytest.mark.parametrize("form", ["dense", "csc", "csr_array", "int64", "float64", "view"])
def test_how_the_values_are_stored_does_not_matter(query, annotator, form):
    expected = annotated(query, annotator)
    query.X = {
        "dense": lambda x: x.toarray(),
        "csc": sp.csc_matrix,
        "csr_array": sp.csr_array,
        "int64": lambda x: x.astype(np.int64),
        "float64": lambda x: x.astype(np.float64),
        "view": lambda x: x,
    }[form](query.X)
    given = query[np.arange(65)] if form == "view" else query
    assert_same_answers(expected, annotated(given, annotator))


def test_layer_and_raw_are_read_in_place_of_x(query, annotator):
    expected = annotated(query, annotator)
    query.layers["counts"] = query.X.copy()
    query.raw = query.copy()
    scaled = query[:, :50].copy()
    dense = scaled.X.toarray()
    scaled.X = (dense - dense.mean(0)) / (dense.std(0) + 1)
    with pytest.raises(InputError, match=r"scaled.*use_raw"):
        annotated(scaled, annotator)
    assert_same_answers(expected, annotated(scaled, annotator, use_raw=True))
    query.X = np.full(query.shape, -1.0, dtype=np.float32)
    assert_same_answers(expected, annotated(query, annotator, layer="counts"))
    with pytest.raises(InputError, match="'counts'"):
        annotated(query, annotator, layer="conuts")
    with pytest.raises(InputError, match="not both"):
        annotated(query, annotator, layer="counts", use_raw=True)


def test_genes_are_found_by_column_and_by_ensembl_id(query, annotator):
    expected = annotated(query, annotator)
    symbols = list(query.var_names)
    query.var_names = [f"{name}.7" for name in annotator.genes_.ids]
    by_id = annotated(query, annotator)
    assert_same_answers(expected, by_id)
    assert "Ensembl" in by_id.uns["plkd"]["matched_by"]
    query.var_names = [f"probe {i}" for i in range(query.n_vars)]
    query.var["symbol"] = symbols
    by_column = annotated(query, annotator, gene_key="symbol")
    assert_same_answers(expected, by_column)
    assert by_column.uns["plkd"]["matched_by"] == "var['symbol']"
    with pytest.raises(InputError, match="'symbol'"):
        annotated(query, annotator, gene_key="symbols")


@pytest.mark.parametrize("logged", [False, True])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("network", ["student", "teacher"])
def test_chunk_size_does_not_matter(query, annotator, size, network, logged):
    empty_cell(query, 3)
    empty_cell(query, 64)
    if logged:
        query.X = log1p_10k(query)
    expected = annotated(query, annotator, with_=network, chunk_size=65)
    assert_same_answers(expected, annotated(query, annotator, with_=network, chunk_size=size))


@pytest.mark.parametrize("size", [0, -5])
def test_chunks_without_a_cell_are_refused(query, annotator, size):
    with pytest.raises(InputError, match="chunk_size of 1 or more"):
        annotated(query, annotator, chunk_size=size)


def empty_cell(query: AnnData, cell: int) -> None:
    """Set a cell to zeros that stay stored, as filtering in place leaves them."""
    query.X.data[query.X.indptr[cell] : query.X.indptr[cell + 1]] = 0


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_cells_without_counts_are_kept_and_marked(query, annotator, network):
    whole = annotated(query, annotator, with_=network)
    empty_cell(query, 5)
    plkd.tl.annotate(query, annotator, with_=network)
    assert query.n_obs == 65
    assert np.flatnonzero(query.obs["plkd_no_counts"]).tolist() == [5]
    assert labels(query)[5] == "unknown"
    assert query.obs["plkd_confidence"].iloc[5] == 0
    assert tuple(query.obs["plkd_label"].cat.categories) == (*annotator.classes_, "unknown")
    assert query.uns["plkd"]["n_no_counts"] == 1
    others = np.arange(65) != 5
    np.testing.assert_array_equal(labels(query)[others], labels(whole)[others])


def test_counts_in_other_genes_than_the_models_do_not_count(query, annotator):
    dense = np.zeros((65, 125), dtype=np.float32)
    dense[:, :120] = query.X.toarray()
    dense[2, :120], dense[2, 120:] = 0, 9
    names = [*query.var_names, *(f"OTHER{i}" for i in range(5))]
    wide = AnnData(dense, var=pd.DataFrame(index=names))
    plkd.tl.annotate(wide, annotator)
    assert np.flatnonzero(wide.obs["plkd_no_counts"]).tolist() == [2]


def test_a_model_may_have_a_type_called_unknown(query, annotator):
    model = copy.copy(annotator)
    model.classes_ = (*annotator.classes_[:3], "unknown")
    empty_cell(query, 5)
    plkd.tl.annotate(query, model)
    assert tuple(query.obs["plkd_label"].cat.categories) == model.classes_
    assert labels(query)[5] == "unknown"
    assert np.flatnonzero(query.obs["plkd_no_counts"]).tolist() == [5]


def test_only_zeros_are_refused(query, annotator):
    query.X = sp.csr_matrix(query.shape, dtype=np.float32)
    with pytest.raises(InputError, match="nothing but zeros"):
        plkd.tl.annotate(query, annotator)


def test_the_query_needs_no_labels(query, annotator):
    bare = AnnData(query.X, var=pd.DataFrame(index=query.var_names))
    assert_same_answers(annotated(query, annotator), annotated(bare, annotator))


def test_a_path_is_refused(annotator):
    with pytest.raises(InputError, match=r"the path 'query\.h5ad'.*plkd command"):
        plkd.tl.annotate("query.h5ad", annotator)


@pytest.mark.parametrize("cells", [slice(0), slice(None)])
def test_an_empty_query_is_refused(query, annotator, cells):
    genes = slice(None) if cells == slice(0) else slice(0)
    with pytest.raises(InputError, match="at least one cell and one gene") as caught:
        annotated(query[cells, genes].copy(), annotator)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "NaN"), (np.inf, "infinite"), (-1, "negative"), (0.5, "whole|not logged")],
)
@pytest.mark.parametrize("cell", [300, 4990])
def test_a_bad_value_anywhere_is_refused_and_nothing_written(annotator, cell, value, message):
    query = toy_query(5000, n_genes=120)
    query.X.data[query.X.indptr[cell]] = value
    with pytest.raises(InputError, match=message) as caught:
        plkd.tl.annotate(query, annotator, chunk_size=4096)
    assert "\n" not in str(caught.value)
    assert list(query.obs) == ["cell_type", "batch"]
    assert not query.obsm
    assert not query.uns


def test_too_few_shared_genes_are_refused(query, annotator):
    with pytest.raises(GeneMatchError, match=r"at least 30%.* 20 of 120") as caught:
        annotated(query[:, :20].copy(), annotator)
    assert "\n" not in str(caught.value)
    with pytest.warns(UserWarning, match="60 of the model's 120 genes"):
        annotated(query[:, :60].copy(), annotator)


def test_another_organism_is_refused(query, annotator):
    query.var_names = [name.capitalize() for name in query.var_names]
    with pytest.raises(GeneMatchError, match=r"human genes.*mouse genes") as caught:
        annotated(query, annotator)
    assert "\n" not in str(caught.value)


def test_another_network_is_refused(query, annotator):
    with pytest.raises(InputError, match="'student' or 'teacher'"):
        annotated(query, annotator, with_="pupil")
