"""Marker genes: what both networks name, against their own tools and plain reckoning."""

from __future__ import annotations

import copy
import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData, read_h5ad

from plkd.data.source import source_from_anndata
from plkd.errors import GeneMatchError, InputError, NotFittedError
from plkd.model.annotator import CellAnnotator
from plkd.tools.annotate import annotate
from plkd.tools.attributions import attributions
from plkd.tools.gene_network import gene_network
from plkd.tools.marker_genes import marker_genes
from plkd.tools.marker_results import MarkerGenes
from plkd.tools.marker_search import cells_in_memory
from plkd.tools.patterns import patterns
from toy import MARKERS_PER_TYPE, toy_gene_sets, toy_reference, toy_truth

N_GENES = 120
COLUMNS = [
    "cell_type",
    "gene",
    "rank",
    "shap",
    "q",
    "in_teacher",
    "in_student",
    "consensus",
    "mean_in",
    "mean_out",
    "detected_in",
    "detected_out",
]
QUICK = {"n_background": 12}


@pytest.fixture(scope="module")
def reference() -> AnnData:
    return toy_reference(160, N_GENES, seed=7)


@pytest.fixture(scope="module")
def found(reference, annotator) -> MarkerGenes:
    return marker_genes(reference, annotator, labels_key="cell_type", **QUICK)


def assert_same(one: MarkerGenes, other: MarkerGenes) -> None:
    assert one.n_cells == other.n_cells
    pd.testing.assert_frame_equal(one.to_frame(), other.to_frame(), rtol=1e-5, atol=1e-6)


# --- what is found ------------------------------------------------------------------------------


def test_markers_are_genes_of_the_programme(reference, annotator):
    programmes = toy_truth(N_GENES, 4).programmes
    # As many candidates as a programme has genes: fifty of 120 genes would be mostly others.
    found = marker_genes(
        reference, annotator, labels_key="cell_type", n_candidates=MARKERS_PER_TYPE, **QUICK
    )
    assert tuple(found.top_genes()) == found.cell_types == annotator.classes_
    for name, genes in found.top_genes().items():
        assert 5 <= len(genes) <= 10
        assert len(set(genes) & set(programmes[name])) >= 0.75 * len(genes), name


def test_consensus_is_what_the_two_tools_name(found, reference, annotator):
    student = attributions(reference, annotator, labels_key="cell_type", n_background=12)
    teacher = patterns(reference, annotator, labels_key="cell_type")
    for name in annotator.classes_:
        network = gene_network(teacher, annotator, name, genes_per_pattern=5)
        q = {gene.gene: gene.q for gene in network.genes}
        named = student.ranking(name, 50, markers=True)["mean_abs"]
        both = [gene for gene in named.index if gene in q]
        rows = found.of_type(name)
        assert [row.gene for row in rows if row.consensus] == both
        assert {row.gene for row in rows if row.in_student} == set(named.index)
        assert {row.gene for row in rows if row.in_teacher} <= set(q)
        all_values = student.ranking(name, None)["mean_abs"]
        for row in rows:
            assert row.shap == pytest.approx(all_values[row.gene], abs=1e-6)
            if row.in_teacher:
                assert row.q == pytest.approx(q[row.gene])


def test_the_table_is_as_documented(found):
    table = found.to_frame()
    assert list(table) == COLUMNS
    assert not table.duplicated(["cell_type", "gene"]).any()
    assert (table["in_teacher"] | table["in_student"]).all()
    assert (table["consensus"] == (table["in_teacher"] & table["in_student"])).all()
    assert (table["q"].isna() == ~table["in_teacher"]).all()
    assert table["q"].dropna().between(0, 1).all()
    assert (table["shap"] >= 0).all()
    assert table["cell_type"].is_monotonic_increasing
    for name, rows in table.groupby("cell_type"):
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1)), name
        groups = rows["consensus"] * 2 + (rows["in_student"] & ~rows["consensus"]) * 1
        assert groups.is_monotonic_decreasing
        assert rows["shap"][rows["consensus"]].is_monotonic_decreasing
        assert rows["shap"][rows["in_student"] & ~rows["consensus"]].is_monotonic_decreasing
        assert rows["q"][~rows["in_student"]].is_monotonic_increasing
    assert (~table["in_student"]).any()
    assert (~table["in_teacher"]).any()
    assert repr(found) == (
        f"MarkerGenes: {len(table)} of 4 cell types, {table['consensus'].sum()} named by Teacher "
        "and Student"
    )


