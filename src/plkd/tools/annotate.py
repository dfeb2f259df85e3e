"""Annotate a query: an AnnData in memory, or an h5ad file or zarr store of any size."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plkd.data.cell_files import cells_target, open_cells, replace_cells_when_done, uns_of
from plkd.data.modalities import check_anndata
from plkd.data.source import source_from_anndata, source_from_file
from plkd.errors import InputError
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.model.annotator import CellAnnotator
from plkd.model.predict import Network, Predictor
from plkd.model.query import open_query
from plkd.tools.annotated_copy import annotated_copy
from plkd.tools.annotating import Answers, annotate_chunks
from plkd.tools.annotation_summary import (
    AnnotationSummary,
    obs_columns,
    provenance,
    summarise,
)
from plkd.tools.deepest_types import (
    deepest_columns,
    deepest_question,
    refuse_deepest_collisions,
)
from plkd.tools.h5ad_output import (
    later_steps,
    refuse_collisions,
    slots_of,
    write_columns,
)
from plkd.tools.judging import Doubt, judge
from plkd.trust.conformal import ALPHA
from plkd.trust.hierarchy import MIN_CONFIDENCE
from plkd.trust.novelty import FALSE_ALARM

if TYPE_CHECKING:
    from anndata import AnnData

CHUNK_SIZE = 4096


def annotate(
    adata: AnnData,
    model: CellAnnotator,
    *,
    with_: Network = "student",
    layer: str | None = None,
    use_raw: bool = False,
    gene_key: str | None = None,
    expression: str | None = None,
    key_added: str = DEFAULT_KEY,
    false_alarm: float = FALSE_ALARM,
    error_rate: float = ALPHA,
    sets_by_type: bool = False,
    batch_effect: bool = True,
    probabilities: bool = False,
    chunk_size: int = CHUNK_SIZE,
    copy: bool = False,
) -> AnnData | None:
    """Give every cell of a query a cell type, a confidence and an embedding.

    Parameters
    ----------
    adata
        The query: counts or log1p counts per 10,000, told apart by their values. Its genes are
        matched by name to the model's; their order does not matter. It needs no labels.
    model
        A fitted or loaded :class:`plkd.CellAnnotator`.
    with_
        "student" (fast) or "teacher".
    layer, use_raw
        Take ``layers[layer]`` or ``raw.X`` in place of ``X``.
    gene_key
        Column of ``var`` with the gene names, in place of ``var_names``.
    expression
        "counts" or "log1p", where the values alone cannot tell.
    key_added
        Name of the written slots; see :mod:`plkd.keys`.
    false_alarm
        Share of cells of known types that may be called "unknown", in [0, 1). 0 calls no cell so
        that has a count.
    error_rate
        Share of cells whose set of types may miss the true one, in (0, 1). One below 1 / (n + 1)
        puts every type into every set, with a warning; n cells were held out.
    sets_by_type
        Hold the error rate within each type (class-conditional sets), so that rare types are as
        safe as common ones; sets are larger. A type of which fewer than 1 / error_rate - 1 cells
        were held out takes the threshold of all cells.
    batch_effect
        Novelty is judged after what all cells of the query have in common was put down to a batch
        effect, and raised where they are closer to the reference than its held-out cells. Where
        most cells of a query may be of types that the reference lacks, pass False: they are then
        compared with the reference alone.
    probabilities
        Also write the probabilities of all types.
    chunk_size
        Cells taken at a time; memory grows with it and not with the query.
    copy
        Return an annotated copy and leave ``adata`` as it is.

    Returns
    -------
    The copy, or ``None`` when ``adata`` itself was annotated. Written are

    ``obs['plkd_label']`` : categorical
        Cell type; "unknown" where a cell is like none of the reference (``plkd_novelty`` above
        1 - ``false_alarm``), or has no count in any of the model's genes.
    ``obs['plkd_best_label']`` : categorical
        The most probable type of the reference, whatever the novelty; missing without counts.
    ``obs['plkd_confidence']`` : float32
        Probability that the best label is right, if the cell is of a type of the reference at all,
        in [0, 1]; calibrated on held-out cells.
    ``obs['plkd_novelty']`` : float32
        How unlike the reference the cell is, in [0, 1]: the share of held-out reference cells that
        are less so, once the query's batch effect is taken off (``batch_effect``).
    ``obs['plkd_set']`` : categorical
        Types with "|" between, among which the true one is with probability 1 - ``error_rate``;
        without counts all types.
    ``obs['plkd_no_counts']`` : bool
        Whether the cell has no count in any of the model's genes.
    ``obsm['X_plkd']`` : float32
        Embedding, ``(n_cells, 128)`` of the Student, ``(n_cells, 48)`` of the Teacher.
    ``obsm['plkd_proba']`` : float32
        Probabilities, ``(n_cells, n_types)``, in the order of ``uns['plkd']['classes']``; only
        with ``probabilities``. Without counts all types alike.
    ``uns['plkd']`` : dict
        Provenance: model, versions, gene match, input contract, drift.

    Best label, novelty and set are written by models that held cells out in training (the
    default); without, the confidence is the network's own probability.

    Raises
    ------
    InputError
        The values are NaN, infinite, negative, scaled or not understood; a slot does not exist;
        the query is empty; a slot to be written holds something of the user's; ``key_added``
        holds a "/", or ``chunk_size`` is below 1.
    GeneMatchError
        Too few of the model's genes are in the query.
    NotFittedError
        The model has learned nothing yet.

    Notes
    -----
    Section 2.2 of the paper: :math:`y^S` from :math:`x`, no training on the query.
    """
    check_anndata(adata)
    names, doubt = SlotNames(key_added), Doubt(false_alarm, error_rate, batch_effect, sets_by_type)
    if adata.isbacked and adata.is_view and not copy:
        raise InputError(
            "an AnnData that can be written to",
            "a view of one on disk",
            "pass copy=True, or adata.to_memory()",
        )
    predictor = Predictor(model, with_)
    source = source_from_anndata(adata, layer=layer, use_raw=use_raw)
    query = open_query(source, model, gene_key=gene_key, expression=expression)
    refuse_collisions(adata.obs.columns, adata.obsm.keys(), adata.uns, names)
    answers = Answers.in_memory(source.n_cells, predictor, probabilities=probabilities)
    annotate_chunks(query, predictor, answers, chunk_size=chunk_size, doubt=doubt)
    judged = judge(answers, predictor, doubt)
    summary = summarise(query, model, answers, with_, doubt=doubt, judged=judged)
    target = (adata.to_memory() if adata.isbacked else adata.copy()) if copy else adata
    outdated = later_steps(target.obs, target.uns, names)
    for entry in outdated:
        del target.uns[entry]
    for name in (*names.of_cells, *itertools.chain(*outdated.values())):
        target.obs.drop(columns=name, errors="ignore", inplace=True)
    for name, values in obs_columns(answers, model, names, judged).items():
        target.obs[name] = values
    target.obsm[names.embedding] = answers.embedding
    target.obsm.pop(names.probabilities, None)
    if answers.probabilities is not None:
        target.obsm[names.probabilities] = answers.probabilities
    target.uns[names.provenance] = provenance(summary, model)
    return target if copy else None


def annotate_file(
    path: str | Path,
    model: CellAnnotator,
    out: str | Path,
    *,
    with_: Network = "student",
    layer: str | None = None,
    use_raw: bool = False,
    gene_key: str | None = None,
    expression: str | None = None,
    key_added: str = DEFAULT_KEY,
    false_alarm: float = FALSE_ALARM,
    error_rate: float = ALPHA,
    sets_by_type: bool = False,
    batch_effect: bool = True,
    hierarchy: str | Path | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    probabilities: bool = False,
    chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> AnnotationSummary:
    """Annotate an h5ad file or a zarr store into a new one, a chunk of cells at a time.

    Memory does not grow with genes and values, and by some 0.1 kB with each cell: its label,
    confidence and set, and the groups it is in. The output is the input with the slots of
    :func:`annotate` added. It is written beside its place and renamed when complete; the input is
    only read.

    Parameters
    ----------
    path, out
        The query and what is written. Each is an h5ad file or a zarr store; ``out`` is a zarr
        store where it is named ``.zarr``, whatever the query is.
    hierarchy, min_confidence
        Also write the deepest type of a hierarchy that each cell is surely of, as
        :func:`plkd.tl.deepest_types` does.
    overwrite
        Replace ``out`` where it exists.
    progress
        Told the cells done and the cells in all.

    Returns
    -------
    What was done, in plain numbers.

    Raises
    ------
    InputError
        As :func:`annotate`; the query is absent, damaged, or neither h5ad nor zarr.
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    """
    names, doubt = SlotNames(key_added), Doubt(false_alarm, error_rate, batch_effect, sets_by_type)
    out, predictor = cells_target(out), Predictor(model, with_)
    asked = None
    if hierarchy is not None:
        asked = deepest_question(hierarchy, model.classes_, min_confidence=min_confidence)
    with open_cells(path) as given:
        source = source_from_file(given, layer=layer, use_raw=use_raw)
        query = open_query(source, model, gene_key=gene_key, expression=expression)
        refuse_collisions(*slots_of(given), names)
        if asked is not None:
            refuse_deepest_collisions(given["obs"], uns_of(given), names)
        with (
            replace_cells_when_done(out, overwrite=overwrite, source=Path(path)) as partial,
            annotated_copy(
                Path(path), partial, source.n_cells, predictor, names, probabilities=probabilities
            ) as annotated,
        ):
            answers = annotated.answers
            if asked is not None:
                n_cells = source.n_cells
                answers.deepest = np.empty(n_cells, np.int32), np.empty(n_cells, np.float32)
            annotate_chunks(
                query,
                predictor,
                answers,
                chunk_size=chunk_size,
                doubt=doubt,
                hierarchy=asked,
                progress=progress,
            )
            judged = judge(answers, predictor, doubt)
            summary = summarise(query, model, answers, with_, doubt=doubt, judged=judged)
            columns = obs_columns(answers, model, names, judged)
            uns = provenance(summary, model)
            if asked is not None and answers.deepest is not None:
                silent = answers.no_counts if judged is None else judged.unknown
                columns |= deepest_columns(asked, *answers.deepest, silent, names)
            file = annotated.cells()
            outdated = later_steps(file["obs"], uns_of(file), names)
            for entry in outdated:
                del file["uns"][entry]
            earlier = (*names.of_cells, *itertools.chain(*outdated.values()))
            write_columns(file, columns, names.provenance, uns, earlier=earlier)
            if asked is not None:
                write_columns(file, {}, names.hierarchy, asked.as_uns())
    return summary
