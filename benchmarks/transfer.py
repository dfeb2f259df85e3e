"""Label transfer to batches never seen: plkd and its peers on every task, side by side.

    python benchmarks/transfer.py --data FOLDER

writes ``docs/results/transfer.csv`` (one line a task, method and seed), ``transfer.md`` (the
tables) and ``transfer.png`` (the figure). The peers' lines are kept in ``docs/results/peers.csv``
and are not run again unless ``--refresh-peers`` is given, so only plkd runs when plkd has
changed. A peer without randomness runs with one seed, and its line stands for all. A peer whose
packages are not installed is skipped, which is said, and leaves dashes in the tables. With
``--tasks``, ``--methods`` or ``--seeds`` and no ``--out``, the tables are printed and not
written. With ``--models`` the fitted models of plkd are kept and taken from there, which later
methods and ``faithfulness.py`` share; delete the folder when plkd's training has changed.
``--tables-only`` makes tables and figure of the lines that there are and runs nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from results import Row, read_rows, scored, write_rows
from tasks import add_data_argument, data_folder, load_task, read_tasks
from transfer_figure import write_figure
from transfer_kept import KeptRows, Key
from transfer_memory import read_peaks
from transfer_methods import METHODS, Bench, is_peer
from transfer_page import page

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
PEERS = "peers.csv"
SEEDS = (0, 1, 2)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="only these tasks")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="only these methods")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: 0 1 2")
    parser.add_argument("--refresh-peers", action="store_true", help="run cached peers again")
    parser.add_argument("--resume", action="store_true", help="keep plkd's lines of transfer.csv")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--tables-only", action="store_true", help="run nothing; needs no data")
    parser.add_argument("--out", type=Path, help="folder of the tables (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then write or print the tables."""
    options = arguments(argv)
    out = options.out or RESULTS
    written = bool(options.out or not (options.tasks or options.methods or options.seeds))
    before = read_rows(out / "transfer.csv")
    kept = kept_rows(options, before, peers=out / PEERS)
    if options.tables_only:
        tasks = list(dict.fromkeys(row.task for row in kept.rows()))
        tasks = [name for name in tasks if name in (options.tasks or tasks)]
    else:
        tasks = run_missing(options, kept, before, out=out, written=written)
    methods = [method for method in METHODS if method in (options.methods or METHODS)]
    seeds = tuple(options.seeds or SEEDS)
    rows = kept.rows_of([(task, m, s) for task in tasks for m in methods for s in seeds])
    text = page(
        rows,
        methods,
        seeds=seeds,
        options=options,
        memory=read_peaks(RESULTS / "memory.csv"),
        figure="transfer.png" if written else None,
    )
    sys.stdout.write(text)
    if written:
        write_rows(out / "transfer.csv", [*of_other_tasks(before, tasks), *rows])
        (out / "transfer.md").write_text(text, encoding="utf-8")
        write_figure(out / "transfer.png", rows, methods)
    return 0


def of_other_tasks(rows: Sequence[Row], tasks: Sequence[str]) -> list[Row]:
    """Return the rows that are of none of these tasks, which a run leaves alone."""
    return [row for row in rows if row.task not in tasks]


def kept_rows(options: argparse.Namespace, before: Sequence[Row], *, peers: Path) -> KeptRows:
    """Return the rows that need not be run again."""
    kept = KeptRows([] if options.refresh_peers else read_rows(peers))
    if options.resume or options.tables_only:
        for row in before:
            if not is_peer(row.method):
                kept.add(row)
    return kept


def run_missing(
    options: argparse.Namespace, kept: KeptRows, before: Sequence[Row], *, out: Path, written: bool
) -> list[str]:
    """Run what ``kept`` lacks and add it there; return the names of the tasks.

    Every new row is written at once, a peer's to the peers' file, plkd's to the table where that is
    written.
    """
    folder = data_folder(options.data)
    tasks = read_tasks(folder, options.tasks)
    methods = [method for method in METHODS if method in (options.methods or METHODS)]
    cache = KeptRows(read_rows(out / PEERS))
    others = of_other_tasks(before, [task.name for task in tasks])
    absent: set[str] = set()
    for task in tasks:
        seeds = options.seeds or SEEDS
        missing = kept.missing([(task.name, m, s) for s in seeds for m in methods])
        if all(method in absent for _, method, _ in missing):
            continue
        bench = Bench(load_task(folder, task), folder, options.models)
        for row in run_task(bench, missing, absent):
            kept.add(row)
            if is_peer(row.method):
                cache.add(row)
                write_rows(out / PEERS, cache.rows())
            elif written:
                own = [row for row in kept.rows() if not is_peer(row.method)]
                write_rows(out / "transfer.csv", [*others, *own])
    return [task.name for task in tasks]


def run_task(bench: Bench, missing: Sequence[Key], absent: set[str]) -> Iterator[Row]:
    """Yield the missing rows of a task; peers whose packages are not here go to ``absent``."""
    cells = bench.cells
    name = cells.task.name
    say(f"{name}: {cells.reference.n_obs} reference cells, {cells.query.n_obs} query cells")
    for seed in dict.fromkeys(seed for _, _, seed in missing):
        asked = [method for _, method, its in missing if its == seed and method not in absent]
        for methods in [[m] for m in asked if is_peer(m)] + [[m for m in asked if not is_peer(m)]]:
            try:
                found = dict(bench.run(methods, seed))
            except ImportError as error:
                if not all(map(is_peer, methods)):
                    raise
                say(f"  {methods[0]} is skipped: {error}")
                absent.update(methods)
                continue
            for method, prediction in found.items():
                row = scored(
                    name,
                    method,
                    seed=seed,
                    truth=bench.truth,
                    found=prediction,
                    reference=bench.reference_types,
                )
                yield told(row)


def told(row: Row) -> Row:
    """Say a finished row on stderr and hand it on."""
    say(
        f"  {row.method}, seed {row.seed}: macro F1 {row.macro_f1:.3f}, rare types "
        f"{row.rare_f1:.3f}, accuracy {row.accuracy:.3f}, fit {row.fit_seconds:.1f} s, "
        f"predict {row.predict_seconds:.1f} s"
    )
    return row


def say(line: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
