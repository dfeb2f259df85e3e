"""The scripts of ``benchmarks/`` import each other by bare names; tests borrow them for a while."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from toy import toy_reference

SCRIPTS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def tasks_of_one_file(tmp_path: Path) -> Path:
    """Two tasks that learn from the same two batches, and one that learns from a single batch."""
    toy_reference(180, 120, n_batches=3).write_h5ad(tmp_path / "cells.h5ad")
    always = {"reference": "cells.h5ad", "query": "cells.h5ad", "labels": "cell_type"}
    always |= {"batch": "batch", "query_batches": ["donor 3"]}
    references = {
        "one": ["donor 1", "donor 2"],
        "again": ["donor 1", "donor 2"],
        "two": ["donor 1"],
    }
    lines = [
        {"name": name, "reference_batches": batches, **always}
        for name, batches in references.items()
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(lines))
    return tmp_path


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a script of the folder; it and its neighbours are forgotten after the test."""
    neighbours = {path.stem for path in SCRIPTS.iterdir()}
    for name in _loaded(neighbours):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(SCRIPTS)
    yield import_module
    for name in _loaded(neighbours):
        del sys.modules[name]


def _loaded(neighbours: set[str]) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in neighbours]
