"""The form in which every recipe leaves its cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    from anndata import AnnData

COUNTS = "counts"
RECOVERED = "counts recovered from log1p values"
PUBLISHED = "log1p values as published"


def cells_of(
    matrix: sp.csr_matrix,
    *,
    names: Sequence[str],
    genes: Sequence[str],
    obs: pd.DataFrame,
    values: str = COUNTS,
) -> AnnData:
    """Return cells in the form that ``tasks.py`` reads.

    Parameters
    ----------
    matrix
        Expression, ``(n_cells, n_genes)``.
    names
        A name for each cell.
    genes
        Symbols; one that comes again gets "-1", "-2".
    obs
        The columns ``cell_type`` and ``batch`` and what else the source gives, ``n_cells`` rows.
    values
        What the values are: one of the three constants of this file.

    Returns
    -------
    CSR float32 in ``X``, every column of ``obs`` categorical, ``uns['recipe']['values']``.
    """
    import anndata

    symbols = anndata.utils.make_index_unique(pd.Index(genes, name=None).astype(str))
    adata = anndata.AnnData(
        sp.csr_matrix(matrix).astype(np.float32),
        obs=obs.set_axis(pd.Index(names, name=None).astype(str)).astype("category"),
        var=pd.DataFrame(index=symbols),
    )
    adata.uns["recipe"] = {"values": values}
    return adata
