"""Scores and tables of the label-transfer benchmark."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def results(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("results")


def row(results: ModuleType, task: str, method: str, seed: int, score: float) -> object:
    return results.Row(task, method, seed, score, score, 2.0, 1.0, rare_f1=score)


def test_macro_f1_is_over_the_types_of_the_query(results: ModuleType) -> None:
    truth = np.array(["B", "B", "NK", "NK"])
    labels = np.array(["B", "B", "NK", "DC"])  # DC is no type of the query
    found = results.Prediction(labels, 1.0, 1.0)
    scored = results.scored("task", "method", seed=0, truth=truth, found=found)
    assert scored.accuracy == 0.75
    assert scored.macro_f1 == pytest.approx((1 + 2 / 3) / 2, abs=1e-5)


def test_rare_types_are_those_below_a_twentieth_of_the_reference(results: ModuleType) -> None:
    reference = np.repeat(["B", "DC", "NK", "pDC", "T"], [50, 5, 4, 1, 40])
    assert results.rare_types(reference, np.array(["T", "DC", "NK"])) == ["NK"]
    assert results.rare_types(reference, np.array(["NK", "pDC", "B"])) == ["NK", "pDC"]
    assert results.rare_types(reference, np.array(["B", "T"])) == []


def test_rare_f1_is_over_the_rare_types_alone(results: ModuleType) -> None:
    reference = np.repeat(["B", "NK", "pDC"], [96, 3, 1])
    truth = np.array(["B", "B", "B", "NK", "NK", "pDC"])
    found = results.Prediction(np.array(["B", "B", "NK", "NK", "B", "B"]), 1.0, 1.0)
    scored = results.scored("t", "m", seed=0, truth=truth, found=found, reference=reference)
    assert scored.rare_f1 == pytest.approx((0.5 + 0) / 2, abs=1e-5)
    common = truth[:3]
    found = results.Prediction(common, 1.0, 1.0)
    for types in (reference, None):
        row = results.scored("t", "m", seed=0, truth=common, found=found, reference=types)
        assert math.isnan(row.rare_f1)
        assert row.macro_f1 == 1


def test_rows_from_before_rare_f1_are_read(results: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text(
        "task,method,seed,accuracy,macro_f1,fit_seconds,predict_seconds\nt,a,1,0.5,0.4,2.0,1.0\n"
    )
    (row,) = results.read_rows(file)
    assert (row.task, row.method, row.seed, row.macro_f1) == ("t", "a", 1, 0.4)
    assert math.isnan(row.rare_f1)
    results.write_rows(file, [row])
    assert math.isnan(results.read_rows(file)[0].rare_f1)


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
    table = results.frame(
        [
            *(row(results, task, "a", 0, 0.5) for task in ("t1", "t2")),
            row(results, "t2", "b", 0, 0.9),
        ]
    )
    means = results.per_task(table, "accuracy", ["a", "b", "c"]).loc["mean"]
    assert list(means) == ["0.500", "– (1 of 2)", "–"]
    assert results.complete_methods(table, ["c", "b", "a"]) == ["a"]
    summary = results.summary(table, ["a", "b", "c"])
    assert list(summary.loc["a", ["mean rank", "fit, s"]]) == ["1.00", "2.0"]
    for method in ("b", "c"):
        assert set(summary.loc[method, ["mean rank", "fit, s", "predict, s"]]) == {"–"}


def test_a_seed_that_lacks_a_task_is_not_in_the_deviation_of_the_mean(results: ModuleType) -> None:
    runs = [("t1", 0, 0.4), ("t2", 0, 0.6), ("t1", 1, 0.5), ("t2", 1, 0.7), ("t1", 2, 0.9)]
    table = results.frame(row(results, task, "a", seed, score) for task, seed, score in runs)
    mean = results.per_task(table, "macro_f1", ["a"]).loc["mean", "a"]
    assert mean == "0.625 ± 0.071"  # (0.6 + 0.65) / 2, and the deviation of 0.5 and 0.6


def test_a_task_without_rare_types_is_not_in_their_mean(results: ModuleType) -> None:
    rows = [row(results, task, "a", 0, 0.5) for task in ("t1", "t2")]
    rows.append(results.Row("t3", "a", 0, 1.0, 1.0, 2.0, 1.0))
    rows.append(row(results, "t1", "b", 0, 0.7))
    text = results.per_task(results.frame(rows), "rare_f1", ["a", "b"])
    assert list(text["a"]) == ["0.500", "0.500", "–", "0.500"]
    assert list(text["b"]) == ["0.700", "–", "–", "– (1 of 2)"]
    summary = results.summary(results.frame(rows), ["a"])
    assert list(summary.loc["a", ["macro F1", "rare-type F1"]]) == ["0.667", "0.500"]


def test_ranks_are_among_the_methods_of_a_table(results: ModuleType) -> None:
    scores = {"a": 0.3, "b": 0.5, "c": 0.9}
    table = results.frame(row(results, "t", name, 0, score) for name, score in scores.items())
    assert list(results.summary(table, ["a", "b"])["mean rank"]) == ["2.00", "1.00"]
    assert list(results.summary(table, ["a", "b", "c"])["mean rank"]) == ["3.00", "2.00", "1.00"]


def test_memory_is_a_column_where_it_was_measured(results: ModuleType) -> None:
    table = results.frame([row(results, "t", "a", 0, 0.5), row(results, "t", "b", 0, 0.5)])
    assert "peak memory, GiB" not in results.summary(table, ["a", "b"], {})
    peaks = results.summary(table, ["a", "b"], {"b": 1.234, "z": 9.0})["peak memory, GiB"]
    assert list(peaks) == ["–", "1.23"]


def test_markdown(results: ModuleType) -> None:
    table = results.frame([row(results, "t1", "a", 0, 0.5)])
    text = results.markdown(results.per_task(table, "accuracy", ["a"]), "task")
    assert text == "| task | a |\n| --- | --- |\n| t1 | 0.500 |\n| mean | 0.500 |"
