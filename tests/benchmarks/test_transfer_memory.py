"""Peak memory of the methods: the file, and which methods are measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def memory(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("transfer_memory")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    line = {
        "name": "kang8:donors",
        "reference": "cells.h5ad",
        "reference_batches": ["a"],
        "query": "cells.h5ad",
        "query_batches": ["b"],
        "labels": "cell_type",
        "batch": "batch",
    }
    (tmp_path / "tasks.json").write_text(json.dumps([line]))
    return tmp_path


def test_lines_come_back(memory: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "new" / "memory.csv"
    assert memory.read_lines(file) == []
    assert memory.read_peaks(file) == {}
    old, other, new = (
        memory.Peak("kang8:donors", "svm", 1.5, 2.0, 0.5),
        memory.Peak("another", "svm", 9.0, 2.0, 0.5),
        memory.Peak("kang8:donors", "svm", 1.25, 2.0, 0.5),
    )
    memory.write_lines(file, [old, other, new])
    assert memory.read_lines(file) == [new, other]
    assert memory.read_peaks(file) == {"svm": 1.25}
    assert memory.read_peaks(file, "another") == {"svm": 9.0}


def test_a_method_that_is_not_installed_keeps_its_line(
    memory: ModuleType,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = data / "memory.csv"
    kept = memory.Peak("kang8:donors", "scanvi", 3.0, 9.0, 1.0)
    memory.write_lines(file, [kept])
    answers = {
        "scanvi": {"missing": "No module named 'scvi'"},
        "svm": {"peak_gib": 1.5, "fit_seconds": 2.0, "predict_seconds": 0.5},
    }
    monkeypatch.setattr(memory, "methods_in_a_process", lambda: list(answers))
    monkeypatch.setattr(memory, "in_a_process", lambda *words: answers[words[-1]])
    assert memory.main(["--data", str(data), "--out", str(file)]) == 0
    assert memory.read_lines(file) == [kept, memory.Peak("kang8:donors", "svm", 1.5, 2.0, 0.5)]
    assert "scanvi is skipped: No module named 'scvi'" in capsys.readouterr().err


def test_the_answer_is_the_last_line_that_a_process_prints(
    memory: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_output", lambda words: 'a peer talks\n{"peak_gib": 1.5}\n')
    assert memory.in_a_process("--here", "svm") == {"peak_gib": 1.5}


def test_a_fresh_process_knows_the_methods(
    memory: ModuleType, script: Callable[[str], ModuleType]
) -> None:
    assert memory.methods_in_a_process() == list(script("transfer_methods").METHODS)
