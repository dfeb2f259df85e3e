"""Label transfer to batches never seen: plkd and its peers on every task, side by side.

    python benchmarks/transfer.py --data FOLDER

writes ``docs/results/transfer.csv`` (one line a task, method and seed) and ``transfer.md`` (the
tables). The peers' lines are kept in ``docs/results/peers.csv`` and are not run again unless
``--refresh-peers`` is given, so only plkd runs when plkd has changed. With ``--tasks``,
``--methods`` or ``--seeds`` and no ``--out``, the tables are printed and not written.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ours import NETWORKS, fit_predict_both
from peers import PEERS, prepared
from predictions import BATCH, LABELS
from results import Row, frame, markdown, per_task, read_rows, scored, summary, write_rows
from tasks import TaskData, add_data_argument, data_folder, load_task, read_tasks

if TYPE_CHECKING:
    import pandas as pd

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
METHODS = (*PEERS, *NETWORKS)
SEEDS = (0, 1, 2)
Key = tuple[str, str, int]


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="only these tasks")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="only these methods")
    parser.add_argument("--seeds", nargs="+", type=int, help="default: 0 1 2")
    parser.add_argument("--refresh-peers", action="store_true", help="run cached peers again")
    parser.add_argument("--resume", action="store_true", help="keep plkd's lines of transfer.csv")
    parser.add_argument("--out", type=Path, help="folder of the tables (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then write or print the tables."""
    options = arguments(argv)
    folder = data_folder(options.data)
    filtered = bool(options.tasks or options.methods or options.seeds)
    out = options.out or RESULTS
    cache, table = RESULTS / "peers.csv", out / "transfer.csv"
    methods = tuple(m for m in METHODS if m in (options.methods or METHODS))
    seeds = tuple(options.seeds or SEEDS)
    cached = read_rows(cache)
    known = [] if options.refresh_peers else list(cached)
    if options.resume:
        known += [row for row in read_rows(table) if row.method in NETWORKS]
    tasks = read_tasks(folder, options.tasks)
    done = {(row.task, row.method, row.seed): row for row in known}
    for task in tasks:
        wanted = [(task.name, m, s) for s in seeds for m in methods]
        if all(key in done for key in wanted):
            continue
        for row in run_task(load_task(folder, task), folder, wanted=wanted, done=set(done)):
            done[row.task, row.method, row.seed] = row
            if row.method in PEERS:
                cached.append(row)
                write_rows(cache, cached)
            elif options.out or not filtered:
                write_rows(table, [r for r in done.values() if r.method in NETWORKS])
    rows = [done[task.name, m, s] for task in tasks for m in methods for s in seeds]
    text = page(rows, methods, seeds=seeds, command=command_line(options))
    sys.stdout.write(text)
    if options.out or not filtered:
        write_rows(table, rows)
        table.with_suffix(".md").write_text(text, encoding="utf-8")
    return 0


def run_task(
    cells: TaskData, folder: Path, *, wanted: Sequence[Key], done: set[Key]
) -> Iterator[Row]:
    """Yield a row for every wanted method and seed that is not done yet."""
    task = cells.task
    for side in (cells.reference, cells.query):
        side.obs[LABELS], side.obs[BATCH] = side.obs[task.labels], side.obs[task.batch]
    truth = cells.query.obs[LABELS].to_numpy().astype(str)
    missing = [key for key in wanted if key not in done]
    say(f"{task.name}: {cells.reference.n_obs} reference cells, {cells.query.n_obs} query cells")
    if any(method in PEERS for _, method, _ in missing):
        sides = prepared(cells.reference, cells.query)
        for _, method, seed in [key for key in missing if key[1] in PEERS]:
            row = scored(
                task.name, method, seed=seed, truth=truth, found=PEERS[method](*sides, seed)
            )
            yield told(row)
    for seed in sorted({seed for _, method, seed in missing if method in NETWORKS}):
        for method, found in fit_predict_both(cells, folder, seed=seed).items():
            if (task.name, method, seed) in missing:
                yield told(scored(task.name, method, seed=seed, truth=truth, found=found))


def page(rows: Sequence[Row], methods: Sequence[str], *, seeds: Sequence[int], command: str) -> str:
    """Return the tables and how they were made, in Markdown."""
    table = frame(rows)
    tables: list[tuple[str, str]] = [
        ("Over all tasks", markdown(summary(table, methods), "method")),
        ("Macro F1", markdown(per_task(table, "macro_f1", methods), "task")),
        ("Accuracy", markdown(per_task(table, "accuracy", methods), "task")),
    ]
    parts = ["# Label transfer to batches never seen", how(table, seeds=seeds, command=command)]
    parts += [f"## {title}\n\n{body}" for title, body in tables]
    return "\n\n".join(parts) + "\n"


def how(table: pd.DataFrame, *, seeds: Sequence[int], command: str) -> str:
    """Return the paragraph that says how the tables were made."""
    tasks = table["task"].nunique()
    shown = ", ".join(map(str, seeds))
    return (
        f"Made by `{command}` ({machine()}). {tasks} tasks, seeds {shown}; each number is the mean "
        "over seeds ± their standard deviation (that of a peer without randomness is 0). The "
        "rules of the tasks are at the head of `benchmarks/tasks.py`, the setting of each peer at "
        "the head of `benchmarks/peers.py`; plkd runs at its defaults with the organism's "
        "Reactome sets. Every method is offered log1p counts per 10,000 in 2,000 highly variable "
        "genes of the reference; none but harmony + knn sees the query while it learns. Macro F1 "
        "is over the types present in the query. The rank is by macro F1, 1 for the best method of "
        "a task, averaged over tasks. Seconds are means over tasks and seeds; a fit of plkd is "
        "Teacher and Student together, and is therefore the same in both of its lines. Seconds of "
        "peers that come from `docs/results/peers.csv` were measured when that file was made, on "
        "the same kind of machine."
    )


def machine() -> str:
    """Return the processor count and threads in words."""
    threads = os.environ.get("OMP_NUM_THREADS")
    limit = f"OMP_NUM_THREADS={threads}" if threads else "all of them used"
    return f"{os.cpu_count()} CPU cores, {limit}"


def command_line(options: argparse.Namespace) -> str:
    """Return the command as another user would type it, with no path of this machine."""
    words = ["python benchmarks/transfer.py --data FOLDER"]
    for name in ("tasks", "methods", "seeds"):
        values = getattr(options, name)
        if values:
            words.append(" ".join([f"--{name}", *(shlex.quote(str(value)) for value in values)]))
    return " ".join(words)


def told(row: Row) -> Row:
    """Say a finished row on stderr and hand it on."""
    say(
        f"  {row.method}, seed {row.seed}: macro F1 {row.macro_f1:.3f}, accuracy "
        f"{row.accuracy:.3f}, fit {row.fit_seconds:.1f} s, predict {row.predict_seconds:.1f} s"
    )
    return row


def say(line: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
