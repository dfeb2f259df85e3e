"""Which genes a model should have: two choices of genes, judged on held-out batches of references.

    python benchmarks/genes.py --data FOLDER

writes ``docs/results/genes.csv`` (a line a reference, held-out batch, choice and classifier) and
``genes.md``. Each batch of a task's reference is annotated by a simple classifier that learned from
the others, which alone chose the genes; the queries of the tasks are not looked at. Models that
have 400 or 1,000 genes of the few thousand that these files hold choose about as narrowly as one
of 2,000 genes does among 20,000. References of one batch are left out, and tasks that learn from
the same cells count once.

======================  ===========================================================================
among all               scanpy's highly variable genes, flavour "seurat", by batch
expressed by some type  plkd's choice: the same, among those that some type expresses most widely
                        (``plkd.data.select_genes`` with types)
======================  ===========================================================================

======================  ===========================================================================
nearest type mean       the type whose mean correlates best with the cell
ridge regression        scikit-learn's ``RidgeClassifier`` on standardised genes
======================  ===========================================================================

Neither has randomness. ``--page`` runs nothing and writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from genes_page import ALL, EXPRESSED, MEAN, RIDGE, page
from predictions import BATCH, LABELS, name_columns
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import (
    MIN_REFERENCE_CELLS,
    add_data_argument,
    data_folder,
    distinct,
    load_task,
    read_tasks,
)

if TYPE_CHECKING:
    from anndata import AnnData

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
SIZES = (400, 1000, 2000)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="these tasks (default: all)")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="how many genes")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all anew, then write the page."""
    options = arguments(argv)
    file = options.out / "genes.csv"
    if not options.page:
        write_rows(file, run(data_folder(options.data), options.tasks, options.sizes))
    rows = read_rows(file)
    if not rows:
        raise SystemExit("nothing to show: genes.csv has no rows")
    text = page(frame(rows))
    (options.out / "genes.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def run(folder: Path, tasks: Sequence[str] | None, sizes: Sequence[int]) -> Iterator[Row]:
    """Yield the rows of all references."""
    for task in distinct(read_tasks(folder, tasks)):
        cells = load_task(folder, task)
        name_columns(cells)
        reference = in_log1p(cells.reference)
        batches = sorted(reference.obs[BATCH].astype(str).unique())
        if len(batches) < 2:
            say(f"{task.name}: one batch, nothing can be held out")
            continue
        for batch in batches:
            say(f"{task.name}, {batch} held out")
            for row in measured(reference, batch, sizes):
                yield {"task": task.name, "batch": batch, **row}


def in_log1p(reference: AnnData) -> AnnData:
    """Return the cells as log1p counts per 10,000 in all genes."""
    import anndata

    from plkd.data import recognise_source, source_from_anndata, to_log1p

    source = source_from_anndata(reference)
    log1p = to_log1p(source.rows(0, source.n_cells), recognise_source(source))
    return anndata.AnnData(log1p, obs=reference.obs[[LABELS, BATCH]], var=reference.var[[]])


def measured(reference: AnnData, batch: str, sizes: Sequence[int]) -> Iterator[Row]:
    """Yield how well a batch is annotated by the others, for every size, choice and classifier."""
    from sklearn.metrics import accuracy_score, f1_score

    learned, asked = sides(reference, batch)
    if not (learned.n_obs and asked.n_obs):
        return
    truth = asked.obs[LABELS].to_numpy().astype(str)
    for n_genes in sizes:
        if n_genes >= reference.n_vars:
            continue
        for choice, genes in chosen(learned, n_genes).items():
            for method, classify in CLASSIFIERS.items():
                found = classify(learned[:, genes], asked[:, genes])
                f1 = f1_score(
                    truth, found, labels=np.unique(truth), average="macro", zero_division=0
                )
                yield {
                    "n_genes": n_genes,
                    "choice": choice,
                    "method": method,
                    "accuracy": round(float(accuracy_score(truth, found)), 5),
                    "macro_f1": round(float(f1), 5),
                }


def sides(reference: AnnData, batch: str) -> tuple[AnnData, AnnData]:
    """Return the other batches and the held-out one, both of types that the others know."""
    held_out = (reference.obs[BATCH].astype(str) == batch).to_numpy()
    types = reference.obs[LABELS].astype(str)
    counts = types[~held_out].value_counts()
    known = types.isin(counts.index[counts >= MIN_REFERENCE_CELLS]).to_numpy()
    return reference[known & ~held_out].copy(), reference[known & held_out].copy()


def chosen(learned: AnnData, n_genes: int) -> dict[str, np.ndarray]:
    """Return positions of the genes that each choice takes, ``(n_genes,)``."""
    from plkd.data import select_genes

    codes = np.unique(learned.obs[LABELS].to_numpy().astype(str), return_inverse=True)[1]
    batches = learned.obs[BATCH].astype(str).to_numpy()
    return {
        ALL: select_genes(learned.X, n_genes, batches),
        EXPRESSED: select_genes(learned.X, n_genes, batches, types=codes),
    }


def nearest_type_mean(learned: AnnData, asked: AnnData) -> np.ndarray:
    """Return the labels of the nearest means, text ``(n_cells,)``."""
    from peers.simple import nearest_centroid

    return nearest_centroid(learned, asked, 0).labels


def ridge_regression(learned: AnnData, asked: AnnData) -> np.ndarray:
    """Return the labels of a ridge regression on standardised genes, text ``(n_cells,)``."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), RidgeClassifier())
    model.fit(learned.X.toarray(), learned.obs[LABELS].to_numpy().astype(str))
    return model.predict(asked.X.toarray())


CLASSIFIERS: Mapping[str, Callable[[AnnData, AnnData], np.ndarray]] = {
    MEAN: nearest_type_mean,
    RIDGE: ridge_regression,
}


if __name__ == "__main__":
    raise SystemExit(main())
