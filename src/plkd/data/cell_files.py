"""Cells on disk: an h5ad file or a zarr store, opened and named alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plkd.data.h5ad_files import damaged, h5ad_target, is_hdf5, open_h5ad
from plkd.data.zarr_stores import (
    NamesOf,
    finish_zarr,
    is_zarr,
    is_zarr_name,
    new_zarr,
    open_zarr,
    quiet_zarr,
    zarr_package,
)
from plkd.outputs import replace_folder_when_done, replace_when_done

if TYPE_CHECKING:
    from anndata import AnnData


ANNDATA = {"encoding-type": "anndata", "encoding-version": "0.1.0"}
"""What an h5ad file or a zarr store says of itself."""


def is_cells(path: str | Path) -> bool:
    """Say whether something is an HDF5 file or a zarr store, or is named as a store is."""
    return is_hdf5(path) or is_zarr(path) or is_zarr_name(path)


@contextmanager
def open_cells(path: str | Path) -> Iterator[Any]:
    """Open an h5ad file or a zarr store to read.

    Parameters
    ----------
    path
        The file, or the folder of the store.

    Yields
    ------
    The HDF5 file, closed at the end, or the zarr group at the root. Both find what they hold by
    name and have ``attrs``.

    Raises
    ------
    InputError
        There is none, or it cannot be read.
    """
    if is_zarr(path) or (is_zarr_name(path) and not Path(path).is_file()):
        yield open_zarr(path)
        return
    with open_h5ad(path) as file:
        yield file


def read_cells(path: str | Path) -> AnnData:
    """Read an h5ad file or a zarr store into memory.

    Raises
    ------
    InputError
        There is none, or it cannot be read.
    """
    with open_cells(path):
        pass
    import anndata

    try:
        return anndata.read_zarr(path) if is_zarr(path) else anndata.read_h5ad(path)
    except MemoryError:
        raise
    except Exception as error:  # HDF5 and zarr raise many kinds, depending on where the damage is
        raise damaged(path, error) from error


def cells_target(out: str | Path) -> Path:
    """Return the path of cells to be written: a zarr store by its name, an h5ad file otherwise.

    Raises
    ------
    InputError
        The name is that of another kind of file; or of a zarr store, and the package zarr is not
        there.
    """
    out = Path(out)
    if is_zarr_name(out):
        zarr_package()
        return out
    return h5ad_target(out)


def replace_cells_when_done(
    out: Path, *, overwrite: bool, source: Path | Sequence[Path]
) -> AbstractContextManager[Path]:
    """Give the path of a new h5ad file or zarr store, as ``out`` is named, and rename it at last.

    Raises
    ------
    OutputExistsError, InputError
        As :func:`plkd.outputs.replace_when_done`; a folder that is no zarr store stands there.
    """
    if not is_zarr_name(out):
        return replace_when_done(out, overwrite=overwrite, source=source)
    return replace_folder_when_done(
        out, kind="a zarr store", is_kind=is_zarr, source=source, overwrite=overwrite
    )


def write_cells(adata: AnnData, path: Path) -> None:
    """Write an AnnData as an h5ad file or a zarr store, as ``path`` is named."""
    if not is_zarr_name(path):
        adata.write_h5ad(path)
        return
    with quiet_zarr():
        adata.write_zarr(path)


@contextmanager
def new_cells(path: Path) -> Iterator[Any]:
    """Make an h5ad file or a zarr store, as ``path`` is named, that holds nothing yet.

    Yields
    ------
    The HDF5 file or zarr group, open to be filled; finished at a good end.
    """
    if not is_zarr_name(path):
        import h5py

        with h5py.File(path, "w") as file:
            file.attrs.update(ANNDATA)
            yield file
        return
    with quiet_zarr():
        group = new_zarr(path, ANNDATA)
        yield group
        finish_zarr(group)


@contextmanager
def changed_cells(path: Path) -> Iterator[Any]:
    """Open an h5ad file or a zarr store that is plkd's own, not finished yet, to add to it.

    Yields
    ------
    The HDF5 file or zarr group, open to be changed; finished at a good end.
    """
    if not is_zarr(path):
        import h5py

        with h5py.File(path, "r+") as file:
            yield file
        return
    with quiet_zarr():
        group = open_zarr(path, write=True)
        yield group
        finish_zarr(group)


def where_stored(element: Any) -> str:
    """Say in which file or store something lies that was opened."""
    file = getattr(element, "file", None)
    return str(element.store.root if file is None else file.filename)


def is_stored(values: Any) -> bool:
    """Say whether something lies in an open file or store, not in memory."""
    return type(values).__module__.split(".")[0] in ("h5py", "zarr")


def uns_of(cells: Any) -> Mapping[str, Any]:
    """Return ``uns`` of an open file or store as a mapping; an empty one where there is none."""
    uns = cells.get("uns")
    if uns is None:
        return {}
    return uns if isinstance(uns, Mapping) else NamesOf(uns)
