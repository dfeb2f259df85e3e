"""The scripts of ``benchmarks/`` import each other by bare names; tests borrow them for a while."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a script of the folder; it and its neighbours are forgotten after the test."""
    neighbours = [path.stem for path in SCRIPTS.glob("*.py")]
    for name in neighbours:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(SCRIPTS)
    yield import_module
    for name in neighbours:
        sys.modules.pop(name, None)
