"""Patterns of the cell types: planted programmes are found, and every number can be recomputed."""

from __future__ import annotations

import copy
import dataclasses
from io import StringIO

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from anndata import AnnData

from plkd.config import TeacherConfig, TrainConfig
from plkd.data.alignment import dense_align
from plkd.data.gene_sets import GeneSets
from plkd.data.source import source_from_anndata
from plkd.errors import InputError, NotFittedError
from plkd.model.annotator import CellAnnotator
from plkd.model.query import open_query
from plkd.tools import teacher_reading
from plkd.tools.pattern_results import COLUMNS, Patterns, TypePattern
from plkd.tools.patterns import _compare, patterns
from plkd.tools.teacher_reading import cells_at_once, choose_cells
from toy import toy_gene_sets, toy_programmes, toy_query, toy_reference, toy_truth

GENES = {"n_genes": 120}
TYPES = toy_truth(**GENES).types
KEY = {"labels_key": "cell_type"}


@pytest.fixture(scope="module")
def cells() -> AnnData:
    return toy_query(240, **GENES)


@pytest.fixture(scope="module")
def found(cells, annotator) -> Patterns:
    return patterns(cells, annotator, **KEY)


def expression(cells: AnnData, model: CellAnnotator) -> np.ndarray:
    query = open_query(source_from_anndata(cells), model)
    return dense_align(query.log1p(slice(0, cells.n_obs)), query.match)


def heard_tokens(cells: AnnData, model: CellAnnotator) -> np.ndarray:
    with torch.inference_mode():
        x = torch.from_numpy(expression(cells, model))
        tokens = model.teacher_.navigator.raw_tokens(x).double().numpy()
    return tokens - tokens.mean(-1, keepdims=True)


def heard_rows(model: CellAnnotator) -> np.ndarray:
    """Rows of every W_j less their mean, (gene, pattern, width); zero where there is none."""
    rows = model.teacher_.navigator.dense_weight().detach().double().numpy()
    return rows - rows.mean(-1, keepdims=True)


def same(one: Patterns, other: Patterns, *, exactly: bool = True) -> None:
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), check_exact=exactly)
    for name in ("score", "p_adj", "gene_weights", "rollout", "features", "cells", "codes"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=0 if exactly else 1e-4, atol=1e-12
        )


@pytest.mark.parametrize("labels_key", ["cell_type", None])
@pytest.mark.parametrize("method", ["t-test_overestim_var", "wilcoxon"])
def test_the_planted_programme_is_the_first_pattern_of_its_type(
    cells, annotator, labels_key, method
):
    found = patterns(cells, annotator, labels_key=labels_key, method=method)
    assert found.cell_types == TYPES
    for name in TYPES:
        best = next(one for one in found.of_type(name) if not one.pattern.startswith("free"))
        assert best.pattern == f"{name} programme"
        assert best.p_adj < 1e-3
        assert set(best.top_genes) <= set(toy_truth(**GENES).programmes[name])
        assert f"{name} programme" in [one.pattern for one in found.of_type(name)[:3]]


@pytest.fixture(scope="module")
def with_a_rare_type() -> AnnData:
    """Eight NK cells of 368; B cells and monocytes have much of two genes of their programme."""
    cells = toy_reference(400, **GENES)
    is_nk = (cells.obs["cell_type"] == "NK cell").to_numpy()
    kept = np.concatenate([np.flatnonzero(~is_nk), np.flatnonzero(is_nk)[:8]])
    cells = cells[np.sort(kept)].copy()
    counts = cells.X.toarray()
    others = np.flatnonzero(cells.obs["cell_type"].isin(["B cell", "Monocyte"]))
    rng = np.random.default_rng(0)
    for gene in toy_truth(**GENES).programmes["NK cell"][:2]:
        counts[others, cells.var_names.get_loc(gene)] += rng.poisson(60, len(others))
    cells.X = sp.csr_matrix(counts)
    return cells


