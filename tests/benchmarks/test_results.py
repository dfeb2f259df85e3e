"""Scores and tables of the label-transfer benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def results(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("results")


def row(results: ModuleType, task: str, method: str, seed: int, score: float) -> object:
    return results.Row(task, method, seed, score, score, fit_seconds=2.0, predict_seconds=1.0)


def test_macro_f1_is_over_the_types_of_the_query(results: ModuleType) -> None:
    truth = np.array(["B", "B", "NK", "NK"])
    labels = np.array(["B", "B", "NK", "DC"])  # DC is no type of the query
    found = results.Prediction(labels, 1.0, 1.0)
    scored = results.scored("task", "method", seed=0, truth=truth, found=found)
    assert scored.accuracy == 0.75
    assert scored.macro_f1 == pytest.approx((1 + 2 / 3) / 2, abs=1e-5)


def test_the_last_of_equal_rows_is_kept(results: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "new" / "rows.csv"
    first, other, last = (
        row(results, "t", "a", 0, 0.1),
        row(results, "t", "a", 1, 0.2),
        row(results, "t", "a", 0, 0.3),
    )
    assert results.read_rows(file) == []
    results.write_rows(file, [first, other, last])
    assert results.read_rows(file) == [last, other]


def test_tables(results: ModuleType) -> None:
    scores = {"a": [(0.8, 0.9), (0.2, 0.3)], "b": [(0.5, 0.5), (0.6, 0.6)]}
    table = results.frame(
        row(results, task, method, seed, pair[seed])
        for method, pairs in scores.items()
        for task, pair in zip(("t1", "t2"), pairs, strict=True)
        for seed in (0, 1)
    )
    per_task = results.per_task(table, "macro_f1", ["a", "b", "c"])
    assert per_task.loc["t1", "a"] == "0.850 ± 0.071"
    assert per_task.loc["mean", "a"] == "0.550 ± 0.071"
    assert per_task.loc["mean", "b"] == "0.550 ± 0.000"
    assert set(per_task["c"]) == {"–"}
    summary = results.summary(table, ["a", "b"])
    assert list(summary["mean rank"]) == ["1.50", "1.50"]
    assert list(summary["fit, s"]) == ["2.0", "2.0"]


def test_a_method_without_every_task_has_no_mean(results: ModuleType) -> None:
    table = results.frame([row(results, "t1", "a", 0, 0.5), row(results, "t2", "b", 0, 0.5)])
    assert list(results.per_task(table, "accuracy", ["a", "b"]).loc["mean"]) == ["–", "–"]


def test_markdown(results: ModuleType) -> None:
    table = results.frame([row(results, "t1", "a", 0, 0.5)])
    text = results.markdown(results.per_task(table, "accuracy", ["a"]), "task")
    assert text == "| task | a |\n| --- | --- |\n| t1 | 0.500 |\n| mean | 0.500 |"
