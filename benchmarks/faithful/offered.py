"""What every ranking chooses from: a reference's cells in a model's genes, and plain rankings.

The rankings here need no network: scanpy's Wilcoxon test, the mean expression, the coefficients of
a logistic regression. All are offered the same genes, as log1p counts per 10,000 (counted over
every gene of the file).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator

Orders = Mapping[str, np.ndarray]
"""Genes by number, the first in front, ``(n_genes,)``, for each type."""


@dataclass(frozen=True)
class Offered:
    """Cells in some genes.

    Attributes
    ----------
    values
        log1p counts per 10,000, float32 ``(n_cells, n_genes)``.
    codes
        Type of each cell, positions in ``types``, ``(n_cells,)``.
    genes, types
        Their names.
    """

    values: np.ndarray
    codes: np.ndarray
    genes: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A short name of the genes and their order, which no reader takes for a number."""
        return "genes-" + hashlib.sha256("\n".join(self.genes).encode()).hexdigest()[:8]

    def means(self) -> np.ndarray:
        """Return the mean cell of each type, ``(n_types, n_genes)``."""
        rows = [self.values[self.codes == code].mean(0) for code in range(len(self.types))]
        return np.stack(rows)

    def mean_of_others(self, code: int) -> np.ndarray:
        """Return the mean of the mean cells of all other types, ``(n_genes,)``."""
        return np.delete(self.means(), code, axis=0).mean(0)

    def resampled(self, seed: int) -> Offered:
        """Return as many cells of each type, drawn with replacement."""
        rng = np.random.default_rng(seed)
        rows = [np.flatnonzero(self.codes == code) for code in range(len(self.types))]
        drawn = np.concatenate([rng.choice(of_type, len(of_type)) for of_type in rows])
        return replace(self, values=self.values[drawn], codes=self.codes[drawn])


def offered(cells: AnnData, labels: str, model: CellAnnotator) -> Offered:
    """Return cells in the genes of a model, every one of a type that the model knows."""
    values = in_terms_of(cells, model)
    names = cells.obs[labels].astype(str).to_numpy()
    codes = np.array([model.classes_.index(name) for name in names])
    return Offered(values, codes, model.genes_.names, model.classes_)


def in_terms_of(cells: AnnData, model: CellAnnotator) -> np.ndarray:
    """Return log1p counts per 10,000 in the model's genes, float32 ``(n_cells, n_genes)``."""
    from plkd.data.alignment import dense_align
    from plkd.data.source import source_from_anndata
    from plkd.model.query import open_query

    query = open_query(source_from_anndata(cells), model)
    return dense_align(query.log1p(slice(0, cells.n_obs)), query.match)


def compared(
    values: np.ndarray, codes: np.ndarray, types: Sequence[str], *, method: str
) -> np.ndarray:
    """Return scanpy's test score of each type against all others, ``(n_types, n_features)``.

    The Wilcoxon test leaves torch with as many threads as there are cores, whatever it had before;
    that is put right.
    """
    import anndata
    import pandas as pd
    import scanpy as sc
    import torch

    threads = torch.get_num_threads()

    features = np.arange(values.shape[1]).astype(str)
    cells = anndata.AnnData(
        X=values,
        obs=pd.DataFrame(
            {"type": pd.Categorical.from_codes(codes, categories=list(types))},
            index=np.arange(len(codes)).astype(str),
        ),
        var=pd.DataFrame(index=features),
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        sc.tl.rank_genes_groups(cells, "type", method=method, use_raw=False)
    torch.set_num_threads(threads)
    result = cells.uns["rank_genes_groups"]
    scores = np.empty((len(types), values.shape[1]))
    for row, name in enumerate(types):
        scores[row, result["names"][name].astype(np.int64)] = result["scores"][name]
    return scores


def by_score(scores: np.ndarray, types: Sequence[str], seed: int = 0) -> dict[str, np.ndarray]:
    """Return the features of each type, the highest score first, equals in an order by chance."""
    shuffled = np.random.default_rng(seed).permutation(scores.shape[1])
    return {
        name: shuffled[np.argsort(-scores[row, shuffled], kind="stable")]
        for row, name in enumerate(types)
    }


def wilcoxon(cells: Offered) -> Orders:
    """Rank genes by scanpy's Wilcoxon test of a type against all others."""
    scores = compared(cells.values, cells.codes, cells.types, method="wilcoxon")
    return by_score(scores, cells.types)


def expression(cells: Offered) -> Orders:
    """Rank genes by their mean expression in a type, whatever they are elsewhere."""
    return by_score(cells.means(), cells.types)


def logistic(cells: Offered) -> Orders:
    """Rank genes by their coefficients in a multinomial logistic regression on log1p values."""
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lbfgs may stop at its step limit
        model = LogisticRegression(max_iter=1000).fit(cells.values, cells.codes)
    coefficients = model.coef_
    if len(model.classes_) == 2:  # one row, that of the second type
        coefficients = np.concatenate([-coefficients, coefficients])
    scores = np.full((len(cells.types), len(cells.genes)), -np.inf)
    scores[model.classes_] = coefficients
    return by_score(scores, cells.types)
