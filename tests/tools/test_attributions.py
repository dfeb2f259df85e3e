"""Genes that speak for a type, from an AnnData through the model's contract."""

from __future__ import annotations

import copy
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from anndata import AnnData

from plkd.data.alignment import dense_align
from plkd.data.source import source_from_anndata
from plkd.errors import GeneMatchError, InputError, NotFittedError
from plkd.model.annotator import CellAnnotator
from plkd.model.query import open_query
from plkd.networks import attribution
from plkd.tools.attributing import draw_evenly, label_column
from plkd.tools.attributions import attributions
from toy import toy_reference, toy_truth

N_GENES = 120


@pytest.fixture(scope="session")
def reference() -> AnnData:
    return toy_reference(160, N_GENES, seed=7)


@pytest.fixture(scope="session")
def found(reference, annotator):
    return attributions(reference, annotator, labels_key="cell_type", n_background=24)


def assert_same(one, other) -> None:
    np.testing.assert_array_equal(one.n_cells, other.n_cells)
    np.testing.assert_array_equal(one.background, other.background)
    np.testing.assert_allclose(one.mean_abs, other.mean_abs, rtol=0, atol=1e-6)
    np.testing.assert_allclose(one.mean, other.mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(one.difference, other.difference, rtol=0, atol=1e-6)


def test_the_first_genes_of_a_type_are_its_markers(found, annotator):
    programmes = toy_truth(N_GENES, 4).programmes
    assert tuple(found.top_genes()) == annotator.classes_
    for name, genes in found.top_genes().items():
        assert tuple(found.ranking(name).index) == genes
        assert len(set(genes) & set(programmes[name])) >= 7, name
    for name, genes in found.top_genes(markers=True).items():
        table = found.ranking(name, markers=True)
        assert tuple(table.index) == genes
        assert (table["mean"] > 0).all()
        assert (table["difference"] > 0).all()
        assert len(set(genes) & set(programmes[name])) >= 9, name


def test_a_gene_may_speak_for_a_type_by_its_absence(found):
    table = found.to_frame()
    absent = table[(table["mean"] > 0) & (table["difference"] < 0)]
    assert len(absent)
    name, gene = absent["mean"].idxmax()
    assert gene in found.ranking(name, None).index
    assert gene not in found.ranking(name, None, markers=True).index


def test_values_add_up(found):
    assert 0 <= found.median_residual <= found.max_residual < 1e-5
    assert found.logit_range > 1


def test_the_result_is_as_documented(found, reference, annotator):
    assert (found.types, found.genes) == (annotator.classes_, annotator.genes_.names)
    for means in (found.mean_abs, found.mean, found.difference):
        assert (means.shape, means.dtype) == ((4, N_GENES), np.float64)
    assert (np.abs(found.mean) <= found.mean_abs + 1e-12).all()
    counts = reference.obs["cell_type"].value_counts()
    assert found.n_cells.tolist() == [counts[name] for name in found.types]
    assert found.n_left_out == 0
    assert found.cells is found.values is None
    assert len(found.background) == 24
    drawn = reference.obs["cell_type"].iloc[found.background].value_counts()
    assert drawn.tolist() == [6, 6, 6, 6]
    table = found.to_frame()
    assert table.index.names == ["type", "gene"]
    np.testing.assert_array_equal(table["mean_abs"].loc[found.types[2]], found.mean_abs[2])
    assert len(found.ranking(found.types[0], None)) == N_GENES
    assert found.ranking(found.types[0])["mean_abs"].is_monotonic_decreasing


def test_means_are_those_of_one_cell_after_the_other(reference, annotator, found):
    query = open_query(source_from_anndata(reference), annotator)
    dense = torch.from_numpy(dense_align(query.log1p(slice(0, reference.n_obs)), query.match))
    codes = torch.tensor([found.types.index(name) for name in reference.obs["cell_type"]])
    others = dense[torch.from_numpy(found.background)]
    rows = [
        attribution.attributions(annotator.student_, cell[None], others, code[None]).values[0]
        for cell, code in zip(dense, codes, strict=True)
    ]
    values = torch.stack(rows).double().numpy()
    for code in range(4):
        own = values[codes.numpy() == code]
        np.testing.assert_allclose(found.mean[code], own.mean(0), rtol=0, atol=1e-6)
        more = dense[codes == code].mean(0) - others.mean(0)
        np.testing.assert_allclose(found.difference[code], more, rtol=0, atol=1e-5)
        np.testing.assert_allclose(found.mean_abs[code], np.abs(own).mean(0), rtol=0, atol=1e-6)


def test_values_of_a_type_cell_by_cell(reference, annotator, found):
    name = found.types[1]
    again = attributions(
        reference,
        annotator,
        labels_key="cell_type",
        n_background=24,
        values_of=name,
        chunk_size=30,
    )
    assert_same(again, found)
    own = np.flatnonzero(reference.obs["cell_type"] == name)
    np.testing.assert_array_equal(again.cells, own)
    assert again.values.dtype == np.float32
    np.testing.assert_allclose(again.values.mean(0), found.mean[1], rtol=0, atol=1e-6)


def test_chunks_do_not_matter(query, annotator):
    whole = attributions(query, annotator, n_background=10)
    told = []
    for size in (1, 7, 64):
        assert_same(
            attributions(
                query,
                annotator,
                n_background=10,
                chunk_size=size,
                progress=lambda done, of: told.append((done, of)),
            ),
            whole,
        )
    assert told.count((65, 65)) == 3


def test_genes_in_any_order_give_the_same(query, annotator):
    order = np.random.default_rng(0).permutation(query.n_vars)
    permuted = query[:, order].copy()
    assert_same(
        attributions(permuted, annotator, n_background=10),
        attributions(query, annotator, n_background=10),
    )


def test_counts_and_log1p_give_the_same(query, annotator):
    counts = query.X.toarray().astype(np.float64)
    logged = query.copy()
    logged.X = sp.csr_matrix(
        np.log1p(1e4 * counts / counts.sum(1, keepdims=True)).astype(np.float32)
    )
    one = attributions(logged, annotator, n_background=10)
    other = attributions(query, annotator, n_background=10)
    np.testing.assert_allclose(one.mean_abs, other.mean_abs, rtol=0, atol=1e-5)


def test_a_query_is_not_changed(query, annotator):
    before = query.copy()
    attributions(query, annotator, n_background=5)
    assert (query.X != before.X).nnz == 0
    assert query.obs.equals(before.obs)
    assert not query.uns
    assert not query.obsm


def test_without_labels_each_cell_is_explained_for_its_predicted_type(query, annotator):
    from plkd.tools.annotate import annotate

    found = attributions(query, annotator, n_background=10)
    annotate(query, annotator)
    counts = query.obs["plkd_label"].value_counts()
    assert found.n_cells.tolist() == [counts[name] for name in found.types]
    labelled = attributions(query, annotator, n_background=10, labels_key="plkd_label")
    assert_same(labelled, found)


def test_another_background_and_its_genes(query, reference, annotator):
    lacking = query[:, 20:].copy()
    found = attributions(lacking, annotator, background=reference, n_background=12)
    assert found.background.max() < reference.n_obs
    assert found.max_residual < 1e-5
    at = [found.genes.index(name) for name in query.var_names[:20] if name in found.genes]
    assert (found.mean_abs[:, at] == 0).all()
    assert (found.mean_abs.sum(1) > 0).all()
    permuted = reference[:, ::-1].copy()
    assert_same(
        attributions(lacking, annotator, background=permuted, n_background=12),
        found,
    )


def test_cells_without_label_or_counts_are_left_out(query, annotator):
    kept = sp.diags_array((np.arange(65) != 3).astype(np.float32))
    query.X = sp.csr_matrix(kept @ query.X)
    labels = query.obs["cell_type"].astype(object)
    labels.iloc[3] = "unknown"  # as annotate calls it; the model knows no such type
    labels.iloc[[5, 6, 7]] = [None, np.nan, ""]
    query.obs["partly"] = labels
    found = attributions(query, annotator, labels_key="partly", n_background=70)
    assert found.n_left_out == 4
    assert found.n_cells.sum() == 61
    assert not {3, 5, 6, 7} & set(found.background)


@pytest.mark.parametrize("n_unknown", [1, 9])
def test_cells_that_plkd_calls_unknown_have_no_type(query, annotator, n_unknown):
    for key, label in (("called", "unknown"), ("cleared", None)):
        query.obs[key] = query.obs["cell_type"].astype(object)
        query.obs.iloc[:n_unknown, query.obs.columns.get_loc(key)] = label
    found = attributions(query, annotator, labels_key="called", n_background=10)
    assert found.n_left_out == n_unknown
    assert_same(found, attributions(query, annotator, labels_key="cleared", n_background=10))


@pytest.mark.parametrize("kind", ["object", "category", "string"])
def test_unknown_is_a_label_where_a_type_has_this_name(query, kind):
    query.obs["mine"] = query.obs["cell_type"].astype(object).where(np.arange(65) > 1, "unknown")
    query.obs["mine"] = query.obs["mine"].astype(kind)
    assert label_column(query.obs, "mine", ("unknown",))[:2].tolist() == ["unknown"] * 2
    labels = label_column(query.obs, "mine", ("B cell",))
    assert labels[:2].tolist() == [None, None]
    assert labels[2:].tolist() == query.obs["cell_type"].tolist()[2:]


def test_a_wrong_column_is_refused_before_cells_are_read(query, annotator, monkeypatch):
    monkeypatch.setattr(sys.modules[attributions.__module__], "open_query", None)
    for key, says in (("kind", "a column 'kind'"), ("batch", "types of the model.*'query'")):
        with pytest.raises(InputError, match=says):
            attributions(query, annotator, labels_key=key)


def test_the_background_has_a_cell_of_each_type(reference, annotator):
    found = attributions(reference, annotator, labels_key="cell_type", n_background=2)
    drawn = reference.obs["cell_type"].iloc[found.background]
    assert sorted(drawn) == list(found.types)


def test_only_the_types_asked_for(query, annotator):
    name = annotator.classes_[2]
    whole = attributions(query, annotator, n_background=10)
    for types in ([name], name):
        found = attributions(query, annotator, types=types, n_background=10)
        np.testing.assert_array_equal(found.background, whole.background)
        np.testing.assert_allclose(found.mean[2], whole.mean[2], rtol=0, atol=1e-6)
        assert found.n_cells[[0, 1, 3]].tolist() == [0, 0, 0]
        assert found.n_left_out == 65 - found.n_cells[2]
        assert list(found.top_genes()) == [name]
        assert np.isnan(found.mean[[0, 1, 3]]).all()
    with pytest.raises(InputError, match="none that was explained"):
        found.ranking(annotator.classes_[0])
    with pytest.raises(InputError, match="'ghost'"):
        found.ranking("ghost")
    other = attributions(
        query, annotator, types=[name], n_background=10, values_of=annotator.classes_[0]
    )
    assert (other.cells.shape, other.values.shape) == ((0,), (0, N_GENES))


def test_the_background_is_drawn_evenly():
    codes = np.array([0] * 50 + [1] * 3 + [2] * 20 + [-1] * 10)
    drawn = draw_evenly(codes, 15, seed=0)
    assert (np.diff(drawn) > 0).all()
    assert np.bincount(codes[drawn]).tolist() == [6, 3, 6]
    assert len(draw_evenly(codes, 1000, seed=0)) == 73
    np.testing.assert_array_equal(drawn, draw_evenly(codes, 15, seed=0))
    assert not np.array_equal(drawn, draw_evenly(codes, 15, seed=1))


def test_a_background_of_one_type_is_warned_of(query, annotator):
    name = annotator.classes_[0]
    one = query[(query.obs["cell_type"] == name).to_numpy()].copy()
    with pytest.warns(UserWarning, match=f"of one type, '{name}'"):
        attributions(one, annotator, n_background=5, labels_key="cell_type")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attributions(one, annotator, n_background=5, background=query)


def test_values_that_do_not_add_up_are_warned_of(query, annotator, monkeypatch):
    from plkd.tools import attributing

    def half(*arguments):
        values, residual = attribution.attributions(*arguments)
        return attribution.Attributed(values / 2, residual + values.sum(1) / 2)

    monkeypatch.setattr(attributing, "attributions", half)
    with pytest.warns(UserWarning, match="do not rely on them"):
        attributions(query, annotator, n_background=5)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n_background": 0}, "n_background of 1 or more"),
        ({"chunk_size": 0}, "chunk_size of 1 or more"),
        ({"labels_key": "celltype"}, "'cell_type', 'batch'"),
        ({"labels_key": "batch"}, "found 'query'"),
        ({"types": ["ghost"]}, "found 'ghost'"),
        ({"types": []}, "found none"),
        ({"values_of": "ghost"}, "found 'ghost'"),
        ({"labels_key": "nothing"}, "none among 65"),
        ({"layer": "counts"}, "layer"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(query, annotator, options, says):
    query.obs["nothing"] = None
    with pytest.raises(InputError, match=says) as caught:
        attributions(query, annotator, **options)
    assert "\n" not in str(caught.value)


def test_a_background_that_does_not_fit_is_refused(query, annotator):
    with pytest.raises(InputError):
        attributions(query, annotator, background=query[:0].copy())
    with pytest.raises(GeneMatchError):
        attributions(query, annotator, background=query[:, :20].copy())
    zeros = query.copy()
    zeros.X = sp.csr_matrix(zeros.shape, dtype=np.float32)
    with pytest.raises(InputError):
        attributions(query, annotator, background=zeros)
    with pytest.raises(InputError, match="background of cells with counts"):
        draw_evenly(np.full(4, -1), 3, seed=0)


def test_a_model_that_learned_nothing_is_refused(query):
    with pytest.raises(NotFittedError):
        attributions(query, CellAnnotator())


def test_the_model_is_not_changed(query, annotator):
    before = copy.deepcopy(annotator.student_.state_dict())
    attributions(query, annotator, n_background=5)
    for name, value in annotator.student_.state_dict().items():
        assert torch.equal(value, before[name])
    assert not annotator.student_.training
