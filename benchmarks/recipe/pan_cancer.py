"""The pan-cancer recipe: sixteen tables of log values become one file of counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from recipe.cells import PUBLISHED, RECOVERED, cells_of
from recipe.checks import require_known
from recipe.reading import read_csv_cells, read_table
from recipe.recovery import recover_counts
from recipe.sources import CANCERS

if TYPE_CHECKING:
    from anndata import AnnData

FEWEST_FITTING = 0.99
KEPT_COLUMNS = ("patient", "tissue")


def prepare_pan_cancer(paths: Mapping[str, Path]) -> AnnData:
    """Return the myeloid cells of GSE154763: each cancer a batch, types as its authors named them.

    The series holds eight of the paper's thirteen cancers; the paper does not say where its other
    five come from. The types are ``MajorCluster`` without the number before the name, which
    differs from cancer to cancer (``M03_cDC1_CLEC9A`` is ``cDC1_CLEC9A``). Genes are those that
    all eight files hold; cells of tumour, normal tissue and blood are all kept.

    The series publishes log1p values, not counts. Counts are recovered from them cancer by cancer;
    cells that fit no counts are left out, and ``uns['recipe']`` says how many. Where more than
    1 in 100 of a cancer do not fit, all values stay as published, no cell is left out, and
    ``uns['recipe']['values']`` says so.
    """
    read = [_one_cancer(cancer, paths) for cancer in CANCERS]
    recovered = [recover_counts(logged) for logged, _, _ in read]
    fit = min(float(fits.mean()) for _, fits in recovered) >= FEWEST_FITTING
    values = [counts if fit else own[0] for own, (counts, _) in zip(read, recovered, strict=True)]
    genes = shared_genes([names for _, names, _ in read])
    matrix = sp.vstack(
        [
            matrix[:, pd.Index(names).get_indexer(genes)]
            for matrix, (_, names, _) in zip(values, read, strict=True)
        ],
        format="csr",
    )
    obs = pd.concat([table for _, _, table in read])
    kept = np.concatenate([fits | (not fit) for _, fits in recovered])
    adata = cells_of(
        sp.csr_matrix(matrix)[np.flatnonzero(kept)],
        names=obs.index[kept],
        genes=genes,
        obs=obs[kept],
        values=RECOVERED if fit else PUBLISHED,
    )
    adata.uns["recipe"]["cells_left_out"] = int((~kept).sum())
    return adata


def shared_genes(names: Sequence[Sequence[str]]) -> list[str]:
    """Return the genes that every list holds, in the order of the first."""
    everywhere = set(names[0]).intersection(*names[1:])
    return [name for name in names[0] if name in everywhere]


def _one_cancer(
    cancer: str, paths: Mapping[str, Path]
) -> tuple[sp.csr_matrix, list[str], pd.DataFrame]:
    name = f"GSE154763_{cancer}_normalized_expression.csv.gz"
    logged, cells, genes = read_csv_cells(paths[name])
    metadata = f"GSE154763_{cancer}_metadata.csv.gz"
    table = read_table(paths[metadata], index="index", columns=("MajorCluster",))
    require_known(cells, table.index, what="cell", where=f"{name} in {metadata}")
    table = table.loc[cells]
    obs = table[[name for name in KEPT_COLUMNS if name in table.columns]].assign(
        cell_type=[re.sub(r"^M\d+_", "", text) for text in table["MajorCluster"].fillna("")],
        batch=cancer,
    )
    return logged, genes, obs.set_axis([f"{cancer}_{cell}" for cell in cells])
