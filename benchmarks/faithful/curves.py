"""Curves of deletion and insertion: what a score becomes as the first genes of an order change.

Deletion starts from real cells and gives the first k genes of an order the value of a base;
insertion starts from the base and gives them their true values. A base is a value for each gene:
zero (the gene is not expressed), or the background's mean. Values are log1p counts per 10,000 and
the other genes keep theirs: nothing is normalised anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

Way = Literal["deletion", "insertion"]
STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200)
"""Numbers of genes that are changed."""


def steps_for(n_genes: int) -> tuple[int, ...]:
    """Return the steps that a model of so many genes has."""
    return tuple(step for step in STEPS if step <= n_genes)


def places(order: np.ndarray) -> np.ndarray:
    """Return the place of each gene in an order, 0 for the first.

    Parameters
    ----------
    order
        Genes by number, the first in front, ``(n_genes,)`` or a row for each cell.
    """
    return np.argsort(order, axis=-1, kind="stable")


def changed(
    cells: np.ndarray, base: np.ndarray, place: np.ndarray, *, step: int, way: Way
) -> np.ndarray:
    """Return cells whose first ``step`` genes are deleted, or in which only these are inserted.

    Parameters
    ----------
    cells
        True values, ``(n_cells, n_genes)``; left as they are.
    base
        Value of each gene where it is not the cell's own, ``(n_genes,)``.
    place
        Place of each gene, ``(n_genes,)`` or ``(n_cells, n_genes)``.
    """
    first = place < step
    kept = ~first if way == "deletion" else first
    return np.where(kept, cells, base[None, :]).astype(cells.dtype, copy=False)


def curve(
    score: Callable[[np.ndarray], float],
    cells: np.ndarray,
    base: np.ndarray,
    *,
    order: np.ndarray,
    way: Way,
    steps: Sequence[int],
) -> list[float]:
    """Return the score after each step.

    Parameters
    ----------
    score
        Of cells, ``(n_cells, n_genes)``: the mean probability of their type, say.
    order
        Genes by number, ``(n_genes,)`` or a row for each cell.
    """
    place = places(order)
    return [float(score(changed(cells, base, place, step=k, way=way))) for k in steps]


def area(steps: Sequence[int], values: Sequence[float]) -> float:
    """Return the area under a curve over log2(1 + k), as a share of the width: its mean height.

    The logarithm gives the first ten genes about as much room as the next hundred: an explanation
    is read from its top.
    """
    across = np.log2(1 + np.asarray(steps, dtype=float))
    return float(np.trapezoid(values, across) / (across[-1] - across[0]))
