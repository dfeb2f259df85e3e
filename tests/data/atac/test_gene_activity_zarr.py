"""Gene activity from zarr stores and into them, as from h5ad files."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

import plkd
from plkd.data.cell_files import read_cells
from plkd.errors import InputError, OutputExistsError
from plkd.keys import GENE_ACTIVITY_KEY
from toy_genome import fragments_text, gtf_text, peak_matrix, toy_genes, toy_peaks, write
from zarr_toys import VERSIONS, content, written_store, zarr

GENES = toy_genes(600)


@pytest.fixture
def gtf(tmp_path: Path) -> Path:
    return write(tmp_path / "genes.gtf", gtf_text(GENES))


@pytest.fixture
def adata() -> AnnData:
    adata = peak_matrix(toy_peaks(GENES, 300))
    adata.obs["sample"] = pd.Categorical(["s1", "s2", "s1"] * (adata.n_obs // 3))
    adata.obsm["X_lsi"] = np.arange(2.0 * adata.n_obs, dtype=np.float32).reshape(-1, 2)
    return adata


def assert_same(read: AnnData, expected: AnnData) -> None:
    assert (read.X != expected.X).nnz == 0
    assert read.X.dtype == np.float32
    assert list(read.obs_names) == list(expected.obs_names)
    assert list(read.var_names) == list(expected.var_names)
    for column in expected.obs:
        assert list(read.obs[column]) == list(expected.obs[column])
    for slot in expected.obsm:
        np.testing.assert_array_equal(read.obsm[slot], expected.obsm[slot])
    said = read.uns[GENE_ACTIVITY_KEY]
    assert int(said["n_regions_in_genes"]) == expected.uns[GENE_ACTIVITY_KEY]["n_regions_in_genes"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("given", "out"), [("zarr", "zarr"), ("zarr", "h5ad"), ("h5ad", "zarr")])
@pytest.mark.parametrize("chunk_size", [1, 7, 4096])
def test_of_peaks(adata, gtf, tmp_path, version, given, out, chunk_size):
    source, target = tmp_path / f"peaks.{given}", tmp_path / f"activity.{out}"
    if given == "zarr":
        written_store(adata, source, version)
    else:
        adata.write_h5ad(source)
    before = content(tmp_path)
    with anndata.settings.override(zarr_write_format=version):
        plkd.pp.gene_activity_file(source, gtf, target, chunk_size=chunk_size)
    assert_same(read_cells(target), plkd.pp.gene_activity(adata, gtf))
    assert {path.name for path in tmp_path.iterdir()} == {gtf.name, source.name, target.name}
    assert {name: content(tmp_path)[name] for name in before} == before
    if out == "zarr":
        known = zarr.open_group(target, mode="r", use_consolidated=True)
        assert {"X", "obs", "obsm", "var", "uns"} <= set(known.keys())
        assert GENE_ACTIVITY_KEY in known["uns"]  # though it was added last


def test_rows_without_any_count_are_written(adata, gtf, tmp_path):
    adata.X = sp.diags((np.arange(adata.n_obs) >= 7).astype(np.float32)) @ adata.X
    adata.X.eliminate_zeros()
    store = written_store(adata, tmp_path / "peaks.zarr")
    plkd.pp.gene_activity_file(store, gtf, tmp_path / "activity.zarr", chunk_size=7)
    read = read_cells(tmp_path / "activity.zarr")
    assert_same(read, plkd.pp.gene_activity(adata, gtf))
    assert read.X[:7].nnz == 0


def test_of_fragments(gtf, tmp_path):
    barcodes = ["A-1", "B-1"]
    fragments = write(tmp_path / "f.tsv.gz", fragments_text(GENES, barcodes, 400)[0])
    plkd.pp.gene_activity_file(fragments, gtf, tmp_path / "o.zarr", barcodes=barcodes)
    expected = plkd.pp.gene_activity(str(fragments), gtf, barcodes=barcodes)
    assert_same(read_cells(tmp_path / "o.zarr"), expected)


def test_a_store_that_is_there_is_kept(adata, gtf, tmp_path):
    store = written_store(adata, tmp_path / "peaks.zarr")
    out = written_store(adata[:3].copy(), tmp_path / "out.zarr")
    before = content(tmp_path)
    with pytest.raises(OutputExistsError):
        plkd.pp.gene_activity_file(store, gtf, out)
    with pytest.raises(InputError, match="an output that is not the input"):
        plkd.pp.gene_activity_file(store, gtf, store, overwrite=True)
    adata.X.data[-1] = -1
    bad = written_store(adata, tmp_path / "bad.zarr")
    before |= {f"bad.zarr/{name}": each for name, each in content(bad).items()}
    with pytest.raises(InputError, match="negative"):
        plkd.pp.gene_activity_file(bad, gtf, out, overwrite=True, chunk_size=7)
    assert content(tmp_path) == before


def test_a_store_that_is_not_there_is_named(gtf, tmp_path):
    with pytest.raises(InputError, match=r"a zarr store at .*peaks\.zarr; found nothing there"):
        plkd.pp.gene_activity_file(tmp_path / "peaks.zarr", gtf, tmp_path / "o.h5ad")
