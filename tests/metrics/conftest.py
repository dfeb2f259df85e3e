"""Cells in a joint embedding, with types and batches, for the measures of integration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Cells:
    """Cells of three types and three batches, of unequal numbers."""

    points: np.ndarray
    before: np.ndarray
    types: np.ndarray
    batches: np.ndarray


def drawn_cells(
    n_cells: int = 90, *, seed: int = 0, spread: float = 1.0, shift: float = 0.7
) -> Cells:
    """Types are clouds, batches move them a little; before integration they are moved much more."""
    rng = np.random.default_rng(seed)
    types = rng.choice(["B", "NK", "T"], n_cells, p=[0.2, 0.3, 0.5])
    batches = rng.choice(["one", "three", "two"], n_cells, p=[0.5, 0.2, 0.3])
    centres = {name: rng.normal(0, 2, 4) for name in ("B", "NK", "T")}
    moves = {name: rng.normal(0, 1, 4) for name in ("one", "three", "two")}
    own = np.array([centres[name] for name in types])
    moved = np.array([moves[name] for name in batches])
    noise = rng.normal(0, spread, (n_cells, 4))
    points = own + shift * moved + noise
    return Cells(points, own + 3 * moved + noise + rng.normal(0, 0.3, noise.shape), types, batches)


@pytest.fixture
def cells() -> Cells:
    return drawn_cells()
