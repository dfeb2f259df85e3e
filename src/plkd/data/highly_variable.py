"""The genes that vary most over a reference, of those that its cell types express."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from plkd.data.rows import as_csr
from plkd.data.type_means import member_weights, weighted_means
from plkd.errors import InputError

MIN_BATCH = 3
"""Smaller batches are taken together: a spread needs a few cells."""

CANDIDATES = 2.5
"""How many times as many genes as are wanted are looked at, where cell types are known."""

CELLS_IN_DOUBT = 5
"""Cells without the gene that each type is given more than it has: of a type of a few cells every
gene of theirs would pass for widely expressed."""


def select_genes(
    matrix: Any, n_genes: int, batches: Any | None = None, *, types: Any | None = None
) -> np.ndarray:
    """Choose the genes that vary most in a reference, of those that its cell types express.

    Parameters
    ----------
    matrix
        log1p counts of the reference, ``(n_cells, n_all_genes)``.
    n_genes
        How many to choose (the paper's 2,000).
    batches
        Batch of each cell, ``(n_cells,)``; with two or more, genes that vary in many batches come
        first.
    types
        Type of each cell as a number from 0 on, -1 where it has none, ``(n_cells,)``; without them
        all genes are looked at.

    Returns
    -------
    Positions of the chosen genes, int64, sorted: ``n_genes``, or all where there are no more. A
    gene without a count is chosen only when there are too few others.

    Raises
    ------
    InputError
        ``n_genes`` is below 1, or batches or types differ from the cells in number.

    Notes
    -----
    scanpy's ``highly_variable_genes`` of flavour ``"seurat"``: dispersions of the linear values,
    normalised within bins of genes of like mean. By itself it favours genes that hardly a cell
    expresses. So with types it chooses among the 2.5 times as many genes of which the largest
    share of some type's cells has a count; a type of n cells is counted as n + 5.
    """
    rows = as_csr(matrix)
    if n_genes < 1:
        raise InputError("at least 1 gene to choose", str(n_genes), "raise n_genes")
    if not rows.data.all():  # stored zeros are no counts
        rows = rows.copy()
        rows.eliminate_zeros()
    if rows.shape[1] <= n_genes:
        return np.arange(rows.shape[1], dtype=np.int64)
    seen = np.flatnonzero(rows.getnnz(axis=0)).astype(np.int64)
    if len(seen) <= n_genes:
        unseen = np.setdiff1d(np.arange(rows.shape[1], dtype=np.int64), seen)
        return np.sort(np.concatenate([seen, unseen[: n_genes - len(seen)]]))
    pooled = _pooled(batches, rows.shape[0])
    if types is not None:
        widely = _by_detection(rows, _checked(types, rows.shape[0]), seen)
        seen = np.sort(widely[: int(CANDIDATES * n_genes)])
    some = rows if len(seen) == rows.shape[1] else rows[:, seen]
    return np.asarray(seen[_most_variable(some, n_genes, pooled)])


def _by_detection(
    rows: sp.csr_matrix, codes: NDArray[np.int64], seen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the genes seen, those first that the largest share of some type's cells has.

    Equals are in the order of the cells that have them, then of their positions.
    """
    found = sp.csr_matrix((rows.data > 0, rows.indices, rows.indptr), rows.shape)
    n_types = max(int(codes.max()), 0) + 1
    n_cells = np.bincount(codes[codes >= 0], minlength=n_types)
    share = weighted_means(found, member_weights(codes, n_types))
    widest = (share * (n_cells / (n_cells + CELLS_IN_DOUBT))[:, None]).max(0)
    return seen[np.lexsort((-rows.getnnz(axis=0)[seen], -widest[seen]))]


def _checked(types: Any, n_cells: int) -> NDArray[np.int64]:
    codes = np.asarray(types, dtype=np.int64)
    if codes.shape != (n_cells,):
        raise InputError(
            f"a type for each of {n_cells} cells", f"{codes.size}", "pass one type a cell"
        )
    return codes


def _most_variable(rows: sp.csr_matrix, n_genes: int, batches: np.ndarray | None) -> np.ndarray:
    """Return the positions that scanpy marks; equals at the border are broken by position."""
    import warnings

    import anndata
    import pandas as pd
    import scanpy as sc

    obs = pd.DataFrame(index=pd.RangeIndex(rows.shape[0]).astype(str))
    if batches is not None:
        obs["batch"] = pd.Categorical(batches)
    adata = anndata.AnnData(X=rows.astype(np.float32, copy=False), obs=obs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = sc.pp.highly_variable_genes(
            adata,
            n_top_genes=n_genes,
            flavor="seurat",
            batch_key=None if batches is None else "batch",
            inplace=False,
        )
    table = table.set_index(np.arange(len(table))) if len(table) == rows.shape[1] else table
    return _exactly(table, n_genes)


def _exactly(table: Any, n_genes: int) -> np.ndarray:
    """Return exactly ``n_genes`` positions: those marked first, then by dispersion."""
    marked = table["highly_variable"].to_numpy(dtype=bool)
    spread = np.nan_to_num(table["dispersions_norm"].to_numpy(dtype=np.float64), nan=-np.inf)
    shared = np.zeros(len(table))
    if "highly_variable_nbatches" in table:
        shared = table["highly_variable_nbatches"].to_numpy(dtype=np.float64)
    order = np.lexsort((np.arange(len(table)), -spread, -shared, ~marked))
    return np.sort(order[:n_genes]).astype(np.int64)


def _pooled(batches: Any | None, n_cells: int) -> np.ndarray | None:
    """Return the batches with small ones taken together; None for fewer than two."""
    if batches is None:
        return None
    names = np.array(["" if value is None else str(value) for value in batches], dtype=object)
    if len(names) != n_cells:
        raise InputError(
            f"a batch for each of {n_cells} cells", f"{len(names)}", "pass one batch a cell"
        )
    _, inverse, counts = np.unique(names.astype(str), return_inverse=True, return_counts=True)
    small = counts < MIN_BATCH
    groups = inverse.astype(np.int64)
    groups[small[inverse]] = -1
    pooled = groups == -1
    if 0 < pooled.sum() < MIN_BATCH:
        large = np.flatnonzero(~small)
        if len(large) == 0:
            return None
        groups[pooled] = large[int(np.argmin(counts[large]))]
    return groups.astype(str) if len(np.unique(groups)) > 1 else None
