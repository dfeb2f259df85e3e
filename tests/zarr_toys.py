"""zarr stores for tests, written by anndata."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata
import pytest
from anndata import AnnData

zarr = pytest.importorskip("zarr", minversion="3")

VERSIONS = (2, 3)


def written_store(adata: AnnData, folder: Path, version: int = 2) -> Path:
    """Write an AnnData as a zarr store of a version of the format."""
    with warnings.catch_warnings(), anndata.settings.override(zarr_write_format=version):
        warnings.simplefilter("ignore")
        adata.write_zarr(folder)
    return folder


def read_store(folder: Path) -> AnnData:
    """Read a store as anndata does."""
    return anndata.read_zarr(folder)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
