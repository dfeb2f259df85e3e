"""From what a network says of all cells of a query to what can be believed of it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plkd.errors import InputError
from plkd.trust.conformal import ALPHA, prediction_sets
from plkd.trust.drift import Condition, drift_warnings
from plkd.trust.learned import NetworkTrust
from plkd.trust.novelty import FALSE_ALARM, beside_the_query, novelty

if TYPE_CHECKING:
    from plkd.model.predict import Predictor
    from plkd.tools.annotating import Answers


@dataclass(frozen=True)
class Doubt:
    """How much doubt a user wants to hear of.

    Parameters
    ----------
    false_alarm
        Share of cells of known types that may be called unknown, in [0, 1); 0 calls none so.
    error_rate
        Share of cells whose set of types may miss the true one, in (0, 1).
    batch_effect
        Take what all cells of the query have in common off their novelty, and raise that of a query
        closer to the reference than the held-out cells.
    sets_by_type
        Hold the error rate within each type that enough cells of were held out, and not only over
        all cells.

    Raises
    ------
    InputError
        A rate is out of its range.
    """

    false_alarm: float = FALSE_ALARM
    error_rate: float = ALPHA
    batch_effect: bool = True
    sets_by_type: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.false_alarm < 1:
            raise InputError(
                "a false_alarm of 0 or more, below 1", f"{self.false_alarm}", "pass 0.05, say"
            )
        if not 0 < self.error_rate < 1:
            raise InputError("an error_rate between 0 and 1", f"{self.error_rate}", "pass 0.1, say")


@dataclass(frozen=True)
class Judged:
    """What can be believed of a query.

    Attributes
    ----------
    novelty
        Of each cell, float32 ``(n_cells,)`` in [0, 1].
    unknown
        Which cells are called unknown, those without counts among them, ``(n_cells,)``.
    shift
        The query's batch effect, in the units of the scores.
    """

    novelty: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    shift: float


def judge(answers: Answers, predictor: Predictor, doubt: Doubt) -> Judged | None:
    """Judge all cells of a query together; ``None`` where the model does not know when to."""
    trust = predictor.trust
    if trust is None or answers.scores is None or answers.said is None or answers.lone is None:
        return None
    seen = ~answers.no_counts
    scores, lone = (each[seen].astype(np.float64) for each in (answers.scores, answers.lone))
    shift = trust.scale.usual.shift(scores)
    taken_off = shift if doubt.batch_effect else 0.0
    usual = trust.scale.usual if trust.lone is None else trust.lone.usual
    off, heard = usual.shift(lone) if doubt.batch_effect else 0.0, None
    grouped, readings = trust.grouped, _readings_of_groups(answers)
    if grouped is not None and readings is not None:
        together = grouped.scores(lone, readings)
        together_off = grouped.usual.shift(together) if doubt.batch_effect else 0.0
        if trust.asks_groups(together_off, taken_off):
            heard, usual, off = grouped, grouped.usual, together_off
    if heard is None:
        strange = usual.strangeness(lone, off)
    else:
        # New types raise what groups say of others; what cells say alone tells the effect.
        strange = usual.strangeness(together, off, effect=trust.scale.usual.effect(taken_off))
    found = np.ones(len(seen), dtype=np.float32)
    found[seen] = strange
    if heard is None or not heard.heeds_doubt:
        believed = trust.calibration.confidence(answers.said[seen], scores - taken_off)
        # What is written is held at the largest of the other types; taking off only raises it.
        believed = np.maximum(believed, answers.confidence[seen])
        found[seen] = novelty(strange, trust.sets.credibility(believed))
    if doubt.batch_effect and not (off > 0 and usual.knows_spread):
        found[seen] = beside_the_query(found[seen])
    unknown = ~seen
    if doubt.false_alarm > 0:
        unknown = unknown | (found > 1 - doubt.false_alarm)
    return Judged(found, unknown, shift)


def _readings_of_groups(answers: Answers) -> NDArray[np.float32] | None:
    """Return what the groups of cells with counts say; ``None`` where there are no groups."""
    among, groups, doubts = answers.among, answers.groups, answers.doubts
    if among is None or groups is None or doubts is None:
        return None
    seen = ~answers.no_counts
    return among.readings(groups[seen], doubts[seen])


def set_thresholds(
    trust: NetworkTrust | None, doubt: Doubt, *, stacklevel: int = 2
) -> NDArray[np.float32] | None:
    """Return from which probability on each type is in a set; ``None`` where nobody knows.

    Warns
    -----
    UserWarning
        If the model cannot do what was asked for: it has not learned when to be believed, or has
        held out too few cells for the error rate.
    """
    if trust is not None:
        return trust.sets.thresholds(
            doubt.error_rate, by_type=doubt.sets_by_type, stacklevel=stacklevel + 1
        )
    given = {each.name: getattr(doubt, each.name) for each in fields(doubt)}
    asked = [each.name for each in fields(doubt) if given[each.name] != each.default]
    if given["false_alarm"] == 0 and "false_alarm" in asked:
        asked.remove("false_alarm")  # no cell is to be called unknown, and none is
    if asked:
        warnings.warn(
            f"{' and '.join(asked)} can have no effect: the model has not learned when to be "
            "believed, so no cell with counts is called unknown and there are no sets of types",
            UserWarning,
            stacklevel=stacklevel,
        )
    return None


def type_sets(
    probabilities: NDArray[np.float32], thresholds: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return which types are in the set of each cell, as bits, ``(n_cells, ceil(n_types / 8))``."""
    return np.packbits(prediction_sets(probabilities, thresholds), axis=1)


def drift_of(
    answers: Answers,
    judged: Judged,
    usual: Condition,
    weight_share: float,
    *,
    false_alarm: float = FALSE_ALARM,
) -> tuple[str, ...]:
    """Say in what the query is far from the reference."""
    seen = ~answers.no_counts
    if not seen.any():
        return ()
    query = Condition(
        weight_share=weight_share,
        genes_detected=float(np.median(answers.detected[seen])),
        confidence=float(answers.confidence[seen].mean()),
        shift=judged.shift,
        unknown=float(judged.unknown[seen].mean()),
    )
    return drift_warnings(query, usual, false_alarm=false_alarm)


def set_columns(members: NDArray[np.uint8], classes: tuple[str, ...]) -> Any:
    """Return the sets as a categorical of text."""
    import pandas as pd

    from plkd.trust.set_names import set_names

    bits = np.unpackbits(members, axis=1, count=len(classes)).astype(bool)
    codes, texts = set_names(bits, classes)
    return pd.Categorical.from_codes(codes, categories=list(texts))
