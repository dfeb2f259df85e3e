"""Small single-cell data whose truth is known, shared by the tests.

Every cell type has a programme of marker genes that it expresses about eight times more than the
other types do. Counts are Poisson draws around (base rate x programme x batch factor of the gene
x depth of the cell). The truth (gene names, base rates, programmes) depends on the sizes alone and
never on ``seed``, so a query of another seed is a new batch of the same biology.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from plkd.data.gene_sets import GeneSets

N_GENES = 300
N_TYPES = 4
MARKERS_PER_TYPE = 15
FOLD = 8.0
MEAN_DEPTH = 600.0
TYPE_NAMES = (
    "B cell",
    "Dendritic cell",
    "Monocyte",
    "NK cell",
    "T cell",
    "Mast cell",
    "Platelet",
    "Plasma cell",
)


@dataclass(frozen=True)
class Truth:
    """What the toy data was drawn from."""

    genes: tuple[str, ...]
    types: tuple[str, ...]
    programmes: dict[str, tuple[str, ...]]
    rates: np.ndarray  # (n_types, n_genes), each row sums to 1


def gene_symbols(n_genes: int) -> tuple[str, ...]:
    """Upper-case symbols in the manner of HGNC, all different, in no particular order."""
    stems = ("".join(letters) for letters in product("ABCDGHLMPRST", repeat=3))
    symbols = [f"{stem}{1 + i % 9}" for i, stem in zip(range(n_genes), stems, strict=False)]
    return tuple(np.random.default_rng(1).permutation(symbols).tolist())


def toy_truth(n_genes: int = N_GENES, n_types: int = N_TYPES) -> Truth:
    """The biology behind the toy data; no two programmes share a gene."""
    if n_types > len(TYPE_NAMES) or n_types * MARKERS_PER_TYPE > n_genes:
        raise ValueError("too many types for the names or the genes of the toy data")
    rng = np.random.default_rng(2)
    genes, types = gene_symbols(n_genes), TYPE_NAMES[:n_types]
    base = rng.gamma(shape=0.6, scale=1.0, size=n_genes) + 0.05
    rates = np.tile(base, (n_types, 1))
    chosen = rng.permutation(n_genes)[: n_types * MARKERS_PER_TYPE].reshape(n_types, -1)
    programmes = {}
    for row, (name, markers) in enumerate(zip(types, chosen, strict=True)):
        rates[row, markers] *= FOLD
        programmes[name] = tuple(genes[g] for g in sorted(markers))
    return Truth(genes, types, programmes, rates / rates.sum(axis=1, keepdims=True))


def toy_programmes(
    *, n_genes: int = N_GENES, n_types: int = N_TYPES, n_decoys: int = 6
) -> dict[str, tuple[str, ...]]:
    """Gene sets of the toy data: one programme per type, then decoys of non-marker genes."""
    truth = toy_truth(n_genes, n_types)
    marked = {gene for markers in truth.programmes.values() for gene in markers}
    others = [gene for gene in truth.genes if gene not in marked]
    sets = {f"{name} programme": markers for name, markers in truth.programmes.items()}
    rng = np.random.default_rng(3)
    for i in range(n_decoys):
        size = min(len(others), 10 + 3 * i)
        sets[f"decoy {i + 1}"] = tuple(rng.choice(others, size, replace=False).tolist())
    return sets


def toy_gene_sets(*, n_genes: int = N_GENES, n_types: int = N_TYPES, n_decoys: int = 6) -> GeneSets:
    """``toy_programmes`` as the object that ``plkd.CellAnnotator`` takes."""
    from plkd.data.gene_sets import GeneSets

    sets = toy_programmes(n_genes=n_genes, n_types=n_types, n_decoys=n_decoys)
    return GeneSets(names=tuple(sets), genes=tuple(sets.values()), source="toy")


def write_gmt(path: Path, sets: dict[str, tuple[str, ...]]) -> Path:
    """Write gene sets as a GMT file and hand back its path."""
    lines = ["\t".join([name, "toy", *genes]) for name, genes in sets.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def toy_reference(
    n_cells: int = 600,
    n_genes: int = N_GENES,
    n_types: int = N_TYPES,
    *,
    n_batches: int = 3,
    seed: int = 0,
) -> AnnData:
    """An annotated reference: CSR counts, ``obs['cell_type']``, ``obs['batch']``."""
    batches = [f"donor {i + 1}" for i in range(n_batches)]
    return _draw(n_cells, toy_truth(n_genes, n_types), batches, seed)


def toy_query(
    n_cells: int = 200, n_genes: int = N_GENES, n_types: int = N_TYPES, *, seed: int = 100
) -> AnnData:
    """A new batch of the same biology, with its truth in ``obs['cell_type']`` for checking."""
    return _draw(n_cells, toy_truth(n_genes, n_types), ["query"], seed)


def _draw(n_cells: int, truth: Truth, batches: list[str], seed: int) -> AnnData:
    rng = np.random.default_rng([seed, 4])
    n_types, n_genes = truth.rates.shape
    # Unequal types (the first most common, the last a quarter of it), alike in every batch.
    share = np.linspace(1.0, 0.25, n_types)
    batch = np.arange(n_cells) % len(batches)
    rank_in_batch = np.arange(n_cells) // len(batches)
    per_batch = int(rank_in_batch.max()) + 1
    kind = np.searchsorted(np.cumsum(share / share.sum()), (rank_in_batch + 0.5) / per_batch)
    order = rng.permutation(n_cells)
    batch, kind = batch[order], kind[order]
    factor = rng.lognormal(0.0, 0.3, size=(len(batches), n_genes))
    batch_depth = MEAN_DEPTH * rng.uniform(0.6, 1.6, size=len(batches))
    depth = batch_depth[batch] * rng.lognormal(0.0, 0.25, size=n_cells)
    rates = truth.rates[kind] * factor[batch]
    counts = rng.poisson(depth[:, None] * rates / rates.sum(axis=1, keepdims=True))
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(np.array(truth.types)[kind], categories=truth.types),
            "batch": pd.Categorical(np.array(batches)[batch], categories=batches),
        },
        index=[f"cell_{seed}_{i}" for i in range(n_cells)],
    )
    return AnnData(
        X=sparse.csr_matrix(counts.astype(np.float32)),
        obs=obs,
        var=pd.DataFrame(index=list(truth.genes)),
    )


def without_a_name(
    cells: AnnData, lacking: str, *, called: str, batch: str, n_called: int = 20
) -> AnnData:
    """Return cells of which one batch calls a type by the name of another, and their true types.

    Of that other type the batch has no more than ``n_called`` cells. True types are in
    ``obs['truth']``.
    """
    there = (cells.obs["batch"] == batch).to_numpy()
    types = cells.obs["cell_type"].astype(str).to_numpy()
    kept = np.ones(len(types), dtype=bool)
    kept[np.flatnonzero(there & (types == called))[n_called:]] = False
    found = cells[kept].copy()
    found.obs["truth"] = types[kept]
    found.obs["cell_type"] = np.where((there & (types == lacking))[kept], called, types[kept])
    return found


def cells_of_types(counts: Mapping[str, int]) -> AnnData:
    """Return so many cells of each type, of one batch, with one gene that all express alike."""
    types = np.repeat(list(counts), list(counts.values()))
    obs = pd.DataFrame(
        {"cell_type": pd.Categorical(types), "batch": "a"},
        index=[f"c{number}" for number in range(len(types))],
    )
    return AnnData(np.ones((len(types), 1), np.float32), obs=obs)
