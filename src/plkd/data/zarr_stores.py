"""zarr stores of AnnData are opened to read or to write, or it is said why they cannot be."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plkd.data.h5ad_files import MATRICES, ZARR, damaged
from plkd.errors import InputError

SUFFIX = ".zarr"

SPARSE = ("csr_matrix", "csc_matrix")


def is_zarr(path: str | Path) -> bool:
    """Say whether there is a zarr store in a folder, of version 2 or 3."""
    return any((Path(path) / name).is_file() for name in ZARR)


def is_zarr_name(path: str | Path) -> bool:
    """Say whether something is named as a zarr store is."""
    return Path(path).suffix.lower() == SUFFIX


def zarr_package() -> Any:
    """Return the package zarr.

    Raises
    ------
    InputError
        It is not there, or older than version 3.
    """
    try:
        import zarr
    except ImportError:
        found = "none"
    else:
        if int(zarr.__version__.split(".")[0]) >= 3:
            return zarr
        found = f"version {zarr.__version__}"
    raise InputError("the package zarr, 3 or later", found, "pip install 'plkd[zarr]'")


def open_zarr(path: str | Path, *, write: bool = False) -> Any:
    """Open a zarr store of an AnnData, or say in one line why it cannot be read.

    Parameters
    ----------
    path
        The folder.
    write
        Also to change it; otherwise it is only read.

    Returns
    -------
    The group at its root; nothing has to be closed.

    Raises
    ------
    InputError
        There is none, it is damaged or holds no AnnData, or the package zarr is not there.
    """
    if not is_zarr(path):
        found = "a directory" if Path(path).is_dir() else "a file" if Path(path).exists() else ""
        raise InputError(f"a zarr store at {path}", found or "nothing there", "check the path")
    zarr = zarr_package()
    try:
        if write:
            return zarr.open_group(str(path), mode="r+", use_consolidated=False)
        group = zarr.open_group(str(path), mode="r")
        there = set(group.keys())
    except Exception as error:  # zarr raises many kinds, depending on where the damage is
        raise damaged(path, error) from error
    if "mod" in there and "X" not in there:
        raise InputError(
            f"a zarr store of an AnnData at {path}",
            f"a MuData of {', '.join(sorted(group['mod'].keys()))}",
            "write one of its modalities with mdata.mod[NAME].write_zarr(FOLDER)",
        )
    if not {"obs", "var"} <= there or there.isdisjoint(MATRICES):
        raise InputError(
            f"a zarr store of an AnnData at {path}, with obs, var and X",
            f"one with {', '.join(sorted(there)) or 'nothing'}",
            "pass a store written by AnnData.write_zarr",
        )
    return group


def new_zarr(path: Path, attributes: Mapping[str, str]) -> Any:
    """Make a zarr store that holds nothing yet, of the version that anndata writes."""
    import anndata

    zarr = zarr_package()
    version = int(getattr(anndata.settings, "zarr_write_format", 2))
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    group.attrs.update(attributes)
    return group


def finish_zarr(group: Any) -> None:
    """Gather what a changed store says of its parts in one place, as anndata does."""
    with quiet_zarr():
        zarr_package().consolidate_metadata(group.store)


@contextmanager
def quiet_zarr() -> Iterator[None]:
    """Keep to itself what zarr and anndata say of versions to come while they write."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*zarr v[23]", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*Zarr format 3", category=UserWarning)
        warnings.filterwarnings("ignore", message=".*Zarr V3", category=UserWarning)
        yield


def check_whole(array: Any, slot: str) -> None:
    """Refuse values of a sparse matrix of which a piece is not there: zarr would read zeros.

    Parameters
    ----------
    array
        Of a zarr store; an HDF5 data set has its pieces or cannot be read.

    Raises
    ------
    InputError
        A piece is missing.
    """
    missing = getattr(array, "nchunks", 0) - getattr(array, "nchunks_initialized", 0)
    if missing:
        why = f"{missing} of {array.nchunks} pieces of {slot} are missing"
        raise damaged(array.store.root, why)


class NamesOf(Mapping[str, Any]):
    """A group of a zarr store as the mapping that a group of an h5ad file is."""

    def __init__(self, group: Any) -> None:
        self._group = group

    def __getitem__(self, name: str) -> Any:
        """Return an array, or a group as a mapping."""
        found = self._group[name]
        return NamesOf(found) if hasattr(found, "group_keys") else found

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._group.keys())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(list(self._group.keys()))
