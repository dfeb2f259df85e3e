from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from plkd.data.h5ad_files import open_h5ad
from plkd.data.reading import read_checked
from plkd.data.source import (
    recognise_source,
    source_from_anndata,
    source_from_file,
)
from plkd.errors import InputError
from toy import toy_reference


@pytest.fixture
def adata() -> AnnData:
    adata = toy_reference(50)
    adata.var["gene_ids"] = [f"ENSG{i:011d}" for i in range(adata.n_vars)]
    adata.var["chromosome"] = pd.Categorical(["1", "2"] * (adata.n_vars // 2))
    adata.var["length"] = np.arange(adata.n_vars)
    adata.layers["counts"] = adata.X.copy()
    adata.raw = adata[:, :250]
    adata.X = adata.X.log1p()
    return adata


@pytest.fixture
def path(adata: AnnData, tmp_path: Path) -> Path:
    adata.write_h5ad(tmp_path / "cells.h5ad", compression="gzip")
    return tmp_path / "cells.h5ad"


@pytest.mark.parametrize(
    ("options", "slot"),
    [({}, "X"), ({"layer": "counts"}, "layers['counts']"), ({"use_raw": True}, "raw.X")],
)
def test_memory_and_file_give_the_same(
    adata: AnnData, path: Path, options: dict, slot: str
) -> None:
    in_memory = source_from_anndata(adata, **options)
    expected = {"X": adata.X, "raw.X": adata.raw.X}.get(slot, adata.layers["counts"])
    with open_h5ad(path) as file:
        on_disk = source_from_file(file, **options)
        for source in (in_memory, on_disk):
            assert (source.n_cells, source.slot) == (50, slot)
            assert source.n_genes == len(source.gene_names) == expected.shape[1]
            np.testing.assert_array_equal(source.rows(7, 31).toarray(), expected[7:31].toarray())
            parts = list(source.chunks(16))
            assert [part[:2] for part in parts] == [(0, 16), (16, 32), (32, 48), (48, 50)]
            found = sp.vstack([part[2] for part in parts]).toarray()
            np.testing.assert_array_equal(found, expected.toarray())
        assert (
            in_memory.gene_names == on_disk.gene_names == tuple(adata.var_names[: source.n_genes])
        )
        assert in_memory.gene_columns == on_disk.gene_columns
        assert set(on_disk.gene_columns) == {"gene_ids", "chromosome"}


def test_dense_values_become_sparse_rows(adata: AnnData, tmp_path: Path) -> None:
    dense = AnnData(adata.layers["counts"].toarray(), var=adata.var)
    dense.write_h5ad(tmp_path / "dense.h5ad")
    with open_h5ad(tmp_path / "dense.h5ad") as file:
        for source in (source_from_anndata(dense), source_from_file(file)):
            rows = source.rows(3, 20)
            assert sp.issparse(rows)
            assert rows.format == "csr"
            np.testing.assert_array_equal(rows.toarray(), dense.X[3:20])


def test_values_stored_by_columns_are_read_with_a_warning(adata: AnnData, tmp_path: Path) -> None:
    by_column = AnnData(adata.layers["counts"].tocsc(), var=adata.var)
    by_column.write_h5ad(tmp_path / "csc.h5ad")
    in_memory = source_from_anndata(by_column)
    np.testing.assert_array_equal(in_memory.rows(3, 20).toarray(), by_column.X[3:20].toarray())
    with (
        open_h5ad(tmp_path / "csc.h5ad") as file,
        pytest.warns(UserWarning, match=r"X is stored by columns \(CSC\).*memory"),
    ):
        rows = source_from_file(file).rows(3, 20)
    np.testing.assert_array_equal(rows.toarray(), by_column.X[3:20].toarray())


def test_missing_entries_of_a_text_column_are_empty(adata: AnnData) -> None:
    adata.var["symbol"] = [None, *adata.var_names[1:]]
    assert source_from_anndata(adata).gene_columns["symbol"][:2] == ("", adata.var_names[1])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_half_precision_is_read_by_rows(adata: AnnData, kind: Callable) -> None:
    counts = adata.layers["counts"].toarray()
    half = kind(counts)
    if sp.issparse(half):
        half.data = half.data.astype(np.float16)
    else:
        half = half.astype(np.float16)
    adata.layers["half"] = half
    rows = source_from_anndata(adata, layer="half").rows(3, 20)
    np.testing.assert_array_equal(rows.toarray(), counts[3:20])


def test_of_rows_that_have_yet_to_be_computed_only_those_asked_for_are() -> None:
    """A Dask array stands here as the little that is asked of it."""
    counts, computed = toy_reference(50).X, []

    class Lazy:
        shape, dtype, ndim = counts.shape, counts.dtype, 2

        def __init__(self, rows: slice = slice(None)) -> None:
            self.rows = rows

        def __getitem__(self, rows: slice) -> Lazy:
            return Lazy(rows)

        def compute(self) -> sp.csr_matrix:
            computed.append(self.rows)
            return counts[self.rows]

    class Holder:
        X, n_obs = Lazy(), 50
        var_names = pd.Index(map(str, range(counts.shape[1])))
        var = pd.DataFrame(index=var_names)

    rows = source_from_anndata(Holder()).rows(3, 20)
    np.testing.assert_array_equal(rows.toarray(), counts[3:20].toarray())
    assert computed == [slice(3, 20)]


# --- refused ---------------------------------------------------------------------------------


def refusals(adata: AnnData, path: Path, options: dict) -> list[str]:
    messages = []
    with open_h5ad(path) as file:
        for read, holder in ((source_from_anndata, adata), (source_from_file, file)):
            with pytest.raises(InputError) as error:
                read(holder, **options)
            messages.append(str(error.value))
    return messages


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(
    adata: AnnData, path: Path
) -> None:
    for message in refusals(adata, path, {"layer": "raw_counts"}):
        assert "a layer 'raw_counts'; found layers 'counts'" in message


def test_layer_and_raw_together_are_refused(adata: AnnData, path: Path) -> None:
    for message in refusals(adata, path, {"layer": "counts", "use_raw": True}):
        assert "layer or use_raw, not both" in message


def test_raw_that_is_not_there_is_refused(adata: AnnData, tmp_path: Path) -> None:
    adata.raw = None
    adata.write_h5ad(tmp_path / "a.h5ad")
    for message in refusals(adata, tmp_path / "a.h5ad", {"use_raw": True}):
        assert "found data without raw" in message


def test_a_missing_x_is_refused_with_the_layers(adata: AnnData, tmp_path: Path) -> None:
    adata.X = None
    adata.write_h5ad(tmp_path / "a.h5ad")
    for message in refusals(adata, tmp_path / "a.h5ad", {}):
        assert "expression in X; found none; there are layers 'counts'" in message


@pytest.mark.parametrize("part", [(slice(0), slice(None)), (slice(None), slice(0))])
def test_an_empty_query_is_refused(adata: AnnData, tmp_path: Path, part: tuple) -> None:
    empty = AnnData(adata.X[part], obs=adata.obs.iloc[part[0]], var=adata.var.iloc[part[1]])
    empty.write_h5ad(tmp_path / "a.h5ad")
    for message in refusals(empty, tmp_path / "a.h5ad", {}):
        assert "at least one cell and one gene in X" in message


def test_text_in_x_is_refused() -> None:
    class Words:
        obs_names = var_names = pd.Index(["a", "b"])
        var = pd.DataFrame(index=["a", "b"])
        layers: dict = {}  # noqa: RUF012
        X = np.array([["1", "2"], ["3", "4"]])
        n_obs = 2

    with pytest.raises(InputError, match="numbers in X; found values of type"):
        source_from_anndata(Words())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("cells.h5ad", r"found the path 'cells.h5ad'.*anndata.read_h5ad.*plkd command"),
        (Path("cells.h5ad"), r"found the path 'cells.h5ad'"),
        (pd.DataFrame({"A": [1.0]}), "an AnnData; found DataFrame"),
        (None, "an AnnData; found NoneType"),
    ],
)
def test_what_is_no_anndata_is_refused(given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        source_from_anndata(given)


def test_a_mudata_is_refused_with_its_modalities(adata: AnnData) -> None:
    class Several:  # as a MuData, which has names of genes as well
        mod = {"rna": adata, "adt": adata}  # noqa: RUF012
        n_mod = 2
        var_names, X = adata.var_names, None

    message = r"a MuData of 'rna', 'adt'.*pass one of its modalities: mdata\.mod\['rna'\]"
    with pytest.raises(InputError, match=message):
        source_from_anndata(Several())


def test_the_raw_of_an_anndata_is_refused_with_how_to_read_it() -> None:
    cells = toy_reference(50)
    cells.raw = cells
    message = r"an AnnData; found the raw of one.*pass the AnnData itself and use_raw=True"
    with pytest.raises(InputError, match=message):
        source_from_anndata(cells.raw)
    assert source_from_anndata(cells, use_raw=True).n_cells == 50


def test_half_precision_is_read(adata: AnnData, tmp_path: Path) -> None:
    cells = adata[:, :20].copy()
    cells.X = sp.csr_matrix(np.round(cells.X.toarray())).astype(np.float32)
    cells.write_h5ad(tmp_path / "half.h5ad")
    with h5py.File(tmp_path / "half.h5ad", "r+") as file:
        values = file["X/data"][:].astype(np.float16)
        del file["X/data"]
        file["X/data"] = values
    with open_h5ad(tmp_path / "half.h5ad") as file:
        rows = source_from_file(file).rows(3, 9)
    np.testing.assert_array_equal(rows.toarray(), cells.X[3:9].toarray())


def test_parts_that_do_not_fit_are_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        starts = file["X/indptr"][:-3]
        del file["X/indptr"]
        file["X/indptr"] = starts
    with open_h5ad(path) as file, pytest.raises(InputError, match="parts of X do not fit"):
        source_from_file(file)


def test_an_index_outside_the_matrix_is_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["X/indices"][4] = 10_000
    with open_h5ad(path) as file, pytest.raises(InputError, match="column index outside"):
        source_from_file(file).rows(0, 5)


def test_genes_that_do_not_fit_the_columns_are_refused(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["var"]
        file.copy("raw/var", "var")
    with open_h5ad(path) as file, pytest.raises(InputError, match="300 columns in X, 250 genes"):
        source_from_file(file)


# --- recognising a source --------------------------------------------------------------------


def test_a_source_is_recognised(adata: AnnData) -> None:
    source = source_from_anndata(adata, layer="counts")
    assert recognise_source(source).kind == "counts"


def test_a_source_is_recognised_by_cells_far_behind_empty_ones() -> None:
    counts = np.zeros((9000, 3), dtype=np.float32)
    counts[300] = 1.0
    source = source_from_anndata(AnnData(counts))
    assert recognise_source(source, n_cells=512).kind == "counts"


def test_a_source_of_zeros_is_refused() -> None:
    source = source_from_anndata(AnnData(np.zeros((9000, 3), dtype=np.float32)))
    with pytest.raises(InputError, match="nothing but zeros in 9000 cells"):
        recognise_source(source, n_cells=512)


def test_a_bad_cell_of_a_source_is_named_by_its_place() -> None:
    counts = np.ones((2000, 3), dtype=np.float32)
    counts[1990, 1] = np.nan
    with pytest.raises(InputError, match="cell 1990 "):
        recognise_source(source_from_anndata(AnnData(counts)))


@pytest.mark.parametrize(
    ("genes", "others"), [("Gene Expression", "Antibody Capture"), ("GEX", "Peaks")]
)
@pytest.mark.parametrize("use_raw", [False, True])
def test_genes_beside_other_features_are_refused(genes: str, others: str, use_raw: bool) -> None:
    cells = toy_reference(50)
    cells.var["feature_types"] = pd.Categorical([genes] * 290 + [others] * 10)
    cells.raw = cells
    with pytest.raises(InputError, match=rf"'{genes}' \(290\), '{others}' \(10\)") as error:
        recognise_source(source_from_anndata(cells, use_raw=use_raw))
    holder = "raw" if use_raw else "adata"
    part = f"{holder}[:, {holder}.var['feature_types'] == '{genes}'].copy()"
    assert part in str(error.value)
    assert ("adata.raw.to_adata()" in str(error.value)) == use_raw
    taken = eval(part, {"adata": cells, "raw": cells.raw.to_adata()})  # noqa: S307
    assert recognise_source(source_from_anndata(taken)).kind == "counts"


@pytest.mark.parametrize(
    "kinds", [["Gene Expression"], ["Peaks"], ["Peaks", "Motifs"], ["GEX", "", "nan", "<NA>"]]
)
def test_features_of_one_kind_are_taken(kinds: list[str]) -> None:
    cells = toy_reference(50)
    cells.var["feature_types"] = (kinds * 300)[:300]
    assert recognise_source(source_from_anndata(cells)).kind == "counts"


def test_all_cells_of_a_source_are_looked_at() -> None:
    """Sixteen blocks of 256 cells tell what the values are; cell 300 is in none of them."""
    counts = sp.random(6000, 20, density=0.3, format="csr", random_state=0, dtype=np.float32)
    counts.data[:] = 1.0
    source = source_from_anndata(AnnData(counts))
    np.testing.assert_array_equal(
        read_checked(source, recognise_source(source)).toarray(), counts.toarray()
    )
    counts.data[counts.indptr[300]] = np.nan
    recognised = recognise_source(source)
    with pytest.raises(InputError, match=r"1 NaN value\(s\), the first in cell 300 "):
        read_checked(source, recognised)
