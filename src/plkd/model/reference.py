"""From an annotated AnnData to what training needs, every refusal included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.config import TARGET_SUM, TeacherConfig
from plkd.data.batches import batches_of
from plkd.data.expression import ExpressionKind, Recognised, to_log1p
from plkd.data.gene_sets import GeneSets, PatternMask, pattern_mask
from plkd.data.labels import Labels, encode_labels
from plkd.data.number_of_genes import choose_genes
from plkd.data.reading import read_checked, recognise_source
from plkd.data.reference_genes import GeneList, gene_list
from plkd.data.source import source_from_anndata
from plkd.errors import InputError
from plkd.training.cells import Cells


@dataclass(frozen=True)
class Reference:
    """An annotated reference, checked and restricted to the model's genes.

    Attributes
    ----------
    cells
        Expression, labels and depth for training.
    labels
        Cell types and how many cells each has.
    batches
        Batch of each cell, ``(n_cells,)``, or ``None``.
    genes
        The model's genes, in order.
    mask
        Which gene is in which pattern.
    recognised
        What the values of the reference were.
    macro_f1_by_n_genes
        By which the number of genes was chosen (:mod:`plkd.data.number_of_genes`); empty where it
        was given, or there was no choice.
    """

    cells: Cells
    labels: Labels
    batches: NDArray[Any] | None
    genes: GeneList
    mask: PatternMask
    recognised: Recognised
    macro_f1_by_n_genes: dict[int, float]

    def summary(self) -> dict[str, Any]:
        """Return what a model keeps of it beside what it learns."""
        f1 = {str(n): round(value, 6) for n, value in self.macro_f1_by_n_genes.items()}
        counts = map(int, self.labels.counts)
        return {
            "cells_of_type": dict(zip(self.labels.classes, counts, strict=True)),
            "macro_f1_by_n_genes": f1,
        }


def prepare_reference(
    adata: Any,
    sets: GeneSets | None,
    *,
    labels_key: str,
    batch_key: str | None,
    n_genes: int | None,
    seed: int,
    teacher: TeacherConfig,
    layer: str | None,
    use_raw: bool,
    gene_key: str | None,
    expression: str | None,
) -> Reference:
    """Read, check and restrict a reference; the AnnData is not changed.

    Raises
    ------
    InputError
        The labels, batches, genes, gene sets or values do not fit; the message says how.
    """
    source = source_from_anndata(adata, layer=layer, use_raw=use_raw)
    labels = encode_labels(_labels(adata, labels_key), key=labels_key)
    batches = None
    if batch_key is not None:
        batches = np.asarray(batches_of(adata.obs, batch_key, "obs of the reference").astype(str))
    recognised = recognise_source(source, declared=expression)
    genes = gene_list(source.gene_names, source.gene_columns, gene_key=gene_key)
    counts = read_checked(source, recognised)
    log1p = to_log1p(counts, recognised)
    depth = _depth(counts, recognised)
    del counts
    chosen = choose_genes(log1p, labels.codes, n_genes=n_genes, batches=batches, seed=seed)
    genes = genes.take(chosen.positions)
    mask = pattern_mask(
        genes.names,
        sets,
        n_patterns=teacher.n_patterns,
        n_free=teacher.n_free,
        min_genes=teacher.min_genes,
        max_genes=teacher.max_genes,
    )
    cells = Cells(csr_matrix(log1p[:, chosen.positions]), labels.codes, depth, len(labels.classes))
    return Reference(cells, labels, batches, genes, mask, recognised, chosen.macro_f1)


def _labels(adata: Any, key: str) -> Any:
    if key not in adata.obs:
        there = ", ".join(map(str, adata.obs.columns)) or "none at all"
        raise InputError(
            f"a column {key!r} in obs of the reference (labels_key)",
            f"the columns {there}",
            "pass labels_key with one of these",
        )
    return adata.obs[key]


def _depth(counts: csr_matrix, recognised: Recognised) -> NDArray[np.float32]:
    """Total counts of each cell; from log1p values, as if a cell's smallest value were one count.

    A count of one becomes log1p(target / total), so total = target / expm1(smallest value).
    """
    sums = np.asarray(counts.sum(1), dtype=np.float64).ravel()
    if recognised.kind is ExpressionKind.COUNTS:
        return np.maximum(sums, 1).astype(np.float32)
    depth = np.ones(counts.shape[0], dtype=np.float32)
    target = recognised.target_sum or TARGET_SUM
    for cell, (start, stop) in enumerate(zip(counts.indptr[:-1], counts.indptr[1:], strict=True)):
        values = counts.data[start:stop]
        values = values[values > 0]
        if len(values):
            depth[cell] = max(1.0, target / np.expm1(float(values.min())))
    return depth
