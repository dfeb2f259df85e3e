from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from plkd.data.h5ad_files import h5ad_target, open_h5ad
from plkd.errors import InputError
from plkd.tools.evaluate import evaluate_file
from toy import toy_query


@pytest.fixture
def path(tmp_path: Path) -> Path:
    toy_query(50).write_h5ad(tmp_path / "cells.h5ad")
    return tmp_path / "cells.h5ad"


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        open_h5ad(tmp_path / "none.h5ad")
    with pytest.raises(InputError, match="a directory"):
        open_h5ad(tmp_path)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5ad").write_text("cell,gene\n")
    with pytest.raises(InputError, match="not HDF5"):
        open_h5ad(tmp_path / "a.h5ad")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_a_truncated_file_is_refused_in_one_line(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="truncated or damaged") as error:
        open_h5ad(path)
    assert "\n" not in str(error.value)


def test_hdf5_that_is_no_h5ad_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"] = np.ones(3)
    with pytest.raises(InputError, match="an HDF5 file with matrix"):
        open_h5ad(tmp_path / "a.h5")


def test_tables_of_old_are_refused(path: Path) -> None:
    """Before anndata 0.7 obs and var were compound datasets."""
    with h5py.File(path, "r+") as file:
        for table in ("obs", "var"):
            del file[table]
            file[table] = np.zeros(3, dtype=[("index", "S4"), ("n", "f4")])
    for read in (open_h5ad, lambda there: evaluate_file(there, labels_key="cell_type")):
        with pytest.raises(InputError, match=r"anndata 0.7 or later; found an older one"):
            read(path)


def test_a_mudata_file_is_named_with_its_modalities(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.create_group("mod/rna")
        file.create_group("mod/atac")
        del file["X"]
    with pytest.raises(InputError, match=r"a MuData of atac, rna. .*mdata.mod\[NAME\]"):
        open_h5ad(path)


def test_a_file_held_elsewhere_is_not_called_damaged(path: Path) -> None:
    ask = "from plkd.data.h5ad_files import open_h5ad; import sys; open_h5ad(sys.argv[1])"
    with h5py.File(path, "r+"):
        done = subprocess.run(
            [sys.executable, "-c", ask, path], capture_output=True, text=True, check=False
        )
    assert "found one that another program has open to write" in done.stderr
    assert "damaged" not in done.stderr


def test_a_file_that_may_not_be_read_is_said_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(InputError, match="may not be read"):
        open_h5ad(path)


@pytest.mark.parametrize("name", [".zgroup", "zarr.json"])
def test_a_zarr_store_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=r"found a zarr store. .*read_zarr"):
        open_h5ad(tmp_path)


def test_outputs_are_not_named_like_another_kind(tmp_path: Path) -> None:
    for name in ("out.zarr", "out.H5MU", "out.csv"):
        with pytest.raises(InputError, match=r"another kind of file. .*name it out.h5ad"):
            h5ad_target(tmp_path / name)
    for name in ("out.h5ad", "out", "out.h5", "sample.1"):
        assert h5ad_target(str(tmp_path / name)) == tmp_path / name
