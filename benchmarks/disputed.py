"""Cells of a query whose label their own marker genes contradict, and what they decide.

    python benchmarks/disputed.py --data FOLDER

writes ``docs/results/disputed.csv`` (one line a method and seed), ``disputed_genes.csv`` (one line
a gene and group of cells) and ``disputed.md``. On one task plkd is more than 0.02 of macro F1 below
the best peer: on Zheng et al.'s sorted cells, 129 of them sorted as monocytes. What is done:

1. *Markers.* The mean of log1p counts per 10,000 of textbook markers of CD14 monocytes and of
   dendritic cells: of the 129, and of both types in the reference's batch of the same chemistry.
2. *Answers.* Each method learns from the reference and names the query, as in ``transfer.py``;
   macro F1 over the types in the query, once of all its cells and once without the 129; what the
   129 are called, and the mean of the dendritic markers of those called monocytes.

The task's truth stays what it is everywhere else. scANVI and the Teacher in TOSICA's arrangement
take minutes each and are run where ``--methods`` asks for them. ``--page`` runs nothing and writes
the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from disputed_page import LABEL, RIVAL, page
from study.rows import Row, RowsByKey, frame, read_rows, write_rows
from study.runs import say
from tasks import TaskData, add_data_argument, data_folder, load_task, read_tasks
from transfer_methods import METHODS, WITHOUT_RANDOMNESS, Bench

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData
    from predictions import Prediction

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
TASK = "pbmc:to_zheng"
SAME_CHEMISTRY = "pbmc3k"
"""Batch of the reference that was made as the query was, in 10x's first chemistry."""

MARKERS = {
    LABEL: ("CD14", "S100A8", "S100A9", "FCN1"),
    RIVAL: ("FCER1A", "CD1C", "HLA-DPB1", "HLA-DRA"),
}
SLOW = ("scanvi", "tosica-like")
KEY = ("method", "seed")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    quick = [method for method in METHODS if method not in SLOW]
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=quick, metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all methods asked for, and write the page from all rows that are there."""
    options = arguments(argv)
    file, genes_file = options.out / "disputed.csv", options.out / "disputed_genes.csv"
    if not options.page:
        folder = data_folder(options.data)
        cells = load_task(folder, read_tasks(folder, [TASK])[0])
        write_rows(genes_file, markers(cells))
        kept = RowsByKey(file, KEY)
        bench = Bench(cells, folder, options.models)
        rival_markers = log1p_of(cells.query, MARKERS[RIVAL])
        first = options.seeds[0]
        for seed in options.seeds:
            asked = [m for m in options.methods if m not in WITHOUT_RANDOMNESS or seed == first]
            for method, found in bench.run(asked, seed):
                measured = measures(bench.truth, found, rival_markers)
                row = {"method": method, "seed": seed, **measured}
                kept.keep([row])
                say(f"{method}, seed {seed}: {row['macro_f1']:.3f}, {row['without']:.3f}")
    rows = read_rows(file)
    if not rows:
        raise SystemExit("nothing to show: disputed.csv has no rows")
    text = page(frame(rows), frame(read_rows(genes_file)))
    (options.out / "disputed.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def log1p_of(side: AnnData, genes: Sequence[str]) -> pd.DataFrame:
    """Return log1p counts per 10,000 of those of the genes that are there, cells down."""
    import pandas as pd
    import scanpy as sc

    log1p = side.copy()
    sc.pp.normalize_total(log1p, target_sum=1e4)
    sc.pp.log1p(log1p)
    there = [gene for gene in genes if gene in log1p.var_names]
    return pd.DataFrame(log1p[:, there].X.toarray(), columns=there)


def markers(cells: TaskData) -> Iterator[Row]:
    """Yield the mean of each marker gene: of the disputed cells, and of both types elsewhere."""
    task = cells.task
    groups = {
        f"{LABEL}, disputed": (cells.query, LABEL, None),
        f"{LABEL}, {SAME_CHEMISTRY}": (cells.reference, LABEL, SAME_CHEMISTRY),
        f"{RIVAL}, {SAME_CHEMISTRY}": (cells.reference, RIVAL, SAME_CHEMISTRY),
    }
    for group, (side, of_type, batch) in groups.items():
        chosen = (side.obs[task.labels].astype(str) == of_type).to_numpy()
        if batch is not None:
            chosen &= (side.obs[task.batch].astype(str) == batch).to_numpy()
        marked = {gene: marks for marks, genes in MARKERS.items() for gene in genes}
        for gene, values in log1p_of(side[chosen], list(marked)).items():
            mean = round(float(values.mean()), 4)
            head = {"marks": marked[gene], "gene": gene, "group": group}
            yield {**head, "n_cells": int(chosen.sum()), "mean": mean}


def measures(truth: np.ndarray, found: Prediction, rival_markers: pd.DataFrame) -> Row:
    """Return macro F1 with and without the disputed cells, what these are called, and their genes.

    ``rival_markers`` are the cells' log1p counts of the other type's markers, ``(n_query, n)``;
    their mean is of the disputed cells that are called as labelled, none where there are no such.
    """
    from sklearn.metrics import f1_score

    disputed = truth == LABEL

    def macro_f1(chosen: np.ndarray) -> float:
        types = np.unique(truth[chosen])
        f1 = f1_score(
            truth[chosen], found.labels[chosen], labels=types, average="macro", zero_division=0
        )
        return round(float(f1), 5)

    called = found.labels[disputed]
    as_labelled = disputed & (found.labels == LABEL)
    mean = float(rival_markers[as_labelled].to_numpy().mean()) if as_labelled.any() else np.nan
    return {
        "macro_f1": macro_f1(np.ones(len(truth), dtype=bool)),
        "without": macro_f1(~disputed),
        "called_as_labelled": int(as_labelled.sum()),
        "called_rival": int((called == RIVAL).sum()),
        "called_other": int((~np.isin(called, (LABEL, RIVAL))).sum()),
        "rival_markers": round(mean, 4),
    }


if __name__ == "__main__":
    raise SystemExit(main())
