"""What the page of label transfer says of its rows."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pandas as pd
import pytest

Scores = dict[str, tuple[float, float]]
"""Macro F1 of a method on two tasks."""

BLIND: Scores = {"svm": (0.9, 0.5), "celltypist": (0.6, 0.7), "plkd teacher": (0.8, 0.7)}
SEEING: Scores = {"harmony + knn": (0.85, 0.6), "plkd adapted": (0.905, 0.72)}


@pytest.fixture
def said(script: Callable[[str], ModuleType]) -> Callable[[Scores], list[str]]:
    claims = script("transfer_claims")

    def of(scores: Scores) -> list[str]:
        rows = [
            {"task": task, "method": method, "seed": seed, "macro_f1": value + shift}
            | {"accuracy": value, "fit_seconds": 2.0 if method == "plkd adapted" else 9.0}
            for method, values in scores.items()
            for task, value in zip(("t1", "t2"), values, strict=True)
            for seed, shift in ((0, 0.01), (1, -0.01))
            if value == value
        ]
        return claims.sentences(pd.DataFrame(rows), list(scores))

    return of


def test_where_it_holds(said: Callable[[Scores], list[str]]) -> None:
    average, each, rank, harmony, lowered = said({**BLIND, **SEEING, "plkd student": (0.91, 0.69)})
    assert average.startswith("**Holds**")
    assert "in macro F1 0.800 (best peer: svm, 0.700) and accuracy 0.800" in average
    assert "the best of 2 on each task, would reach 0.800, which is +0.000" in average
    assert each.startswith("**Holds**")
    assert each.endswith("; on 1 of 2 above it.")
    assert rank == (
        "**Holds**: the Student's mean rank is the best, 2.00 of 4 methods; plkd teacher 2.25."
    )
    assert "macro F1 0.812 is above harmony + knn's 0.725 (2 of 2 tasks)" in harmony
    assert "takes 4 times as long" in harmony  # 9 s and 2 s
    assert lowered.startswith("**Holds**")
    assert "it gains +0.013 on average" in lowered


def test_of_a_peer_that_was_not_timed_no_seconds_are_told(
    script: Callable[[str], ModuleType],
) -> None:
    rows = [
        {"task": "t1", "method": method, "seed": 0, "macro_f1": 0.8, "fit_seconds": seconds}
        for method, seconds in (("harmony + knn", float("nan")), ("plkd adapted", 2.0))
    ]
    sentence = script("transfer_claims").against(pd.DataFrame(rows), "harmony + knn")
    assert sentence.endswith("above harmony + knn's 0.800 (1 of 1 tasks).")


def test_the_disputed_task_is_explained_where_it_is_lost(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = script("transfer_claims")
    rows = [
        {"task": "pbmc:to_zheng", "method": method, "seed": 0, "macro_f1": value}
        for method, value in (("svm", 0.8), ("plkd student", 0.7))
    ]
    link = "Which cells decide `pbmc:to_zheng`: [disputed.md](disputed.md)."
    assert claims.each_task(pd.DataFrame(rows), ["svm"]).endswith(link)
    monkeypatch.setattr(claims, "FAR_BELOW", 0.2)
    assert link not in claims.each_task(pd.DataFrame(rows), ["svm"])


def test_where_it_does_not(said: Callable[[Scores], list[str]]) -> None:
    scores = {**BLIND, **SEEING, "plkd adapted": (0.9, 0.68), "plkd student": (0.65, 0.7)}
    average, each, rank, harmony, lowered = said(scores)
    assert average.startswith("**Does not hold**")  # 0.675, svm 0.7
    assert each.startswith("**Does not hold**")
    assert each.endswith("on 0 of 2 above it. Below it: `t1` (-0.250, svm).")
    assert rank == (
        "**Does not hold**: the Student's mean rank is the best, 2.50 of 4 methods; plkd teacher "
        "2.00."
    )
    assert harmony.startswith("**Holds**")
    assert lowered.endswith("By more: `t2` (-0.020).")


def test_a_peer_that_sees_the_query_counts_on_the_tasks_that_it_ran_on(
    said: Callable[[Scores], list[str]],
) -> None:
    scores = {**BLIND, **SEEING, "scanvi": (0.95, float("nan")), "plkd student": (0.9, 0.7)}
    (scanvi,) = [sentence for sentence in said(scores) if "scanvi" in sentence]
    assert scanvi.startswith("**Does not hold**")
    assert "macro F1 0.905 is above scanvi's 0.950 (1 of 2 tasks)" in scanvi
    assert scanvi.endswith("scanvi is ahead on `t1`.")


def test_nothing_is_said_without_plkd(said: Callable[[Scores], list[str]]) -> None:
    assert said({"svm": (0.9, 0.5), "harmony + knn": (0.8, 0.7)}) == []
