"""h5ad files are opened to read, or it is said in one line why they cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plkd.errors import InputError

if TYPE_CHECKING:
    import h5py

OTHER_KINDS = (".zarr", ".h5mu", ".loom", ".csv")
"""Endings that would say of an h5ad file what it is not."""

ZARR = (".zgroup", "zarr.json")
"""What a zarr store holds at its root, in versions 2 and 3."""

MATRICES = ("X", "layers", "raw")
"""Where an h5ad file may hold expression."""


def is_hdf5(path: str | Path) -> bool:
    """Say whether there is an HDF5 file, such as an h5ad or h5mu file."""
    import h5py

    return Path(path).is_file() and bool(h5py.is_hdf5(path))


def open_h5ad(path: str | Path) -> h5py.File:
    """Open an h5ad file to read, or say in one line why it cannot be read.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    The open HDF5 file, read only; the caller closes it.

    Raises
    ------
    InputError
        There is no such file, it cannot be opened, is truncated or not HDF5, or it is not an h5ad
        file of anndata 0.7 or later.
    """
    import h5py

    path = Path(path)
    if not path.is_file():
        if any((path / name).is_file() for name in ZARR):
            found, mend = "a zarr store", "write it as h5ad: anndata.read_zarr(...).write_h5ad(...)"
        else:
            found, mend = "a directory" if path.is_dir() else "nothing there", "check the path"
        raise InputError(f"an h5ad file at {path}", found, mend)
    if not h5py.is_hdf5(path):
        raise InputError(
            f"an h5ad file at {path}",
            "a file that is not HDF5",
            "pass a file written by AnnData.write_h5ad",
        )
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise _not_opened(path, error) from error
    if why := _unlike_h5ad(file, path):
        file.close()
        raise why
    return file


def h5ad_target(out: str | Path) -> Path:
    """Return the path of an h5ad file to be written, which must not be named like another kind.

    Raises
    ------
    InputError
        The name ends in .zarr, .h5mu, .loom or .csv.
    """
    out = Path(out)
    if out.suffix.lower() in OTHER_KINDS:
        raise InputError(
            "a name for the h5ad file that is written",
            f"{out.name}, which is named like another kind of file",
            f"name it {out.with_suffix('.h5ad').name}",
        )
    return out


def damaged(path: Any, error: object) -> InputError:
    """Return the error of a file, or of a zarr store, that is not whole, and why."""
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    what = "zarr store" if Path(path).is_dir() else "h5ad file"
    return InputError(
        f"a whole {what} at {path}",
        f"a truncated or damaged one ({why})",
        "copy or write the file again",
    )


def _not_opened(path: Path, error: OSError) -> InputError:
    """Return the error of a file that is held elsewhere, may not be read, or is damaged."""
    why = " ".join(str(error).split())
    if "unable to lock file" in why:
        found, mend = "one that another program has open to write", "close it there"
    elif isinstance(error, PermissionError) or "Permission denied" in why:
        found, mend = "one that may not be read", "give yourself the right to read it"
    else:
        return damaged(path, error)
    return InputError(f"an h5ad file at {path} that can be read", found, mend)


def _unlike_h5ad(file: h5py.File, path: Path) -> InputError | None:
    """Return the error of an HDF5 file that is no h5ad file, or one of an old layout."""
    import h5py

    if "mod" in file and "X" not in file:
        names = sorted(file["mod"])
        return InputError(
            f"an h5ad file at {path}",
            f"a MuData of {', '.join(names)}",
            "write one of its modalities with mdata.mod[NAME].write_h5ad(FILE)",
        )
    if not ("var" in file and "obs" in file and any(key in file for key in MATRICES)):
        return InputError(
            f"an h5ad file at {path}, with obs, var and X",
            f"an HDF5 file with {', '.join(sorted(file.keys())) or 'nothing'}",
            "pass a file written by AnnData.write_h5ad",
        )
    if not all(isinstance(file[table], h5py.Group) for table in ("obs", "var")):
        return InputError(
            "an h5ad file written by anndata 0.7 or later",
            f"an older one, {path}",
            "read it with anndata.read_h5ad and write it again",
        )
    return None
