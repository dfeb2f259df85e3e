"""zarr stores are read as h5ad files are, copied to and from them, and damaged ones are named."""

from __future__ import annotations

import sys
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from plkd.data.cell_files import cells_target, open_cells, read_cells
from plkd.data.copying import copy_cells
from plkd.data.source import source_from_anndata, source_from_file
from plkd.errors import InputError
from zarr_toys import VERSIONS, content, read_store, written_store, zarr


@pytest.fixture
def adata() -> AnnData:
    """Return cells with something in every slot."""
    rng = np.random.default_rng(0)
    counts = sp.random(90, 40, 0.3, "csr", random_state=0, dtype=np.float32)
    made = AnnData(
        counts,
        obs=pd.DataFrame(
            {
                "cell_type": pd.Categorical(["B", "T", "NK"] * 30),
                "note": ["ä", "b"] * 45,
                "depth": rng.random(90),
                "flag": pd.array([True, None] * 45, dtype="boolean"),
            },
            index=[f"cell{i}" for i in range(90)],
        ),
        var=pd.DataFrame(
            {"gene_ids": [f"ENSG{i}" for i in range(40)]}, index=[f"G{i}" for i in range(40)]
        ),
    )
    made.layers["dense"] = counts.toarray()
    made.layers["columns"] = counts.tocsc()
    made.obsm["X_pca"] = rng.normal(size=(90, 5))
    made.obsm["table"] = pd.DataFrame({"a": range(90)}, index=made.obs_names)
    made.obsp["near"] = sp.identity(90, format="csr")
    made.varm["loadings"] = np.ones((40, 2), np.float32)
    made.uns["note"] = {"text": "Zürich", "numbers": np.arange(3), "names": np.array(["x", "y"])}
    made.uns["empty"] = np.zeros((0, 3))
    made.raw = made.copy()
    return made


def assert_same(one: AnnData, other: AnnData) -> None:
    pd.testing.assert_frame_equal(one.obs, other.obs)
    pd.testing.assert_frame_equal(one.var, other.var)
    pd.testing.assert_frame_equal(one.raw.var, other.raw.var)
    pd.testing.assert_frame_equal(one.obsm["table"], other.obsm["table"])
    for ours, theirs in (
        (one.X, other.X),
        (one.raw.X, other.raw.X),
        (one.layers["columns"], other.layers["columns"]),
        (one.obsp["near"], other.obsp["near"]),
    ):
        assert type(ours) is type(theirs)
        assert ours.dtype == theirs.dtype
        assert (ours != theirs).nnz == 0
    for slot, key in (("layers", "dense"), ("obsm", "X_pca"), ("varm", "loadings")):
        np.testing.assert_array_equal(getattr(one, slot)[key], getattr(other, slot)[key])
    assert set(one.uns) == set(other.uns)
    assert one.uns["note"]["text"] == other.uns["note"]["text"]
    assert list(one.uns["note"]["names"]) == list(other.uns["note"]["names"])
    np.testing.assert_array_equal(one.uns["note"]["numbers"], other.uns["note"]["numbers"])
    assert one.uns["empty"].shape == other.uns["empty"].shape


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("options", [{}, {"layer": "dense"}, {"use_raw": True}])
def test_a_store_is_read_as_memory_is(adata, tmp_path, version, options):
    store = written_store(adata, tmp_path / "cells.zarr", version)
    expected = source_from_anndata(adata, **options)
    with open_cells(store) as cells:
        source = source_from_file(cells, **options)
        assert (source.n_cells, source.gene_names) == (90, expected.gene_names)
        assert source.gene_columns == expected.gene_columns
        for start, stop in ((0, 90), (7, 31), (89, 90), (5, 5)):
            assert (source.rows(start, stop) != expected.rows(start, stop)).nnz == 0
    assert_same(read_cells(store), adata)


