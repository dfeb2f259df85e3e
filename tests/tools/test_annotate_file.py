"""Annotating an h5ad file into another: the same answers, whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import plkd
from plkd.errors import GeneMatchError, InputError, OutputExistsError
from plkd.model.annotator import CellAnnotator
from plkd.tools.annotate import annotate_file
from toy import toy_query


@pytest.fixture
def path(query: AnnData, tmp_path: Path) -> Path:
    return written(query, tmp_path)


def written(query: AnnData, folder: Path) -> Path:
    query.write_h5ad(folder / "query.h5ad")
    return folder / "query.h5ad"


def rich(query: AnnData) -> AnnData:
    """The query with something in every slot that an h5ad can hold."""
    query.layers["counts"] = query.X.copy()
    query.obs["depth"] = query.X.sum(1).A1
    query.var["share"] = np.linspace(0, 1, query.n_vars)
    query.obsm["X_umap"] = np.arange(130, dtype=np.float64).reshape(65, 2)
    query.obsm["table"] = pd.DataFrame({"a": range(65)}, index=query.obs_names)
    query.varm["loadings"] = np.ones((query.n_vars, 3))
    query.obsp["near"] = sp.identity(65, format="csr")
    query.varp["near"] = sp.identity(query.n_vars, format="csr")
    query.uns["note"] = {"text": "Zürich", "numbers": np.arange(3)}
    query.raw = query.copy()
    return query


def assert_same_annotation(one: AnnData, other: AnnData) -> None:
    for column in ("plkd_label", "plkd_no_counts"):
        pd.testing.assert_series_equal(one.obs[column], other.obs[column])
    np.testing.assert_allclose(
        one.obs["plkd_confidence"], other.obs["plkd_confidence"], rtol=0, atol=1e-6
    )
    assert set(one.obsm) == set(other.obsm)
    for slot, tolerance in (("plkd_proba", 1e-6), ("X_plkd", 1e-5)):
        if slot in one.obsm:
            assert one.obsm[slot].dtype == other.obsm[slot].dtype == np.float32
            np.testing.assert_allclose(one.obsm[slot], other.obsm[slot], rtol=0, atol=tolerance)
    said, expected = dict(one.uns["plkd"]), dict(other.uns["plkd"])
    assert list(said.pop("classes")) == list(expected.pop("classes"))
    assert said == expected


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def only_files(folder: Path, *names: str) -> bool:
    return {file.name for file in folder.iterdir()} == set(names)


@pytest.mark.parametrize("network", ["student", "teacher"])
@pytest.mark.parametrize("probabilities", [True, False])
def test_file_and_memory_agree(query, path, annotator, network, probabilities):
    query.X.data[query.X.indptr[5] : query.X.indptr[6]] = 0  # a cell without counts
    path = written(query, path.parent)
    options = {"with_": network, "probabilities": probabilities}
    out = path.with_name("out.h5ad")
    summary = annotate_file(path, annotator, out, **options)
    plkd.tl.annotate(query, annotator, **options)
    read = anndata.read_h5ad(out)
    assert_same_annotation(read, query)
    assert (summary.n_cells, summary.n_no_counts) == (65, 1)
    label = read.obs["plkd_label"]
    assert {name: of["cells"] for name, of in summary.labels.items()} == dict(label.value_counts())
    assert summary.labels["unknown"]["median_confidence"] == 0


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_matrix, sp.csr_matrix.toarray])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_neither_chunks_nor_storage_matter(query, tmp_path, annotator, form, size):
    expected = plkd.tl.annotate(query, annotator, probabilities=True, copy=True)
    query.X = form(query.X)
    path, out = written(query, tmp_path), tmp_path / "out.h5ad"
    options = {"probabilities": True, "chunk_size": size}
    if form is sp.csc_matrix:
        with pytest.warns(UserWarning, match="CSC"):
            annotate_file(path, annotator, out, **options)
    else:
        annotate_file(path, annotator, out, **options)
    assert_same_annotation(anndata.read_h5ad(out), expected)


def test_everything_else_goes_along(query, tmp_path, annotator):
    path, out = written(rich(query), tmp_path), tmp_path / "out.h5ad"
    before, digest = anndata.read_h5ad(path), sha256(path)
    annotate_file(path, annotator, out)
    assert sha256(path) == digest
    after = anndata.read_h5ad(out)
    pd.testing.assert_frame_equal(after.obs[list(before.obs)], before.obs)
    pd.testing.assert_frame_equal(after.var, before.var)
    pd.testing.assert_frame_equal(after.obsm["table"], before.obsm["table"])
    pd.testing.assert_frame_equal(after.raw.var, before.raw.var)
    for ours, theirs in (
        (after.X, before.X),
        (after.raw.X, before.raw.X),
        (after.layers["counts"], before.layers["counts"]),
        (after.obsp["near"], before.obsp["near"]),
        (after.varp["near"], before.varp["near"]),
    ):
        assert (ours != theirs).nnz == 0
    np.testing.assert_array_equal(after.obsm["X_umap"], before.obsm["X_umap"])
    np.testing.assert_array_equal(after.varm["loadings"], before.varm["loadings"])
    assert after.uns["note"]["text"] == "Zürich"
    assert set(after.obsm) == {"X_umap", "table", "X_plkd"}
    assert set(after.uns) == {"note", "plkd"}
    after.write_h5ad(tmp_path / "again.h5ad")  # and anndata can write it again


@pytest.mark.parametrize("options", [{"layer": "counts"}, {"use_raw": True}, {"gene_key": "name"}])
def test_layer_raw_and_gene_key(query, tmp_path, annotator, options):
    query.var["name"] = list(query.var_names)
    path, out = written(rich(query), tmp_path), tmp_path / "out.h5ad"
    annotate_file(path, annotator, out, **options)
    plkd.tl.annotate(query, annotator, **options)
    assert_same_annotation(anndata.read_h5ad(out)[:, :], query)


def test_without_labels_or_any_other_slot(query, tmp_path, annotator):
    bare = AnnData(query.X, var=pd.DataFrame(index=query.var_names))
    path, out = written(bare, tmp_path), tmp_path / "out.h5ad"
    with h5py.File(path, "r+") as file:  # as other programs write it
        for group in ("obsm", "uns", "varm", "obsp", "varp", "layers"):
            del file[group]
    annotate_file(path, annotator, out, key_added="mine")
    read = anndata.read_h5ad(out)
    assert list(read.obs) == ["mine_label", "mine_confidence", "mine_no_counts"]
    assert (list(read.obsm), list(read.uns)) == (["X_mine"], ["mine"])


def test_annotating_the_output_again_replaces(path, annotator):
    first, second = path.with_name("1.h5ad"), path.with_name("2.h5ad")
    annotate_file(path, annotator, first, with_="teacher", probabilities=True)
    annotate_file(first, annotator, second)
    read = anndata.read_h5ad(second)
    assert list(read.obsm) == ["X_plkd"]
    assert read.obsm["X_plkd"].shape == (65, 128)
    assert read.uns["plkd"]["network"] == "student"
    assert list(read.obs).count("plkd_label") == 1


@pytest.mark.parametrize(
    ("slot", "key", "value"),
    [
        ("obs", "plkd_label", "mine"),
        ("obsm", "X_plkd", np.zeros((65, 2))),
        ("uns", "plkd", {"mine": 1}),
        ("uns", "plkd", "a note"),
    ],
)
def test_slots_of_the_user_are_not_overwritten(query, tmp_path, annotator, slot, key, value):
    getattr(query, slot)[key] = value
    path = written(query, tmp_path)
    with pytest.raises(InputError, match=f"{slot}.'{key}'.*key_added"):
        annotate_file(path, annotator, tmp_path / "out.h5ad")
    assert only_files(tmp_path, "query.h5ad")


class BrokenError(RuntimeError):
    pass


@pytest.mark.parametrize("interruption", [BrokenError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("there", [True, False])
def test_an_interruption_leaves_everything_as_it_was(path, annotator, interruption, there):
    out, digest = path.with_name("out.h5ad"), sha256(path)
    if there:
        out.write_text("what was there")

    def progress(done: int, cells: int) -> None:
        assert (cells, len(list(path.parent.iterdir()))) == (65, 2 + there)  # it is under way
        if done > 20:
            raise interruption

    with pytest.raises(interruption):
        annotate_file(path, annotator, out, chunk_size=10, overwrite=True, progress=progress)
    assert sha256(path) == digest
    if there:
        assert out.read_text() == "what was there"
        assert only_files(path.parent, "query.h5ad", "out.h5ad")
    else:
        assert only_files(path.parent, "query.h5ad")


def test_progress_is_told(path, annotator):
    told = []
    out = path.with_name("out.h5ad")
    annotate_file(path, annotator, out, chunk_size=32, progress=lambda *step: told.append(step))
    assert told == [(32, 65), (64, 65), (65, 65)]


def test_an_existing_output_needs_overwrite(path, annotator):
    out = path.with_name("out.h5ad")
    out.write_text("what was there")
    with pytest.raises(OutputExistsError, match=r"out\.h5ad"):
        annotate_file(path, annotator, out)
    assert out.read_text() == "what was there"
    annotate_file(path, annotator, out, overwrite=True)
    assert "plkd_label" in anndata.read_h5ad(out).obs


@pytest.mark.parametrize("how", ["itself", "link"])
def test_the_input_is_never_the_output(path, annotator, how):
    out = path
    if how == "link":
        out = path.with_name("link.h5ad")
        out.symlink_to(path)
    digest = sha256(path)
    with pytest.raises(InputError, match="not the input"):
        annotate_file(path, annotator, out, overwrite=True)
    assert sha256(path) == digest


def test_the_output_needs_a_folder(path, annotator):
    with pytest.raises(InputError, match="folder that exists"):
        annotate_file(path, annotator, path.parent / "no" / "out.h5ad")
    with pytest.raises(InputError, match="a file name for the output"):
        annotate_file(path, annotator, path.parent)


def spoilt(kind: str, path: Path) -> None:
    """Do to a written query what goes wrong with queries."""
    with h5py.File(path, "r+") as file:
        if kind == "values":
            file["X/data"][:] = np.linspace(-1, 1, len(file["X/data"]))
        elif kind == "no X":
            del file["X"]
    if kind.startswith("truncated"):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * float(kind.split()[1]))])
    elif kind == "text":
        path.write_text("cell,gene\n")
    elif kind == "absent":
        path.unlink()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("values", "negative"),
        ("no X", "with obs, var and X|expression in X"),
        ("truncated 0.9", "truncated"),
        ("truncated 0.5", "truncated"),
        ("truncated 0", "not HDF5"),
        ("text", "not HDF5"),
        ("absent", "nothing there"),
    ],
)
def test_a_bad_file_is_told_in_one_line(path, annotator, kind, message):
    spoilt(kind, path)
    with pytest.raises(InputError, match=message) as caught:
        annotate_file(path, annotator, path.with_name("out.h5ad"))
    assert "\n" not in str(caught.value)
    assert {file.name for file in path.parent.iterdir()} <= {"query.h5ad"}


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN"), (np.inf, "infinite"), (-1, "negative")]
)
@pytest.mark.parametrize("cell", [300, 4400, 5500])
def test_a_bad_value_in_any_chunk_is_told(tmp_path, annotator, cell, value, message):
    query = toy_query(6000, n_genes=120)
    query.X.data[query.X.indptr[cell]] = value
    path = written(query, tmp_path)
    with pytest.raises(InputError, match=f"{message}.*cell {cell} ") as caught:
        annotate_file(path, annotator, tmp_path / "out.h5ad", chunk_size=1000)
    assert "\n" not in str(caught.value)
    assert only_files(tmp_path, "query.h5ad")


@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csr_matrix.toarray])
def test_a_file_without_cells_is_refused(query, tmp_path, annotator, form):
    query.X = form(query.X)
    path = written(query[:0].copy(), tmp_path)
    with pytest.raises(InputError, match=r"at least one cell.*0 x 120") as caught:
        annotate_file(path, annotator, tmp_path / "out.h5ad")
    assert "\n" not in str(caught.value)
    assert only_files(tmp_path, "query.h5ad")


@pytest.mark.parametrize("kind", ["few genes", "mouse"])
def test_genes_that_do_not_fit_are_told(query, tmp_path, annotator: CellAnnotator, kind):
    if kind == "few genes":
        query = query[:, :20].copy()
    else:
        query.var_names = [name.capitalize() for name in query.var_names]
    path = written(query, tmp_path)
    with pytest.raises(GeneMatchError, match=r"20 of 120|mouse genes") as caught:
        annotate_file(path, annotator, tmp_path / "out.h5ad")
    assert "\n" not in str(caught.value)
    assert only_files(tmp_path, "query.h5ad")
