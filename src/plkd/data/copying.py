"""Cells on disk are copied: as they are, or from an h5ad file to a zarr store and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from plkd.data.cell_files import new_cells, open_cells
from plkd.data.zarr_stores import SPARSE, is_zarr, is_zarr_name

Stop = Callable[[], bool]

BYTES_AT_A_TIME = 1 << 23
VALUES_AT_A_TIME = 1 << 22
"""What is copied at once; memory does not grow with the file."""

NESTED = ("", "anndata", "dict", "raw")
"""What holds further elements in an h5ad file or a zarr store, by ``encoding-type``."""


def _never() -> bool:
    return False


def copy_cells(source: Path, target: Path, *, stop: Stop = _never) -> None:
    """Copy an h5ad file or a zarr store to a new one; the name says which kind the new one is.

    Parameters
    ----------
    source, target
        What is copied, and where to.
    stop
        Asked now and then: whether to leave the copy as it is, unfinished.

    Notes
    -----
    Of the same kind it is copied as it is. From one kind to the other matrices are copied little by
    little and all else element by element, as anndata reads and writes it.
    """
    in_store = is_zarr_name(target)
    if is_zarr(source) != in_store:
        with open_cells(source) as given, new_cells(target) as made:
            copy_elements(given, made, stop=stop)
    elif in_store:
        _copy_folder(source, target, stop)
    else:
        copy_file(source, target, stop=stop)


def copy_file(source: Path, target: Path, *, stop: Stop = _never) -> None:
    """Copy a file in pieces, between which ``stop`` is asked whether to leave it unfinished."""
    piece = memoryview(bytearray(BYTES_AT_A_TIME))
    with source.open("rb", buffering=0) as read, target.open("wb") as written:
        while not stop() and (n_bytes := read.readinto(piece)):
            written.write(piece[:n_bytes])


def _copy_folder(source: Path, target: Path, stop: Stop) -> None:
    """Copy a folder with usual rights: what may only be read there has to be added to here."""
    target.mkdir()
    for path in source.iterdir():
        if stop():
            return
        if path.is_dir():
            _copy_folder(path, target / path.name, stop)
        else:
            copy_file(path, target / path.name, stop=stop)


def copy_elements(
    source: Any, target: Any, names: Iterable[str] | None = None, *, stop: Stop = _never
) -> None:
    """Copy what a group holds: all, or what has one of some names.

    Parameters
    ----------
    source, target
        Groups of an h5ad file or a zarr store, also one of each.
    names
        Which elements; those that are not there are left out.
    stop
        As of :func:`copy_cells`.
    """
    there = list(source.keys())
    for name in there if names is None else [name for name in names if name in there]:
        if stop():
            return
        element = source[name]
        kind = str(element.attrs.get("encoding-type", ""))
        if not hasattr(element, "keys"):
            _copy_array(element, target, name, stop)
        elif kind in SPARSE:
            made = target.create_group(name)
            _copy_attributes(element, made)
            for part in ("data", "indices", "indptr"):
                _copy_array(element[part], made, part, stop)
        elif kind in NESTED:
            made = target.create_group(name)
            _copy_attributes(element, made)
            copy_elements(element, made, stop=stop)
        else:
            _copy_whole(element, target, name)


def _copy_array(source: Any, target: Any, name: str, stop: Stop) -> None:
    """Copy an array; one of numbers by rows."""
    plain = source.dtype.kind in "biuf" and source.attrs.get("encoding-type", "array") == "array"
    if not plain or not source.shape or 0 in source.shape:
        _copy_whole(source, target, name)
        return
    step = max(VALUES_AT_A_TIME // int(np.prod(source.shape[1:])), 1)
    if isinstance(target, h5py.Group):
        made = target.create_dataset(name, source.shape, source.dtype, chunks=True)
    else:
        piece = (min(step, source.shape[0]), *source.shape[1:])
        made = target.create_array(name, shape=source.shape, chunks=piece, dtype=source.dtype)
    _copy_attributes(source, made)
    for start in range(0, source.shape[0], step):
        if stop():
            return
        made[start : start + step] = source[start : start + step]


def _copy_whole(element: Any, target: Any, name: str) -> None:
    from anndata.io import read_elem, write_elem

    write_elem(target, name, read_elem(element))


def _copy_attributes(source: Any, target: Any) -> None:
    """Copy what an element says of itself, as plain values that both kinds take."""
    for name, value in source.attrs.items():
        target.attrs[name] = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
