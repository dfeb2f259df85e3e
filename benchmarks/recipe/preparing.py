"""From downloaded files to cells as ``tasks.py`` reads them: one function a data set.

Each returns counts as CSR float32 in ``X``, gene symbols in ``var_names``, ``obs['cell_type']``
and ``obs['batch']``, and in ``uns['recipe']`` what the values are. No cell and no gene is left out
but those that a docstring names. Pan-cancer is in :mod:`recipe.pan_cancer`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from recipe.cells import cells_of
from recipe.checks import require_columns, require_counts, require_known
from recipe.reading import read_10x_h5, read_layer, read_table, unpacked, whole_table
from recipe.sources import LAYER_MAP, SLICES

from plkd.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

Paths = Mapping[str, Path]
HALVES = ("half_1", "half_2")
LAYER_COLUMNS = ("barcode", "slice", "layer")
POSITIONS = ("barcode", "in_tissue", "array_row", "array_col", "y", "x")


def prepare_bmmc(paths: Paths) -> AnnData:
    """Return the genes of the bone marrow multiome: 13 batches (site and donor), 22 types.

    Counts are the file's ``layers['counts']``; its ``X`` is normalised, and its ATAC peaks are
    left out.
    """
    (packed,) = paths.values()
    name = packed.stem

    def genes(var: pd.DataFrame) -> np.ndarray:
        require_columns(var, ["feature_types"], where=f"var of {name}")
        return (var["feature_types"].astype(str) == "GEX").to_numpy()

    with unpacked(packed) as path:
        counts, obs, var = read_layer(path, "layers/counts", genes)
    require_columns(obs, ["cell_type", "batch"], where=f"obs of {name}")
    require_counts(counts, where=f"layers['counts'] of {name}")
    return cells_of(counts, names=obs.index, genes=var.index, obs=obs[["cell_type", "batch"]])


def prepare_dlpfc(paths: Paths) -> AnnData:
    """Return the labelled spots of the twelve cortex slices: each slice a batch, layers as types.

    Spots that the authors gave no layer are left out, as the paper's count of spots does.
    Coordinates in pixels of the full image are in ``obsm['spatial']`` (x, y).
    """
    with whole_table(paths[LAYER_MAP]):
        layers = pd.read_csv(paths[LAYER_MAP], sep="\t", dtype=str, names=LAYER_COLUMNS).dropna()
    parts, tables, genes = [], [], pd.DataFrame()
    for number in SLICES:
        labels = layers[layers["slice"] == number].set_index("barcode")["layer"]
        counts, own, table = _one_slice(number, labels, paths)
        if parts and not own.equals(genes):
            raise InputError(
                f"the same genes in every slice, {len(genes)} of them",
                f"others in {number}",
                "look at the files: one of them is of another data set",
            )
        genes = own
        parts.append(counts)
        tables.append(table)
    spots = pd.concat(tables)
    adata = cells_of(
        sp.vstack(parts), names=spots.index, genes=genes.index, obs=spots[["cell_type", "batch"]]
    )
    adata.var["gene_ids"] = genes["gene_ids"].to_numpy()
    adata.obsm["spatial"] = spots[["x", "y"]].to_numpy(dtype=np.float64)
    return adata


def prepare_pbmc(paths: Paths) -> AnnData:
    """Return the 9,631 cells of the PBMC multiome that the GLUE study gave its 19 types.

    They are one sample of one donor; see :func:`half` for their batches.
    """
    (path,) = paths.values()
    counts, obs, var = read_layer(path, "X", lambda var: np.ones(len(var), dtype=bool))
    require_columns(obs, ["cell_type"], where=f"obs of {path.name}")
    require_counts(counts, where=f"X of {path.name}")
    halves = obs[["cell_type"]].assign(batch=[half(name) for name in obs.index])
    return cells_of(counts, names=obs.index, genes=var.index, obs=halves)


def prepare_pbmc_with_labels(paths: Paths, *, labels: Path) -> AnnData:
    """Return the cells of the 10x file that a table ``barcode,cell_type`` gives a type."""
    (path,) = paths.values()
    counts, genes, barcodes = read_10x_h5(path)
    require_counts(counts, where=path.name)
    table = read_table(labels, index="barcode", columns=("cell_type",))
    require_known(table.index, barcodes, what="barcode", where=f"{labels.name} in {path.name}")
    rows = pd.Index(barcodes).get_indexer(table.index)
    halves = table[["cell_type"]].assign(batch=[half(name) for name in table.index])
    return cells_of(counts[rows], names=table.index, genes=genes.index, obs=halves)


def half(barcode: str) -> str:
    """Return which half of the PBMC sample a cell is in, by its barcode alone.

    The paper speaks of two batches, and of 9,058 cells where the source has 9,631; it does not say
    how it came by either, and the sample is one library. The halves are drawn by the lowest bit of
    the barcode's SHA-256. They differ by chance only, so this is a test within a batch.
    """
    return HALVES[hashlib.sha256(barcode.encode()).digest()[-1] & 1]


def _one_slice(
    number: str, labels: pd.Series, paths: Paths
) -> tuple[sp.csr_matrix, pd.DataFrame, pd.DataFrame]:
    matrix = f"{number}_filtered_feature_bc_matrix.h5"
    positions = f"{number}_tissue_positions_list.txt"
    counts, genes, barcodes = read_10x_h5(paths[matrix])
    require_counts(counts, where=matrix)
    places = read_table(paths[positions], index="barcode", columns=("x", "y"), names=POSITIONS)
    for have, file in ((barcodes, matrix), (places.index, positions)):
        require_known(labels.index, have, what="spot", where=f"{LAYER_MAP} in {file}")
    rows = pd.Index(barcodes).get_indexer(labels.index)
    spots = places.loc[labels.index, ["x", "y"]].assign(cell_type=labels, batch=number)
    return counts[rows], genes, spots.set_axis(number + "_" + labels.index)
