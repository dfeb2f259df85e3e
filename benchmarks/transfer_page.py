"""The page of the label-transfer benchmark: its tables, and how they were made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from peers.elsewhere import section
from results import Row, frame, markdown, per_task, summary
from transfer_claims import sentences
from transfer_memory import TASK
from transfer_methods import WITHOUT_RANDOMNESS, blind, seeing

if TYPE_CHECKING:
    import argparse

    import pandas as pd

AT_HAND = "With the query's cells at hand"


def page(
    rows: Sequence[Row],
    methods: Sequence[str],
    *,
    seeds: Sequence[int],
    options: argparse.Namespace,
    memory: Mapping[str, float] | None = None,
    figure: str | None = None,
) -> str:
    """Return the tables and how they were made, in Markdown.

    Parameters
    ----------
    memory
        Peak memory of a method in GiB, if it was measured.
    figure
        File name of the figure, if there is one.
    """
    table = frame(rows)
    parts = ["# Label transfer to batches never seen", how(table, methods, seeds, options)]
    said = sentences(table, methods)
    if said:
        listing = "\n".join(f"- {sentence}" for sentence in said)
        parts.append(f"## What holds and what does not\n\n{listing}")
    if figure:
        parts.append(f"![Macro F1 of every method on every task]({figure})\n\n{FIGURE}")
    if blind(methods):
        parts += ["## Over all tasks", markdown(summary(table, blind(methods), memory), "method")]
        if memory:
            parts.append(MEMORY)
        for title, measure in (
            ("Macro F1", "macro_f1"),
            ("Rare-type F1", "rare_f1"),
            ("Accuracy", "accuracy"),
        ):
            parts += [f"## {title}", markdown(per_task(table, measure, blind(methods)), "task")]
    if seeing(methods):
        parts += [f"## {AT_HAND}", SEEING]
        parts.append(markdown(summary(table, seeing(methods), memory), "method"))
        parts.append(markdown(per_task(table, "macro_f1", seeing(methods)), "task, macro F1"))
    parts += ["## Peers that cannot run here", section()]
    return "\n\n".join(parts) + "\n"


SEEING = (
    "These methods learn with the query's cells before them (not their types), and have to learn "
    "anew for each query; the methods above are done learning when the query comes. They are "
    "ranked among themselves. Of plkd adapted, the seconds are those of `model.adapt(query)`: the "
    "model was there."
)

FIGURE = (
    "*Macro F1, mean over seeds; plkd's bars are one standard deviation over seeds. Hollow marks "
    "are methods that see the query while they learn.*"
)

MEMORY = (
    f"Peak memory is that of a process of its own which loads one task ({TASK}), fits and "
    "annotates, libraries and data included; `python benchmarks/transfer_memory.py --data FOLDER` "
    "measures it."
)


def how(
    table: pd.DataFrame,
    methods: Sequence[str],
    seeds: Sequence[int],
    options: argparse.Namespace,
) -> str:
    """Return the paragraphs that say how the tables were made."""
    shown = ", ".join(map(str, seeds))
    once = ", ".join(method for method in WITHOUT_RANDOMNESS if method in methods)
    parts = [
        f"Made by `{command_line(options)}` ({machine()}). {table['task'].nunique()} tasks, seeds "
        f"{shown}; each number is the mean over seeds ± their standard deviation. "
        + (f"Without randomness, and run with one seed for all: {once}. " if once else "")
        + "The rules of the tasks are at the head of `benchmarks/tasks.py`, the setting of each "
        "peer in `benchmarks/peers/`; plkd runs at its defaults with the organism's Reactome sets. "
        "Every method is offered as many highly variable genes of the reference as plkd has of it "
        "(2,000, of `dlpfc:673+674` all 3,851; with 2,000 there: [space](space.md)), as log1p "
        "counts per 10,000 (scanvi as counts). No method sees the query while it learns, "
        f'but for those under "{AT_HAND}". plkd\'s defaults were chosen on batches held out inside '
        "the references of the same data sets: 518 of the query cells of `kang8:donors` were among "
        "them, and batches that are queries of the `pbmc` tasks were references of such splits.",
        "Macro F1 is over the types present in the query. Rare-type F1 is over those of them that "
        "have fewer than 5 % of the reference's cells; tasks without such a type have a dash, and "
        "are not in its mean; methods whose rows are older than the measure have dashes, too. The "
        "rank is by macro F1, 1 for the best method of a task, averaged over tasks. Seconds are "
        "means over tasks and seeds; a fit of plkd is Teacher and Student together, and is "
        "therefore the same in both of its lines. Seconds of peers that come from "
        "`docs/results/peers.csv` were measured when that file was made, on the same kind of "
        "machine; those of tosica-like and scanvi beside other work, scanvi's on one CPU, so that "
        "they are too long: on both CPUs and with nothing beside, as plkd adapted's are, scanvi "
        "took seven to thirteen minutes on tasks of this size.",
    ]
    lacking = unfinished(table, methods, seeds)
    if lacking:
        parts.append(
            f"Not run on every task with every seed: {lacking}. A method that has not run on "
            'every task has no mean: "– (3 of 11)" is to be read as run on 3 of 11 tasks.'
        )
    return "\n\n".join(parts)


def unfinished(table: pd.DataFrame, methods: Sequence[str], seeds: Sequence[int]) -> str:
    """Return the methods that lack runs, each with how many it has: "scanvi (11 of 33)"."""
    runs = table["task"].nunique() * len(seeds)
    done = table["method"].value_counts()
    counts = [(method, done.get(method, 0)) for method in methods]
    return ", ".join(f"{method} ({n} of {runs})" for method, n in counts if n < runs)


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
