"""Whether labels that the other batches contradict are found, and nothing else.

    python benchmarks/contradicted.py --data FOLDER

writes ``docs/results/contradicted.csv`` (a line a reference, batch, case and type) and
``contradicted.md``. Of every task the reference alone is looked at; references of one batch are
left out, and tasks that learn from the same cells count once. One batch at a time is judged by the
others, with plkd's rule (:mod:`plkd.trust.other_batches`):

====================  =============================================================================
as it is              the batch's own labels
truly lacking         a type is taken out of the batch, cells and all: whatever is called by its
                      name is a false alarm
another's name        the cells of a type are called by the name of the type whose mean is nearest:
                      as many of both as there are; or so that those cells are three quarters of
                      what is called so, or all (of the other type, cells are taken out by chance)
====================  =============================================================================

A type takes part that has 20 cells in the batch and 20 in the others. The chance is seed 0.
``--page`` runs nothing and writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from contradicted_page import ALL, AS_IT_IS, AS_MANY, LACKING, MOSTLY, page
from predictions import BATCH, LABELS, name_columns
from study.rows import Row, frame, read_rows, write_rows
from study.runs import say
from tasks import add_data_argument, data_folder, distinct, load_task, read_tasks

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.trust.other_batches import Contradiction

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
N_GENES = 2000
FEWEST_CELLS = 20
PLANTED = {AS_MANY: None, MOSTLY: 0.75, ALL: 1.0}


@dataclass(frozen=True)
class Points:
    """The cells of a reference.

    Attributes
    ----------
    where
        In the first 50 singular vectors of their expression, ``(n_cells, 50)``.
    codes, batches
        Type and batch of each, ``(n_cells,)``.
    types
        Names of the types.
    """

    where: np.ndarray
    codes: np.ndarray
    batches: np.ndarray
    types: tuple[str, ...]

    def judged(self, codes: np.ndarray, kept: np.ndarray, batch: str) -> list[Contradiction]:
        """Return what the others contradict in one batch, of the cells that are kept."""
        from plkd.trust.other_batches import contradicted_labels

        others = np.where(self.batches == batch, batch, "others")  # together, as they judge
        found = contradicted_labels(self.where[kept], codes[kept], others[kept], len(self.types))
        return [each for each in found if each.batch == batch]


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
    file = options.out / "contradicted.csv"
    if not options.page:
        write_rows(file, run(data_folder(options.data), options.tasks))
    rows = read_rows(file)
    if not rows:
        raise SystemExit("nothing to show: contradicted.csv has no rows")
    text = page(frame(rows))
    (options.out / "contradicted.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def run(folder: Path, tasks: Sequence[str] | None) -> Iterator[Row]:
    """Yield the rows of all references."""
    for task in distinct(read_tasks(folder, tasks)):
        cells = load_task(folder, task)
        name_columns(cells)
        points = points_of(cells.reference)
        batches = np.unique(points.batches)
        if len(batches) < 2:
            say(f"{task.name}: one batch, nothing can contradict it")
            continue
        say(f"{task.name}: {len(points.codes)} cells of {len(batches)} batches")
        for batch in batches:
            for row in measured(points, str(batch)):
                yield {"task": task.name, "batch": batch, **row}


def points_of(reference: AnnData) -> Points:
    """Return where the cells lie, by the genes that ``fit`` would take."""
    from plkd.data import recognise_source, select_genes, source_from_anndata, to_log1p
    from plkd.trust.cell_points import singular_points

    source = source_from_anndata(reference)
    log1p = to_log1p(source.rows(0, source.n_cells), recognise_source(source))
    types, codes = np.unique(reference.obs[LABELS].to_numpy().astype(str), return_inverse=True)
    batches = reference.obs[BATCH].to_numpy().astype(str)
    genes = select_genes(log1p, min(N_GENES, log1p.shape[1]), batches, types=codes)
    return Points(singular_points(log1p[:, genes]), codes, batches, tuple(types))


def measured(points: Points, batch: str) -> Iterator[Row]:
    """Yield what is found in a batch as it is, and in every case that is made up."""
    here = points.batches == batch
    whole = np.ones(len(here), dtype=bool)
    counts, elsewhere = (
        np.bincount(points.codes[cells], minlength=len(points.types)) for cells in (here, ~here)
    )
    asked = np.flatnonzero((counts >= FEWEST_CELLS) & (elsewhere >= FEWEST_CELLS))
    as_it_is = points.judged(points.codes, whole, batch)
    said = {(each.label, each.looks_like) for each in as_it_is}
    for label in asked:
        its = [each for each in as_it_is if each.label == label]
        for each in its or [None]:
            yield row_of(points, AS_IT_IS, None, label, each)
    for lacking in asked:
        kept = ~(here & (points.codes == lacking))
        found = points.judged(points.codes, kept, batch)
        for label in asked[asked != lacking]:
            if (label, lacking) not in said:
                yield row_of(points, LACKING, lacking, label, _one(found, label, lacking))
        yield from planted(points, batch, lacking, asked)


def _one(found: Sequence[Contradiction], label: int, looks_like: int) -> Contradiction | None:
    its = [each for each in found if (each.label, each.looks_like) == (label, looks_like)]
    return its[0] if its else None


def planted(points: Points, batch: str, lacking: int, asked: np.ndarray) -> Iterator[Row]:
    """Yield what is found of a type that is called by its nearest neighbour's name."""
    here = points.batches == batch
    others = asked[asked != lacking]
    if not len(others):
        return
    means = np.stack([points.where[points.codes == code].mean(0) for code in others])
    own = points.where[points.codes == lacking].mean(0)
    called = int(others[np.linalg.norm(means - own, axis=1).argmin()])
    true = here & (points.codes == lacking)
    codes = np.where(true, called, points.codes)
    order = np.random.default_rng(0).permutation(np.flatnonzero(here & (points.codes == called)))
    for case, share in PLANTED.items():
        kept = np.ones(len(here), dtype=bool)
        if share is not None:
            kept[order[round(true.sum() * (1 - share) / share) :]] = False
        found = _one(points.judged(codes, kept, batch), called, lacking)
        hit = np.zeros(0, dtype=int) if found is None else np.flatnonzero(kept)[found.cells]
        yield {
            **row_of(points, case, lacking, called, found),
            "recall": round(float(true[hit].sum() / true.sum()), 4),
            "wrongly": int((~true[hit]).sum()),
        }


def row_of(
    points: Points, case: str, lacking: int | None, label: int, found: Contradiction | None
) -> Row:
    """Return a row: which case, which label, and as what it was contradicted, if it was."""
    names = points.types
    return {
        "case": case,
        "lacking": "" if lacking is None else names[lacking],
        "label": names[label],
        "looks_like": "" if found is None else names[found.looks_like],
        "n_cells": 0 if found is None else len(found.cells),
        "n_labelled": 0 if found is None else found.n_labelled,
        "recall": "",
        "wrongly": "",
    }


if __name__ == "__main__":
    raise SystemExit(main())
