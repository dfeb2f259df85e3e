"""How many genes a model has: as many as its reference says that its types are told by.

Types of blood are told by few genes each, layers of cortex by many that vary little. Which of the
two a reference is can be seen before anything is trained. Beyond the paper, which has 2,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.highly_variable import select_genes
from plkd.data.type_profiles import type_profiles

Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]

FEWER = 2000
"""Genes where no more are needed: the paper's."""

MORE = 4000
"""Genes where types are told by many; all, where the reference has fewer."""

LEAST_GAIN = 0.02
"""Macro F1 that more genes must gain. References of blood gain 0.004 at most, slices of cortex at
least 0.045 (``docs/results/number_of_genes.md``); more genes cost time."""

N_FOLDS = 5

FEWEST_CELLS = 5
"""Cells from which the mean of a type is taken."""

MOST_CELLS = 20_000
"""Cells that are judged; of more some are drawn."""


@dataclass(frozen=True, eq=False)
class ChosenGenes:
    """The genes of a model, and why so many.

    Attributes
    ----------
    positions
        Positions of the genes, ascending, ``(n_genes,)``.
    macro_f1
        By number of genes, how well held-out cells were named with so many; empty where the number
        was given, or the reference has no more genes than the smaller number.
    """

    positions: NDArray[np.int64]
    macro_f1: dict[int, float]


def choose_genes(
    log1p: csr_matrix,
    codes: NDArray[np.int64],
    *,
    n_genes: int | None = None,
    batches: NDArray[Any] | None = None,
    seed: int = 0,
) -> ChosenGenes:
    """Choose the genes of a model, and how many where that is not said.

    Parameters
    ----------
    log1p
        log1p counts of the reference, ``(n_cells, n_all_genes)``.
    codes
        Type of each cell, ``(n_cells,)``, -1 where it is not known.
    n_genes
        How many; ``None`` takes 2,000, or 4,000 where these name held-out cells better.
    batches
        Batch of each cell, ``(n_cells,)``: genes that vary in many come first.
    seed
        Of the cells that are held out.

    Returns
    -------
    Genes as :func:`plkd.data.select_genes` chooses them.

    Notes
    -----
    Every cell is named by the types' means of four fifths of the cells, the one it correlates best
    with; compared is macro F1. Held out are cells and not batches: over whole batches the gain of
    more genes varies more from reference to reference, and tells them apart less well.
    """
    f1: dict[int, float] = {}
    if n_genes is None:
        n_genes = FEWER
        if log1p.shape[1] > FEWER:
            f1 = _judged(log1p, codes, batches, seed)
        if f1 and f1[max(f1)] - f1[min(f1)] >= LEAST_GAIN:
            n_genes = MORE
    return ChosenGenes(select_genes(log1p, n_genes, batches, types=codes), f1)


def five_folds(n_cells: int, seed: int) -> Folds:
    """Return five times places of cells that teach and places of cells that are held out."""
    from sklearn.model_selection import KFold

    return list(KFold(N_FOLDS, shuffle=True, random_state=seed).split(np.arange(n_cells)))


def held_out_macro_f1(expression: csr_matrix, codes: NDArray[np.int64], folds: Folds) -> float:
    """Say how well cells are named by the means of types that did not hear them.

    Parameters
    ----------
    expression
        log1p counts, ``(n_cells, n_genes)``.
    codes
        Type of each cell, ``(n_cells,)``.
    folds
        Places of cells that teach and of cells that are named, each cell named at most once.

    Returns
    -------
    Macro F1 over the types of which means could be taken; 0 where there was none.
    """
    from sklearn.metrics import f1_score

    n_types = int(codes.max()) + 1
    found = np.full(len(codes), -1, dtype=np.int64)
    plain = np.ones(expression.shape[1], dtype=np.float32)
    for learned, asked in folds:
        known = np.bincount(codes[learned], minlength=n_types) >= FEWEST_CELLS
        learned, asked = learned[known[codes[learned]]], asked[known[codes[asked]]]
        if not (len(learned) and len(asked)):
            continue
        profiles = type_profiles(expression[learned], codes[learned], n_types, scale=plain)
        likeness = expression[asked] @ profiles.T
        likeness[:, ~known] = -np.inf
        found[asked] = likeness.argmax(1)
    named = found >= 0
    if not named.any():
        return 0.0
    types = np.unique(codes[named])
    return float(f1_score(codes[named], found[named], labels=types, average="macro"))


def _judged(
    log1p: csr_matrix, codes: NDArray[np.int64], batches: NDArray[Any] | None, seed: int
) -> dict[int, float]:
    """Return macro F1 by the number of genes, of cells that have a type; of many some are drawn."""
    cells = np.flatnonzero(codes >= 0)
    if len(cells) > MOST_CELLS:
        cells = np.sort(np.random.default_rng(seed).permutation(cells)[:MOST_CELLS])
    if len(cells) < N_FOLDS:
        return {}
    some, types = log1p[cells], codes[cells]
    seen_in = None if batches is None else batches[cells]
    folds = five_folds(len(cells), seed)
    chosen = [select_genes(some, n_genes, seen_in, types=types) for n_genes in (FEWER, MORE)]
    return {len(genes): held_out_macro_f1(some[:, genes], types, folds) for genes in chosen}
