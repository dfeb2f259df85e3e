"""Cells simulated from known pathway activity: which gene sets are switched on in which type.

Genes are drawn from real gene sets, so that the overlap between sets is real, with some genes that
are in none. A cell's rate of a gene is

    base rate x type's own noise x batch factor x (fold ** activity) of each set that is on in it,

and its count a negative binomial draw around depth x rate. A set that is on multiplies a share of
its genes only, each by a fold of its own, and is more or less active from cell to cell. One further
set is on in some cells of every type: a state (cycling, stressed) that says nothing of the type.
Depth, spread of genes and overdispersion are about those of a real file (10x PBMC of 8 donors:
median depth 1,000, standard deviation of its logarithm 0.5, of the logarithm of gene means 1 to
2.4, overdispersion 0.13). Fold, share and noise were chosen so that the plain test of a set's mean
expression is good and not perfect (AUROC 0.99 on seeds that the benchmark does not use), before any
model was trained on such cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from predictions import BATCH, LABELS

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.gene_sets import GeneSets


@dataclass(frozen=True)
class Design:
    """What is simulated.

    Attributes
    ----------
    n_cells, n_genes, n_types, n_batches
        Sizes. Types are unequal: the commonest has four times the cells of the rarest.
    sets_per_type
        Sets that are on in a type and in no other.
    outside
        Share of the genes that are in no set.
    least
        Genes that a set needs among those drawn to be switched on.
    fold, fold_spread, responding
        Median fold change of a responding gene at activity 1, standard deviation of its natural
        logarithm over genes, and the share of a set's genes that respond.
    activity_shape
        Shape of the gamma distribution of the activity, whose mean is 1.
    state_share
        Share of the cells in which the set of the state is on.
    gene_spread, type_noise, batch_noise
        Standard deviations of natural logarithms: of base rates over genes; of what a type or a
        batch does to each gene beside the sets.
    depth, depth_spread, dispersion
        Median counts of a cell, standard deviation of their natural logarithm, overdispersion.
    """

    n_cells: int = 2000
    n_genes: int = 1000
    n_types: int = 6
    n_batches: int = 2
    sets_per_type: int = 2
    outside: float = 0.2
    least: int = 10
    fold: float = 2.0
    fold_spread: float = 0.3
    responding: float = 0.5
    activity_shape: float = 4.0
    state_share: float = 0.2
    gene_spread: float = 1.8
    type_noise: float = 0.3
    batch_noise: float = 0.3
    depth: float = 1000.0
    depth_spread: float = 0.5
    dispersion: float = 0.13


@dataclass(frozen=True, eq=False)
class Simulated:
    """Simulated cells and their truth.

    Attributes
    ----------
    cells
        Counts in ``X``, types in ``obs[LABELS]``, batches in ``obs[BATCH]``.
    planted
        Names of the sets that are on in each type.
    state
        Name of the set that is on in some cells of all types.
    folds
        Fold change of each gene at activity 1, ``(n_genes,)``, by set; 1 where it does not respond.
    """

    cells: AnnData
    planted: Mapping[str, tuple[str, ...]]
    state: str
    folds: Mapping[str, np.ndarray]


def simulate(sets: GeneSets, design: Design, seed: int) -> Simulated:
    """Return simulated cells, the same for the same seed.

    Raises
    ------
    ValueError
        Too few sets have enough of the genes to be switched on.
    """
    import anndata
    import pandas as pd
    import scipy.sparse as sp

    rng = np.random.default_rng([seed, 17])
    genes = drawn_genes(sets, design, rng)
    planted, state = chosen_sets(sets, genes, design, rng)
    on = [*(name for names in planted.values() for name in names), state]
    folds = {name: _folds(_held(sets, name, genes), design, rng) for name in on}
    codes, batches = _types_and_batches(design, rng)
    counts = rng.poisson(_means(planted, state, folds, codes, batches, design=design, rng=rng))
    types, several = np.array(list(planted)), np.array([f"batch {n}" for n in range(99)])
    cells = anndata.AnnData(
        sp.csr_matrix(counts.astype(np.float32)),
        obs=pd.DataFrame(
            {LABELS: pd.Categorical(types[codes]), BATCH: pd.Categorical(several[batches])},
            index=[f"cell {n}" for n in range(design.n_cells)],
        ),
        var=pd.DataFrame(index=list(genes)),
    )
    return Simulated(cells, planted, state, folds)


def drawn_genes(sets: GeneSets, design: Design, rng: np.random.Generator) -> tuple[str, ...]:
    """Return genes drawn from all sets alike, and names of genes that are in no set."""
    within = sorted({gene for _, members in sets for gene in members})
    n_outside = round(design.outside * design.n_genes)
    chosen = rng.choice(within, design.n_genes - n_outside, replace=False).tolist()
    mixed = [*chosen, *(f"XGENE{n}" for n in range(n_outside))]
    return tuple(rng.permutation(mixed).tolist())


def chosen_sets(
    sets: GeneSets, genes: tuple[str, ...], design: Design, rng: np.random.Generator
) -> tuple[dict[str, tuple[str, ...]], str]:
    """Return the sets that are on in each type, each in one type only, and the set of the state."""
    able = [name for name in sets.names if _held(sets, name, genes).sum() >= design.least]
    needed = design.n_types * design.sets_per_type + 1
    if len(able) < needed:
        raise ValueError(f"{needed} sets with {design.least} of the genes, found {len(able)}")
    order = rng.permutation(able)[:needed].tolist()
    per_type = design.sets_per_type
    planted = {
        f"type {row + 1}": tuple(order[row * per_type : (row + 1) * per_type])
        for row in range(design.n_types)
    }
    return planted, order[-1]


def _held(sets: GeneSets, name: str, genes: tuple[str, ...]) -> np.ndarray:
    return np.isin(genes, list(sets.genes[sets.names.index(name)]))


def _folds(held: np.ndarray, design: Design, rng: np.random.Generator) -> np.ndarray:
    logs = rng.normal(np.log(design.fold), design.fold_spread, len(held))
    responds = held & (rng.random(len(held)) < design.responding)
    return np.where(responds, np.exp(logs), 1.0)


def _types_and_batches(design: Design, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    share = np.linspace(1.0, 0.25, design.n_types)
    within = (np.arange(design.n_cells) + 0.5) / design.n_cells
    codes = np.searchsorted(np.cumsum(share / share.sum()), within)
    return codes, rng.integers(design.n_batches, size=design.n_cells)


def _means(
    planted: Mapping[str, tuple[str, ...]],
    state: str,
    folds: Mapping[str, np.ndarray],
    codes: np.ndarray,
    batches: np.ndarray,
    *,
    design: Design,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the mean of each cell's and gene's Poisson draw, ``(n_cells, n_genes)``."""
    shape, n_genes = (design.n_cells, design.n_genes), design.n_genes
    logs = rng.normal(0, design.gene_spread, n_genes) + np.zeros(shape)
    logs += rng.normal(0, design.type_noise, (design.n_types, n_genes))[codes]
    logs += rng.normal(0, design.batch_noise, (design.n_batches, n_genes))[batches]
    for code, names in enumerate(planted.values()):
        for name in names:
            logs += _activity(codes == code, design, rng)[:, None] * np.log(folds[name])
    stirred = rng.random(design.n_cells) < design.state_share
    logs += _activity(stirred, design, rng)[:, None] * np.log(folds[state])
    rates = np.exp(logs)
    depth = design.depth * rng.lognormal(0, design.depth_spread, design.n_cells)
    means = depth[:, None] * rates / rates.sum(1, keepdims=True)
    return means * rng.gamma(1 / design.dispersion, design.dispersion, shape)


def _activity(cells: np.ndarray, design: Design, rng: np.random.Generator) -> np.ndarray:
    """Return how active a set is in each cell: around 1 where it is on, 0 elsewhere."""
    drawn = rng.gamma(design.activity_shape, 1 / design.activity_shape, len(cells))
    return np.where(cells, drawn, 0.0)
