"""zarr stores annotated, smoothed and evaluated like h5ad files, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.data.cell_files import read_cells
from plkd.errors import InputError, OutputExistsError
from plkd.tools.annotate import annotate_file
from plkd.tools.evaluate import evaluate_file
from plkd.tools.integrate import integrate_files
from plkd.tools.smooth_labels import smooth_labels_file
from zarr_toys import VERSIONS, content, read_store, written_store, zarr


@pytest.fixture
def store(query: AnnData, tmp_path: Path) -> Path:
    return written_store(query, tmp_path / "query.zarr")


def assert_annotated_as(read: AnnData, expected: AnnData) -> None:
    assert list(read.obs) == list(expected.obs)
    for column in read.obs:
        if read.obs[column].dtype.kind == "f":
            np.testing.assert_allclose(read.obs[column], expected.obs[column], rtol=0, atol=1e-6)
        else:
            assert list(read.obs[column].astype(str)) == list(expected.obs[column].astype(str))
    for slot in ("X_plkd", "plkd_proba"):
        assert read.obsm[slot].dtype == np.float32
        np.testing.assert_allclose(read.obsm[slot], expected.obsm[slot], rtol=0, atol=1e-5)
    said = {name: str(value) for name, value in read.uns["plkd"].items()}
    assert said == {name: str(value) for name, value in expected.uns["plkd"].items()}
    assert (read.X != expected.X).nnz == 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("given", "out"), [("zarr", "zarr"), ("zarr", "h5ad"), ("h5ad", "zarr")])
def test_store_and_memory_agree(query, tmp_path, annotator, version, given, out):
    source, target = tmp_path / f"query.{given}", tmp_path / f"out.{out}"
    if given == "zarr":
        written_store(query, source, version)
    else:
        query.write_h5ad(source)
    with anndata.settings.override(zarr_write_format=version):
        annotate_file(source, annotator, target, probabilities=True, chunk_size=17)
    plkd.tl.annotate(query, annotator, probabilities=True)
    assert_annotated_as(read_cells(target), query)
    assert {path.name for path in tmp_path.iterdir()} == {source.name, target.name}
    if out == "zarr":
        known = zarr.open_group(target, mode="r").metadata.consolidated_metadata.metadata
        assert {"obs", "obsm", "uns"} <= set(known)  # and what was added is among them
        assert "plkd_label" in zarr.open_group(target, mode="r")["obs"]


def test_the_input_stays_as_it_was_and_the_output_can_be_annotated_again(store, annotator):
    before = content(store)
    first, second = store.with_name("1.zarr"), store.with_name("2.zarr")
    annotate_file(store, annotator, first, with_="teacher", probabilities=True)
    annotate_file(first, annotator, second)
    assert content(store) == before
    read = read_store(second)
    assert list(read.obsm) == ["X_plkd"]
    assert read.obsm["X_plkd"].shape == (65, 128)
    assert read.uns["plkd"]["network"] == "student"
    assert list(read.obs).count("plkd_label") == 1


def test_slots_of_the_user_are_not_overwritten(query, tmp_path, annotator):
    query.uns["plkd"] = {"mine": 1}
    store = written_store(query, tmp_path / "query.zarr")
    with pytest.raises(InputError, match=r"uns\['plkd'\].*key_added"):
        annotate_file(store, annotator, tmp_path / "out.zarr")
    assert {path.name for path in tmp_path.iterdir()} == {"query.zarr"}


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("there", [True, False])
def test_an_interruption_leaves_everything_as_it_was(store, annotator, interruption, there):
    out = store.with_name("out.zarr")
    if there:
        annotate_file(store, annotator, out, with_="teacher")
    before = content(store.parent)

    def progress(done: int, cells: int) -> None:
        if done > 20:
            raise interruption

    with pytest.raises(interruption):
        annotate_file(store, annotator, out, chunk_size=10, overwrite=True, progress=progress)
    assert content(store.parent) == before
    assert out.exists() == there


def test_only_a_store_is_replaced_and_only_when_asked(store, annotator):
    out = store.with_name("out.zarr")
    annotate_file(store, annotator, out, with_="teacher")
    with pytest.raises(OutputExistsError, match=r"out\.zarr"):
        annotate_file(store, annotator, out)
    assert read_store(out).uns["plkd"]["network"] == "teacher"
    annotate_file(store, annotator, out, overwrite=True)
    assert read_store(out).uns["plkd"]["network"] == "student"
    folder = store.with_name("letters.zarr")
    folder.mkdir()
    (folder / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"a zarr store at .* to replace; found something else"):
        annotate_file(store, annotator, folder, overwrite=True)
    assert content(folder) == {"letter.txt": b"dear"}


def test_the_input_is_never_the_output(store, annotator):
    before = content(store)
    for out in (store, store / "inside.zarr", store / "obs" / "out.zarr"):
        with pytest.raises(InputError, match="output"):
            annotate_file(store, annotator, out, overwrite=True)
    assert content(store) == before


def test_a_store_that_holds_the_input_is_not_replaced(store, annotator):
    outer = store.with_name("outer.zarr")
    zarr.open_group(outer, mode="w")
    inner = store.rename(outer / "cells.zarr")
    before = content(outer)
    with pytest.raises(InputError, match="neither lies in the input nor holds it"):
        annotate_file(inner, annotator, outer, overwrite=True)
    assert content(outer) == before


def test_an_input_that_may_only_be_read_gives_an_output_that_may_be_written(store, annotator):
    folders = [store, *(path for path in store.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    out = store.with_name("out.zarr")
    annotate_file(store, annotator, out)
    assert all(path.stat().st_mode & 0o200 for path in (out, *out.rglob("*")))
    for path in folders:
        path.chmod(0o755)


def test_evaluated_and_smoothed(query, tmp_path, annotator):
    query.obsm["spatial"] = np.random.default_rng(0).random((query.n_obs, 2))
    store = written_store(query, tmp_path / "query.zarr")
    out, smooth = tmp_path / "out.zarr", tmp_path / "smooth.zarr"
    annotate_file(store, annotator, out, probabilities=True)
    plkd.tl.annotate(query, annotator, probabilities=True)
    found = evaluate_file(out, labels_key="cell_type").as_dict()
    assert found == plkd.tl.evaluate(query, labels_key="cell_type").as_dict()
    smooth_labels_file(out, smooth)
    plkd.tl.smooth_labels(query)
    read = read_store(smooth)
    pd.testing.assert_series_equal(
        read.obs["plkd_label_smoothed"].astype(str), query.obs["plkd_label_smoothed"].astype(str)
    )
    assert "plkd_label_smoothed" in zarr.open_group(smooth, mode="r")["obs"]
    assert "plkd_label_smoothed" not in read_store(out).obs


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["joint.h5ad", "joint.zarr"])
def test_integrated_with_a_file(query, tmp_path, annotator, version, name):
    other, out = query[:50].copy(), tmp_path / name
    other.write_h5ad(tmp_path / "two.h5ad")
    one = written_store(query, tmp_path / "one.zarr")
    with anndata.settings.override(zarr_write_format=version):
        integrate_files([one, tmp_path / "two.h5ad"], annotator, out)
    expected = plkd.tl.integrate({"one": query, "two": other}, annotator)
    read = read_cells(out)
    assert list(read.obs_names) == list(expected.obs_names)
    assert list(read.obs["plkd_layer"]) == list(expected.obs["plkd_layer"])
    assert set(read.uns["plkd"]["layers"]) == {"one", "two"}
    np.testing.assert_allclose(read.obsm["X_plkd"], expected.obsm["X_plkd"], atol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"one.zarr", "two.h5ad", name}
    with pytest.raises(OutputExistsError):
        integrate_files([one, tmp_path / "two.h5ad"], annotator, out)
    integrate_files([one], annotator, out, batch_key="batch", overwrite=True)
    assert read_cells(out).n_obs == query.n_obs


def test_no_input_is_integrated_over(query, tmp_path, annotator):
    one, two = (written_store(query, tmp_path / name) for name in ("one.zarr", "two.zarr"))
    before = content(tmp_path)
    for out in (one, two, two / "inside.zarr"):
        with pytest.raises(InputError, match="an output that"):
            integrate_files([one, two], annotator, out, overwrite=True)
    assert content(tmp_path) == before
