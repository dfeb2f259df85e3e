"""Small files of the forms in which the publishers of the paper's data sets give theirs."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

N_GENES = 12
TYPES = ("B", "NK", "T")
RNG = np.random.default_rng(0)


def counts(n_cells: int, n_features: int = N_GENES) -> np.ndarray:
    values = RNG.poisson(2.0, (n_cells, n_features)).astype(np.float32)
    values[:, 0] = 1  # one count in every cell, as real cells have somewhere
    return values


def symbols(n_genes: int = N_GENES) -> list[str]:
    return [f"GENE{number}" for number in range(n_genes)]


def write_10x(path: Path, matrix: np.ndarray, barcodes: list[str], *, peaks: int = 0) -> None:
    n_cells, n_genes = matrix.shape
    whole = sp.csr_matrix(np.hstack([matrix, np.ones((n_cells, peaks))]).astype(np.int32))
    names = [*symbols(n_genes), *(f"chr1:{n}-{n + 1}" for n in range(peaks))]
    kinds = ["Gene Expression"] * n_genes + ["Peaks"] * peaks
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        for key in ("data", "indices", "indptr"):
            group[key] = getattr(whole, key)
        group["shape"] = np.array([n_genes + peaks, n_cells])
        group["barcodes"] = np.array(barcodes, dtype="S")
        group["features/id"] = np.array([f"ENSG{n:011d}" for n in range(len(names))], dtype="S")
        group["features/name"] = np.array(names, dtype="S")
        group["features/feature_type"] = np.array(kinds, dtype="S")


def serve_bmmc(folder: Path, recipe: Any) -> None:
    batches = np.repeat([*recipe.reference, *recipe.query], 18)
    n_cells = len(batches)
    matrix = sp.csr_matrix(counts(n_cells, N_GENES + 8))
    adata = anndata.AnnData(
        matrix * 0.5,
        obs=pd.DataFrame(
            {"cell_type": np.array(TYPES)[np.arange(n_cells) % 3], "batch": batches},
            index=[f"cell{number}" for number in range(n_cells)],
        ).astype("category"),
        var=pd.DataFrame(
            {"feature_types": ["GEX"] * N_GENES + ["ATAC"] * 8},
            index=[*symbols(), *(f"chr1-{n}-{n + 5}" for n in range(8))],
        ),
        layers={"counts": matrix},
    )
    adata.write_h5ad(folder / "plain.h5ad")
    (name,) = (file.name for file in recipe.source.files)
    (folder / name).write_bytes(gzip.compress((folder / "plain.h5ad").read_bytes(), 1))


def serve_pan_cancer(folder: Path, recipe: Any, *, smooth: bool = False) -> None:
    for number, cancer in enumerate([*recipe.reference, *recipe.query]):
        matrix = counts(18, N_GENES)
        logged = np.log1p(matrix / matrix.sum(axis=1, keepdims=True) * 1e4)
        if smooth:
            logged *= RNG.uniform(0.9, 1.1, logged.shape)
        cells = [f"AAAC{cell}-1" for cell in range(18)]  # the same names in every cancer
        table = pd.DataFrame(logged, index=pd.Index(cells, name="index"), columns=symbols())
        table = table.rename(columns={"GENE5": f"ONLY{number}"})
        table.to_csv(folder / f"GSE154763_{cancer}_normalized_expression.csv.gz")
        clusters = [f"M{(cell + number) % 3:02d}_{TYPES[cell % 3]}_x" for cell in range(18)]
        metadata = pd.DataFrame({"index": cells, "MajorCluster": clusters, "patient": "P1"})
        metadata[::-1].to_csv(folder / f"GSE154763_{cancer}_metadata.csv.gz", index=False)


def serve_dlpfc(folder: Path, recipe: Any) -> None:
    layers = []
    for number in [*recipe.reference, *recipe.query]:
        spots = [f"ACGT{spot}-1" for spot in range(20)]
        write_10x(folder / f"{number}_filtered_feature_bc_matrix.h5", counts(20), spots)
        places = pd.DataFrame({"barcode": spots, "in": 1, "row": 0, "col": 1, "y": 7, "x": 9})
        path = folder / f"{number}_tissue_positions_list.txt"
        places[::-1].to_csv(path, header=False, index=False)
        layers += [(spot, number, f"L{at % 3 + 1}") for at, spot in enumerate(spots[:18])]
    pd.DataFrame(layers).to_csv(
        folder / "barcode_level_layer_map.tsv", sep="\t", header=False, index=False
    )


def serve_pbmc(folder: Path, recipe: Any) -> None:
    obs = pd.DataFrame({"cell_type": np.array(TYPES)[np.arange(90) % 3]})
    obs.index = [f"TTGA{number}-1" for number in range(90)]
    adata = anndata.AnnData(sp.csr_matrix(counts(90)), obs, pd.DataFrame(index=symbols()))
    adata.write_h5ad(folder / "10x-Multiome-Pbmc10k-RNA.h5ad")
    name = "pbmc_granulocyte_sorted_10k_filtered_feature_bc_matrix.h5"
    write_10x(folder / name, counts(90), list(obs.index), peaks=4)


SERVE = {
    "bmmc": serve_bmmc,
    "pan_cancer": serve_pan_cancer,
    "dlpfc": serve_dlpfc,
    "pbmc": serve_pbmc,
}
