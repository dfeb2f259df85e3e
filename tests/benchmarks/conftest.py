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
    neighbours = {path.stem for path in SCRIPTS.iterdir()}
    for name in _loaded(neighbours):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(SCRIPTS)
    yield import_module
    for name in _loaded(neighbours):
        del sys.modules[name]


def _loaded(neighbours: set[str]) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in neighbours]