def test_columns_are_read_whole_and_aloud(adata, tmp_path):
    store = written_store(adata, tmp_path / "cells.zarr")
    with open_cells(store) as cells, pytest.warns(UserWarning, match="by columns"):
        source = source_from_file(cells, layer="columns")
    assert (source.rows(3, 40) != adata.layers["columns"].tocsr()[3:40]).nnz == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_copied_between_kinds_nothing_is_lost(adata, tmp_path, version, monkeypatch):
    monkeypatch.setattr("plkd.data.copying.VALUES_AT_A_TIME", 64)  # in many pieces
    adata.write_h5ad(tmp_path / "cells.h5ad")
    written_store(adata, tmp_path / "cells.zarr", version)
    copy_cells(tmp_path / "cells.zarr", tmp_path / "of_store.h5ad")
    copy_cells(tmp_path / "cells.zarr", tmp_path / "of_store.zarr")
    with anndata.settings.override(zarr_write_format=version):
        copy_cells(tmp_path / "cells.h5ad", tmp_path / "of_file.zarr")
    copy_cells(tmp_path / "cells.h5ad", tmp_path / "of_file.h5ad")
    assert_same(anndata.read_h5ad(tmp_path / "of_store.h5ad"), adata)
    assert_same(anndata.read_h5ad(tmp_path / "of_file.h5ad"), adata)
    assert_same(read_store(tmp_path / "of_file.zarr"), adata)
    assert content(tmp_path / "of_store.zarr") == content(tmp_path / "cells.zarr")


def test_a_copy_that_is_not_wanted_any_more_ends(adata, tmp_path):
    adata.write_h5ad(tmp_path / "cells.h5ad")
    copy_cells(tmp_path / "cells.h5ad", tmp_path / "copy.zarr", stop=lambda: True)
    assert list(zarr.open_group(tmp_path / "copy.zarr", mode="r").keys()) == []


def test_a_missing_piece_is_not_read_as_zeros(adata, tmp_path):
    store = written_store(adata, tmp_path / "cells.zarr", 2)
    (store / "X" / "data" / "0").unlink()
    with open_cells(store) as cells, pytest.raises(InputError, match="1 of 1 pieces of X are miss"):
        source_from_file(cells)


def test_a_damaged_piece_is_named(adata, tmp_path):
    store = written_store(adata, tmp_path / "cells.zarr", 2)
    (store / "X" / "data" / "0").write_bytes(b"nothing that can be unpacked")
    with open_cells(store) as cells, pytest.raises(InputError, match=r"whole zarr store.*damaged"):
        source_from_file(cells).rows(0, 5)
    with pytest.raises(InputError, match=r"whole zarr store.*damaged"):
        read_cells(store)


@pytest.mark.parametrize("name", [".zgroup", "zarr.json"])
def test_a_damaged_root_is_named(tmp_path, name):
    (tmp_path / name).write_text("{")
    with pytest.raises(InputError, match="damaged"), open_cells(tmp_path):
        pass


def test_another_store_than_of_an_anndata_is_named(tmp_path):
    zarr.open_group(tmp_path / "other.zarr", mode="w").create_group("images")
    with pytest.raises(InputError, match="with obs, var and X; found one with images"):
        read_cells(tmp_path / "other.zarr")
    mudata = zarr.open_group(tmp_path / "mu.zarr", mode="w")
    for name in ("mod/rna", "mod/atac", "obs", "var"):
        mudata.create_group(name)
    with pytest.raises(InputError, match=r"a MuData of atac, rna\. .*write_zarr"):
        read_cells(tmp_path / "mu.zarr")
    (tmp_path / "empty.zarr").mkdir()
    for name, found in (("none.zarr", "nothing there"), ("empty.zarr", "a directory")):
        with (
            pytest.raises(InputError, match=rf"a zarr store at .*{name}; found {found}"),
            open_cells(tmp_path / name),
        ):
            pass
    with pytest.raises(InputError, match=r"an h5ad file at .* nothing there"):
        read_cells(tmp_path / "none.h5ad")


def test_what_is_written_goes_by_the_name(tmp_path):
    assert cells_target(tmp_path / "out.zarr") == tmp_path / "out.zarr"
    assert cells_target("out.h5ad") == Path("out.h5ad")
    with pytest.raises(InputError, match=r"another kind of file. .*name it out.h5ad"):
        cells_target(tmp_path / "out.loom")


def test_without_the_package_the_extra_is_named(adata, tmp_path, monkeypatch):
    store = written_store(adata, tmp_path / "cells.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    for ask in (lambda: read_cells(store), lambda: cells_target("out.zarr")):
        with pytest.raises(InputError, match=r"found none.*pip install 'plkd\[zarr\]'"):
            ask()
