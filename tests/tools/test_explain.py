"""Explanations straight from a file: the same as in memory, as tables, networks and numbers."""

from __future__ import annotations

import io
import json
import re

import networkx as nx
import pandas as pd
import pytest
from anndata import AnnData
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from plkd import explanation
from plkd.cli import app
from plkd.data.reading import ExpressionSource
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.tools import attributing, marker_search
from plkd.tools.explain import as_json, file_names, graphml, markers_of_file, numbers, tables
from plkd.tools.marker_genes import marker_genes
from plkd.tools.marker_results import MarkerGenes
from plkd.tools.marker_search import MarkerOptions
from toy import toy_reference

N_GENES = 120
OPTIONS = MarkerOptions(labels_key="cell_type", n_background=12)


@pytest.fixture(scope="module")
def reference() -> AnnData:
    return toy_reference(160, N_GENES, seed=7)


@pytest.fixture(scope="module")
def path(reference, tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "ref.h5ad"
    reference.write_h5ad(path)
    return path


@pytest.fixture(scope="module")
def found(path, annotator) -> MarkerGenes:
    return markers_of_file(path, annotator, OPTIONS)


def test_a_file_gives_what_memory_gives(found, reference, annotator):
    again = marker_genes(reference, annotator, labels_key="cell_type", n_background=12)
    pd.testing.assert_frame_equal(found.to_frame(), again.to_frame())
    assert found.patterns.to_frame().equals(again.patterns.to_frame())


def test_a_file_without_labels(path, reference, annotator):
    own = markers_of_file(path, annotator, MarkerOptions(n_background=12))
    again = marker_genes(reference, annotator, n_background=12)
    pd.testing.assert_frame_equal(own.to_frame(), again.to_frame())


def test_other_slots_of_a_file(reference, annotator, found, tmp_path):
    other = reference.copy()
    other.layers["counts"] = other.X.copy()
    other.raw = other
    other.X = other.X * 0.5
    other.write_h5ad(tmp_path / "o.h5ad")
    for slot in ({"layer": "counts"}, {"use_raw": True}):
        again = markers_of_file(tmp_path / "o.h5ad", annotator, OPTIONS, **slot)
        pd.testing.assert_frame_equal(again.to_frame(), found.to_frame())


def test_no_more_of_a_file_is_held_than_was_said(annotator, tmp_path, monkeypatch):
    toy_reference(700, N_GENES, seed=8).write_h5ad(tmp_path / "big.h5ad")
    rows, copied = ExpressionSource.rows, marker_search.cells_in_memory
    at_once, held = [], []

    def watched_rows(source, start, stop):
        at_once.append(min(stop, source.n_cells) - start)
        return rows(source, start, stop)

    def watched_copy(*args, **options):
        cells = copied(*args, **options)
        held.append(cells.n_obs)
        return cells

    monkeypatch.setattr(ExpressionSource, "rows", watched_rows)
    monkeypatch.setattr(marker_search, "cells_in_memory", watched_copy)
    monkeypatch.setattr(attributing, "ANNOTATE_AT_A_TIME", 100)
    options = MarkerOptions(n_background=12, max_cells=40, chunk_size=100)
    markers = markers_of_file(tmp_path / "big.h5ad", annotator, options)
    assert held == [40]
    assert sum(markers.n_cells) == 700
    assert max(at_once) == 256  # the sample that the values are recognised by
    assert at_once.count(100) >= 3 * 7


# --- tables, networks, numbers --------------------------------------------------------------------


def test_tables_have_exactly_these_columns(found):
    files = tables(found)
    assert list(files) == ["markers.csv", "patterns.csv"]
    head = {name: content.decode().splitlines()[0] for name, content in files.items()}
    assert head["markers.csv"] == (
        "cell_type,gene,rank,shap,q,in_teacher,in_student,consensus,mean_in,mean_out,detected_in,"
        "detected_out"
    )
    assert head["patterns.csv"] == "cell_type,pattern,score,p_adj,top_genes,enriched_in"
    read = pd.read_csv(io.BytesIO(files["markers.csv"]))
    pd.testing.assert_frame_equal(read, found.to_frame(), rtol=1e-5)
    read = pd.read_csv(io.BytesIO(files["patterns.csv"]), keep_default_na=False)
    pd.testing.assert_frame_equal(read, found.patterns.to_frame(), rtol=1e-5)


def test_networks_are_read_by_networkx(found):
    for network in found.networks:
        graph = nx.read_graphml(io.BytesIO(graphml(network)))
        assert graph.graph["cell_type"] == network.cell_type
        assert {name: node["q"] for name, node in graph.nodes.items()} == pytest.approx(
            {gene.gene: gene.q for gene in network.genes}
        )
        assert {frozenset(edge) for edge in graph.edges} == {
            frozenset(edge[:2]) for edge in network.edges
        }


def test_numbers_are_plain_and_whole(found):
    name = found.cell_types[1]
    values = json.loads(as_json(numbers(found, {name: ["a.graphml"]})))
    assert values["n_cells"] == values["n_cells_read"] == 160
    assert 0 <= values["completeness_residual"]["median"] <= 1e-3
    assert values["completeness_residual"]["max"] == found.attributions.max_residual
    assert list(values["types"]) == list(found.cell_types)
    one = values["types"][name]
    assert one["markers"] == list(found.top_genes()[name])
    assert one["n_consensus"] == sum(row.consensus for row in found.of_type(name))
    assert one["n_student"] + one["n_teacher"] - one["n_consensus"] == len(found.of_type(name))
    assert one["cells"] == dict(zip(found.cell_types, found.n_cells, strict=True))[name]
    assert one["network"] == ["a.graphml"]
    assert values["types"][found.cell_types[0]]["network"] == []


# --- the command ----------------------------------------------------------------------------------


def explain(*args: object) -> Result:
    return CliRunner().invoke(app, ["explain", *map(str, args)])


def test_the_command_writes_a_folder_and_its_summary(path, annotator, found, tmp_path, monkeypatch):
    monkeypatch.setattr(explanation, "_drawn", lambda draw: b"\x89PNG")
    annotator.save(tmp_path / "model")
    out = tmp_path / "why"
    result = explain(
        path, "-m", tmp_path / "model", "-o", out, "--labels", "cell_type", "--json", "-"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    assert said.pop("out") == str(out)
    assert said == json.loads((out / "explanation.json").read_text("utf-8"))
    assert all((out / name).is_file() for name in said["files"])
    table = pd.read_csv(out / "markers.csv")
    first = table[table["consensus"] & (table["rank"] <= 10)].groupby("cell_type")["gene"].agg(list)
    assert {name: one["markers"] for name, one in said["types"].items()} == first.to_dict()
    assert table["gene"].nunique() > 20


def test_the_command_needs_the_teacher(path, annotator, tmp_path):
    annotator.save(tmp_path / "model")
    alone = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    alone.save(tmp_path / "alone")
    result = explain(path, "--model", tmp_path / "alone", "--out", tmp_path / "why")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "expected a model with its Teacher" in result.stderr
    assert not (tmp_path / "why").exists()


# --- names of files -------------------------------------------------------------------------------


def test_names_of_files_are_the_types_where_they_can_be():
    names = ("NK", "CD4+ T", "CD4 T", "cd4/t", "CD4-", "α cell", "../etc", "nul", "+", "-", "a:b*")
    assert file_names(names) == {
        "NK": "NK",
        "CD4+ T": "CD4_T",
        "CD4 T": "CD4_T_2",
        "cd4/t": "cd4_t_3",
        "CD4-": "CD4-",
        "α cell": "α_cell",
        "../etc": "etc",
        "nul": "type_nul",
        "+": "type",
        "-": "type_2",
        "a:b*": "a_b",
    }


def test_a_number_does_not_take_the_name_of_another_type():
    assert list(file_names(["a b", "a_b_2", "a/b"]).values()) == ["a_b", "a_b_2", "a_b_3"]


@given(st.lists(st.text(max_size=200), unique=True, max_size=30))
def test_names_of_files_suit_every_file_system(names):
    given_names = file_names(names)
    assert list(given_names) == names
    folded = [name.casefold() for name in given_names.values()]
    assert len(set(folded)) == len(names)
    for name in given_names.values():
        assert re.fullmatch(r"\w(?:[\w.-]*[\w-])?", name)
        assert len(name.encode()) < 200


# --- bad input ------------------------------------------------------------------------------------


def test_no_such_file(annotator, tmp_path):
    with pytest.raises(InputError, match="nothing there"):
        markers_of_file(tmp_path / "absent.h5ad", annotator, OPTIONS)


def test_a_file_that_is_no_h5ad(annotator, tmp_path):
    (tmp_path / "x.h5ad").write_text("no")
    with pytest.raises(InputError, match="not HDF5"):
        markers_of_file(tmp_path / "x.h5ad", annotator, OPTIONS)


def test_no_such_column_in_a_file(path, annotator):
    with pytest.raises(InputError, match="a column 'kind' in obs"):
        markers_of_file(path, annotator, MarkerOptions(labels_key="kind"))


def test_no_such_layer_in_a_file(path, annotator):
    with pytest.raises(InputError, match="a layer 'counts'"):
        markers_of_file(path, annotator, OPTIONS, layer="counts")


def test_a_damaged_file(path, annotator, tmp_path):
    content = path.read_bytes()
    (tmp_path / "half.h5ad").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="h5ad file at"):
        markers_of_file(tmp_path / "half.h5ad", annotator, OPTIONS)


def test_cells_of_one_type_in_a_file(reference, annotator, tmp_path):
    one = reference[reference.obs["cell_type"] == "Monocyte"].copy()
    one.write_h5ad(tmp_path / "one.h5ad")
    with pytest.raises(InputError, match="two types or more"):
        markers_of_file(tmp_path / "one.h5ad", annotator, OPTIONS)
