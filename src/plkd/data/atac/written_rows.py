"""An h5ad file or a zarr store whose cells come some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

from plkd.data.cell_files import changed_cells, new_cells
from plkd.data.copying import copy_elements

CHUNK = 2**16
"""Values in a chunk of the file."""


def write_rows(path: Path, rows: Iterator[sp.csr_matrix], *, given: Any, var: Any) -> int:
    """Write ``obs``, ``obsm``, ``var`` and ``X``; memory does not grow with the values of ``X``.

    Parameters
    ----------
    path
        The new h5ad file, or zarr store where it is named ``.zarr``.
    rows
        ``X`` in chunks of cells, CSR float32.
    given
        The open file or store whose ``obs`` and ``obsm`` are copied.
    var
        Data frame of the columns of ``X``.

    Returns
    -------
    The number of cells written.
    """
    from anndata.io import write_elem

    with new_cells(path) as cells:
        n_cells = _write_csr(cells.create_group("X"), rows, len(var))
        _copy_slots(given, cells, ("obs", "obsm"))
        write_elem(cells, "var", var)
        for slot in ("obsm", "layers", "obsp", "uns", "varm", "varp"):
            if slot not in cells:
                write_elem(cells, slot, {})
    return n_cells


def write_uns(path: Path, key: str, value: dict[str, Any]) -> None:
    """Write an entry of ``uns`` into an h5ad file or a zarr store."""
    from anndata.io import write_elem

    with changed_cells(path) as cells:
        write_elem(cells["uns"], key, value)


def _copy_slots(given: Any, cells: Any, slots: Sequence[str]) -> None:
    """Copy what is there; from HDF5 to HDF5 as it is, categories that anndata 0.7 refers to too."""
    if not (isinstance(given, h5py.Group) and isinstance(cells, h5py.Group)):
        copy_elements(given, cells, slots)
        return
    for slot in set(slots) & set(given.keys()):
        given.copy(slot, cells, slot, expand_refs=True)


def _write_csr(group: Any, rows: Iterator[sp.csr_matrix], n_columns: int) -> int:
    values, columns = _growing(group, "data", "f4"), _growing(group, "indices", "i4")
    starts = [np.zeros(1, dtype=np.int64)]
    n_values = 0
    for chunk in rows:
        for stored, added in ((values, chunk.data), (columns, chunk.indices)):
            stored.resize((n_values + chunk.nnz,))
            stored[n_values:] = added
        starts.append(n_values + chunk.indptr[1:].astype(np.int64))
        n_values += chunk.nnz
    indptr = np.concatenate(starts)
    shape = [len(indptr) - 1, n_columns]
    in_file = isinstance(group, h5py.Group)
    if in_file:
        group.create_dataset("indptr", data=indptr)
    else:
        group.create_array("indptr", data=indptr)
    group.attrs["encoding-type"] = "csr_matrix"
    group.attrs["encoding-version"] = "0.1.0"
    group.attrs["shape"] = np.array(shape, dtype=np.int64) if in_file else shape
    return shape[0]


def _growing(group: Any, name: str, dtype: str) -> Any:
    """Make an array of no values, to be grown."""
    if isinstance(group, h5py.Group):
        return group.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(CHUNK,))
    return group.create_array(name, shape=(0,), chunks=(CHUNK,), dtype=dtype)
