"""Rows of the integration benchmark: an embedding measured, and which runs are still missing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
from integrated.names import ALL, MEASURES, UNSEEN, WITHOUT_RANDOMNESS
from integrated.scenes import Scene
from study.rows import Row

Key = tuple[str, str, str, int | None]
"""Part, task, method and seed; of methods without randomness the seed is None."""

SOURCE = Path(__file__).resolve().parents[2] / "src"
DRAW = 0
"""Seed of the cells that are drawn and of the clusters: the same for all methods."""


def key_of(row: Row) -> Key:
    """Return the run that a row is of."""
    return run_key(row["part"], row["task"], row["method"], int(row["seed"]))


def run_key(part: str, task: str, method: str, seed: int) -> Key:
    """Return what names a run."""
    return part, task, method, None if method in WITHOUT_RANDOMNESS else seed


def is_plkd_installed() -> bool:
    """Say whether plkd can run here; its measures can where its source is."""
    try:
        distribution("plkd")
    except PackageNotFoundError:
        return False
    return True


def measured(
    scene: Scene, embedding: np.ndarray, head: Row, *, max_cells: int | None
) -> Iterator[Row]:
    """Yield what an embedding is like: of all cells, and of those of the query alone.

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    head
        First columns of the rows.
    max_cells
        Measure at most so many cells, drawn by chance, the same ones for every method.
    """
    report = _report()
    for cells, chosen in ((ALL, np.ones(len(scene.types), dtype=bool)), (UNSEEN, scene.unseen)):
        batches = scene.batches[chosen]
        several = len(np.unique(batches)) > 1
        said = report(
            np.ascontiguousarray(embedding[chosen]),
            scene.types[chosen],
            batches if several else None,
            original=scene.original_among(chosen) if several else None,
            max_cells=max_cells,
            seed=DRAW,
        ).as_dict()
        yield {
            **head,
            "cells": cells,
            "n_cells": said["n_cells"],
            "n_batches": said["n_batches"],
            **{name: _rounded(said[name]) for name in MEASURES},
        }


def replaced(rows: Sequence[Row], new: Iterable[Row]) -> list[Row]:
    """Return rows with those of a run in the place of its earlier ones."""
    new = list(new)
    gone = {key_of(row) for row in new}
    return [*(row for row in rows if key_of(row) not in gone), *new]


def _report() -> Any:
    """Return the function that measures; it needs neither torch nor an installed plkd."""
    if not is_plkd_installed() and str(SOURCE) not in sys.path:
        sys.path.append(str(SOURCE))
    from plkd.metrics import integration_report

    return integration_report


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
