"""Which genes speak for each cell type, by the Student's own account."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plkd.data.source import source_from_anndata
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.model.choices import check_seed
from plkd.model.predict import Predictor
from plkd.model.query import Query, open_query
from plkd.tools.annotating import check_chunk_size
from plkd.tools.attributing import (
    LEFT_OUT,
    Plan,
    Totals,
    background_cells,
    check_labels,
    draw_evenly,
    explain_chunks,
    labelled_types,
    own_types,
    positions_of,
)
from plkd.tools.gene_attributions import GeneAttributions

if TYPE_CHECKING:
    from anndata import AnnData

N_BACKGROUND = 100
CHUNK_SIZE = 512
MOST_RESIDUAL = 1e-3


def attributions(
    adata: AnnData,
    model: CellAnnotator,
    *,
    labels_key: str | None = None,
    types: Sequence[str] | None = None,
    background: AnnData | None = None,
    n_background: int = N_BACKGROUND,
    values_of: str | None = None,
    layer: str | None = None,
    use_raw: bool = False,
    gene_key: str | None = None,
    expression: str | None = None,
    chunk_size: int = CHUNK_SIZE,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> GeneAttributions:
    """Say what each gene adds to the Student's logit of each type, as SHAP values.

    Each cell is explained for one type, its own, against cells drawn from all types.
    The Student alone is explained: not what a linear discriminant beside it
    (:mod:`plkd.trust.gene_discriminant`) adds where a cell is like the reference.

    Parameters
    ----------
    adata
        Cells to be explained, as :func:`annotate` takes them: the reference, say. Not changed.
    model
        A fitted or loaded :class:`plkd.CellAnnotator`.
    labels_key
        Column of ``obs`` with the types of the cells; cells without one (None, NaN, "") are left
        out, and those that plkd calls "unknown". The default takes the type that the Student gives.
    types
        Explain cells of these types only; all by default.
    background
        Cells to draw the background from, the reference say. The default is ``adata``, which then
        should hold the types that a type is to be told from. Genes that ``adata`` lacks are zero
        here too, so that they get no value.
    n_background
        Background cells, drawn evenly over their types: in ``adata`` the types that its cells are
        explained for, in ``background`` those that the Student gives. One of each type at least,
        so more where there are more types. Time grows with them.
    values_of
        Also return the values of each cell of this type; memory grows with these cells.
    layer, use_raw, gene_key, expression
        As :func:`annotate`, for ``adata`` and ``background`` alike.
    chunk_size
        Cells explained at a time; memory grows with it and not with ``adata``.
    seed
        Decides which background cells are drawn.
    progress
        Told the cells done and the cells in all.

    Returns
    -------
    Means over the cells of each type, the ranking of its genes, and how well values add up.

    Raises
    ------
    InputError
        As :func:`annotate`; a type or a column is not known; no cell is left to explain or to
        compare with; ``n_background`` or ``chunk_size`` is below 1.
    GeneMatchError
        Too few of the model's genes are in ``adata`` or in ``background``.
    NotFittedError
        The model has learned nothing yet.

    Warns
    -----
    UserWarning
        All background cells are of one type, or values do not add up to 0.1 % of the range of the
        logits.

    Notes
    -----
    Section 2.4 of the paper; Eq. (10) to (12) and the rule of each layer stand in
    :func:`plkd.networks.attribution.attributions`.

    Deviations: the paper does not say which cells the background is. Drawn evenly, a rare type is
    told from each other type, not from the commonest alone.
    """
    check_chunk_size(chunk_size)
    check_seed(seed)
    if n_background < 1:
        raise InputError("an n_background of 1 or more", f"{n_background}", "leave it out")
    predictor = Predictor(model, "student")
    wanted = (types,) if isinstance(types, str) else model.classes_ if types is None else types
    asked = positions_of(wanted, model.classes_, "types")
    kept = None if values_of is None else positions_of((values_of,), model.classes_, "values_of")
    if labels_key is not None:
        check_labels(adata.obs, labels_key, model.classes_)

    def opened(cells: AnnData) -> Query:
        source = source_from_anndata(cells, layer=layer, use_raw=use_raw)
        return open_query(source, model, gene_key=gene_key, expression=expression)

    query = opened(adata)
    codes = own_types(query, predictor)
    if labels_key is not None:
        codes = labelled_types(adata.obs, labels_key, model.classes_, codes)
    others, other_codes = query, codes
    if background is not None:
        others = opened(background)
        other_codes = own_types(others, predictor)
    codes = _only(codes, asked)
    n_types = len(np.unique(other_codes[other_codes != LEFT_OUT]))
    drawn = draw_evenly(other_codes, max(n_background, n_types), seed)
    _warn_of_one_type(other_codes[drawn], model.classes_)
    plan = Plan(query, predictor, codes, background_cells(others, drawn, query))
    totals = Totals(len(model.classes_), len(model.genes_), kept[0] if kept else None)
    explain_chunks(plan, totals, chunk_size=chunk_size, progress=progress)
    return _result(totals, plan, model, drawn)


def _only(codes: NDArray[np.int64], asked: list[int]) -> NDArray[np.int64]:
    """Leave out the cells of other types than those asked for."""
    codes = np.where(np.isin(codes, asked), codes, LEFT_OUT)
    if np.all(codes == LEFT_OUT):
        raise InputError(
            "cells to explain",
            f"none among {len(codes)} with counts and one of the types asked for",
            "pass cells of these types, or ask for others",
        )
    return codes


def _warn_of_one_type(codes: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if len(np.unique(codes)) == 1:
        warnings.warn(
            f"all background cells are of one type, {classes[codes[0]]!r}: values do not say what "
            "tells a type from others; pass cells of several types as background",
            UserWarning,
            stacklevel=3,
        )


def _result(
    totals: Totals, plan: Plan, model: CellAnnotator, drawn: NDArray[np.int64]
) -> GeneAttributions:
    n_cells = np.where(totals.n_cells > 0, totals.n_cells, np.nan)[:, None]
    logit_range = totals.highest - totals.lowest
    residuals = np.abs(np.concatenate(totals.residuals)) / logit_range
    if not residuals.max() <= MOST_RESIDUAL:
        warnings.warn(
            f"the values of a cell miss its logit by {residuals.max():.1e} of the range of the "
            "logits: do not rely on them, and tell the developers",
            UserWarning,
            stacklevel=3,
        )
    cells, values = (None, None) if totals.kept is None else totals.kept_values()
    return GeneAttributions(
        types=model.classes_,
        genes=model.genes_.names,
        n_cells=totals.n_cells,
        mean_abs=totals.absolute / n_cells,
        mean=totals.plain / n_cells,
        difference=totals.expression / n_cells - plan.background.mean(0, dtype=np.float64),
        n_left_out=int(np.sum(plan.codes == LEFT_OUT)),
        background=drawn,
        logit_range=logit_range,
        max_residual=float(residuals.max()),
        median_residual=float(np.median(residuals)),
        cells=cells,
        values=values,
    )