def first_sets(found: Patterns) -> dict[str, TypePattern]:
    return {
        name: next(one for one in found.of_type(name) if not one.pattern.startswith("free"))
        for name in TYPES
    }


def test_the_programme_of_a_rare_type_is_found_whatever_leads_its_axis(with_a_rare_type):
    cells = with_a_rare_type
    model = CellAnnotator(
        toy_gene_sets(**GENES),
        teacher=TeacherConfig(n_patterns=12),
        training=TrainConfig(teacher_epochs=4, student_epochs=4, min_steps=60, hold_out=0.0),
        device="cpu",
    ).fit(cells, labels_key="cell_type", batch_key="batch")
    for name, best in first_sets(patterns(cells, model, **KEY)).items():
        assert best.pattern == f"{name} programme"
        assert best.p_adj < 1e-3
    # The principal axis of the programme follows the two genes, to other types.
    along = first_sets(patterns(cells, model, feature="axis", **KEY))
    assert along["NK cell"].pattern != "NK cell programme"
    assert all(along[name].pattern == f"{name} programme" for name in TYPES if name != "NK cell")


def test_only_patterns_higher_in_the_type_are_listed_best_first(found):
    for name in TYPES:
        scores = [one.score for one in found.of_type(name)]
        assert scores == sorted(scores, reverse=True)
        assert 0 < len(scores) <= 10
        assert min(scores) > 0


def test_rollout_is_that_of_the_teacher(cells, annotator, found):
    with torch.inference_mode():
        reading = annotator.teacher_.read(torch.from_numpy(expression(cells, annotator)))
    np.testing.assert_allclose(found.rollout, reading.rollout.numpy(), rtol=1e-4)
    assert found.rollout.min() >= 0
    assert found.rollout.sum(1).max() <= 1 + 1e-5
    codes = cells.obs["cell_type"].cat.codes.to_numpy()
    means = np.array([found.rollout[codes == code].mean(0) for code in range(len(TYPES))])
    np.testing.assert_allclose(found.rollout_of_type, means, rtol=1e-5)


def test_lengths_are_those_of_the_tokens(cells, annotator, found):
    norms = np.linalg.norm(heard_tokens(cells, annotator), axis=-1)
    codes = cells.obs["cell_type"].cat.codes.to_numpy()
    for code in range(len(TYPES)):
        np.testing.assert_allclose(
            found.norm_of_type[code], norms[codes == code].mean(0), rtol=1e-4
        )


def test_a_set_is_heard_the_way_that_its_genes_rise(cells, annotator, found):
    tokens, rows = heard_tokens(cells, annotator), heard_rows(annotator)
    sets = [j for j, name in enumerate(found.pattern_names) if "free" not in name]
    assert len(sets) == 10
    for pattern in sets:
        of_set = rows[found.held[:, pattern], pattern]
        direction = (of_set / np.linalg.norm(of_set, axis=1)[:, None]).mean(0)
        direction /= np.linalg.norm(direction)
        feature = found.features[:, pattern]
        np.testing.assert_allclose(feature, tokens[:, pattern] @ direction, rtol=1e-3, atol=1e-3)
        assert (of_set @ direction).mean() > 0  # a rise of all counts as more


