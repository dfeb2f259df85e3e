"""Layers of the cortex the other way round: the unseen slices of ``space.py`` learned.

    python benchmarks/space_turned.py --data FOLDER

writes ``docs/results/space_turned.csv`` (one line a method and seed), which ``space.md`` shows
(``space.py --page``). Which of two methods is ahead by little on two slices may depend on which
two: plkd and, by ``--methods``, any peer of ``transfer.py`` learn the slices that are the query
there and annotate those that are the reference. Nothing was chosen by it. scANVI, the peer that is
nearest, takes many minutes for each seed; lines that are not run again stay in the file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ours import OURS
from space_page import TASK, TURNED
from study.rows import RowsByKey
from study.runs import say
from tasks import Task, add_data_argument, data_folder, load_task, read_tasks
from transfer_methods import METHODS, WITHOUT_RANDOMNESS, Bench

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(OURS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the methods asked for; each row is kept as soon as it is there."""
    from plkd.metrics import report

    options = arguments(argv)
    folder = data_folder(options.data)
    bench = Bench(load_task(folder, turned(read_tasks(folder, [TASK])[0])), folder, options.models)
    kept = RowsByKey(options.out / TURNED, ("method", "seed"))
    first = options.seeds[0]
    for seed in options.seeds:
        asked = [m for m in options.methods if m not in WITHOUT_RANDOMNESS or seed == first]
        for method, found in bench.run(asked, seed):
            scored = report(bench.truth, found.labels)
            measures = {"macro_f1": scored.macro_f1, "accuracy": scored.accuracy}
            rounded = {name: round(value, 5) for name, value in measures.items()}
            kept.keep([{"method": method, "seed": seed, **rounded}])
            say(f"{method}, seed {seed}: macro F1 {scored.macro_f1:.3f}")
    return 0


def turned(task: Task) -> Task:
    """Return a task with its reference and its query in each other's place."""
    return replace(
        task,
        name=f"{task.name}:turned",
        reference=task.query,
        reference_batches=task.query_batches,
        query=task.reference,
        query_batches=task.reference_batches,
    )


if __name__ == "__main__":
    raise SystemExit(main())
