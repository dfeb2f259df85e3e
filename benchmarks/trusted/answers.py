"""What a method says of each cell of a query, and what plkd and its plain softmax say."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ours import without_obs
from trusted.names import ENTROPY, ERROR_RATE, FALSE_ALARM, PLKD, SOFTMAX

if TYPE_CHECKING:
    from anndata import AnnData
    from kept_models import Fitted

    from plkd import CellAnnotator


@dataclass(frozen=True)
class Answer:
    """What a method says of the query's cells, and the seconds it took.

    Attributes
    ----------
    labels
        Best type of those that the method knows, text ``(n_cells,)``.
    novelty
        High where the cell is like none of them, ``(n_cells,)``.
    confidence
        Probability of the label, ``(n_cells,)``; ``None`` of a method that gives none.
    unknown
        Which cells are called unknown, ``(n_cells,)``; ``None`` of a method that calls none so.
    sets
        Types among which the true one should be, of each cell; ``None`` likewise.
    """

    labels: np.ndarray
    novelty: np.ndarray
    confidence: np.ndarray | None = None
    unknown: np.ndarray | None = None
    sets: Sequence[tuple[str, ...]] | None = None
    fit_seconds: float = float("nan")
    predict_seconds: float = float("nan")


def our_answers(query: AnnData, fit: Fitted) -> dict[str, Answer]:
    """Return what plkd says of a query, and what its Student's plain probabilities do.

    Raises
    ------
    SystemExit
        The model has not learned when to be believed.
    """
    if fit.model.trust_ is None:
        raise SystemExit("a kept model has no trust: it is from before, delete the --models folder")
    labels, probabilities = plain_probabilities(query, fit.model)
    rest, entropy = rest_of(probabilities), entropy_of(probabilities)
    return {
        PLKD: with_trust(query, fit),
        SOFTMAX: Answer(labels, rest, 1 - rest, fit_seconds=fit.seconds),
        ENTROPY: Answer(labels, entropy, fit_seconds=fit.seconds),
    }


def with_trust(query: AnnData, fit: Fitted) -> Answer:
    """Return what plkd writes of a query, of which it is given the counts."""
    import plkd
    from plkd.trust.set_names import types_of_set

    cells = without_obs(query)
    start = time.perf_counter()
    plkd.tl.annotate(cells, fit.model, false_alarm=FALSE_ALARM, error_rate=ERROR_RATE)
    seconds = time.perf_counter() - start
    texts = cells.obs["plkd_set"].astype(str)
    sets = {text: types_of_set(text) for text in texts.unique()}
    return Answer(
        labels=cells.obs["plkd_best_label"].astype(str).to_numpy(),
        novelty=cells.obs["plkd_novelty"].to_numpy().astype(np.float64),
        confidence=cells.obs["plkd_confidence"].to_numpy().astype(np.float64),
        unknown=(cells.obs["plkd_label"].astype(str) == "unknown").to_numpy(),
        sets=[sets[text] for text in texts],
        fit_seconds=fit.seconds,
        predict_seconds=seconds,
    )


def plain_probabilities(query: AnnData, model: CellAnnotator) -> tuple[np.ndarray, np.ndarray]:
    """Return the Student's labels, and its softmax as it is, ``(n_cells, n_types)``."""
    import plkd

    cells = without_obs(query)
    plkd.tl.annotate(cells, without_trust(model), probabilities=True)
    probabilities = np.asarray(cells.obsm["plkd_proba"])
    return np.array(model.classes_, dtype=str)[probabilities.argmax(1)], probabilities


def without_trust(model: CellAnnotator) -> CellAnnotator:
    """Return the same networks, which know nothing of when to be believed."""
    bare = copy.copy(model)
    bare.trust_ = None
    return bare


def rest_of(probabilities: np.ndarray) -> np.ndarray:
    """Return 1 less the largest of each row, to the last digit, of rows that sum to 1.

    The sum of the others tells sure cells apart where the largest is 1 in its own precision.
    """
    exact = np.asarray(probabilities, dtype=np.float64).copy()
    exact[np.arange(len(exact)), exact.argmax(1)] = 0
    return np.minimum(exact.sum(1), 1)


def entropy_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the entropy of each row in nats."""
    exact = np.asarray(probabilities, dtype=np.float64).copy()
    exact[np.arange(len(exact)), exact.argmax(1)] = 1 - rest_of(exact)
    return -(exact * np.log(np.where(exact > 0, exact, 1))).sum(1)
