"""What every peer is offered: the same cells, in the same values and genes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from predictions import BATCH, COUNTS

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy.sparse import csr_matrix

N_GENES = 2000


def prepared(reference: AnnData, query: AnnData) -> tuple[AnnData, AnnData]:
    """Return log1p copies of both sides in the 2,000 most variable genes of the reference.

    The query's genes are brought to the reference's by name; genes that it lacks are zero. The
    counts of the same genes are in ``layers["counts"]``.
    """
    import scanpy as sc

    reference, query = reference.copy(), query.copy()
    for side in (reference, query):
        side.layers[COUNTS] = side.X.copy()
        sc.pp.normalize_total(side, target_sum=1e4)
        sc.pp.log1p(side)
    if reference.n_vars > N_GENES:
        several = reference.obs[BATCH].nunique() > 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sc.pp.highly_variable_genes(
                reference,
                n_top_genes=N_GENES,
                flavor="seurat",
                batch_key=BATCH if several else None,
            )
        reference = reference[:, reference.var["highly_variable"].to_numpy()].copy()
    return reference, _with_genes_of(query, reference)


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
