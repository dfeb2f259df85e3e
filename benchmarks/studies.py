"""The paper's studies on real data, and one of ours.

    python benchmarks/studies.py ablation|abundance|imbalance|size --data FOLDER

are the paper's ablation (Table 5), abundance (Table 6) and imbalance (Figure 7), and how many
reference cells are enough. The first writes ``docs/results/ablation.csv`` (one line a task,
setting, method and seed), ``ablation.md`` (tables, and sentences that say what they show) and
``ablation.png``; the others likewise. Lines that the CSV has are not run again, so an interrupted
run goes on where it stopped. Peers that are not installed are left out, and their lines can be
added from an environment that has them:

    peers/bin/python benchmarks/studies.py ablation --data FOLDER --methods svm celltypist
    python benchmarks/studies.py ablation --data FOLDER

When plkd has changed, ``--again`` drops its lines and leaves those of the peers. ``--page`` only
writes the page and the figure anew. With ``--models`` plain fits of plkd are taken from there and
kept, shared with other benchmarks. What each study does is at the head of its file:
``study/ablation.py`` and so on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from study import ablation, abundance, imbalance, size
from study.figures import save
from study.names import LOOKS
from study.rows import Row, frame, read_rows
from study.runs import Choice, Study, run
from tasks import add_data_argument, data_folder

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "results"
STUDIES: Mapping[str, Study] = {
    module.STUDY.name: module.STUDY for module in (ablation, abundance, imbalance, size)
}


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("study", choices=STUDIES)
    add_data_argument(parser)
    parser.add_argument("--tasks", nargs="+", metavar="NAME", help="these tasks")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    parser.add_argument("--methods", nargs="+", choices=LOOKS, help="only these methods")
    parser.add_argument(
        "--settings", nargs="+", metavar="NAME", help="only these settings; * stands for anything"
    )
    parser.add_argument("--models", type=Path, metavar="FOLDER", help="keep plkd's plain fits")
    parser.add_argument("--again", action="store_true", help="run plkd's lines again")
    parser.add_argument("--page", action="store_true", help="run nothing, write page and figure")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder (default: docs/results)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is missing, then write the page and the figure from all rows that are there."""
    options = arguments(argv)
    study = STUDIES[options.study]
    file = options.out / f"{study.name}.csv"
    if options.page:
        rows = read_rows(file)
    else:
        choice = Choice(
            options.tasks,
            options.seeds,
            options.methods,
            options.settings,
            options.again,
            options.models,
        )
        rows = run(study, data_folder(options.data), file, choice)
    if not rows:
        raise SystemExit(f"nothing to show: {file.name} has no rows")
    sys.stdout.write(show(study, rows, options.out))
    return 0


def show(study: Study, rows: Sequence[Row], out: Path) -> str:
    """Write page and figure of a study beside its rows and return the page."""
    table = frame(rows)
    text = study.page(table)
    (out / f"{study.name}.md").write_text(text, encoding="utf-8")
    save(study.figure(table), out / f"{study.name}.png")
    return text


if __name__ == "__main__":
    raise SystemExit(main())
