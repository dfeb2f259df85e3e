"""Numbers and names as the pages of the studies write them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

from results import plus_minus
from study.names import LOOKS, NETWORKS

if TYPE_CHECKING:
    import pandas as pd


def in_words(method: str) -> str:
    """Return what a method is called within a sentence."""
    return f"the {LOOKS[method].name}" if method in NETWORKS else LOOKS[method].name


def listed(words: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def opened(sentence: str) -> str:
    """Return a sentence with a capital at its start."""
    return sentence[:1].upper() + sentence[1:]


def scored(scores: pd.DataFrame, key: Hashable) -> str:
    """Return "0.812 ± 0.004" from columns ``mean`` and ``std``, "–" where the key is not there."""
    if key not in scores.index:
        return "–"
    return plus_minus(scores.loc[key, "mean"], scores.loc[key, "std"])


def percent(scores: pd.DataFrame, key: Hashable) -> str:
    """Return "97.3 ± 0.4 %" from columns ``mean`` and ``std``, "–" where the key is not there."""
    if key not in scores.index:
        return "–"
    mean, std = 100 * scores.loc[key, "mean"], 100 * scores.loc[key, "std"]
    return f"{mean:.1f} %" if std != std else f"{mean:.1f} ± {std:.1f} %"


def signed(number: float) -> str:
    """Return a difference as "+0.012" or "-0.012"."""
    return f"{number:+.3f}"


def verdict(checks: Iterable[bool]) -> str:
    """Return whether all that is aimed at was reached."""
    return "**Holds**" if all(checks) else "**Does not hold**"


def outcome(student: float, others: dict[str, float]) -> str:
    """Return how a score of the Student stands to those of other methods, in words."""
    below = [in_words(method) for method, score in others.items() if score < student]
    rest = [in_words(method) for method, score in others.items() if not score < student]
    if not rest:
        return "above all others" if len(below) > 1 else f"above that of {below[0]}"
    if not below:
        return "not above any other" if len(rest) > 1 else f"not above that of {rest[0]}"
    return f"above that of {listed(below)}, not above that of {listed(rest)}"