def test_the_way_of_a_set_does_not_depend_on_the_cells(cells, annotator, found):
    few = patterns(cells[:60].copy(), annotator, **KEY)
    sets = [j for j, name in enumerate(found.pattern_names) if "free" not in name]
    here, there = few.features[:, sets], found.features[few.cells][:, sets]
    np.testing.assert_allclose(here, there, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("feature", ["axis", "rise"])
def test_what_has_no_set_is_read_along_its_principal_axis(cells, annotator, feature):
    found, tokens = (
        patterns(cells, annotator, feature=feature, **KEY),
        heard_tokens(cells, annotator),
    )
    read = [j for j, name in enumerate(found.pattern_names) if feature == "axis" or "free" in name]
    assert len(read) == {"axis": 12, "rise": 2}[feature]
    for pattern in read:
        token = tokens[:, pattern]
        axis = np.linalg.svd(token - token.mean(0), full_matrices=False)[2][0]
        tested = found.features[:, pattern]
        projected = token @ axis
        sign = np.sign(np.corrcoef(projected, tested)[0, 1])
        np.testing.assert_allclose(tested, sign * projected, atol=1e-3 * tested.std())
        assert found.gene_weights[:, pattern].sum() > 0


@pytest.mark.parametrize("feature", ["rise", "axis"])
def test_the_feature_is_made_of_the_genes_it_names(cells, annotator, feature):
    x = expression(cells, annotator).astype(np.float64)
    found = patterns(cells, annotator, feature=feature, **KEY)
    plain = patterns(cells, annotator, feature=feature, weights="axis", **KEY).gene_weights
    made = x @ plain
    np.testing.assert_allclose(
        made - made.mean(0), found.features - found.features.mean(0), atol=1e-4
    )
    np.testing.assert_allclose(found.gene_weights, plain * x.std(0)[:, None], rtol=1e-5, atol=1e-9)
    assert np.all(found.gene_weights[~found.held] == 0)


def test_scores_are_those_of_the_test(cells, annotator):
    from scipy.stats import false_discovery_control, ttest_ind

    found = patterns(cells, annotator, method="t-test", **KEY)
    for code in range(len(TYPES)):
        inside = found.codes == code
        true = ttest_ind(found.features[inside], found.features[~inside], equal_var=False)
        np.testing.assert_allclose(found.score[code], true.statistic, rtol=1e-3, atol=1e-3)
        expected = false_discovery_control(true.pvalue)
        np.testing.assert_allclose(found.p_adj[code], expected, rtol=0.05, atol=1e-30)


def test_types_of_cells_without_meaning_have_no_patterns(cells, annotator):
    mixed = cells.copy()
    mixed.obs["cell_type"] = np.random.default_rng(0).permutation(cells.obs["cell_type"])
    assert patterns(mixed, annotator, **KEY).p_adj.min() > 0.01


@pytest.mark.parametrize("labels_key", ["cell_type", None])
def test_chunks_do_not_matter(cells, annotator, labels_key):
    one, other = (
        patterns(cells, annotator, labels_key=labels_key, chunk_size=size, max_cells=100)
        for size in (7, 4096)
    )
    same(one, other)


def test_the_order_of_genes_does_not_matter(cells, annotator, found):
    order = np.random.default_rng(0).permutation(cells.n_vars)
    same(found, patterns(cells[:, order].copy(), annotator, **KEY))


def test_the_teacher_never_reads_many_cells_at_once(cells, annotator, found, monkeypatch):
    sizes = []
    read = type(annotator.teacher_).read

    def watched(self, batch):
        sizes.append(len(batch))
        return read(self, batch)

    monkeypatch.setattr(type(annotator.teacher_), "read", watched)
    monkeypatch.setattr(teacher_reading, "READ_BATCH", 9)
    same(found, patterns(cells, annotator, **KEY), exactly=False)
    assert max(sizes) == 9
    assert sum(sizes) == cells.n_obs


def test_cells_are_not_changed(cells, annotator):
    before = cells.copy()
    patterns(cells, annotator, **KEY)
    pd.testing.assert_frame_equal(cells.obs, before.obs)
    assert (cells.X != before.X).nnz == 0
    assert not cells.uns


def test_cells_without_a_type_or_a_count_are_left_out(cells, annotator):
    some = cells.copy()
    labels = some.obs["cell_type"].astype(object)
    labels.iloc[:40] = None
    some.obs["cell_type"] = labels
    assert patterns(some, annotator, **KEY).cells.tolist() == list(range(40, 240))
    some.X.data[: some.X.indptr[50]] = 0
    assert patterns(some, annotator).cells.min() == 50
    assert patterns(some, annotator, **KEY).cells.tolist() == list(range(50, 240))


@pytest.mark.parametrize("n_unknown", [1, 12])
def test_cells_that_plkd_calls_unknown_have_no_type(cells, annotator, n_unknown):
    some = cells.copy()
    for key, label in (("called", "unknown"), ("cleared", None)):
        some.obs[key] = some.obs["cell_type"].astype(object)
        some.obs.iloc[:n_unknown, some.obs.columns.get_loc(key)] = label
    found = patterns(some, annotator, labels_key="called")
    assert found.cell_types == TYPES
    same(found, patterns(some, annotator, labels_key="cleared"))


def test_of_many_patterns_fewer_cells_are_read_at_once():
    assert [cells_at_once(n) for n in (1, 300, 301, 600, 1700, 10_000)] == [32, 32, 31, 8, 1, 1]


def test_progress_is_told(cells, annotator):
    told = []
    patterns(cells, annotator, progress=lambda done, of: told.append((done, of)), **KEY)
    assert told[-1] == (240, 240)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_many_types_are_compared():
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(40), 3)
    names = tuple(f"type/{i}" for i in range(40))
    features = rng.normal(size=(120, 6)).astype(np.float32)
    features[codes == 7, 2] += 50
    scores, p_adj = _compare(features, codes, names, "t-test_overestim_var")
    assert scores[7].argmax() == 2
    assert p_adj[7, 2] < 0.01


