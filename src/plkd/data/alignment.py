"""Values of a query are put into the model's gene order, sparse or dense."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from plkd.data.reference_genes import GeneMatch


def align(
    matrix: sp.csr_matrix, match: GeneMatch, *, linear: bool, ordered: bool = True
) -> sp.csr_matrix:
    """Return the query's values in the model's gene order.

    Parameters
    ----------
    matrix
        Values of the query by rows, ``(n_cells, n_query_genes)``; not changed.
    match
        Where each gene of the query stands in the model.
    linear
        True for counts, whose duplicated genes are simply added; False for log1p values, which are
        added before the logarithm.
    ordered
        Sort the columns of each row. False saves time where the order does not matter.

    Returns
    -------
    CSR matrix ``(n_cells, n_model)``, float32; genes that the query
    lacks are zero. Where nothing needs to move it shares memory with the input.
    """
    if match.is_identity:
        return matrix.astype(np.float32, copy=False)
    columns = match.lookup[matrix.indices]
    if not (ordered or match.summed or np.any(match.lookup < 0)):
        data = matrix.data.astype(np.float32, copy=False)
        shape = (matrix.shape[0], match.n_model)
        return sp.csr_matrix((data, columns, matrix.indptr), shape=shape)
    kept = columns >= 0
    ends = np.concatenate(([0], np.cumsum(kept)))[matrix.indptr]
    data = matrix.data[kept].astype(np.float64 if match.summed else np.float32)
    aligned = sp.csr_matrix((data, columns[kept], ends), shape=(matrix.shape[0], match.n_model))
    if not match.summed:
        if ordered:
            aligned.sort_indices()
        return aligned
    logged = _several(match)[aligned.indices] & (not linear)
    aligned.data[logged] = np.expm1(aligned.data[logged])
    aligned.sum_duplicates()
    logged = _several(match)[aligned.indices] & (not linear)
    aligned.data[logged] = np.log1p(aligned.data[logged])
    return aligned.astype(np.float32)


def dense_align(
    matrix: sp.csr_matrix,
    match: GeneMatch,
    out: np.ndarray | None = None,
    *,
    linear: bool = False,
) -> np.ndarray:
    """Return the query's values in the model's gene order, dense and fast.

    Parameters
    ----------
    matrix
        Values of the query by rows, ``(n_cells, n_query_genes)``; not changed.
    match
        Where each gene of the query stands in the model.
    out
        Array to write into, float32, C-contiguous, at least ``n_cells`` rows of ``n_model``.
    linear
        True for counts, False for log1p values; it matters for duplicated genes only.

    Returns
    -------
    Array ``(n_cells, n_model)``, float32; the first rows of ``out`` where that was given.

    Notes
    -----
    Equal to ``align(...).toarray()``. Values without a place in the model are added as zeros to
    column 0, which costs less than removing them.
    """
    shape = (matrix.shape[0], match.n_model)
    out = np.empty(shape, np.float32) if out is None else out[: shape[0]]
    if match.is_identity:
        return np.asarray(matrix.astype(np.float32, copy=False).toarray(out=out))
    if match.summed and not linear:
        return np.asarray(align(matrix, match, linear=linear).toarray(out=out))
    data, columns = matrix.data, match.lookup
    if np.any(columns < 0):
        place = np.where(columns >= 0, columns, 0).astype(np.int32)
        data = data * (columns >= 0).astype(np.float32)[matrix.indices]
        columns = place
    moved = sp.csr_matrix(
        (data.astype(np.float32, copy=False), columns[matrix.indices], matrix.indptr), shape=shape
    )
    return np.asarray(moved.toarray(out=out))


def _several(match: GeneMatch) -> np.ndarray:
    """Say which model genes several query columns name, ``(n_model,)`` bool."""
    return np.bincount(match.lookup[match.lookup >= 0], minlength=match.n_model) > 1
