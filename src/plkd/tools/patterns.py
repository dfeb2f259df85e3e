"""The patterns of each cell type: which, how surely, and by which genes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
import scipy.sparse as sp

from plkd.data.rows import gene_variance
from plkd.data.source import source_from_anndata
from plkd.errors import InputError
from plkd.model.choices import check_seed
from plkd.model.predict import Predictor
from plkd.model.query import open_query
from plkd.networks.navigator import Navigator
from plkd.networks.teacher import Teacher
from plkd.tools.annotate import CHUNK_SIZE
from plkd.tools.annotating import check_chunk_size
from plkd.tools.pattern_genes import (
    EnrichedSet,
    GeneWeights,
    along_axes,
    enriched_sets,
    gene_weights,
    rises,
    tested_sets,
    turned,
)
from plkd.tools.pattern_results import Patterns, TypePattern, heaviest
from plkd.tools.teacher_reading import (
    TokenReading,
    choose_cells,
    read_tokens,
    types_of_cells,
)

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.gene_sets import GeneSets
    from plkd.model.annotator import CellAnnotator

Feature = Literal["rise", "axis", "norm", "rollout"]
Test = Literal["t-test_overestim_var", "t-test", "wilcoxon"]
MAX_CELLS = 20_000
ENRICHED_BELOW = 0.05
N_NAMED_SETS = 3


def patterns(
    adata: AnnData,
    model: CellAnnotator,
    *,
    labels_key: str | None = None,
    sets: GeneSets | None = None,
    n_patterns: int = 10,
    n_genes: int = 10,
    feature: Feature = "rise",
    weights: GeneWeights = "influence",
    method: Test = "t-test_overestim_var",
    layer: str | None = None,
    use_raw: bool = False,
    gene_key: str | None = None,
    expression: str | None = None,
    max_cells: int = MAX_CELLS,
    chunk_size: int = CHUNK_SIZE,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Patterns:
    r"""Say which patterns mark each cell type, by which genes, and what learned patterns mean.

    Parameters
    ----------
    adata
        Cells to read the Teacher on, the reference itself or a query: counts or log1p counts per
        10,000, told apart by their values. It is not changed.
    model
        A fitted :class:`plkd.CellAnnotator`, or one loaded with its Teacher.
    labels_key
        Column of ``obs`` with the cell types; cells without one, those that plkd calls "unknown",
        and cells without counts are left out. ``None`` takes the types that the Student predicts.
    sets
        Gene sets that learned patterns are tested against; ``None`` takes those of the model's own
        masked patterns, if it has any. Sets with fewer than five of the model's genes are left out,
        and those that fall below five because genes do not vary among the cells read.
    n_patterns
        Patterns of a type, at most (paper: 10); only those higher in it than elsewhere.
    n_genes
        Top genes that are named of a pattern.
    feature
        What stands for a pattern in a cell: "rise", how far its token has gone the way that the
        genes of its set lead to when they rise together, and for a learned pattern the same as
        "axis"; "axis", where the token lies along the pattern's principal axis; "norm", how long
        the token is; "rollout", the attention paid to it.
    weights
        The weight P_j of a gene in a pattern: "influence", how far the feature "rise" ("axis", if
        that is chosen) moves when the gene rises by its standard deviation over the cells read,
        signed; "axis", the same for one unit of log1p expression; "size", the length of its row of
        W_j, which has no sign; "sum", the paper's, signed, which says nothing (see the notes). A
        gene that does not vary among the cells read, as one that ``adata`` lacks, has none.
    method
        Test of ``scanpy.tl.rank_genes_groups``: "t-test_overestim_var" (careful with small
        types), "t-test" or "wilcoxon".
    layer, use_raw
        Take ``layers[layer]`` or ``raw.X`` in place of ``X``.
    gene_key
        Column of ``var`` with the gene names, in place of ``var_names``.
    expression
        "counts" or "log1p", where the values alone cannot tell.
    max_cells
        Cells that are read, at most, some 200 a second on one core. Of more cells some are drawn:
        each type keeps all its cells or an equal number.
    chunk_size
        Cells of ``adata`` taken at a time; the answer does not depend on it.
    seed
        Which cells are drawn.
    progress
        Told the cells read and the cells to read.

    Returns
    -------
    A :class:`plkd.tools.pattern_results.Patterns`; its ``to_frame()`` is the table.

    Raises
    ------
    InputError
        The model has no Teacher here; there is no such column, a type of one cell, or fewer than
        two types; an option is none of those above; no set fits the model's genes; or as
        :func:`plkd.tl.annotate`.
    GeneMatchError
        Too few of the model's genes are in ``adata``.
    NotFittedError
        The model has learned nothing yet.

    Notes
    -----
    Section 2.4 of the paper, Teacher. With token :math:`v_j = x W_j + b_j` and H taking the mean
    over the width off a row, a pattern's number is :math:`u_j \cdot H v_j`, which is
    :math:`\sum_g (u_j \cdot H W_j[g]) \, x_g` and a constant, and
    :math:`P_j[g] = (u_j \cdot H W_j[g]) \, sd(x_g)`: the genes that are named are those that the
    tested number is made of. The direction :math:`u_j` is found without the types, so the test is
    not biased by it; one between the types' means would be.

    "rise": :math:`u_j \propto \sum_g H W_j[g] / |H W_j[g]|` over the genes of the set, their mean
    direction. Each gene counts alike for the direction, and as loudly as the Teacher hears it along
    it; cells have no part in it. "axis", and "rise" for a learned pattern, whose genes are all the
    model's and never rise together: the first principal axis of :math:`H v_j` over the cells read,
    turned so that :math:`\sum_g P_j[g] > 0`. It follows the strongest variation of the genes, which
    can be that of one gene alone.

    Deviations: the paper has :math:`P_j[g] = \sum_h W_j[g]`. Every way from a token on leads
    through a LayerNorm, which takes the sum over the width away: no logit depends on that sum and
    no gradient reaches it, so that it holds its random start and the optimiser's noise. The paper
    does not say how a token of width h becomes one number for the test; after the LayerNorm its
    length says nothing, and before it the length misses what lies near the mean cell, as common
    types do. What finds the sets that were switched on in simulated cells is measured in
    docs/results/faithfulness.md and docs/log.md.
    """
    _check_options(n_patterns, n_genes, feature, weights, method)
    check_chunk_size(chunk_size)
    check_seed(seed)
    predictor = Predictor(model, "teacher")
    source = source_from_anndata(adata, layer=layer, use_raw=use_raw)
    query = open_query(source, model, gene_key=gene_key, expression=expression)
    set_names, members = tested_sets(sets, model.patterns_, model.genes_.names)
    codes, names = types_of_cells(adata, query, model, labels_key)
    cells = choose_cells(codes, max_cells=max_cells, seed=seed)
    values = query.in_model_genes(cells, chunk_size=chunk_size)
    reading = read_tokens(predictor, values, progress)
    navigator = cast(Teacher, predictor.network).navigator
    deviation = np.sqrt(gene_variance(values))
    axes = turned(navigator, reading.axes, deviation)
    if feature != "axis":
        axes = rises(navigator, axes)
    features = _features(feature, reading, navigator, axes, values)
    score, p_adj = _compare(features, codes[cells], names, method)
    mask = model.patterns_
    weight = gene_weights(navigator, axes, deviation, weights)
    learned = {
        mask.pattern_names[j]: enriched_sets(weight[:, j], set_names, members, deviation > 0)
        for j in range(mask.n_patterns - mask.n_free, mask.n_patterns)
    }
    found = Patterns(
        top=(),
        cell_types=names,
        pattern_names=mask.pattern_names,
        gene_names=model.genes_.names,
        gene_weights=weight,
        held=mask.dense(),
        score=score,
        p_adj=p_adj,
        rollout_of_type=_mean_of_types(reading.rollout, codes[cells], len(names)),
        norm_of_type=_mean_of_types(reading.norms, codes[cells], len(names)),
        cells=cells,
        codes=codes[cells],
        features=features,
        rollout=reading.rollout,
        enriched=learned,
        model=model.fingerprint(),
    )
    return replace(found, top=_top(found, n_patterns, n_genes))


def _features(
    feature: Feature,
    reading: TokenReading,
    navigator: Navigator,
    axes: np.ndarray,
    values: sp.csr_matrix,
) -> np.ndarray:
    """Return one number for each cell and pattern, float32 ``(n_cells, n_patterns)``."""
    if feature == "norm":
        return reading.norms
    if feature == "rollout":
        return reading.rollout
    return along_axes(navigator, axes, values)


def _compare(
    features: np.ndarray, codes: np.ndarray, names: tuple[str, ...], method: Test
) -> tuple[np.ndarray, np.ndarray]:
    """Compare each type with all others.

    Returns
    -------
    Scores and adjusted p-values, float64 ``(n_types, n_patterns)`` each.
    """
    import pandas as pd
    import scanpy as sc
    from anndata import AnnData

    patterns = np.arange(features.shape[1]).astype(str)
    cells = AnnData(
        X=features,
        obs=pd.DataFrame(
            {"type": pd.Categorical.from_codes(codes, categories=list(names))},
            index=np.arange(len(codes)).astype(str),
        ),
        var=pd.DataFrame(index=patterns),
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Fold changes, which only counts have, and a table of a column for each type.
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        sc.tl.rank_genes_groups(cells, "type", method=method, use_raw=False, key_added="r")
    result: Any = cells.uns["r"]
    scores, p_adj = np.empty((2, len(names), len(patterns)))
    for row, name in enumerate(names):
        place = result["names"][name].astype(np.int64)
        scores[row, place] = result["scores"][name]
        p_adj[row, place] = result["pvals_adj"][name]
    return scores, p_adj


def _top(found: Patterns, n_patterns: int, n_genes: int) -> tuple[TypePattern, ...]:
    top = []
    for row, cell_type in enumerate(found.cell_types):
        for j in np.argsort(-found.score[row], kind="stable")[:n_patterns]:
            if found.score[row, j] <= 0:
                break
            pattern = found.pattern_names[j]
            genes = heaviest(found.gene_weights[:, j], found.held[:, j], found.gene_names, n_genes)
            score, p_adj = float(found.score[row, j]), float(found.p_adj[row, j])
            sets = _surest(found.enriched.get(pattern, ()))
            top.append(TypePattern(cell_type, pattern, score, p_adj, genes, sets))
    return tuple(top)


def _surest(tested: tuple[EnrichedSet, ...]) -> tuple[str, ...]:
    return tuple(one.name for one in tested if one.p_adj < ENRICHED_BELOW)[:N_NAMED_SETS]


def _mean_of_types(values: np.ndarray, codes: np.ndarray, n_types: int) -> np.ndarray:
    return np.stack([values[codes == code].mean(0, dtype=np.float64) for code in range(n_types)])


def _check_options(n_patterns: int, n_genes: int, feature: str, weights: str, method: str) -> None:
    for name, value, allowed in (
        ("feature", feature, get_args(Feature)),
        ("weights", weights, get_args(GeneWeights)),
        ("method", method, get_args(Test)),
    ):
        if value not in allowed:
            raise InputError(
                f"{name} as one of {', '.join(map(repr, allowed))}",
                repr(value),
                "choose one of these",
            )
    for name, number in (("n_patterns", n_patterns), ("n_genes", n_genes)):
        if number < 1:
            raise InputError(f"{name} of 1 or more", str(number), "leave it out")
