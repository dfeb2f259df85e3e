"""How well predicted cell types agree with the truth.

Cells without a truth (None, NaN, "") are left out and counted. A labelled cell without a
prediction counts as wrong and stands under ``"(no prediction)"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from plkd.errors import InputError
from plkd.metrics.codes import Values
from plkd.metrics.results import AbundanceGroup, ClassificationReport, TypeScore
from plkd.metrics.scored_cells import NO_PREDICTION, ScoredCells, scored_cells

ABUNDANCE_EDGES = (1000, 5000)


def accuracy(truth: Values, predicted: Values) -> float:
    """Share of the labelled cells whose predicted type is the true one.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``.

    Returns
    -------
    A number in [0, 1].

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.
    """
    return _accuracy(scored_cells(truth, predicted))


def macro_f1(truth: Values, predicted: Values) -> float:
    """Mean F1 over the cell types present in the truth, each type counting the same.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``. A type that stands only here has no F1 of its
        own; it lowers the recall of the types whose cells it took.

    Returns
    -------
    A number in [0, 1].

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.
    """
    return float(np.mean([score.f1 for score in per_type(truth, predicted)]))


def per_type(truth: Values, predicted: Values) -> tuple[TypeScore, ...]:
    """Precision, recall, F1 and number of cells of each type present in the truth.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``.

    Returns
    -------
    One ``TypeScore`` a type, sorted by name.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.
    """
    return _per_type(scored_cells(truth, predicted))


def confusion(truth: Values, predicted: Values) -> tuple[tuple[str, ...], np.ndarray]:
    """Count the cells of each true type that were predicted as each type.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``.

    Returns
    -------
    The sorted labels of truth and predictions together, and the counts, int64
    ``(n_labels, n_labels)``: row = truth, column = prediction.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.
    """
    scored = scored_cells(truth, predicted)
    return scored.names, _confusion(scored)


def abundance_groups(
    truth: Values, predicted: Values, edges: Sequence[int] = ABUNDANCE_EDGES
) -> tuple[AbundanceGroup, ...]:
    """Mean precision, recall and F1 of rare, middling and abundant cell types.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``.
    edges
        Increasing numbers of cells per type that part the groups. The default, 1,000 and 5,000, is
        the paper's; a type of exactly 1,000 or 5,000 cells is in the middle group.

    Returns
    -------
    ``len(edges) + 1`` groups from rare to abundant, empty ones included.

    Raises
    ------
    InputError
        If the edges are not increasing, the lengths differ, an array has not one dimension, or no
        cell has a truth.

    Notes
    -----
    Implements the grouping of Table 6.
    """
    return _abundance(per_type(truth, predicted), edges)


def report(truth: Values, predicted: Values) -> ClassificationReport:
    """Every measure of one annotation at once.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out and counted.
    predicted
        Predicted type of each cell, ``(n_cells,)``.

    Returns
    -------
    A ``ClassificationReport``; its ``as_dict()`` is ready for JSON.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.
    """
    scored = scored_cells(truth, predicted)
    scores = _per_type(scored)
    none = scored.names.index(NO_PREDICTION) if NO_PREDICTION in scored.names else -1
    return ClassificationReport(
        n_cells=len(scored.truth),
        n_unlabelled=scored.n_unlabelled,
        n_no_prediction=int(np.count_nonzero(scored.predicted == none)),
        accuracy=_accuracy(scored),
        macro_f1=float(np.mean([score.f1 for score in scores])),
        per_type=scores,
        abundance=_abundance(scores, ABUNDANCE_EDGES),
        labels=scored.names,
        confusion=_confusion(scored),
    )


def _accuracy(scored: ScoredCells) -> float:
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(scored.truth, scored.predicted))


def _per_type(scored: ScoredCells) -> tuple[TypeScore, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    columns = precision_recall_fscore_support(
        scored.truth, scored.predicted, labels=scored.types, zero_division=0
    )
    return tuple(
        TypeScore(scored.names[code], float(precision), float(recall), float(f1), int(support))
        for code, precision, recall, f1, support in zip(scored.types, *columns, strict=True)
    )


def _confusion(scored: ScoredCells) -> np.ndarray:
    n = len(scored.names)
    counts = np.bincount(scored.truth * n + scored.predicted, minlength=n * n)
    return counts.reshape(n, n).astype(np.int64)


def _abundance(scores: Sequence[TypeScore], edges: Sequence[int]) -> tuple[AbundanceGroup, ...]:
    if len(edges) == 0 or any(a >= b for a, b in pairwise(edges)):
        raise InputError(
            expected="increasing edges", found=f"{tuple(edges)}", mend="pass edges=(1000, 5000)"
        )
    last = f">={edges[0]}" if len(edges) == 1 else f">{edges[-1]}"
    between = [f"{a}-{b}" for a, b in pairwise(edges)]
    return tuple(
        _mean_scores(name, [score for score in scores if _group(score.support, edges) == place])
        for place, name in enumerate([f"<{edges[0]}", *between, last])
    )


def _group(support: int, edges: Sequence[int]) -> int:
    if support < edges[0]:
        return 0
    return 1 + int(np.searchsorted(edges[1:], support, side="left"))


def _mean_scores(name: str, scores: Sequence[TypeScore]) -> AbundanceGroup:
    def mean(values: Sequence[float]) -> float | None:
        return float(np.mean(values)) if values else None

    return AbundanceGroup(
        name=name,
        n_types=len(scores),
        n_cells=sum(score.support for score in scores),
        precision=mean([score.precision for score in scores]),
        recall=mean([score.recall for score in scores]),
        f1=mean([score.f1 for score in scores]),
    )
