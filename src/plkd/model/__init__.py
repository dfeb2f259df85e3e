"""The fitted model and its files: what is learned, saved and loaded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator

__all__ = ["CellAnnotator"]


def __getattr__(name: str) -> Any:
    if name != "CellAnnotator":
        raise AttributeError(f"module 'plkd.model' has no attribute {name!r}")
    value = import_module("plkd.model.annotator").CellAnnotator
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
