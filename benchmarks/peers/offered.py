"""What every peer is offered: the same cells, in the same values and genes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from predictions import BATCH, COUNTS, LABELS

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy.sparse import csr_matrix


def prepared(
    reference: AnnData, query: AnnData, n_genes: int | None = None
) -> tuple[AnnData, AnnData]:
    """Return log1p copies of both sides in the most variable genes of the reference.

    The query's genes are brought to the reference's by name; genes that it lacks are zero. The
    counts of the same genes are in ``layers["counts"]``. ``n_genes`` is how many; ``None``: as many
    as plkd has of this reference by default.
    """
    import scanpy as sc

    reference, query = reference.copy(), query.copy()
    for side in (reference, query):
        side.layers[COUNTS] = side.X.copy()
        sc.pp.normalize_total(side, target_sum=1e4)
        sc.pp.log1p(side)
    if n_genes is None:
        n_genes = number_of_plkd(reference)
    if reference.n_vars > n_genes:
        several = reference.obs[BATCH].nunique() > 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sc.pp.highly_variable_genes(
                reference,
                n_top_genes=n_genes,
                flavor="seurat",
                batch_key=BATCH if several else None,
            )
        reference = reference[:, reference.var["highly_variable"].to_numpy()].copy()
    return reference, _with_genes_of(query, reference)


def number_of_plkd(reference: AnnData) -> int:
    """Return how many genes plkd has by default of a reference of log1p values."""
    from plkd.data import choose_genes

    codes = np.unique(reference.obs[LABELS].astype(str), return_inverse=True)[1]
    batches = reference.obs[BATCH].astype(str).to_numpy()
    return len(choose_genes(reference.X, codes, batches=batches).positions)


def _with_genes_of(query: AnnData, reference: AnnData) -> AnnData:
    import anndata

    place = query.var_names.get_indexer(reference.var_names)
    return anndata.AnnData(
        _columns(query.X, place),
        obs=query.obs,
        var=reference.var[[]],
        layers={COUNTS: _columns(query.layers[COUNTS], place)},
    )


def _columns(matrix: csr_matrix, place: np.ndarray) -> csr_matrix:
    """Return columns of a matrix by their place, those at -1 as zeros."""
    import scipy.sparse as sp

    held = matrix.tocsc()[:, np.where(place < 0, 0, place)]
    present = sp.diags_array((place >= 0).astype(held.dtype), format="csc")
    return sp.csr_matrix(held @ present)
