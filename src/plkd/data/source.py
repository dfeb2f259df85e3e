"""Cells are read from memory or straight from an h5ad file or a zarr store, a few at a time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from plkd.data.cell_files import where_stored
from plkd.data.h5ad_files import damaged
from plkd.data.modalities import check_anndata
from plkd.data.reading import ExpressionSource, recognise_source
from plkd.data.rows import rows_between
from plkd.data.slots import (
    check_choice,
    check_shape,
    no_layer,
    no_matrix,
    no_raw,
    not_numeric,
    slot_name,
    text_columns,
)
from plkd.data.zarr_stores import check_whole
from plkd.errors import InputError

UNREADABLE = (OSError, RuntimeError, ValueError)
"""What h5py and zarr raise where values are damaged."""

__all__ = [
    "ExpressionSource",
    "recognise_source",
    "source_from_anndata",
    "source_from_file",
]


def source_from_anndata(
    adata: Any, *, layer: str | None = None, use_raw: bool = False
) -> ExpressionSource:
    """Read cells from an AnnData in memory.

    Parameters
    ----------
    adata
        Annotated data, ``(n_cells, n_genes)``; not changed.
    layer
        Name of the layer to read; the default is X.
    use_raw
        Read ``raw.X``, with the genes of ``raw``.

    Returns
    -------
    The source; dense values become sparse chunk by chunk.

    Raises
    ------
    InputError
        No AnnData; both ``layer`` and ``use_raw``; no such layer, no raw, no X; no cells or no
        genes; values that are not numbers.
    """
    check_anndata(adata)
    check_choice(layer, use_raw)
    raw: Any = getattr(adata, "raw", None)
    if use_raw and raw is None:
        raise no_raw()
    if layer is not None and layer not in adata.layers:
        raise no_layer(layer, list(adata.layers.keys()))
    holder: Any = raw if use_raw else adata
    matrix = holder.X if layer is None else adata.layers[layer]
    slot = slot_name(layer, use_raw)
    if matrix is None:
        raise no_matrix(slot, list(adata.layers.keys()))
    check_shape(matrix.shape, slot)
    if np.dtype(matrix.dtype).kind not in "biuf":
        raise not_numeric(slot, matrix.dtype)
    if not sp.issparse(matrix) and getattr(matrix, "format", "") == "csc":
        warn_of_columns(slot)
        matrix = matrix.to_memory()
    if sp.issparse(matrix) and matrix.dtype == np.float16:  # its rows cannot be taken
        matrix = matrix.astype(np.float32)
    by_row = matrix.tocsr() if sp.issparse(matrix) else matrix
    names = tuple(map(str, holder.var_names))
    columns = text_columns(holder.var)
    return ExpressionSource(
        adata.n_obs, names, columns, slot, lambda start, stop: rows_between(by_row, start, stop)
    )


def source_from_file(
    file: Any, *, layer: str | None = None, use_raw: bool = False
) -> ExpressionSource:
    """Read cells straight from disk, so that memory does not grow with the file.

    Parameters
    ----------
    file
        The open h5ad file or zarr store; see :func:`plkd.data.cell_files.open_cells`.
    layer
        Name of the layer to read; the default is X.
    use_raw
        Read ``raw/X``, with the genes of ``raw``.

    Returns
    -------
    The source; it reads as long as the file is open.

    Raises
    ------
    InputError
        Both ``layer`` and ``use_raw``; no such layer, no raw, no X; no cells or no genes; values
        that are not numbers; a damaged file.

    Warns
    -----
    UserWarning
        The values are stored by columns (CSC) and have to be read whole.
    """
    check_choice(layer, use_raw)
    layers = list(file["layers"].keys()) if "layers" in file else []
    if use_raw and "raw" not in file:
        raise no_raw()
    if layer is not None and layer not in layers:
        raise no_layer(layer, layers)
    holder = file["raw"] if use_raw else file
    slot = slot_name(layer, use_raw)
    key = "X" if layer is None else f"layers/{layer}"
    if key not in holder or _encoding(holder[key]) == "null":
        raise no_matrix(slot, layers)
    try:
        shape, read = _reader(holder[key], slot)
        names, columns = _genes(holder["var"])
    except (OSError, KeyError) as error:
        raise damaged(where_stored(file), error) from error
    check_shape(shape, slot)
    if len(names) != shape[1]:
        why = f"{shape[1]} columns in {slot}, {len(names)} genes in var"
        raise damaged(where_stored(file), why)

    def guarded(start: int, stop: int) -> Any:
        try:
            return read(start, stop)
        except UNREADABLE as error:
            raise damaged(where_stored(file), error) from error

    return ExpressionSource(shape[0], names, columns, slot, guarded)


def _reader(element: Any, slot: str) -> tuple[tuple[int, int], Callable[[int, int], Any]]:
    """Return the shape of a stored matrix and what reads its rows."""
    encoding = _encoding(element)
    if encoding in ("csr_matrix", "csc_matrix"):
        n_cells, n_genes = element.attrs.get("shape", element.attrs.get("h5sparse_shape"))
        shape = int(n_cells), int(n_genes)
        values, columns = element["data"], element["indices"]
        starts = element["indptr"][:].astype(np.int64)
        if values.dtype.kind not in "biuf":
            raise not_numeric(slot, values.dtype)
        n_starts, n_values = shape[0 if encoding == "csr_matrix" else 1] + 1, values.shape[0]
        fits = len(starts) == n_starts and starts[0] == 0 and starts[-1] == n_values
        if not fits or columns.shape[0] != n_values or np.any(np.diff(starts) < 0):
            raise damaged(where_stored(element), f"the parts of {slot} do not fit each other")
        for part in (values, columns):
            check_whole(part, slot)
        if encoding == "csc_matrix":
            return shape, _read_by_column(element, starts, shape, slot)
        return shape, lambda start, stop: _sparse_rows(
            values, columns, starts[start : stop + 1], shape
        )
    if not hasattr(element, "dtype"):
        raise InputError(
            f"a dense, CSR or CSC matrix in {slot}",
            f"an element of kind {encoding or 'group'}",
            "write the file with one of these",
        )
    if element.dtype.kind not in "biuf":
        raise not_numeric(slot, element.dtype)
    return tuple(element.shape), lambda start, stop: element[start:stop]


def _sparse_rows(
    values: Any, columns: Any, starts: np.ndarray, shape: tuple[int, int]
) -> sp.csr_matrix:
    first, last = int(starts[0]), int(starts[-1])
    found = columns[first:last]
    if len(found) and (int(found.min()) < 0 or int(found.max()) >= shape[1]):
        raise OSError("a column index outside the matrix")
    some = values[first:last]
    if some.dtype == np.float16:  # which scipy does not take
        some = some.astype(np.float32)
    parts = some, found, starts - first
    return sp.csr_matrix(parts, shape=(len(starts) - 1, shape[1]))


def _read_by_column(
    element: Any, starts: np.ndarray, shape: tuple[int, int], slot: str
) -> Callable[[int, int], Any]:
    warn_of_columns(slot)
    turned = shape[1], shape[0]
    by_gene = _sparse_rows(element["data"], element["indices"], starts, turned)
    by_row = by_gene.T.tocsr()
    return lambda start, stop: by_row[start:stop]


def warn_of_columns(slot: str) -> None:
    """Warn of a matrix on disk that cannot be read by rows."""
    warnings.warn(
        f"{slot} is stored by columns (CSC) and is read whole, which takes memory for all its "
        "cells; a file stored by rows (CSR) is read in chunks",
        UserWarning,
        stacklevel=5,
    )


def _genes(var: Any) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    from anndata.io import read_elem

    table = read_elem(var)
    return tuple(map(str, table.index)), text_columns(table)


def _encoding(element: Any) -> str:
    legacy = element.attrs.get("h5sparse_format", "")
    return str(element.attrs.get("encoding-type", f"{legacy}_matrix" if legacy else ""))
