"""Marker genes of each cell type: those that Teacher and Student both name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from plkd.data.source import source_from_anndata
from plkd.tools.annotate import CHUNK_SIZE
from plkd.tools.attributions import N_BACKGROUND
from plkd.tools.marker_search import (
    GENES_PER_PATTERN,
    N_CANDIDATES,
    MarkerOptions,
    find_markers,
)
from plkd.tools.patterns import MAX_CELLS

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.gene_sets import GeneSets
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.marker_results import MarkerGenes


def marker_genes(
    adata: AnnData,
    model: CellAnnotator,
    *,
    labels_key: str | None = None,
    n_genes: int = 10,
    n_candidates: int = N_CANDIDATES,
    n_patterns: int = 10,
    genes_per_pattern: int = GENES_PER_PATTERN,
    sets: GeneSets | None = None,
    n_background: int = N_BACKGROUND,
    layer: str | None = None,
    use_raw: bool = False,
    gene_key: str | None = None,
    expression: str | None = None,
    max_cells: int = MAX_CELLS,
    chunk_size: int = CHUNK_SIZE,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> MarkerGenes:
    """Name the marker genes of each cell type on which Teacher and Student agree.

    Both networks read the same cells. The Student names genes by SHAP values, the Teacher those of
    the type's gene network; genes that both name are the markers, ranked by SHAP, with their
    expression inside and outside of the type beside them.

    Parameters
    ----------
    adata
        Cells of two types or more, as :func:`annotate` takes them: the reference, say. Not changed.
    model
        A fitted :class:`plkd.CellAnnotator`, or one loaded with its Teacher.
    labels_key
        Column of ``obs`` with the types of the cells; cells without one (None, NaN, "") are left
        out, and those that plkd calls "unknown". The default takes the type that the Student gives.
    n_genes
        Genes of a type that ``top_genes()`` of the result names (paper: 10); the table holds all
        candidates.
    n_candidates
        Genes that the Student names for a type, at most: those of the largest mean absolute SHAP
        value among the genes that speak for the type by being expressed.
    n_patterns, genes_per_pattern
        The Teacher names, of each of the type's patterns, the weightiest genes that raise it by
        being expressed (paper: 2 genes of 10 patterns).
    sets
        Gene sets that learned patterns are tested against, as in :func:`patterns`.
    n_background
        Cells that SHAP values compare with, drawn evenly over the types, one of each at least.
    layer, use_raw
        Take ``layers[layer]`` or ``raw.X`` in place of ``X``.
    gene_key
        Column of ``var`` with the gene names, in place of ``var_names``.
    expression
        "counts" or "log1p", where the values alone cannot tell.
    max_cells
        Cells that the networks read, at most, some 100 a second on one core; they are held in
        memory. Of more cells some are drawn: each type keeps all its cells or an equal number.
        Means and shares of expression are taken over all labelled cells.
    chunk_size
        Cells of ``adata`` taken at a time.
    seed
        Which cells are drawn.
    progress
        Told the cells done and the cells in all; each cell counts for either network.

    Returns
    -------
    A :class:`plkd.tools.marker_results.MarkerGenes`; its ``to_frame()`` is the table, a row for
    each type and candidate. It also holds the SHAP values, patterns and networks.

    Raises
    ------
    InputError
        The model has no Teacher here; there is no such column, a label is no type of the model, or
        fewer than two types have two cells; a number is below 1; no set fits the model's genes; or
        as :func:`annotate`.
    GeneMatchError
        Too few of the model's genes are in ``adata``.
    NotFittedError
        The model has learned nothing yet.

    Warns
    -----
    UserWarning
        Types of the model have fewer than two cells, or no patterns that bring two genes; they are
        named.

    Notes
    -----
    Sections 2.4 and 4.2 of the paper: the candidates are the intersection of the Teacher's and the
    Student's genes, ranked by SHAP value (its Figure 5).

    Deviations: the paper says neither how many genes it intersects nor which way they act. Of 2
    genes a pattern and the Student's first 10, two to seven were common on the demo's cells, of 5
    and 50 ten to nineteen. A gene that speaks by its absence is no marker: those of the Student are
    expressed more than in the background and add to the logit, those of the Teacher have a positive
    weight P_j.
    """
    options = MarkerOptions(
        labels_key=labels_key,
        n_genes=n_genes,
        n_candidates=n_candidates,
        n_patterns=n_patterns,
        genes_per_pattern=genes_per_pattern,
        sets=sets,
        n_background=n_background,
        gene_key=gene_key,
        expression=expression,
        max_cells=max_cells,
        chunk_size=chunk_size,
        seed=seed,
    )
    source = source_from_anndata(adata, layer=layer, use_raw=use_raw)
    return find_markers(source, adata.obs, model, options, progress=progress)
