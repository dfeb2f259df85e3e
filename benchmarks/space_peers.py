"""Layers of the cortex by the peers: in how many genes, and the slices the other way round.

    python benchmarks/space_peers.py --data FOLDER

writes ``docs/results/space_peers.csv`` (one line a way, number of genes, method and seed), which
``space.md`` shows (``space.py --page``). Two things may decide which of two methods is ahead by
little on two slices, and both are measured:

==============  =================================================================================
how many genes  plkd chooses how many genes it has; peers are offered as many (``transfer.py``).
                Here any number is offered, 2,000 by default: the number that is recommended for
                most of them. Whichever suits a peer better is what plkd has to stand beside
which slices    "forth", the task: 151673 and 151674 are learned, the other two annotated (plkd
                itself and the peers in as many genes: ``space.py``, ``transfer.py``); "back": the
                other way round. Nothing was chosen by it
==============  =================================================================================

scANVI, the peer that is nearest, takes many minutes for each seed; lines that are not run again
stay in the file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ours import OURS
from space_page import BACK, FORTH, OTHER_PEERS, TASK
from study.rows import RowsByKey
from study.runs import say
from tasks import Task, add_data_argument, data_folder, load_task, read_tasks
from transfer_methods import METHODS, WITHOUT_RANDOMNESS, Bench, is_peer

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--way", choices=(FORTH, BACK), default=BACK, help=f"default: {BACK}")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(OURS), metavar="NAME")
    parser.add_argument(
        "--genes",
        type=int,
        metavar="N",
        help="genes that peers are offered (default: as many as plkd has)",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    options = parser.parse_args(argv)
    if options.genes is not None and not all(map(is_peer, options.methods)):
        parser.error("plkd chooses its genes itself: --genes is for peers alone")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the methods asked for; each row is kept as soon as it is there."""
    from plkd.metrics import report

    options = arguments(argv)
    folder = data_folder(options.data)
    task = read_tasks(folder, [TASK])[0]
    if options.way == BACK:
        task = turned(task)
    bench = Bench(load_task(folder, task), folder, options.models, options.genes)
    kept = RowsByKey(options.out / OTHER_PEERS, ("way", "n_genes", "method", "seed"))
    first = options.seeds[0]
    for seed in options.seeds:
        asked = [m for m in options.methods if m not in WITHOUT_RANDOMNESS or seed == first]
        for method, found in bench.run(asked, seed):
            scored = report(bench.truth, found.labels)
            measures = {"macro_f1": scored.macro_f1, "accuracy": scored.accuracy}
            rounded = {name: round(value, 5) for name, value in measures.items()}
            key = {"way": options.way, "n_genes": bench.sides[0].n_vars}
            kept.keep([{**key, "method": method, "seed": seed, **rounded}])
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