def test_the_sum_over_the_width_says_nothing_of_the_model(cells, annotator):
    changed = copy.deepcopy(annotator)
    with torch.no_grad():
        navigator = changed.teacher_.navigator
        navigator.weight += torch.randn(len(navigator.weight), 1)
        shift = torch.randn(navigator.n_genes, navigator.n_free, 1)
        navigator.free_weight += shift.expand(-1, -1, navigator.width).flatten(1)
        x = torch.from_numpy(expression(cells, annotator))
        before, after = annotator.teacher_(x).logits, changed.teacher_(x).logits
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-3)
    weights = {
        how: [patterns(cells, m, weights=how, **KEY).gene_weights for m in (annotator, changed)]
        for how in ("influence", "size", "sum")
    }
    for how in ("influence", "size"):
        np.testing.assert_allclose(*weights[how], atol=1e-4)
    assert np.abs(np.subtract(*weights["sum"])).max() > 1


@pytest.fixture(scope="module")
def constructed(annotator) -> CellAnnotator:
    """A model whose first learned pattern is about the programme of one type, by construction."""
    model = copy.deepcopy(annotator)
    programme = toy_truth(**GENES).programmes["NK cell"]
    navigator = model.teacher_.navigator
    with torch.no_grad():
        free = navigator.free_weight.view(navigator.n_genes, navigator.n_free, navigator.width)
        free[:, 0] = 0.01 * torch.randn(navigator.n_genes, navigator.width)
        free[[model.genes_.names.index(gene) for gene in programme], 0, 0] += 1
    return model


@pytest.mark.parametrize("weights", ["influence", "axis", "size", "sum"])
def test_a_learned_pattern_is_named_by_what_it_is_about(cells, constructed, weights):
    found = patterns(cells, constructed, weights=weights, n_genes=15, **KEY)
    programme = set(toy_truth(**GENES).programmes["NK cell"])
    assert set(found.top_genes("free_1", 15)) == programme
    assert programme <= set(found.gene_set("free_1"))
    best = found.enriched["free_1"][0]
    assert (best.name, best.overlap, best.size) == ("NK cell programme", 15, 15)
    assert best.p_adj < 0.01
    listed = next(one for one in found.of_type("NK cell") if one.pattern == "free_1")
    assert listed.enriched_in[0] == "NK cell programme"
    assert {name for one in found.top for name in one.enriched_in if "free" not in one.pattern} == (
        set()
    )


