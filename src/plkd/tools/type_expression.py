"""How strongly and how often each type expresses each gene, beside all other cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plkd.data.alignment import align
from plkd.data.type_means import member_weights
from plkd.model.query import Query


@dataclass(frozen=True, eq=False)
class TypeExpression:
    """Expression of the model's genes in each type and outside of it.

    Attributes
    ----------
    n_cells
        Cells of each type, int64 ``(n_types,)``.
    mean_in, mean_out
        Mean log1p counts per 10,000 over the cells of a type, and over all cells of other types,
        float64 ``(n_types, n_genes)``; NaN where there is no such cell.
    detected_in, detected_out
        Share of these cells with the gene above zero, in [0, 1].
    """

    n_cells: np.ndarray
    mean_in: np.ndarray
    mean_out: np.ndarray
    detected_in: np.ndarray
    detected_out: np.ndarray


def expression_by_type(
    query: Query, codes: np.ndarray, n_types: int, *, chunk_size: int
) -> TypeExpression:
    """Read all cells once, in memory that grows with types and genes only.

    Parameters
    ----------
    query
        The cells.
    codes
        Type of each cell, ``(n_cells,)``; cells with -1 are left out.
    n_types
        Number of types.
    chunk_size
        Cells held at a time.
    """
    sums, detected = np.zeros((2, n_types, query.match.n_model))
    for start in range(0, len(codes), chunk_size):
        own = codes[start : start + chunk_size]
        cells = query.log1p(slice(start, start + len(own)))
        values = align(cells, query.match, linear=False)
        member = member_weights(own, n_types).T
        sums += (member @ values).toarray()
        detected += (member @ (values > 0)).toarray()
    n_cells = np.bincount(codes[codes >= 0], minlength=n_types).astype(np.int64)
    inside = np.where(n_cells > 0, n_cells, np.nan)[:, None]
    n_others = n_cells.sum() - n_cells
    outside = np.where(n_others > 0, n_others, np.nan)[:, None]
    return TypeExpression(
        n_cells=n_cells,
        mean_in=sums / inside,
        mean_out=np.maximum(sums.sum(0) - sums, 0) / outside,
        detected_in=detected / inside,
        detected_out=(detected.sum(0) - detected) / outside,
    )
