"""Running what has no row yet: tasks, left-out types, seeds, methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kept_models import fitted, is_kept
from predictions import BATCH, LABELS, name_columns
from study.runs import say
from tasks import TaskData, load_task, read_tasks
from trusted.answers import Answer, our_answers
from trusted.leaving import RULE, left_out_types, model_name, without_type
from trusted.names import AUTO, CONFIDENT, FROM_LEFT_OUT, NOTHING, OURS, PEERS
from trusted.peer_answers import PEER_ANSWERS
from trusted.rows import Found, KeptRuns, Run, found, run_of

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Choice:
    """Which part of the benchmark is run.

    Attributes
    ----------
    types
        "rule" for one left-out type a task, "all" for each.
    known
        Which references the cells of known types are measured with: "full" fits the whole one as
        well, "left out" takes only the fits without a type, "auto" the whole one where plkd's model
        of it is kept (and always for peers).
    again
        Methods whose kept rows are not taken.
    models
        Folder of plkd's fitted models.
    """

    tasks: Sequence[str] | None = None
    methods: Sequence[str] = (*OURS, *PEERS)
    seeds: Sequence[int] = (0, 1, 2)
    types: str = RULE
    known: str = AUTO
    again: Sequence[str] = ()
    models: Path | None = None


@dataclass(frozen=True)
class Bench:
    """A task, whole or without a type; what peers are offered is prepared once."""

    cells: TaskData
    left_out: str
    by_rule: bool

    @cached_property
    def offered(self) -> tuple[AnnData, AnnData]:
        """Reference and query as peers are offered them."""
        from peers import prepared

        return prepared(self.cells.reference, self.cells.query)

    @property
    def name(self) -> str:
        """What the model of plkd is called."""
        task = self.cells.task.name
        return task if self.left_out == NOTHING else model_name(task, self.left_out)

    def found(self, run: Run, answer: Answer) -> Found:
        """Return the rows and bins of an answer."""
        truth, batches = (
            self.cells.query.obs[column].to_numpy().astype(str) for column in (LABELS, BATCH)
        )
        return found(run, answer, truth=truth, batches=batches, by_rule=self.by_rule)


def run(choice: Choice, folder: Path, kept: KeptRuns) -> None:
    """Run what ``kept`` lacks and what is asked for again, and put it there as it comes."""
    done: set[Run] = set()
    absent: set[str] = set()

    def is_due(one: Run) -> bool:
        fresh = one.method in choice.again
        return one not in done and one.method not in absent and (fresh or one not in kept)

    for task in read_tasks(folder, choice.tasks):
        cells = load_task(folder, task)
        name_columns(cells)
        for bench in benches(cells, choice):
            for seed in choice.seeds:
                for runs in due(bench, choice, seed, is_due):
                    new = answered(bench, runs, seed, folder, choice.models, absent)
                    done.update(runs)
                    if new:
                        kept.put(new)


def benches(cells: TaskData, choice: Choice) -> Iterator[Bench]:
    """Yield a task without each type, one in memory at a time, then whole."""
    types = left_out_types(cells, choice.types)
    if not types:
        say(f"{cells.task.name}: no type of it can be left out")
    by_rule = left_out_types(cells)
    for name in types:
        yield Bench(without_type(cells, name), name, name in by_rule)
    if choice.known != FROM_LEFT_OUT:
        yield Bench(cells, NOTHING, True)


def due(
    bench: Bench, choice: Choice, seed: int, is_due: Callable[[Run], bool]
) -> Iterator[list[Run]]:
    """Yield runs that share a fit: all of ours, and each peer."""
    task = bench.cells.task.name
    whole = bench.left_out == NOTHING
    asked = [m for m in choice.methods if m in CONFIDENT or not whole]
    ours = [method for method in asked if method in OURS]
    if whole and choice.known == AUTO and not is_kept(choice.models, bench.name, seed):
        ours = []
    for methods in (ours, *([method] for method in asked if method in PEERS)):
        runs = [run_of(task, bench.left_out, method, seed) for method in methods]
        if any(map(is_due, runs)):
            yield runs


def answered(
    bench: Bench,
    runs: Sequence[Run],
    seed: int,
    folder: Path,
    models: Path | None,
    absent: set[str],
) -> dict[Run, Found]:
    """Return what runs of one fit give; peers that are not installed go to ``absent``, aloud."""
    reference, query = bench.cells.reference, bench.cells.query
    method = runs[0].method
    say(f"{bench.cells.task.name}, without {bench.left_out}, {method}, seed {seed}")
    if method in OURS:
        fit = fitted(reference, folder, name=bench.name, seed=seed, models=models)
        answers = our_answers(query, fit)
    else:
        try:
            answers = {method: PEER_ANSWERS[method](*bench.offered, seed)}
        except ImportError as error:
            say(f"  {method} is skipped: {error}")
            absent.add(method)
            return {}
    new = {run: bench.found(run, answers[run.method]) for run in runs}
    for one, its in new.items():
        say(f"  {one.method}: {', '.join(map(_in_short, its.rows))}")
    return new


def _in_short(row: dict[str, object]) -> str:
    shown = ("auroc", "unknown_of_known", "ece", "coverage")
    there = [f"{name} {row[name]:.3f}" for name in shown if row[name] is not None]
    return f"{row['part']}: {' '.join(there)}"
