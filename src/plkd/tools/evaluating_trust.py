"""What confidence, sets and "unknown" of an annotated table are worth against the truth."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.metrics.calibration import calibration_report
from plkd.metrics.classification import accuracy
from plkd.metrics.codes import label_codes
from plkd.metrics.coverage import set_coverage
from plkd.metrics.rejection import UNKNOWN, rejection_report
from plkd.metrics.trust_results import CalibrationReport, SetCoverage, TrustReport
from plkd.trust.set_names import types_of_set

LABEL, CONFIDENCE, BEST, DEEPEST = "_label", "_confidence", "_best", "_deepest"


class Columns(NamedTuple):
    """Columns of ``obs``; None for those that are not there, or not to be looked at.

    ``named`` is the column in which a cell may be unknown: of best labels, the labels beside them.
    """

    truth: str
    label: str
    named: str
    confidence: str | None
    batch: str | None
    best_label: str | None
    novelty: str | None
    sets: str | None


def key_of(prediction_key: str, names: Collection[str]) -> str | None:
    """Return the ``key_added`` under which a column was written; None for another's column.

    Parameters
    ----------
    prediction_key
        The column, of labels, of best labels, or of the deepest types of a hierarchy.
    names
        The columns that are there: a ``key_added`` that ends in "_best" has more than its label.
    """
    if (deepest := prediction_key.removesuffix(DEEPEST)) not in ("", prediction_key):
        return deepest if "/" not in deepest else None
    key, there, _ = prediction_key.rpartition(LABEL)
    if not there or not key or "/" in key:
        return None
    before = key.removesuffix(BEST)
    own = {*SlotNames(key).of_cells} - {prediction_key}
    return before if before and own.isdisjoint(names) else key


def columns_of(
    names: Collection[str],
    labels_key: str,
    prediction_key: str,
    *,
    confidence_key: str | None,
    batch_key: str | None,
) -> Columns:
    """Find what annotation wrote beside the predicted types.

    Parameters
    ----------
    names
        The columns that are there.
    labels_key, prediction_key
        Columns of the true and of the predicted types.
    confidence_key, batch_key
        Columns of the confidence and of the batches, where they are named.

    Returns
    -------
    The columns; of the confidence the one named, else that beside the predicted types.

    Raises
    ------
    InputError
        Batches were named and there are no sets to be looked at by batch.
    """

    def beside(name: str) -> str | None:
        return name if name in names and key is not None else None

    key = key_of(prediction_key, names)
    slots = SlotNames(key or "none")
    rest = prediction_key.rpartition(LABEL)[2]
    found = Columns(
        truth=labels_key,
        label=prediction_key,
        named=(beside(slots.label) if prediction_key == slots.best_label else None)
        or prediction_key,
        confidence=confidence_key or beside(f"{key}{CONFIDENCE}{rest}"),
        batch=batch_key,
        best_label=beside(slots.best_label),
        novelty=beside(slots.novelty),
        sets=beside(slots.type_set),
    )
    if batch_key is not None and found.sets is None:
        raise InputError(
            f"sets of types to look at by batch, in a column '{slots.type_set}'"
            if key is not None
            else "sets of types beside the predicted ones, to look at by batch",
            "none",
            "annotate so that sets are written, or leave the batch out",
        )
    return found


def trust_report(obs: Any, columns: Columns, known_types: Collection[str] | None) -> TrustReport:
    """Measure what is there.

    Parameters
    ----------
    obs
        The table of cells.
    columns
        Which of its columns mean what; those that are named are there.
    known_types
        The types of the model, where it is known which they were.

    Returns
    -------
    The report. The confidence is that of the label, so cells called unknown are not in it. Cells
    that were never annotated, without a prediction, count for none of the shares of right labels
    and for no set.

    Raises
    ------
    InputError
        A confidence or a novelty is not a number or out of its range; no cell has a truth.
    """
    truth = obs[columns.truth].to_numpy(dtype=object)
    label = obs[columns.label].to_numpy(dtype=object)
    named = obs[columns.named].to_numpy(dtype=object)
    novelty = None if columns.novelty is None else _numbers(obs, columns.novelty)
    return TrustReport(
        rejection=rejection_report(truth, named, known_types=known_types, novelty=novelty),
        best_label_accuracy=_best_label_accuracy(obs, columns, truth),
        calibration=_calibration(obs, columns, truth, label),
        sets=_sets(obs, columns, truth, label),
    )


def _best_label_accuracy(obs: Any, columns: Columns, truth: np.ndarray) -> float | None:
    if columns.best_label is None:
        return None
    best = obs[columns.best_label].to_numpy(dtype=object)
    judged = _both(truth, best)
    return accuracy(truth[judged], best[judged]) if judged.any() else None


def _calibration(
    obs: Any, columns: Columns, truth: np.ndarray, label: np.ndarray
) -> CalibrationReport | None:
    if columns.confidence is None:
        return None
    confidence = _numbers(obs, columns.confidence)
    true_names, true_codes = label_codes(truth, "truth")
    names, codes = label_codes(label, "predicted")
    named = np.array([name != UNKNOWN for name in names] + [False])
    judged = (true_codes >= 0) & named[codes]
    if not judged.any():
        return None
    place = {name: code for code, name in enumerate(true_names)}
    as_truth = np.array([place.get(name, -1) for name in names] + [-1])
    right = as_truth[codes[judged]] == true_codes[judged]
    return calibration_report(confidence[judged], right)


def _sets(
    obs: Any, columns: Columns, truth: np.ndarray, label: np.ndarray
) -> tuple[SetCoverage, ...]:
    judged = _both(truth, label)
    if columns.sets is None or not judged.any():
        return ()
    obs, truth = obs.loc[judged], truth[judged]
    texts, codes = label_codes(obs[columns.sets].to_numpy(dtype=object), columns.sets)
    members = [*(frozenset(types_of_set(text)) for text in texts), frozenset[str]()]
    batches = None if columns.batch is None else obs[columns.batch].to_numpy(dtype=object)
    return set_coverage(truth, [members[code] for code in codes], batches=batches)


def _both(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Say which cells have a truth and were annotated."""
    return (label_codes(truth, "truth")[1] >= 0) & (label_codes(predicted, "predicted")[1] >= 0)


def _numbers(obs: Any, key: str) -> np.ndarray:
    """Return a column of numbers; a missing one is NaN, which the measures refuse."""
    column = obs[key]
    if getattr(column.dtype, "kind", "O") not in "biuf":
        raise InputError(
            f"numbers in the column '{key}'", f"values of type {column.dtype}", "name another"
        )
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