def test_given_sets_name_learned_patterns(cells, constructed):
    programmes = toy_programmes(**GENES)
    sets = GeneSets(
        ("theirs", "decoy", "small"),
        (
            (*programmes["NK cell programme"], "NOT_A_GENE"),
            programmes["decoy 1"],
            programmes["decoy 2"][:4],
        ),
    )
    found = patterns(cells, constructed, sets=sets, **KEY)
    assert set(found.enriched) == {"free_1", "free_2"}
    assert [one.name for one in found.enriched["free_1"]] == ["theirs", "decoy"]
    others = GeneSets(("mouse",), (("Cd3d", "Cd3e", "Cd79a", "Nkg7", "Gnly"),))
    with pytest.raises(InputError, match=r"at least 5 of the model's genes.*Cd3d"):
        patterns(cells, constructed, sets=others, **KEY)


@pytest.mark.parametrize("weights", ["influence", "axis", "size", "sum"])
def test_genes_that_the_cells_lack_count_nowhere(cells, constructed, weights):
    from scipy.stats import hypergeom

    programmes = toy_programmes(**GENES)
    absent = set(cells.var_names[:30])
    sets = GeneSets(
        (*programmes, "mostly lacking"),
        (*programmes.values(), (*sorted(absent)[:3], *cells.var_names[-4:])),
    )
    measured = {name: set(genes) - absent for name, genes in programmes.items()}
    options = {"weights": weights, "sets": sets, "n_genes": 120, **KEY}
    with pytest.warns(UserWarning, match="90 of the model's 120 genes"):
        found = patterns(cells[:, 30:].copy(), constructed, **options)
    assert all(not absent & set(one.top_genes) for one in found.top)
    for pattern in found.pattern_names:
        assert not absent & set(found.top_genes(pattern, 120))
        assert not absent & set(found.gene_set(pattern))
    assert np.all(found.gene_weights[[name in absent for name in found.gene_names]] == 0)
    chosen = set(found.gene_set("free_1"))
    tested = {one.name: one for one in found.enriched["free_1"]}
    assert set(tested) == {name for name, genes in measured.items() if len(genes) >= 5}
    for name, one in tested.items():
        overlap = len(chosen & measured[name])
        assert (one.size, one.overlap) == (len(measured[name]), overlap)
        assert one.expected == pytest.approx(one.size * len(chosen) / 90)
        assert one.p == pytest.approx(hypergeom.sf(overlap - 1, 90, one.size, len(chosen)))


def test_the_gene_set_of_a_pattern_holds_its_own_genes_only(found):
    lowering = dataclasses.replace(found, gene_weights=-np.abs(found.gene_weights))
    for column, pattern in enumerate(found.pattern_names):
        held = {found.gene_names[i] for i in np.flatnonzero(found.held[:, column])}
        assert set(lowering.gene_set(pattern)) <= held
        assert set(lowering.top_genes(pattern, 120)) == held


def test_a_model_without_sets_has_learned_patterns_only(cells):
    model = CellAnnotator(
        teacher=TeacherConfig(n_patterns=6, width=8),
        training=TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=1, hold_out=0.0),
        device="cpu",
    ).fit(toy_reference(100, **GENES), labels_key="cell_type")
    found = patterns(cells, model, **KEY)
    assert set(found.enriched.values()) == {()}
    assert len(found.enriched) == 6
    sets = GeneSets(tuple(toy_programmes(**GENES)), tuple(toy_programmes(**GENES).values()))
    assert len(patterns(cells, model, sets=sets, **KEY).enriched["pattern_1"]) == len(sets)


@pytest.mark.parametrize("feature", ["norm", "rollout"])
def test_other_features_are_tested_as_they_are(cells, annotator, found, feature):
    other = patterns(cells, annotator, feature=feature, **KEY)
    means = found.norm_of_type if feature == "norm" else found.rollout_of_type
    tested = [other.features[other.codes == code].mean(0) for code in range(len(TYPES))]
    np.testing.assert_allclose(tested, means, rtol=1e-5)


