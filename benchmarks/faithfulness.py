"""Does the explanation hold? Deletion curves, stability over seeds, textbook markers, planted sets.

    python benchmarks/faithfulness.py --data FOLDER

writes ``docs/results/faithfulness.md`` (tables, and sentences that say what holds and what does
not), ``faithfulness.csv``, ``faithfulness_genes.csv`` and ``faithfulness.png``. Parts:

==========  ====================================================================================
deletion    :mod:`faithful.deletion`: on unseen cells, the first three seeds
stability   :mod:`faithful.lists`: the first ten genes of each type, all seeds
textbook    the same lists against :mod:`faithful.textbook`, and against other methods' lists
planted     :mod:`faithful.planted`: simulated cells, the first three seeds
==========  ====================================================================================

``--only`` runs some of them, and the rows of the others stay. ``--resume`` runs only what has no
row yet; ``--page`` runs nothing. Fitted models are kept in the folder of ``--models`` and shared by
the parts and by later runs; delete it when plkd's training has changed. CellTypist may live in an
environment of its own, ``--peers-python``; without it its kept lists stay.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from faithful import lists
from faithful.deletion import PART as DELETION
from faithful.deletion import deletion_rows
from faithful.figure import figure
from faithful.page import page
from faithful.planted import LEARNED, MASK, planted_rows, planted_sets
from faithful.planted import PART as PLANTED
from faithful.readings import Reading
from faithful.rows import Kept, genes, numbers
from kept_models import fitted
from study.figures import save
from study.methods import sides_of
from study.rows import Row
from study.runs import say
from tasks import Task, add_data_argument, data_folder, load_task, read_tasks

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
TASKS = ("kang8:donors", "3tech:to_5p", "pbmc:to_pbmc3k")
STABILITY, TEXTBOOK = "stability", "textbook"
PARTS = (DELETION, STABILITY, TEXTBOOK, PLANTED)
N_SEEDS = 3
"""Seeds of the parts that do not need all of them."""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts")
    parser.add_argument("--tasks", nargs="+", metavar="NAME", default=TASKS, help="these tasks")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--models", type=Path, default=Path("faithfulness-models"))
    parser.add_argument("--peers-python", default=sys.executable, help="a Python with CellTypist")
    parser.add_argument("--resume", action="store_true", help="run only what has no row yet")
    parser.add_argument("--page", action="store_true", help="run nothing, write page and figure")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


@dataclass(frozen=True)
class Tables:
    """The rows of both files."""

    numbers: Kept
    genes: Kept


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for, then write page and figure from all rows."""
    options = arguments(argv)
    kept = Tables(numbers(options.out), genes(options.out))
    if not options.page:
        folder = data_folder(options.data)
        if set(options.only) - {PLANTED}:
            for task in read_tasks(folder, options.tasks):
                run_task(options, folder, task, kept)
        if PLANTED in options.only:
            run_planted(options, folder, kept.numbers)
    found, ranked = kept.numbers.table(), kept.genes.table()
    if not (len(found) or len(ranked)):
        raise SystemExit("nothing to show: faithfulness.csv has no rows")
    text = page(found, ranked)
    (options.out / "faithfulness.md").write_text(text, encoding="utf-8")
    save(figure(found, ranked), options.out / "faithfulness.png")
    sys.stdout.write(text)
    return 0


def jobs(options: argparse.Namespace, task: str, kept: Tables) -> Iterator[tuple[int, str]]:
    """Yield what is to be run on a task: the seed of the model that it needs, and the kind.

    Lists of methods that are no models only need to know the models' genes, which are the same for
    every seed; they come with the first one.
    """
    first, parts = options.seeds[0], set(options.only)

    def is_due(rows: Kept, run: tuple[str, str, int]) -> bool:
        return not (options.resume and run in rows)

    for seed in options.seeds:
        if parts & {STABILITY, TEXTBOOK} and is_due(kept.genes, (task, lists.SHAP, seed)):
            yield seed, "models"
        if seed == first and STABILITY in parts and is_due(kept.genes, (task, lists.RESAMPLED, 0)):
            yield seed, "resampled"
        if seed == first and TEXTBOOK in parts and is_due(kept.genes, (task, "wilcoxon", 0)):
            yield seed, "plain"
        if seed == first and TEXTBOOK in parts and is_due(kept.genes, (task, lists.CELLTYPIST, 0)):
            yield seed, "celltypist"
        curved = seed in options.seeds[:N_SEEDS] and DELETION in parts
        if curved and is_due(kept.numbers, (DELETION, task, seed)):
            yield seed, DELETION


def run_task(options: argparse.Namespace, folder: Path, task: Task, kept: Tables) -> None:
    """Run what is due on a task, one model at a time, adding rows as they come."""
    due = list(jobs(options, task.name, kept))
    if not due:
        return
    sides = sides_of(load_task(folder, task))
    for seed in dict.fromkeys(seed for seed, _ in due):
        say(f"{task.name}, seed {seed}")
        place = {"name": task.name, "seed": seed, "models": options.models}
        model = fitted(sides.reference, folder, **place).model
        reading = Reading(model, sides.reference)
        for kind in [kind for its, kind in due if its == seed]:
            say(f"  {kind}")
            if kind == DELETION:
                rows = deletion_rows(reading, sides.query, task=task.name, seed=seed)
                kept.numbers.put(rows)
            elif kind == "celltypist":
                put_celltypist(reading, task.name, options.peers_python, kept.genes)
            else:
                kept.genes.put(LISTS[kind](reading, task.name, seed))


LISTS: Mapping[str, Callable[[Reading, str, int], list[Row]]] = {
    "models": lambda reading, task, seed: lists.model_lists(reading, task=task, seed=seed),
    "resampled": lambda reading, task, _: lists.resampled_lists(reading.cells, task=task),
    "plain": lambda reading, task, _: lists.plain_lists(reading.cells, task=task),
}


def put_celltypist(reading: Reading, task: str, python: str, kept: Kept) -> None:
    """Put CellTypist's lists; where it cannot run, kept ones stay if they are of these genes."""
    rows = lists.celltypist_lists(reading.cells, task=task, python=python)
    run = (task, lists.CELLTYPIST, 0)
    if rows:
        kept.put(rows)
    elif run in kept and not lists.is_of(kept, run, reading.cells):
        say("  its kept lists are of other genes, and are dropped")
        kept.drop(run)


def run_planted(options: argparse.Namespace, folder: Path, kept: Kept) -> None:
    """Simulate and train what is due, adding rows as they come."""
    sets = planted_sets(folder)
    for seed in options.seeds[:N_SEEDS]:
        for how in (MASK, LEARNED):
            if not (options.resume and (PLANTED, how, seed) in kept):
                say(f"planted, {how}, seed {seed}")
                kept.put(planted_rows(sets, how=how, seed=seed, models=options.models))


if __name__ == "__main__":
    raise SystemExit(main())
