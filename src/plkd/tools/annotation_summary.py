"""What an annotation did, and the columns that it writes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.keys import SlotNames
from plkd.model.annotator import CellAnnotator
from plkd.model.manifest import installed_version
from plkd.model.predict import Network
from plkd.model.query import Query
from plkd.tools.annotating import UNKNOWN, Answers, labels_of
from plkd.tools.judging import Doubt, Judged, drift_of, set_columns


@dataclass(frozen=True)
class AnnotationSummary:
    """What an annotation did, in plain numbers.

    Attributes
    ----------
    n_cells, n_no_counts, n_unknown
        Cells annotated, those without a count in any of the model's genes, and those called
        unknown, these included.
    false_alarm, error_rate
        The rates that were asked for; ``None`` where the model has not learned them.
    sets_by_type
        Whether the error rate was to hold within each type; ``None`` likewise.
    shift, usual_shift
        The query's batch effect in the units of the novelty's scores, and the largest that made-up
        batch effects explain; ``None`` likewise.
    drift
        In what the query is far from the reference, in words.
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
    n_unknown: int
    labels: dict[str, dict[str, float]]
    network: str
    expression: str
    expression_note: str
    genes_found: int
    genes_of_model: int
    gene_share: float
    weight_share: float
    matched_by: str
    false_alarm: float | None
    error_rate: float | None
    sets_by_type: bool | None
    shift: float | None
    usual_shift: float | None
    drift: tuple[str, ...]
    model: str
    plkd_version: str

    def as_dict(self) -> dict[str, Any]:
        """Return the summary for JSON."""
        return {**asdict(self), "drift": list(self.drift)}

    def as_uns(self) -> dict[str, Any]:
        """Return the summary for ``uns``: what h5ad files can hold, drift as one text."""
        kept = {name: value for name, value in self.as_dict().items() if value is not None}
        kept.pop("labels")
        return {**kept, "drift": "; ".join(self.drift)}


def summarise(
    query: Query,
    model: CellAnnotator,
    answers: Answers,
    network: Network,
    *,
    doubt: Doubt | None = None,
    judged: Judged | None = None,
) -> AnnotationSummary:
    """Return what was done, for people, pipelines and ``uns``."""
    match, doubt = query.match, doubt or Doubt()
    trust = model.trust_.networks.get(network) if judged and model.trust_ else None
    drift: tuple[str, ...] = ()
    if trust is not None and judged is not None:
        drift = drift_of(
            answers, judged, trust.usual, match.weight_share, false_alarm=doubt.false_alarm
        )
    codes = final_codes(answers, model, judged)
    return AnnotationSummary(
        n_cells=query.source.n_cells,
        n_no_counts=int(answers.no_counts.sum()),
        n_unknown=int((answers.no_counts if judged is None else judged.unknown).sum()),
        labels=_label_counts(codes, answers.confidence, labels_of(model.classes_)),
        network=network,
        expression=str(query.recognised.kind),
        expression_note=query.recognised.note,
        genes_found=match.n_found,
        genes_of_model=match.n_model,
        gene_share=round(match.share, 4),
        weight_share=round(match.weight_share, 4),
        matched_by=match.how,
        false_alarm=None if trust is None else doubt.false_alarm,
        error_rate=None if trust is None else doubt.error_rate,
        sets_by_type=None if trust is None else doubt.sets_by_type,
        shift=None if judged is None else round(judged.shift, 4),
        usual_shift=None if trust is None else round(trust.scale.usual.usual_shift, 4),
        drift=drift,
        model=model.fingerprint(),
        plkd_version=installed_version(),
    )


def _label_counts(
    codes: NDArray[np.int32], confidence: NDArray[np.float32], names: list[str]
) -> dict[str, dict[str, float]]:
    """Return cells and median confidence of each label, the commonest first."""
    counts = np.bincount(codes, minlength=len(names))
    return {
        names[code]: {
            "cells": int(counts[code]),
            "median_confidence": round(float(np.median(confidence[codes == code])), 4),
        }
        for code in np.argsort(-counts, kind="stable")
        if counts[code]
    }


def final_codes(answers: Answers, model: CellAnnotator, judged: Judged | None) -> NDArray[np.int32]:
    """Return the label of each cell as a place in :func:`labels_of`, "unknown" where it is so."""
    if judged is None:
        return answers.codes
    unknown = labels_of(model.classes_).index(UNKNOWN)
    return np.where(judged.unknown, np.int32(unknown), answers.codes)


def obs_columns(
    answers: Answers, model: CellAnnotator, names: SlotNames, judged: Judged | None = None
) -> dict[str, Any]:
    """Return the columns of ``obs``; "unknown" is a category only where a cell has it."""
    import pandas as pd

    codes = final_codes(answers, model, judged)
    unknown = answers.no_counts if judged is None else judged.unknown
    categories = labels_of(model.classes_) if unknown.any() else model.classes_
    columns = {
        names.label: pd.Categorical.from_codes(codes, categories=categories),
        names.confidence: answers.confidence,
        names.no_counts: answers.no_counts,
    }
    if judged is not None and answers.members is not None:
        best = np.where(answers.no_counts, np.int32(-1), answers.codes)
        columns |= {
            names.best_label: pd.Categorical.from_codes(best, categories=model.classes_),
            names.novelty: judged.novelty,
            names.type_set: set_columns(answers.members, model.classes_),
        }
    return columns


def provenance(summary: AnnotationSummary, model: CellAnnotator) -> dict[str, Any]:
    """Return the entry of ``uns``: the summary and the order of the classes."""
    return {**summary.as_uns(), "classes": np.array(model.classes_, dtype=object)}
