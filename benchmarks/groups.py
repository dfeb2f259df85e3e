"""New types told without any network: by distance in what is expressed, and by groups of cells.

    python benchmarks/groups.py --data FOLDER

writes ``docs/results/groups.csv`` (a line a reference, left-out type, number of cells and of axes)
and ``groups.md``. Of every task's reference each batch is a query in turn, of all other batches and
of the next one alone, from which cells are drawn. Up to three types are left out there, one at a
time: of the types with at least 5 % of the cells, other than the commonest, those with the most
query cells. The queries of the tasks are not looked at. Tasks whose reference is one batch are left
out, and those that learn from the same cells count once.

Nothing is trained, and so a pair takes seconds: what is usual is learned of halves of the drawn
cells (``plkd.model.halves``), as plkd does where few cells were held out, and novelty is that of a
network which has the same energy of all cells and doubts none. Whole fits: ``trust.py``.

``--page`` runs nothing and writes the page anew.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

import numpy as np
from genes import in_log1p
from groups_page import MOST, OTHERS, page
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
from trusted.leaving import fitting_types

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.training.cells import Cells
    from plkd.trust.usual_scores import UsualScores

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
SIZES = (200, 300, 400, 600, 1500)
"""Cells drawn of the reference; of fewer than the most of these, all."""

MOST_TYPES = 3
FEWEST_IN_QUERY = 20
OTHER_AXES = (20, 30)
"""Axes of a query along which groups are made, beside plkd's own number, of the most cells."""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="these tasks (default: all)")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="reference cells")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page anew")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all anew, then write the page."""
    options = arguments(argv)
    file = options.out / "groups.csv"
    rows = read_rows(file)
    if not options.page:
        rows = list(run(data_folder(options.data), options.tasks, sorted(options.sizes)))
    if not rows:
        raise SystemExit("nothing to show: no reference has batches, or nothing was run")
    write_rows(file, rows)
    text = page(frame(rows))
    (options.out / "groups.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def run(folder: Path, tasks: Sequence[str] | None, sizes: Sequence[int]) -> Iterator[Row]:
    """Yield the rows of all references."""
    seen: set[tuple[str, ...]] = set()
    for task in distinct(read_tasks(folder, tasks)):
        cells = load_task(folder, task)
        name_columns(cells)
        reference = in_log1p(cells.reference)
        batches = sorted(reference.obs[BATCH].astype(str).unique())
        if len(batches) < 2:
            say(f"{task.name}: one batch, nothing can be a query")
            continue
        for pair in every_pair(reference, batches):
            if (task.reference, *pair.batches, pair.query, pair.left_out) in seen:
                continue
            seen.add((task.reference, *pair.batches, pair.query, pair.left_out))
            head = {"reference": pair.reference, "query": pair.query, "left_out": pair.left_out}
            say(f"{task.name}: {', '.join(head.values())}")
            for row in measured(pair, sizes):
                yield {"task": task.name, "file": task.reference, **head, **row}


class Pair(NamedTuple):
    """A reference without a type, and a query that has it."""

    batches: tuple[str, ...]
    query: str
    left_out: str
    learned: AnnData
    asked: AnnData

    @property
    def reference(self) -> str:
        """What the reference is called: the name of its only batch, or all others."""
        return self.batches[0] if len(self.batches) == 1 else OTHERS


def every_pair(reference: AnnData, batches: Sequence[str]) -> Iterator[Pair]:
    """Yield each batch as a query of the others, and of the next one where there are several."""
    for place, batch in enumerate(batches):
        yield from pairs(reference, batch, [other for other in batches if other != batch])
        if len(batches) > 2:
            yield from pairs(reference, batch, [batches[(place + 1) % len(batches)]])


def pairs(cells: AnnData, batch: str, others: Sequence[str]) -> Iterator[Pair]:
    """Yield a batch as a query of others, one type at a time left out of these."""
    names, where = cells.obs[LABELS].astype(str), cells.obs[BATCH].astype(str)
    learned = where.isin(list(others))
    in_reference = names[learned].value_counts()
    known = names.isin(in_reference.index[in_reference >= MIN_REFERENCE_CELLS])
    in_query = names[(where == batch) & known].value_counts()
    if len(in_reference) < 3:
        return
    asked = cells[((where == batch) & known).to_numpy()]
    for left_out in fitting_types(in_reference, in_query)[:MOST_TYPES]:
        if in_query[left_out] >= FEWEST_IN_QUERY:
            rest = cells[(learned & known & (names != left_out)).to_numpy()]
            yield Pair(tuple(others), batch, left_out, rest, asked)


def measured(pair: Pair, sizes: Sequence[int]) -> Iterator[Row]:
    """Yield what is told of a query, by how many cells of its reference, along how many axes."""
    from plkd.trust import group_space

    *fewer, most = sizes
    drawings = {str(n): n for n in fewer if n < pair.learned.n_obs} | {MOST: most}
    for cells_are, n_cells in drawings.items():
        cells, query, new = drawn(pair, n_cells)
        axes = (group_space.N_QUERY_AXES, *(OTHER_AXES if cells_are == MOST else ()))
        for n_axes in axes:
            with patch.object(group_space, "N_QUERY_AXES", n_axes):
                found = told(cells, query, new)
            head = {"cells": cells_are, "n_axes": n_axes, "n_cells": len(cells)}
            number = {"n_new": int(new.sum()), "n_known": int((~new).sum())}
            yield {**head, **number, **{name: round(value, 5) for name, value in found.items()}}


def drawn(pair: Pair, n_cells: int) -> tuple[Cells, AnnData, np.ndarray]:
    """Return so many cells of a reference, its query, and which cells of this are of the new type.

    Genes are chosen, and types kept, by the drawn cells. ``new`` is bool, ``(n_query_cells,)``.
    """
    from plkd.data import select_genes
    from plkd.data.number_of_genes import FEWER
    from plkd.training.cells import Cells

    order = np.random.default_rng(0).permutation(pair.learned.n_obs)
    learned = pair.learned[np.sort(order[:n_cells])]
    names, codes, count = np.unique(
        learned.obs[LABELS].astype(str), return_inverse=True, return_counts=True
    )
    many = count >= MIN_REFERENCE_CELLS
    kept = many[codes]
    learned, codes = learned[kept], (np.cumsum(many) - 1)[codes[kept]]
    asked = pair.asked[pair.asked.obs[LABELS].isin([*names[many], pair.left_out]).to_numpy()]
    batches = learned.obs[BATCH].astype(str).to_numpy()
    genes = select_genes(learned.X, min(FEWER, learned.n_vars), batches, types=codes)
    depth = np.full(len(codes), 1e4, dtype=np.float32)  # only thinning asks for it
    cells = Cells(learned.X[:, genes].tocsr(), codes, depth, int(many.sum()))
    return cells, asked[:, genes], (asked.obs[LABELS] == pair.left_out).to_numpy()


def told(cells: Cells, query: AnnData, new: np.ndarray) -> dict[str, float]:
    """Return AUROC of each reading and of all, and the shares of cells called unknown."""
    from sklearn.metrics import roc_auc_score

    from plkd.model.halves import as_readings, distance_to_types, groups_say, halves
    from plkd.model.trusting import made_up_effects
    from plkd.trust.group_space import group_space
    from plkd.trust.lone_scale import lone_scale
    from plkd.trust.type_space import type_space

    known_as = cells.expression, cells.codes, cells.n_types
    expression = query.X.tocsr()
    distance = distance_to_types(type_space(*known_as), expression)
    says = groups_say(group_space(*known_as), expression)

    usual = halves(cells, made_up_effects(cells, seed=0))
    same = [np.zeros(len(each), dtype=np.float32) for each in (usual.distance, distance)]
    lone = lone_scale(
        as_readings(usual.distance, same[0]), as_readings(usual.shifted_distance, same[0])
    )
    nothing = as_readings(same[0], same[0])
    among = usual.scale(lone, usual.codes, (nothing, nothing))
    alone = lone.scores(as_readings(distance, same[1]))
    together = among.scores(alone, says)
    off = lone.usual.shift(alone)
    asked = not lone.usual.is_beyond(off)
    unknown = {"distance": called_unknown(lone.usual, alone, off)}
    unknown["together"] = unknown["distance"]
    if asked:
        effect = lone.usual.effect(off)
        unknown["together"] = called_unknown(
            among.usual, together, among.usual.shift(together), effect
        )
    found = {
        "auroc_distance": roc_auc_score(new, distance),
        "auroc_far": roc_auc_score(new, says[:, 0]),
        "auroc_crowded": roc_auc_score(new, says[:, 1]),
        "auroc": roc_auc_score(new, together if asked else distance),
        "groups_asked": float(asked),
    }
    for name, which in unknown.items():
        found[f"unknown_known_{name}"] = which[~new].mean()
        found[f"unknown_new_{name}"] = which[new].mean()
    return {name: float(value) for name, value in found.items()}


def called_unknown(
    usual: UsualScores, scores: np.ndarray, off: float, effect: float | None = None
) -> np.ndarray:
    """Return which cells are called unknown as annotation does, were no label doubted."""
    from plkd.trust.novelty import FALSE_ALARM, beside_the_query, novelty

    found = novelty(usual.strangeness(scores, off, effect=effect), np.ones(len(scores)))
    if not (off > 0 and usual.knows_spread):
        found = beside_the_query(found)
    return found > 1 - FALSE_ALARM


if __name__ == "__main__":
    raise SystemExit(main())
