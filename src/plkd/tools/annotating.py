"""The core of annotation: cells in chunks through contract, genes and network."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.alignment import align, dense_align
from plkd.data.rows import any_in_row
from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.model.annotator import CellAnnotator
from plkd.model.manifest import installed_version
from plkd.model.predict import Prediction, Predictor
from plkd.model.query import Query
from plkd.tools.threads import in_order

UNKNOWN = "unknown"
"""Label of a cell that has no count in any of the model's genes: there is nothing to go by.

A model may have a type of this name; its cells and those without counts then share the label.
"""


@dataclass
class Answers:
    """Where the answers go: arrays in memory, or data sets of a file, one row a cell."""

    codes: NDArray[np.int32]
    confidence: NDArray[np.float32]
    no_counts: NDArray[np.bool_]
    embedding: Any
    probabilities: Any | None = None

    @classmethod
    def in_memory(
        cls, n_cells: int, predictor: Predictor, *, probabilities: bool = False
    ) -> Answers:
        """Return arrays for so many cells, not filled yet."""
        shares = np.empty((n_cells, predictor.n_types), dtype=np.float32) if probabilities else None
        return cls(
            codes=np.empty(n_cells, dtype=np.int32),
            confidence=np.empty(n_cells, dtype=np.float32),
            no_counts=np.empty(n_cells, dtype=bool),
            embedding=np.empty((n_cells, predictor.width), dtype=np.float32),
            probabilities=shares,
        )


@dataclass(frozen=True)
class AnnotationSummary:
    """What an annotation did, in plain numbers.

    Attributes
    ----------
    n_cells, n_no_counts
        Cells annotated, and those without a count in any of the model's genes.
    labels
        Cells and median confidence of each label, the commonest first.
    network
        "student" or "teacher".
    expression
        What the query's values were recognised as, and why.
    genes_found, genes_of_model, gene_share, weight_share, matched_by
        How the query's genes met the model's.
    model
        Fingerprint of the model.
    """

    n_cells: int
    n_no_counts: int
    labels: dict[str, dict[str, float]]
    network: str
    expression: str
    expression_note: str
    genes_found: int
    genes_of_model: int
    gene_share: float
    weight_share: float
    matched_by: str
    model: str
    plkd_version: str

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON and for ``uns``."""
        return asdict(self)


def check_chunk_size(chunk_size: int) -> None:
    """Refuse chunks without a cell."""
    if chunk_size < 1:
        raise InputError("a chunk_size of 1 or more", f"{chunk_size}", "leave it out")


def annotate_chunks(
    query: Query,
    predictor: Predictor,
    answers: Answers,
    *,
    chunk_size: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill ``answers`` chunk by chunk; memory holds a few chunks at a time.

    Raises
    ------
    InputError
        A chunk holds NaN, infinite or negative values, or values of another kind or scale;
        ``chunk_size`` is below 1.
    """
    check_chunk_size(chunk_size)
    n_cells = query.source.n_cells
    unknown = labels_of(predictor.classes).index(UNKNOWN)
    starts = range(0, n_cells, chunk_size)
    chunks = (slice(start, min(start + chunk_size, n_cells)) for start in starts)
    answered = in_order(
        lambda cells: (cells, *_predict(query, cells, predictor)),
        chunks,
        side_by_side=predictor.small,
    )
    with closing(answered):
        for cells, (probabilities, embedding), seen in answered:
            answers.codes[cells] = np.where(seen, probabilities.argmax(1), unknown)
            answers.confidence[cells] = np.where(seen, probabilities.max(1), 0)
            answers.no_counts[cells] = ~seen
            answers.embedding[cells] = embedding
            if answers.probabilities is not None:
                answers.probabilities[cells] = probabilities
            if progress is not None:
                progress(cells.stop, n_cells)


def labels_of(classes: tuple[str, ...]) -> list[str]:
    """Return the labels that a cell can get: the types, and "unknown" where it is none of them."""
    return list(classes) if UNKNOWN in classes else [*classes, UNKNOWN]


def _predict(
    query: Query, cells: slice, predictor: Predictor
) -> tuple[Prediction, NDArray[np.bool_]]:
    """Return what the network says, and which cells have a count in any of the model's genes."""
    log1p = query.log1p(cells)
    if predictor.is_faster_sparse(log1p):
        aligned = align(log1p, query.match, linear=False, ordered=False)
        return predictor.sparse(aligned), any_in_row(aligned)
    dense = dense_align(log1p, query.match)
    return predictor(dense), np.asarray(dense.any(1), dtype=np.bool_)


def summarise(
    query: Query, model: CellAnnotator, answers: Answers, network: str
) -> AnnotationSummary:
    """Return what was done, for people, pipelines and ``uns``."""
    names = labels_of(model.classes_)
    counts = np.bincount(answers.codes, minlength=len(names))
    labels = {
        names[code]: {
            "cells": int(counts[code]),
            "median_confidence": round(
                float(np.median(answers.confidence[answers.codes == code])), 4
            ),
        }
        for code in np.argsort(-counts, kind="stable")
        if counts[code]
    }
    match = query.match
    return AnnotationSummary(
        n_cells=query.source.n_cells,
        n_no_counts=int(answers.no_counts.sum()),
        labels=labels,
        network=network,
        expression=str(query.recognised.kind),
        expression_note=query.recognised.note,
        genes_found=match.n_found,
        genes_of_model=match.n_model,
        gene_share=round(match.share, 4),
        weight_share=round(match.weight_share, 4),
        matched_by=match.how,
        model=model.fingerprint(),
        plkd_version=installed_version(),
    )


def obs_columns(answers: Answers, model: CellAnnotator, names: SlotNames) -> dict[str, Any]:
    """Return the columns of ``obs``; "unknown" is a category only where a cell has it."""
    import pandas as pd

    categories = labels_of(model.classes_) if answers.no_counts.any() else model.classes_
    return {
        names.label: pd.Categorical.from_codes(answers.codes, categories=categories),
        names.confidence: answers.confidence,
        names.no_counts: answers.no_counts,
    }


def provenance(summary: AnnotationSummary, model: CellAnnotator) -> dict[str, Any]:
    """Return the entry of ``uns``: the summary and the order of the classes."""
    kept = summary.as_dict()
    kept.pop("labels")
    return {**kept, "classes": np.array(model.classes_, dtype=object)}
