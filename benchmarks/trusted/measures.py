"""What an answer is worth: how novel cells stand out, and whether it is as sure as it says."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from study.rows import Row
from trusted.answers import Answer

SOURCE = Path(__file__).resolve().parents[2] / "src"
CAUGHT = 0.95
"""Share of left-out cells that are caught where false alarms are counted."""

DIGITS = 5


def about_novelty(answer: Answer, truth: np.ndarray, left_out: str) -> Row:
    """Return how cells of the left-out type stand out from all others.

    Parameters
    ----------
    truth
        Types of the query's cells, ``(n_cells,)``.
    """
    from sklearn.metrics import roc_auc_score

    new = truth == left_out
    right = answer.labels == truth
    row = {
        "n_new": int(new.sum()),
        "n_known": int((~new).sum()),
        "auroc": roc_auc_score(new, answer.novelty),
        "fpr95": false_alarms(answer.novelty, new),
        "accuracy": right[~new].mean(),
    }
    if answer.unknown is not None:
        named = ~new & ~answer.unknown
        row |= {
            "unknown_of_known": answer.unknown[~new].mean(),
            "unknown_of_new": answer.unknown[new].mean(),
            "accuracy_of_kept": right[named].mean() if named.any() else None,
        }
    return rounded(row)


def about_confidence(answer: Answer, truth: np.ndarray, batches: np.ndarray) -> Row:
    """Return whether the confidence is a probability, and whether sets hold the true type.

    Parameters
    ----------
    truth
        Types of cells that the method knows, ``(n_cells,)``, in the order of the answer.
    batches
        Their batches, ``(n_cells,)``.
    """
    right = answer.labels == truth
    row: Row = {"n_known": len(truth), "accuracy": right.mean()}
    if answer.confidence is not None:
        report = plkd_metrics().calibration_report(answer.confidence, right)
        row |= {"ece": report.ece, "brier": report.brier}
    if answer.unknown is not None:
        row["unknown_of_known"] = answer.unknown.mean()
    if answer.sets is not None:
        whole, *each = plkd_metrics().set_coverage(truth, answer.sets, batches=batches)
        worst = min(each, key=lambda batch: batch.coverage)
        row |= {
            "coverage": whole.coverage,
            "set_size": whole.mean_size,
            "n_batches": len(each),
            "worst_batch": worst.batch,
            "worst_coverage": worst.coverage,
        }
    return rounded(row)


def bins_of(answer: Answer, truth: np.ndarray) -> list[Row]:
    """Return the points of a reliability diagram, those of bins that hold a cell."""
    if answer.confidence is None:
        return []
    curve = plkd_metrics().reliability_curve(answer.confidence, answer.labels == truth)
    return [
        rounded(
            {
                "bin": place,
                "n_cells": each.n_cells,
                "confidence": each.confidence,
                "bin_accuracy": each.accuracy,
            }
        )
        for place, each in enumerate(curve, start=1)
        if each.n_cells
    ]


def among(answer: Answer, cells: np.ndarray) -> Answer:
    """Return an answer of some of its cells, bool ``(n_cells,)``."""

    def part(values: np.ndarray | None) -> Any:
        return None if values is None else values[cells]

    sets = answer.sets
    return Answer(
        labels=answer.labels[cells],
        novelty=answer.novelty[cells],
        confidence=part(answer.confidence),
        unknown=part(answer.unknown),
        sets=None if sets is None else [sets[cell] for cell in np.flatnonzero(cells)],
        fit_seconds=answer.fit_seconds,
        predict_seconds=answer.predict_seconds,
    )


def false_alarms(novelty: np.ndarray, new: np.ndarray, caught: float = CAUGHT) -> float:
    """Return the share of known cells at or above the novelty that catches enough of the new."""
    highest = np.sort(novelty[new])[::-1]
    threshold = highest[int(np.ceil(caught * len(highest) - 1e-9)) - 1]
    return float((novelty[~new] >= threshold).mean())


def rounded(row: Row) -> Row:
    """Return a row whose fractions have five digits."""
    return {
        name: round(float(value), DIGITS) if isinstance(value, float | np.floating) else value
        for name, value in row.items()
    }


def plkd_metrics() -> Any:
    """Return ``plkd.metrics``, which need neither torch nor an installed plkd."""
    if find_spec("plkd") is None:
        sys.path.append(str(SOURCE))
    import plkd.metrics

    return plkd.metrics
