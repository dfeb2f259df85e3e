"""A joint embedding of files: the same as in memory, whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import plkd
from plkd.data.reading import ExpressionSource
from plkd.errors import GeneMatchError, InputError, OutputExistsError
from plkd.tools.integrate import integrate_files
from toy import toy_query


@pytest.fixture
def paths(query: AnnData, tmp_path: Path) -> list[Path]:
    """Two files: the query, and cells of another batch of which some bear the query's names."""
    other = toy_query(50, n_genes=120, seed=7)
    other.obs_names = [*query.obs_names[:20], *other.obs_names[20:]]
    query.obs["depth"] = query.X.sum(1).A1
    query.write_h5ad(tmp_path / "one.h5ad")
    other.write_h5ad(tmp_path / "two.h5ad")
    return [tmp_path / "one.h5ad", tmp_path / "two.h5ad"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_same(file: Path, memory: AnnData) -> None:
    read = anndata.read_h5ad(file)
    assert list(read.obs_names) == list(memory.obs_names)
    pd.testing.assert_frame_equal(read.obs, memory.obs, check_categorical=False, check_dtype=False)
    np.testing.assert_allclose(read.obsm["X_plkd"], memory.obsm["X_plkd"], atol=1e-5)
    assert read.shape == memory.shape == (read.n_obs, 0)
    said, expected = read.uns["plkd"], memory.uns["plkd"]
    assert set(said) == set(expected)
    for name, layer in expected["layers"].items():
        found = said["layers"][name]
        assert list(found.pop("columns", [])) == layer.get("columns", [])
        assert found == {key: value for key, value in layer.items() if key != "columns"}


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_files_and_memory_agree(paths, annotator, network):
    digests = [sha256(path) for path in paths]
    out = paths[0].with_name("joint.h5ad")
    summary = integrate_files(paths, annotator, out, with_=network, batch_key="batch")
    memory = plkd.tl.integrate(
        {path.stem: anndata.read_h5ad(path) for path in paths},
        annotator,
        with_=network,
        batch_key="batch",
    )
    assert_same(out, memory)
    assert [sha256(path) for path in paths] == digests
    assert (summary.n_cells, summary.batches) == (115, {"query": 115})
    assert list(summary.layers) == ["one", "two"]
    assert list(pd.unique(memory.obs["plkd_layer"])) == ["one", "two"]


def test_paired_files(query, tmp_path, annotator):
    order = np.random.default_rng(0).permutation(65)
    query.write_h5ad(tmp_path / "rna.h5ad")
    query[order].copy().write_h5ad(tmp_path / "atac.h5ad")
    out = tmp_path / "joint.h5ad"
    files = [tmp_path / "rna.h5ad", tmp_path / "atac.h5ad"]
    summary = integrate_files(files, annotator, out, paired=True, weights=[1, 0.5])
    inputs = {"rna": query, "atac": query[order].copy()}
    memory = plkd.tl.integrate(inputs, annotator, paired=True, weights=[1, 0.5])
    assert_same(out, memory)
    assert (summary.paired, summary.width) == (True, 256)
    assert summary.layers["atac"]["columns"] == [128, 256]


@pytest.mark.parametrize("paired", [True, False])
def test_modalities_of_an_h5mu_are_the_inputs(query, tmp_path, annotator, paired):
    md = pytest.importorskip("mudata")
    import warnings

    order = np.random.default_rng(0).permutation(65)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = md.MuData({"rna": query, "atac": query[order].copy()})
        data.obs["donor"] = "d1"
        data.write_h5mu(tmp_path / "cells.h5mu")
    out = tmp_path / "joint.h5ad"
    integrate_files([tmp_path / "cells.h5mu"], annotator, out, paired=paired)
    memory = plkd.tl.integrate(data, annotator, paired=paired)
    assert_same(out, memory)
    assert set(memory.obs["donor"]) == {"d1"}
    if not paired:
        named = tmp_path / "named.h5ad"
        integrate_files([tmp_path / "cells.h5mu"], annotator, named, names=["R", "A"])
        assert list(anndata.read_h5ad(named).obs["plkd_layer"].cat.categories) == ["R", "A"]


@pytest.fixture
def multiome(query: AnnData, tmp_path: Path) -> Path:
    """An h5mu of scaled genes with counts in a layer, peaks, and gene activity."""
    md = pytest.importorskip("mudata")
    import warnings

    activity = query[::-1].copy()
    peaks = activity.copy()
    peaks.var_names = [f"chr1:{100 * place}-{100 * place + 50}" for place in range(peaks.n_vars)]
    query.layers["counts"] = query.X.copy()
    query.X = query.X * -1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = md.MuData({"rna": query, "atac": peaks, "gene_activity": activity})
        data.write_h5mu(tmp_path / "multiome.h5mu")
    return tmp_path / "multiome.h5mu"


def test_modalities_and_layers_of_an_h5mu_are_chosen(multiome, query, annotator):
    from typer.testing import CliRunner

    from plkd.cli import app

    expected = plkd.tl.integrate(
        {"rna": query, "gene_activity": query[::-1].copy()},
        annotator,
        paired=True,
        layer="counts",
    ).obsm["X_plkd"]
    options: dict[str, Any] = {"paired": True, "layer": {"rna": "counts"}}
    out, chosen = multiome.with_name("joint.h5ad"), ["rna", "gene_activity"]
    integrate_files(multiome, annotator, out, modalities=chosen, **options)
    np.testing.assert_allclose(anndata.read_h5ad(out).obsm["X_plkd"], expected, atol=1e-5)
    with pytest.raises(GeneMatchError, match=r"in 'atac': .*modalities \(--modality\)"):
        integrate_files(multiome, annotator, out, overwrite=True, **options)
    with pytest.raises(InputError, match="found 'adt'"):
        integrate_files(multiome, annotator, out, overwrite=True, modalities=["adt"], **options)
    annotator.save(multiome.with_name("model"))
    out = multiome.with_name("by-command.h5ad")
    words = f"integrate {multiome} -m {multiome.with_name('model')} -o {out} --paired --device cpu"
    words += " --layer rna=counts --modality rna --modality gene_activity --quiet"
    result = CliRunner().invoke(app, words.split())
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(anndata.read_h5ad(out).obsm["X_plkd"], expected, atol=1e-5)


def test_modalities_are_those_of_an_h5mu(paths, annotator):
    out = paths[0].with_name("joint.h5ad")
    for files in (paths, paths[:1]):
        with pytest.raises(InputError, match=r"one h5mu file; found 'one\.h5ad'.* and modalities"):
            integrate_files(files, annotator, out, modalities=["rna"])


def test_batches_of_one_file_are_its_layers(query, tmp_path, annotator):
    query.obs["lane"] = ["x/1", "x/2"] * 32 + ["x/1"]
    query.write_h5ad(tmp_path / "cells.h5ad")
    out = tmp_path / "joint.h5ad"
    summary = integrate_files([tmp_path / "cells.h5ad"], annotator, out, batch_key="lane")
    assert summary.batches == {"x/1": 33, "x/2": 32}
    assert list(anndata.read_h5ad(out).obs["plkd_layer"]) == list(query.obs["lane"])


def test_expression_is_read_in_chunks(paths, annotator, monkeypatch):
    asked = []
    rows = ExpressionSource.rows

    def spied(self: ExpressionSource, start: int, stop: int) -> Any:
        asked.append(stop - start)
        return rows(self, start, stop)

    integrate_files(paths, annotator, paths[0].with_name("joint.h5ad"))
    monkeypatch.setattr("plkd.data.reading.ExpressionSource.rows", spied)
    monkeypatch.setattr(  # values are recognised on a sample of its own size
        "plkd.model.query.recognise_source", lambda source, **_: _recognised(source, rows)
    )
    out = paths[0].with_name("again.h5ad")
    integrate_files(paths, annotator, out, chunk_size=16)
    assert max(asked) == 16
    assert sum(asked) == 115


def _recognised(source: ExpressionSource, rows: Any) -> Any:
    from plkd.data.expression import recognise

    return recognise(rows(source, 0, 40), slot=source.slot)


def test_progress_counts_the_cells_of_all_inputs(paths, annotator):
    told = []
    out = paths[0].with_name("joint.h5ad")
    integrate_files(paths, annotator, out, chunk_size=32, progress=lambda *step: told.append(step))
    assert told == [(32, 115), (64, 115), (65, 115), (97, 115), (115, 115)]


def test_an_existing_output_needs_overwrite(paths, annotator):
    out = paths[0].with_name("joint.h5ad")
    out.write_text("what was there")
    with pytest.raises(OutputExistsError, match=r"joint\.h5ad"):
        integrate_files(paths, annotator, out)
    assert out.read_text() == "what was there"
    integrate_files(paths, annotator, out, overwrite=True)
    assert anndata.read_h5ad(out).n_obs == 115


@pytest.mark.parametrize("place", [0, 1])
def test_no_input_is_the_output(paths, annotator, place):
    digest = sha256(paths[place])
    with pytest.raises(InputError, match="not the input"):
        integrate_files(paths, annotator, paths[place], overwrite=True)
    assert sha256(paths[place]) == digest


class BrokenError(RuntimeError):
    pass


@pytest.mark.parametrize("interruption", [BrokenError, KeyboardInterrupt])
def test_an_interruption_leaves_nothing(paths, annotator, interruption):
    def progress(done: int, cells: int) -> None:
        raise interruption

    with pytest.raises(interruption):
        integrate_files(paths, annotator, paths[0].with_name("joint.h5ad"), progress=progress)
    assert {path.name for path in paths[0].parent.iterdir()} == {"one.h5ad", "two.h5ad"}


def spoilt(kind: str, path: Path) -> None:
    if kind == "absent":
        path.unlink()
        return
    if kind == "text":
        path.write_text("cell,gene\n")
        return
    with h5py.File(path, "r+") as file:
        if kind == "no obs table":
            del file["obs/_index"]
        elif kind == "fewer rows":
            file["X"].attrs["shape"] = np.array([49, 120])
            indptr = file["X/indptr"][:-1]
            kept = {part: file["X"][part][: indptr[-1]] for part in ("data", "indices")}
            for part, values in {"indptr": indptr, **kept}.items():
                del file["X"][part]
                file["X"][part] = values
        elif kind == "values":
            file["X/data"][:] = np.linspace(-1, 1, len(file["X/data"]))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("absent", r"two\.h5ad; found nothing there"),
        ("text", r"two\.h5ad; found a file that is not HDF5"),
        ("no obs table", r"whole h5ad file at .*two\.h5ad; found a truncated or damaged one"),
        ("fewer rows", "49 rows of X, 50 of obs"),
        ("values", "negative"),
    ],
)
def test_a_bad_file_is_told_in_one_line(paths, annotator, kind, message):
    spoilt(kind, paths[1])
    with pytest.raises(InputError, match=message) as caught:
        integrate_files(paths, annotator, paths[0].with_name("joint.h5ad"))
    assert "\n" not in str(caught.value)
    assert {path.name for path in paths[0].parent.iterdir()} <= {"one.h5ad", "two.h5ad"}