def test_the_table_can_be_written(found):
    table = found.to_frame()
    assert tuple(table.columns) == COLUMNS
    assert len(table) == len(found.top)
    again = pd.read_csv(StringIO(table.to_csv(index=False)), keep_default_na=False)
    assert again["top_genes"][0].split("; ") == list(found.top[0].top_genes)
    assert again["cell_type"].unique().tolist() == list(TYPES)


def test_numbers_of_patterns_and_genes_can_be_chosen(cells, annotator):
    found = patterns(cells, annotator, n_patterns=2, n_genes=3, **KEY)
    assert all(len(found.of_type(name)) <= 2 for name in TYPES)
    assert {len(one.top_genes) for one in found.top} == {3}


def test_rare_types_are_drawn_whole():
    codes = np.repeat([0, 1, 2, -1], [500, 40, 3, 100])
    drawn = choose_cells(codes, max_cells=100, seed=0)
    assert np.bincount(codes[drawn]).tolist() == [57, 40, 3]
    drawn = choose_cells(codes, max_cells=30, seed=0)
    assert np.bincount(codes[drawn]).tolist()[2] == 3
    assert sorted(np.bincount(codes[drawn])) == [3, 13, 14]
    assert np.all(np.diff(drawn) > 0)
    assert np.array_equal(drawn, choose_cells(codes, max_cells=30, seed=0))
    assert not np.array_equal(drawn, choose_cells(codes, max_cells=30, seed=1))
    assert np.array_equal(choose_cells(codes, max_cells=543, seed=0), np.arange(543))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels_key": "celltype"}, "a column 'celltype' in obs.*'cell_type', 'batch'"),
        ({"labels_key": "batch"}, "at least two cell types.*'query'"),
        ({"feature": "token"}, "'rise', 'axis', 'norm', 'rollout'.*'token'"),
        ({"weights": "P"}, "'influence', 'axis', 'size', 'sum'"),
        ({"method": "logreg"}, "'wilcoxon'.*'logreg'"),
        ({"n_patterns": 0}, "n_patterns of 1 or more"),
        ({"n_genes": 0}, "n_genes of 1 or more"),
        ({"chunk_size": 0}, "chunk_size of 1 or more"),
        ({"max_cells": 7}, "max_cells of at least 8.*found 7"),
    ],
)
def test_what_does_not_fit_is_refused(cells, annotator, options, message):
    with pytest.raises(InputError, match=message) as caught:
        patterns(cells, annotator, **{**KEY, **options})
    assert "\n" not in str(caught.value)


def test_too_few_cells_are_refused(cells, annotator):
    few = cells[np.flatnonzero(cells.obs["cell_type"] == "B cell")[:5]].copy()
    with pytest.raises(InputError, match=r"two types or more.*'B cell' \(5\)"):
        patterns(few, annotator)
    first = [int(np.flatnonzero(cells.obs["cell_type"] == name)[0]) for name in TYPES[:2]]
    with pytest.raises(InputError, match=r"at least 2 cells of each type.*\(1\)"):
        patterns(cells[first].copy(), annotator, **KEY)


def test_a_model_without_its_teacher_is_refused(tmp_path, cells, annotator, found):
    annotator.save(tmp_path / "model")
    alone = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    with pytest.raises(InputError, match=r"with its Teacher.*with_teacher=True"):
        patterns(cells, alone, **KEY)
    same(found, patterns(cells, CellAnnotator.load(tmp_path / "model"), **KEY))
    with pytest.raises(NotFittedError):
        patterns(cells, CellAnnotator(), **KEY)


@pytest.mark.parametrize(("what", "ask"), [("cell type", "of_type"), ("pattern", "gene_set")])
def test_unknown_names_are_told(found, what, ask):
    with pytest.raises(InputError, match=f"the name of a {what}.*'nothing'"):
        getattr(found, ask)("nothing")
