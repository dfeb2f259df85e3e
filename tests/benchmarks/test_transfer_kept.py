"""Which rows of the label-transfer benchmark are kept, and which runs are missing."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def kept(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("transfer_kept")


def row(kept: ModuleType, method: str, seed: int, score: float = 0.5) -> object:
    return kept.Row("t", method, seed, score, score, 2.0, 1.0, rare_f1=score)


def test_a_method_without_randomness_runs_once(kept: ModuleType) -> None:
    keys = [("t", method, seed) for seed in (4, 7) for method in ("centroid", "svm")]
    rows = kept.KeptRows()
    assert rows.missing(keys) == [("t", "centroid", 4), ("t", "svm", 4), ("t", "svm", 7)]
    rows.add(row(kept, "centroid", 4))
    rows.add(row(kept, "svm", 4))
    assert rows.missing(keys) == [("t", "svm", 7)]


def test_its_row_stands_for_every_seed(kept: ModuleType) -> None:
    rows = kept.KeptRows([row(kept, "centroid", 4, 0.8), row(kept, "svm", 4)])
    found = rows.rows_of([("t", "centroid", 0), ("t", "centroid", 4), ("t", "svm", 0)])
    assert [(line.method, line.seed, line.macro_f1) for line in found] == [
        ("centroid", 0, 0.8),
        ("centroid", 4, 0.8),
    ]
    assert [line.seed for line in rows.rows()] == [4, 4]


def test_a_new_row_takes_the_place_of_the_old(kept: ModuleType) -> None:
    rows = kept.KeptRows([row(kept, name, seed) for name in ("centroid", "svm") for seed in (0, 1)])
    rows.add(row(kept, "centroid", 2, 0.9))
    rows.add(row(kept, "svm", 1, 0.7))
    found = [(line.method, line.seed, line.macro_f1) for line in rows.rows()]
    assert found == [("centroid", 2, 0.9), ("svm", 0, 0.5), ("svm", 1, 0.7)]


def test_other_tasks_are_other_rows(kept: ModuleType) -> None:
    rows = kept.KeptRows([row(kept, "centroid", 0)])
    assert rows.get(("other", "centroid", 0)) is None
    assert rows.missing([("other", "centroid", 1)]) == [("other", "centroid", 1)]
