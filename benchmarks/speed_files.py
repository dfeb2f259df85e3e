"""Make what the annotation speed is measured on: big made-up queries and a model of each kind.

    python benchmarks/speed_files.py query --data FOLDER --cells 200000 --out query.h5ad
    python benchmarks/speed_files.py plkd --data FOLDER --out model/
    python benchmarks/speed_files.py celltypist --data FOLDER --out model.pkl

A made-up query is a bootstrap of real cells (10x PBMC of four studies) in 2,000 genes, each copy
thinned to a share of its counts drawn between 0.5 and 1, so that no two are the same and the
density is that of real data. Its genes stand in an order of their own, as another laboratory's
would. It is written as anndata writes it: CSR, float32, not compressed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from tasks import add_data_argument, data_folder, gene_set_file, load_task, read_tasks

if TYPE_CHECKING:
    from anndata import AnnData

TASK = "pbmc:to_kang_stim"
N_GENES, SEED, CHUNK = 2000, 0, 50_000


def main() -> int:
    """Make one file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("query", "plkd", "celltypist"))
    add_data_argument(parser)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cells", type=int, default=200_000)
    options = parser.parse_args()
    reference = reference_cells(data_folder(options.data))
    if options.what == "query":
        made_up_query(reference, options.cells).write_h5ad(options.out)
    elif options.what == "plkd":
        train_plkd(reference, data_folder(options.data), options.out)
    else:
        train_celltypist(reference, options.out)
    return 0


def reference_cells(folder: Path) -> AnnData:
    """Return the reference of a task, counts in the 2,000 genes with the most detections."""
    task = read_tasks(folder, [TASK])[0]
    reference = load_task(folder, task).reference
    detections = np.asarray((reference.X > 0).sum(0)).ravel()
    kept = np.sort(np.argsort(-detections, kind="stable")[:N_GENES])
    return reference[:, kept].copy()


def made_up_query(reference: AnnData, n_cells: int) -> AnnData:
    """Return ``n_cells`` thinned copies of real cells, genes in an order of their own."""
    import anndata
    import pandas as pd

    rng = np.random.default_rng(SEED)
    order = rng.permutation(reference.n_vars)
    counts = sp.csr_matrix(reference.X)[:, order].tocsr()
    parts = []
    for start in range(0, n_cells, CHUNK):
        part = counts[rng.integers(0, counts.shape[0], min(CHUNK, n_cells - start))]
        share = np.repeat(rng.uniform(0.5, 1.0, part.shape[0]), np.diff(part.indptr))
        part.data = rng.binomial(part.data.astype(np.int64), share).astype(np.float32)
        part.eliminate_zeros()
        part.sort_indices()
        parts.append(part)
        sys.stderr.write(f"made-up query: {min(start + CHUNK, n_cells)} of {n_cells} cells\n")
    return anndata.AnnData(
        sp.vstack(parts, format="csr"),
        obs=pd.DataFrame(index=[f"cell_{number}" for number in range(n_cells)]),
        var=pd.DataFrame(index=reference.var_names[order]),
    )


def train_plkd(reference: AnnData, folder: Path, out: Path) -> None:
    """Train a plkd model at its usual sizes, but shortly: its speed does not depend on it."""
    import plkd
    from plkd.config import TrainConfig

    short = TrainConfig(teacher_epochs=2, student_epochs=2, min_steps=0)
    sets = plkd.pp.read_gene_sets(gene_set_file(folder, list(reference.var_names)))
    model = plkd.CellAnnotator(sets, n_genes=N_GENES, training=short)
    model.fit(reference, labels_key="cell_type", batch_key="batch").save(out, overwrite=True)


def train_celltypist(reference: AnnData, out: Path) -> None:
    """Train CellTypist at its defaults on the same cells and genes."""
    import celltypist
    import scanpy as sc

    sc.pp.normalize_total(reference, target_sum=1e4)
    sc.pp.log1p(reference)
    model = celltypist.train(reference, labels="cell_type", check_expression=False)
    model.write(str(out))


if __name__ == "__main__":
    raise SystemExit(main())
