"""When an answer can be believed: unknown types, calibrated confidence, sets of types, and cost.

    python benchmarks/trust.py --data FOLDER --models MODELS

writes ``docs/results/trust.md`` (tables, and sentences that say what holds and what does not),
``trust.png``, ``trust.csv`` (plkd), ``trust_peers.csv`` (peers; not run again unless
``--refresh-peers`` is given) and ``trust_bins.csv`` (reliability diagrams of both). Of every task:

1. *Leave one type out.* A type is taken out of the reference and stays in the query; the rule is at
   the head of ``trusted/leaving.py``, ``--types all`` takes each in turn.
2. *Known types only.* Confidence and sets of types on the whole reference where plkd's model of it
   is kept in ``--models`` (shared with ``transfer.py``) or with ``--fit-full``; otherwise, or with
   ``--known-from-left-out``, on the cells of the other types of the fits of 1, so that one fit a
   task serves both. Where both were run of every task the page has tables of the second, and
   whole references beside them.
3. *Cost*, only with ``--cost``: needs no data, writes ``trust_cost.csv``.
4. *Other readings*, only with ``--readings``: what else of the same fits could tell a new type
   (``trusted/readings.py``), writes ``trust_readings.csv``.
5. *Limits*, only with ``--limits``: how well methods that are told the left-out type tell it apart
   (``trusted/limits.py``), by the whole references' models; writes ``trust_limits.csv``.
6. *Adapted*, only with ``--adapted``: the same as of 2., of models adapted to the query
   (``trusted/adapted.py``); writes ``trust_adapted.csv``.

plkd is run again each time, but for ``--resume``. Peers may live in an environment of their own,
where only they are run; a peer that is not installed is skipped, which is said:

    peers/bin/python benchmarks/trust.py --data FOLDER --methods celltypist "logistic unscaled"
    python benchmarks/trust.py --data FOLDER --models MODELS

``--page`` runs nothing and writes page and figure of the rows that there are. The audit of labels
is measured by ``audit.py``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from study.figures import save
from study.rows import frame, read_rows, write_rows
from tasks import add_data_argument, data_folder
from trusted import adapted, cost, limits, readings
from trusted.figure import figure
from trusted.leaving import ALL, RULE
from trusted.names import AUTO, FROM_LEFT_OUT, FULL, METHODS, OURS, PEERS, PLKD
from trusted.page import Beside, page
from trusted.rows import KeptRuns
from trusted.running import Choice, run
from trusted.tables import shown_source

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="only these tasks")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--types", choices=(RULE, ALL), default=RULE, help="which are left out")
    whole = parser.add_mutually_exclusive_group()
    whole.add_argument("--known-from-left-out", action="store_true", help="no whole reference")
    whole.add_argument("--fit-full", action="store_true", help="fit whole references as well")
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's fitted models")
    parser.add_argument("--refresh-peers", action="store_true", help="run kept peers again")
    parser.add_argument("--resume", action="store_true", help="keep plkd's lines as well")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--cost", action="store_true", help="measure the cost, and nothing else")
    other.add_argument("--readings", action="store_true", help="measure other readings alone")
    other.add_argument("--limits", action="store_true", help="measure what could be told, alone")
    other.add_argument("--adapted", action="store_true", help="measure adapted models alone")
    other.add_argument("--page", action="store_true", help="run nothing, write page and figure")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for and missing, then write page and figure from all rows."""
    options = arguments(argv)
    kept = KeptRuns(options.out)
    if options.cost:
        write_rows(options.out / cost.FILE, cost.cost_rows())
    elif options.readings:
        readings.run(choice(options), data_folder(options.data), options.out / readings.FILE)
    elif options.limits:
        limits.run(choice(options), data_folder(options.data), options.out / limits.FILE)
    elif options.adapted:
        adapted.run(choice(options), data_folder(options.data), options.out / adapted.FILE)
    elif not options.page:
        run(choice(options), data_folder(options.data), kept)
    table, bins = kept.table(), kept.bins()
    if not (table["method"] == PLKD).any():
        sys.stderr.write("no page is written: trust.csv has no rows of plkd yet\n")
        return 0
    source = FROM_LEFT_OUT if options.known_from_left_out else shown_source(table)
    files = (each.FILE for each in (cost, readings, limits, adapted))
    beside = Beside(*(frame(read_rows(options.out / name)) for name in files))
    text = page(table, source, beside)
    (options.out / "trust.md").write_text(text, encoding="utf-8")
    save(figure(table, bins, source), options.out / "trust.png")
    sys.stdout.write(text)
    return 0


def choice(options: argparse.Namespace) -> Choice:
    """Return which part of the benchmark is run."""
    again = [*(() if options.resume else OURS), *(PEERS if options.refresh_peers else ())]
    known = FROM_LEFT_OUT if options.known_from_left_out else FULL if options.fit_full else AUTO
    return Choice(
        tasks=options.tasks,
        methods=options.methods,
        seeds=options.seeds,
        types=options.types,
        known=known,
        again=again,
        models=options.models,
    )


if __name__ == "__main__":
    raise SystemExit(main())
