"""Matrices as rows: any array that holds cells by genes becomes one checked CSR matrix."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from plkd.errors import InputError

Scalar = TypeVar("Scalar", bound=np.generic)

CELLS_AT_A_TIME = 16384
"""Of sums in float64: no more cells are copied at once."""

VALUES_AT_A_TIME = 8192
"""Of a logarithm: as many as stay in the fast memory of a core."""


def as_csr(matrix: Any, *, slot: str = "X") -> sp.csr_matrix:
    """Return the matrix by rows, as float32 or float64, each gene at most once in a row.

    Parameters
    ----------
    matrix
        Expression, ``(n_cells, n_genes)``: dense, sparse of any kind, or a Dask array of these.
    slot
        What the matrix is called in an error.

    Returns
    -------
    CSR matrix ``(n_cells, n_genes)``, float64 when the input is float64, otherwise float32. It may
    share memory with the input, which is never changed.

    Raises
    ------
    InputError
        The values are not numbers, or the array is not two-dimensional.
    """
    if hasattr(matrix, "compute"):
        matrix = matrix.compute()
    if not sp.issparse(matrix):
        matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise InputError(
            f"numbers in {slot}, cells by genes",
            f"an array of {matrix.ndim} dimension(s) of type {matrix.dtype}",
            "pass counts or log1p values as a two-dimensional numeric array",
        )
    if matrix.dtype.kind == "f" and matrix.dtype.itemsize < 4:
        matrix = matrix.astype(np.float32)
    rows = matrix if isinstance(matrix, sp.csr_matrix) else sp.csr_matrix(matrix)
    wanted = np.float64 if rows.dtype.kind == "f" and rows.dtype.itemsize >= 8 else np.float32
    if rows.dtype != wanted:
        rows = rows.astype(wanted)
    if not rows.has_canonical_format:
        rows = rows.copy() if rows is matrix or _shares(rows, matrix) else rows
        rows.sum_duplicates()
    return rows


def rows_between(matrix: Any, start: int, stop: int) -> Any:
    """Return rows of a matrix; those of a CSR matrix in a fraction of the time that scipy takes.

    Parameters
    ----------
    matrix
        Anything whose rows can be taken, ``(n_cells, n_genes)``.
    start, stop
        The first row, and the one after the last, which is there.

    Returns
    -------
    ``(stop - start, n_genes)``; it may share memory with the matrix and must not be changed.
    """
    if not (sp.issparse(matrix) and matrix.format == "csr"):
        return matrix[start:stop]
    first, last = matrix.indptr[start], matrix.indptr[stop]
    starts = matrix.indptr[start : stop + 1] - first
    parts = matrix.data[first:last], matrix.indices[first:last], starts
    return sp.csr_matrix(parts, shape=(stop - start, matrix.shape[1]))


def row_sums(rows: sp.csr_matrix) -> np.ndarray:
    """Sum the values of each cell.

    Parameters
    ----------
    rows
        Values by rows, ``(n_cells, n_genes)``.

    Returns
    -------
    ``(n_cells,)`` float64; 0 for an empty row.
    """
    sums = np.zeros(rows.shape[0])
    filled = np.flatnonzero(np.diff(rows.indptr))
    if len(filled):
        starts = rows.indptr[filled]
        data = rows.data[: rows.indptr[-1]]
        sums[filled] = np.add.reduceat(data, starts, dtype=np.float64)
    return sums


def positive_in_row(rows: sp.csr_matrix) -> np.ndarray:
    """Count the values above zero of each cell.

    Parameters
    ----------
    rows
        Non-negative values by rows, ``(n_cells, n_genes)``.

    Returns
    -------
    ``(n_cells,)`` int32.
    """
    counts = np.zeros(rows.shape[0], dtype=np.int32)
    filled = np.flatnonzero(np.diff(rows.indptr))
    if len(filled):
        positive = rows.data[: rows.indptr[-1]] > 0.0
        counts[filled] = np.add.reduceat(positive, rows.indptr[filled], dtype=np.int32)
    return counts


def largest_in_row(table: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return the largest value of each row of a narrow dense table, ``(n_rows,)``.

    Notes
    -----
    Of 4,096 rows of twelve values it takes 0.05 ms where ``table.max(1)`` takes 0.7: numpy goes
    along many values quickly, and through many short rows slowly.
    """
    return np.asarray(np.ascontiguousarray(table.T).max(0))


def _shares(rows: sp.csr_matrix, matrix: Any) -> bool:
    return sp.issparse(matrix) and (
        np.may_share_memory(rows.indices, getattr(matrix, "indices", rows.data[:0]))
        or np.may_share_memory(rows.data, getattr(matrix, "data", rows.indices[:0]))
    )


def gene_variance(matrix: sp.csr_matrix) -> np.ndarray:
    """Return the variance of each gene over the cells, zeros included, float64 ``(n_genes,)``."""
    n_cells = matrix.shape[0]
    total, squares = np.zeros((2, matrix.shape[1]))
    for start in range(0, n_cells, CELLS_AT_A_TIME):
        wide = rows_between(matrix, start, min(start + CELLS_AT_A_TIME, n_cells)).astype(np.float64)
        total += np.asarray(wide.sum(0)).ravel()
        squares += np.asarray(wide.multiply(wide).sum(0)).ravel()
    mean = total / max(n_cells, 1)
    return np.asarray(np.maximum(squares / max(n_cells, 1) - mean**2, 0.0))


def log1p_in_place(values: np.ndarray) -> None:
    """Replace values by the logarithm of 1 + value.

    Parameters
    ----------
    values
        Float32, finite, 0 or more, ``(n_values,)``.

    Notes
    -----
    By numpy's float64 ``log``, some at a time, and then rounded: more exact than its float32
    ``log1p``, and in half of the time, for that handles one number at a time. It was a quarter of
    all annotation.
    """
    for start in range(0, len(values), VALUES_AT_A_TIME):
        some = values[start : start + VALUES_AT_A_TIME].astype(np.float64)
        some += 1
        values[start : start + VALUES_AT_A_TIME] = np.log(some, out=some)
