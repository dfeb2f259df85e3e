"""How many genes a model should have: 2,000 or 4,000, as the reference itself says.

    python benchmarks/number_of_genes.py --data FOLDER

writes ``docs/results/number_of_genes.csv`` (a line a set of batches, draw, kind of held-out cells
and number of genes) and ``number_of_genes.md``. plkd takes more genes where the nearest type mean
names cells that it did not hear by ``LEAST_GAIN`` of macro F1 better with them
(``plkd.data.choose_genes``). Here every set of batches of a task's reference is asked, whole and
by 200, 600 and 2,000 cells drawn of it; the queries of the tasks are not looked at. References
with 2,000 genes or fewer have no choice and are left out.

==============  =================================================================================
held-out cells  a fifth of the cells at a time: plkd's rule
held-out        a batch at a time (five groups of them where there are more), the rule that comes
batches         to mind first; of sets of several batches
==============  =================================================================================

``--page`` runs nothing and writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from genes import in_log1p
from number_of_genes_page import BATCHES, CELLS, WHOLE, page
from predictions import BATCH, LABELS, name_columns
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import Task, add_data_argument, data_folder, load_task, read_tasks

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.number_of_genes import Folds

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
DRAWN = (200, 600, 2000)
"""Cells drawn of a set of batches, beside all of them."""
SEEDS = (0, 1, 2)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="these tasks (default: all)")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all anew, then write the page."""
    options = arguments(argv)
    file = options.out / "number_of_genes.csv"
    rows = read_rows(file)
    if not options.page:
        rows = list(run(data_folder(options.data), options.tasks))
    if not rows:
        raise SystemExit("nothing to show: no reference has a choice, or nothing was run")
    write_rows(file, rows)
    text = page(frame(rows))
    (options.out / "number_of_genes.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def run(folder: Path, names: Sequence[str] | None) -> Iterator[Row]:
    """Yield the rows of every set of batches that is part of a reference, once."""
    from plkd.data.number_of_genes import FEWER

    seen: set[tuple[str, tuple[str, ...]]] = set()
    for task in read_tasks(folder, names):
        cells = load_task(folder, task)
        name_columns(cells)
        if cells.reference.n_vars <= FEWER:
            say(f"{task.name}: {cells.reference.n_vars:,} genes, no choice")
            continue
        reference = in_log1p(cells.reference)
        for batches in sets_of(reference):
            if (task.reference, batches) not in seen:
                seen.add((task.reference, batches))
                say(f"{task.name}: {' + '.join(batches)}")
                yield from measured(task, reference, batches)


def sets_of(reference: AnnData) -> list[tuple[str, ...]]:
    """Return every set of a reference's batches."""
    there = sorted(reference.obs[BATCH].astype(str).unique())
    return [some for n in range(1, len(there) + 1) for some in combinations(there, n)]


def measured(task: Task, reference: AnnData, batches: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a set of batches: all of its cells, and draws of them."""
    whole = reference[reference.obs[BATCH].astype(str).isin(batches)].copy()
    head = {"file": task.reference, "batches": " + ".join(batches), "n_batches": len(batches)}
    yield from judged(whole, {**head, "cells": WHOLE, "seed": 0})
    for n_cells in DRAWN:
        for seed in SEEDS if whole.n_obs > n_cells else ():
            drawn = np.random.default_rng(seed).permutation(whole.n_obs)[:n_cells]
            yield from judged(
                whole[np.sort(drawn)].copy(), {**head, "cells": str(n_cells), "seed": seed}
            )


def judged(cells: AnnData, head: Row) -> Iterator[Row]:
    """Yield macro F1 by the number of genes, of held-out cells and of held-out batches."""
    from plkd.data import select_genes
    from plkd.data.number_of_genes import FEWER, MORE, five_folds, held_out_macro_f1

    codes = np.unique(cells.obs[LABELS].astype(str), return_inverse=True)[1]
    batches = cells.obs[BATCH].astype(str).to_numpy()
    folds = {CELLS: five_folds(cells.n_obs, 0)}
    if len(np.unique(batches)) > 1:
        folds[BATCHES] = batch_folds(batches)
    for n_genes in (FEWER, MORE):
        genes = select_genes(cells.X, n_genes, batches, types=codes)
        for held_out, parts in folds.items():
            f1 = held_out_macro_f1(cells.X[:, genes], codes, parts)
            number = {"held_out": held_out, "genes": "fewer" if n_genes == FEWER else "more"}
            yield {**head, **number, "n_genes": len(genes), "macro_f1": round(f1, 5)}


def batch_folds(batches: np.ndarray) -> Folds:
    """Return places of cells that teach and of those of one batch, or of one group of batches."""
    from sklearn.model_selection import GroupKFold

    n_folds = min(5, len(np.unique(batches)))
    return list(GroupKFold(n_folds).split(batches, groups=batches))


if __name__ == "__main__":
    raise SystemExit(main())
