"""An h5ad file whose cells come some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.sparse as sp

CHUNK = 2**16
"""Values in a chunk of the file."""


def write_h5ad_rows(
    path: Path,
    rows: Iterator[sp.csr_matrix],
    *,
    obs: h5py.Group,
    obsm: h5py.Group | None,
    var: Any,
) -> int:
    """Write an h5ad file with ``obs``, ``obsm``, ``var`` and ``X``; memory does not grow with it.

    Parameters
    ----------
    path
        The new file.
    rows
        ``X`` in chunks of cells, CSR float32.
    obs, obsm
        Those of another file, which are copied; None where it has no ``obsm``.
    var
        Data frame of the columns of ``X``.

    Returns
    -------
    The number of cells written.
    """
    from anndata.io import write_elem

    with h5py.File(path, "w") as file:
        file.attrs["encoding-type"] = "anndata"
        file.attrs["encoding-version"] = "0.1.0"
        n_cells = _write_csr(file, rows, len(var))
        obs.file.copy(obs, file, "obs", expand_refs=True)  # categories of anndata 0.7
        write_elem(file, "var", var)
        if obsm is None:
            write_elem(file, "obsm", {})
        else:
            obs.file.copy(obsm, file, "obsm", expand_refs=True)
        for empty in ("layers", "obsp", "uns", "varm", "varp"):
            write_elem(file, empty, {})
    return n_cells


def write_uns(path: Path, key: str, value: dict[str, Any]) -> None:
    """Write an entry of ``uns`` into an h5ad file."""
    from anndata.io import write_elem

    with h5py.File(path, "r+") as file:
        write_elem(file["uns"], key, value)


def _write_csr(file: h5py.File, rows: Iterator[sp.csr_matrix], n_columns: int) -> int:
    group = file.create_group("X")
    values = group.create_dataset("data", (0,), "f4", maxshape=(None,), chunks=(CHUNK,))
    columns = group.create_dataset("indices", (0,), "i4", maxshape=(None,), chunks=(CHUNK,))
    starts = [np.zeros(1, dtype=np.int64)]
    n_values = 0
    for chunk in rows:
        for stored, added in ((values, chunk.data), (columns, chunk.indices)):
            stored.resize((n_values + chunk.nnz,))
            stored[n_values:] = added
        starts.append(n_values + chunk.indptr[1:].astype(np.int64))
        n_values += chunk.nnz
    indptr = np.concatenate(starts)
    group.create_dataset("indptr", data=indptr)
    group.attrs["encoding-type"] = "csr_matrix"
    group.attrs["encoding-version"] = "0.1.0"
    group.attrs["shape"] = np.array([len(indptr) - 1, n_columns], dtype=np.int64)
    return len(indptr) - 1