def test_files_of_one_name_need_names(paths, annotator, tmp_path):
    (tmp_path / "sub").mkdir()
    same = tmp_path / "sub" / "one.h5ad"
    same.write_bytes(paths[1].read_bytes())
    out = tmp_path / "joint.h5ad"
    with pytest.raises(InputError, match=r"'one'.*name the inputs"):
        integrate_files([paths[0], same], annotator, out)
    integrate_files([paths[0], same], annotator, out, names=["A", "B"])
    assert set(anndata.read_h5ad(out).obs["plkd_layer"]) == {"A", "B"}


def test_dense_and_csc_files(query, tmp_path, annotator):
    expected = plkd.tl.integrate([query, query], annotator).obsm["X_plkd"]
    query.write_h5ad(tmp_path / "a.h5ad")
    query.X = sp.csr_matrix.toarray(query.X)
    query.write_h5ad(tmp_path / "b.h5ad")
    out = tmp_path / "joint.h5ad"
    integrate_files([tmp_path / "a.h5ad", tmp_path / "b.h5ad"], annotator, out)
    np.testing.assert_allclose(anndata.read_h5ad(out).obsm["X_plkd"], expected, atol=1e-5)


def test_one_path_needs_no_list(paths, annotator, tmp_path):
    parts = [anndata.read_h5ad(path) for path in paths]
    parts[1].obs_names = [f"other{place}" for place in range(50)]
    joined = anndata.concat(parts, keys=["a", "b"], label="x")
    joined.write_h5ad(tmp_path / "all.h5ad")
    summary = integrate_files(tmp_path / "all.h5ad", annotator, tmp_path / "j.h5ad", batch_key="x")
    assert summary.n_cells == 115


def test_one_truncated_file_is_said_to_be_damaged(paths, annotator, tmp_path):
    whole = paths[0].read_bytes()
    (tmp_path / "half.h5ad").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="truncated or damaged"):
        integrate_files([tmp_path / "half.h5ad"], annotator, tmp_path / "j.h5ad", batch_key="batch")
    assert not (tmp_path / "j.h5ad").exists()