def test_expression_is_that_of_a_plain_reckoning(found, reference):
    counts = reference.X.toarray().astype(np.float64)
    values = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
    types = reference.obs["cell_type"].to_numpy()
    at = {gene: i for i, gene in enumerate(reference.var_names)}
    for row in found.rows:
        own = values[types == row.cell_type, at[row.gene]]
        other = values[types != row.cell_type, at[row.gene]]
        assert row.mean_in == pytest.approx(own.mean(), abs=1e-5)
        assert row.mean_out == pytest.approx(other.mean(), abs=1e-5)
        assert row.detected_in == pytest.approx((own > 0).mean())
        assert row.detected_out == pytest.approx((other > 0).mean())


def test_it_holds_what_it_was_made_of(found, reference):
    counts = reference.obs["cell_type"].value_counts()
    assert found.n_cells == tuple(counts[name] for name in found.cell_types)
    assert tuple(network.cell_type for network in found.networks) == found.cell_types
    assert found.patterns.cell_types == found.attributions.types == found.cell_types
    assert found.attributions.n_cells.tolist() == list(found.n_cells)
    assert len(found.patterns.cells) == reference.n_obs
    for name in ("rows", "n_genes"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(found, name, None)


def test_top_genes_are_the_first_rows(found):
    name = found.cell_types[2]
    rows = found.of_type(name)
    assert found.top_genes(3)[name] == tuple(row.gene for row in rows[:3])
    every = found.top_genes(1000, consensus=False)[name]
    assert every == tuple(row.gene for row in rows)
    assert found.top_genes(1000)[name] == tuple(row.gene for row in rows if row.consensus)
    assert dataclasses.replace(found, n_genes=2).top_genes() == found.top_genes(2)


def test_a_gene_that_lowers_every_pattern_is_no_candidate(reference, annotator):
    found = marker_genes(
        reference, annotator, labels_key="cell_type", genes_per_pattern=20, **QUICK
    )
    weights = pd.DataFrame(
        found.patterns.gene_weights, found.patterns.gene_names, found.patterns.pattern_names
    )
    lowering = 0
    for network in found.networks:
        named = {row.gene for row in found.of_type(network.cell_type) if row.in_teacher}
        for gene in network.genes:
            raises = (weights.loc[gene.gene, list(gene.patterns)] > 0).any()
            assert (gene.gene in named) == raises
            lowering += not raises
    assert lowering


def test_types_are_those_of_the_student_without_labels(reference, annotator):
    own = marker_genes(reference, annotator, **QUICK)
    reference = reference.copy()
    annotate(reference, annotator)
    assert_same(marker_genes(reference, annotator, labels_key="plkd_label", **QUICK), own)


def test_cells_without_a_label_are_left_out(reference, annotator):
    some = reference.copy()
    some.obs["mine"] = some.obs["cell_type"].astype(object)
    some.obs.iloc[:30, some.obs.columns.get_loc("mine")] = None
    some.obs.iloc[30:40, some.obs.columns.get_loc("mine")] = ""
    left = marker_genes(some[40:].copy(), annotator, labels_key="cell_type", **QUICK)
    assert_same(marker_genes(some, annotator, labels_key="mine", **QUICK), left)


@pytest.mark.parametrize("n_unknown", [1, 9])
def test_cells_that_plkd_calls_unknown_have_no_type(reference, annotator, n_unknown):
    some = reference.copy()
    for key, label in (("called", "unknown"), ("cleared", None)):
        some.obs[key] = some.obs["cell_type"].astype(object)
        some.obs.iloc[:n_unknown, some.obs.columns.get_loc(key)] = label
    found = marker_genes(some, annotator, labels_key="called", **QUICK)
    assert sum(found.n_cells) == some.n_obs - n_unknown
    assert_same(found, marker_genes(some, annotator, labels_key="cleared", **QUICK))


def test_what_is_wrong_is_told_before_the_cells_are_read(reference, annotator, monkeypatch):
    from plkd.data.gene_sets import GeneSets
    from plkd.tools import marker_search

    monkeypatch.setattr(marker_search, "open_query", None)
    sets = GeneSets(("one",), (tuple(f"X{i}" for i in range(9)),), source="mine")
    for options, says in (
        ({"labels_key": "kind"}, "a column 'kind' in obs"),
        ({"labels_key": "batch"}, "types of the model in obs.*'donor 1'"),
        ({"sets": sets}, "at least 5 of the model's genes"),
    ):
        with pytest.raises(InputError, match=says):
            marker_genes(reference, annotator, **options)


# --- types that cannot be explained -------------------------------------------------------------


def with_few(reference: AnnData, name: str, n: int) -> AnnData:
    types = reference.obs["cell_type"].to_numpy()
    kept = np.sort(
        np.concatenate([np.flatnonzero(types != name), np.flatnonzero(types == name)[:n]])
    )
    return reference[kept].copy()


@pytest.mark.parametrize("n", [0, 1])
def test_a_type_of_fewer_than_two_cells_is_named_and_left_out(reference, annotator, n):
    few = with_few(reference, "NK cell", n)
    with pytest.warns(UserWarning, match=rf"fewer than 2 cells: 'NK cell' \({n}\)$"):
        found = marker_genes(few, annotator, labels_key="cell_type", **QUICK)
    assert "NK cell" not in found.cell_types
    assert "NK cell" not in set(found.to_frame()["cell_type"])
    row = found.of_type("Monocyte")[0]
    others = few[few.obs["cell_type"] != "Monocyte", row.gene].X.toarray()
    assert row.detected_out == pytest.approx((others > 0).mean())  # the one cell is among them


def test_fewer_than_two_types(reference, annotator):
    one = reference[reference.obs["cell_type"] == "Monocyte"].copy()
    with pytest.raises(InputError, match=r"two types or more.*found 'Monocyte' \(\d+\)"):
        marker_genes(one, annotator, labels_key="cell_type")
    reference = reference.copy()
    reference.obs["none"] = ""
    with pytest.raises(InputError, match="found none among 160 cells"):
        marker_genes(reference, annotator, labels_key="none")


def test_types_without_a_network_are_named(reference, annotator):
    with pytest.warns(UserWarning, match="no gene network.*'B cell', 'Dendritic cell'"):
        found = marker_genes(
            reference,
            annotator,
            labels_key="cell_type",
            n_patterns=1,
            genes_per_pattern=1,
            **QUICK,
        )
    assert found.networks == ()
    table = found.to_frame()
    assert not table["in_teacher"].any()
    assert table["q"].isna().all()
    assert set(table["cell_type"]) == set(found.cell_types)
    assert found.top_genes() == dict.fromkeys(found.cell_types, ())


# --- cells, chunks, seeds -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [7, 64])
def test_chunks_do_not_matter(reference, annotator, found, size):
    again = marker_genes(reference, annotator, labels_key="cell_type", chunk_size=size, **QUICK)
    assert_same(again, found)


def test_of_many_cells_some_are_read_and_all_counted(reference, annotator, found):
    kwargs = {"labels_key": "cell_type", "max_cells": 40, **QUICK}
    drawn = marker_genes(reference, annotator, **kwargs)
    assert len(drawn.patterns.cells) == 40
    assert drawn.attributions.n_cells.tolist() == [10, 10, 10, 10]
    assert drawn.n_cells == found.n_cells
    evidence = ["mean_in", "mean_out", "detected_in", "detected_out"]
    index = ["cell_type", "gene"]
    some, every = (one.to_frame().set_index(index)[evidence] for one in (drawn, found))
    common = some.index.intersection(every.index)
    assert len(common) > 80
    pd.testing.assert_frame_equal(some.loc[common], every.loc[common])
    assert_same(marker_genes(reference, annotator, **kwargs), drawn)
    types = reference.obs["cell_type"].astype(str).to_numpy()
    cells = drawn.patterns.cells
    assert cells.max() > 40  # positions in the reference, not among the cells that were read
    assert np.unique(types[cells], return_counts=True)[1].tolist() == [10] * 4
    assert all(len(set(types[cells][drawn.patterns.codes == code])) == 1 for code in range(4))
    assert set(drawn.attributions.background) <= set(cells)
    assert drawn.attributions.n_left_out == 0
    other = marker_genes(reference, annotator, seed=1, **kwargs).to_frame()
    assert not other.equals(drawn.to_frame())


def test_drawn_cells_are_copied_as_they_stand(reference):
    cells = np.array([0, 3, 64, 65, 159])
    copied = cells_in_memory(source_from_anndata(reference), cells, chunk_size=64)
    np.testing.assert_array_equal(copied.X.toarray(), reference.X[cells].toarray())
    assert copied.var_names.tolist() == reference.var_names.tolist()


def test_progress_counts_the_cells_of_both_networks(reference, annotator):
    told = []
    marker_genes(
        reference,
        annotator,
        labels_key="cell_type",
        progress=lambda done, of: told.append((done, of)),
        **QUICK,
    )
    assert told == sorted(told)
    assert told[-1] == (320, 320)
    assert {of for _, of in told} == {320}
    assert (160, 320) in told


def test_nothing_is_changed(reference, annotator):
    before = reference.copy()
    marker_genes(reference, annotator, labels_key="cell_type", **QUICK)
    assert list(reference.obs) == list(before.obs)
    assert not reference.uns
    assert (reference.X != before.X).nnz == 0


def test_other_slots_and_gene_names(reference, annotator, found):
    other = reference.copy()
    other.layers["counts"] = other.X.copy()
    other.var["symbol"] = other.var_names.to_numpy()
    other.raw = other
    other.X = sp.csr_matrix(other.shape, dtype=np.float32)
    other.var_names = [f"gene {i}" for i in range(other.n_vars)]
    kwargs = {"labels_key": "cell_type", **QUICK}
    assert_same(marker_genes(other, annotator, layer="counts", gene_key="symbol", **kwargs), found)
    assert_same(marker_genes(other, annotator, use_raw=True, **kwargs), found)


def test_log1p_values_and_any_order_of_genes(reference, annotator, found):
    order = np.random.default_rng(0).permutation(N_GENES)
    other = reference[:, order].copy()
    counts = other.X.toarray()
    other.X = sp.csr_matrix(np.log1p(counts / counts.sum(1, keepdims=True) * 1e4))
    assert_same(marker_genes(other, annotator, labels_key="cell_type", **QUICK), found)


def test_a_gene_that_stands_twice_is_summed(reference, annotator, found):
    counts = reference.X.toarray()
    part = counts[:, :1] // 2  # some counts of the first gene in a second column of its name
    counts[:, :1] -= part
    moved = sp.csr_matrix(np.hstack([counts, part]))
    names = [*reference.var_names, reference.var_names[0]]
    with pytest.warns(UserWarning, match="not unique"):
        twice = AnnData(moved, obs=reference.obs, var=pd.DataFrame(index=names))
    assert_same(marker_genes(twice, annotator, labels_key="cell_type", **QUICK), found)


def test_a_file_that_is_not_read_into_memory(reference, annotator, found, tmp_path):
    reference.write_h5ad(tmp_path / "r.h5ad")
    backed = read_h5ad(tmp_path / "r.h5ad", backed="r")
    assert_same(marker_genes(backed, annotator, labels_key="cell_type", **QUICK), found)
    backed.file.close()


def test_sets_name_learned_patterns(reference, annotator):
    sets = toy_gene_sets(n_genes=N_GENES)
    found = marker_genes(reference, annotator, labels_key="cell_type", sets=sets, **QUICK)
    tested = {one.name for sets in found.patterns.enriched.values() for one in sets}
    assert tested == set(sets.names)


# --- bad input ------------------------------------------------------------------------------------


def test_a_model_without_its_teacher(reference, annotator):
    alone = copy.copy(annotator)
    alone.teacher_ = None
    with pytest.raises(InputError, match=r"a model with its Teacher.*saved or loaded without it"):
        marker_genes(reference, alone)


def test_an_unfitted_model(reference):
    with pytest.raises(NotFittedError):
        marker_genes(reference, CellAnnotator())


def test_no_such_column(reference, annotator):
    with pytest.raises(InputError, match="a column 'kind' in obs; found 'cell_type', 'batch'"):
        marker_genes(reference, annotator, labels_key="kind")


def test_a_label_that_is_no_type(reference, annotator):
    strange = reference.copy()
    strange.obs["cell_type"] = strange.obs["cell_type"].cat.rename_categories({"B cell": "B"})
    with pytest.raises(InputError, match=r"types of the model in obs\['cell_type'\].*found 'B'"):
        marker_genes(strange, annotator, labels_key="cell_type")


@pytest.mark.parametrize(
    "name",
    ["n_genes", "n_candidates", "n_patterns", "genes_per_pattern", "n_background", "chunk_size"],
)
def test_numbers_below_one(reference, annotator, name):
    with pytest.raises(InputError, match=f"{name} of 1 or more; found 0"):
        marker_genes(reference, annotator, **{name: 0})


def test_too_few_cells_to_read(reference, annotator):
    with pytest.raises(InputError, match="max_cells of at least 8"):
        marker_genes(reference, annotator, labels_key="cell_type", max_cells=7)


def test_no_such_layer(reference, annotator):
    with pytest.raises(InputError, match="a layer 'counts'"):
        marker_genes(reference, annotator, layer="counts")


def test_values_that_are_not_understood(reference, annotator):
    scaled = reference.copy()
    scaled.layers["scaled"] = scaled.X.toarray() - 1
    where = re.escape("layers['scaled']")
    with pytest.raises(InputError, match=f"in {where}, none below 0"):
        marker_genes(scaled, annotator, layer="scaled")


def test_genes_of_another_kind(reference, annotator):
    strange = reference.copy()
    strange.var_names = [f"probe {i}" for i in range(N_GENES)]
    with pytest.raises(GeneMatchError):
        marker_genes(strange, annotator)


def test_sets_of_other_genes(reference, annotator):
    from plkd.data.gene_sets import GeneSets

    sets = GeneSets(("one",), (tuple(f"X{i}" for i in range(9)),), source="mine")
    with pytest.raises(InputError, match="at least 5 of the model's genes"):
        marker_genes(reference, annotator, labels_key="cell_type", sets=sets)


def test_questions_to_the_result(found):
    with pytest.raises(InputError, match=r"the markers \('B cell'.*found 'b cell'"):
        found.of_type("b cell")
    with pytest.raises(InputError, match="n of 1 or more; found 0"):
        found.top_genes(0)
