"""What a study is, and running those of its fits that have no row yet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from study.methods import NEEDS, Found, Sides, annotated, is_installed, sides_of
from study.names import NETWORKS
from study.rows import Key, Row, key_of, read_rows, write_rows
from tasks import load_task, read_tasks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def unchanged(sides: Sides, seed: int) -> Sides:
    """Return the cells as they are."""
    del seed
    return sides


@dataclass(frozen=True)
class Setting:
    """One line of a study: what is done to the cells and to plkd's training.

    Attributes
    ----------
    name
        Unique in the study; stands in its rows.
    methods
        Methods that take part.
    task
        The only task it is for; ``None``: every task of the study.
    changed
        From the cells of a task and a seed to those that are used; makes copies.
    training
        What differs from plkd's default training.
    mask
        Whether plkd is given gene sets.
    columns
        More columns of its rows.
    """

    name: str
    methods: tuple[str, ...]
    task: str | None = None
    changed: Callable[[Sides, int], Sides] = unchanged
    training: Mapping[str, float] = field(default_factory=dict)
    mask: bool = True
    columns: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether plkd is fitted at its defaults on the cells as they are."""
        return self.changed is unchanged and self.mask and not self.training


@dataclass(frozen=True)
class Study:
    """Settings, the tasks they are run on by default, what is measured and how it is shown.

    Attributes
    ----------
    name
        Name of the command, and of the files it writes.
    tasks
        Tasks that it is run on unless others are asked for.
    settings
        Its settings, in the order in which they are shown.
    measure
        From a setting, its cells and what a method found to the measures of one or more rows.
    page
        From the table of all rows to the page in Markdown.
    figure
        From the table of all rows to a figure.
    """

    name: str
    tasks: tuple[str, ...]
    settings: tuple[Setting, ...]
    measure: Callable[[Setting, Sides, Found], list[Row]]
    page: Callable[[pd.DataFrame], str]
    figure: Callable[[pd.DataFrame], Figure]


@dataclass(frozen=True)
class Choice:
    """Which part of a study is run; ``None`` is all of it. Settings may be shell patterns.

    ``models`` is the folder of kept models, shared with other benchmarks, for plain settings.
    """

    tasks: Sequence[str] | None = None
    seeds: Sequence[int] = (0, 1, 2)
    methods: Sequence[str] | None = None
    settings: Sequence[str] | None = None
    again: bool = False
    models: Path | None = None


def run(study: Study, folder: Path, file: Path, choice: Choice) -> list[Row]:
    """Run what the file has no row of, adding rows as they come, and return all rows.

    With ``choice.again`` the rows of plkd that are asked for are dropped first. Methods that are
    not installed are left out with a word on stderr.
    """
    rows = read_rows(file)
    names = choice.tasks or study.tasks
    tasks = read_tasks(folder, names)
    if choice.again:
        asked = {key for name in names for _, keys in runs(study, name, choice) for key in keys}
        again = {key for key in asked if key[2] in NETWORKS and is_installed(key[2])}
        rows = [row for row in rows if key_of(row) not in again]
    done = {key_of(row) for row in rows}
    absent = absent_methods(study, choice)
    for task in tasks:
        todo = [
            (setting, missing)
            for setting, keys in runs(study, task.name, choice)
            if (missing := [key for key in keys if key not in done and key[2] not in absent])
        ]
        if not todo:
            continue
        whole = sides_of(load_task(folder, task))
        for setting, missing in todo:
            kept = choice.models if setting.is_plain else None
            for new in new_rows(study, setting, whole, folder, missing, models=kept):
                rows.extend(new)
                write_rows(file, rows)
    return rows


def absent_methods(study: Study, choice: Choice) -> set[str]:
    """Return the methods asked for that are not installed here, and say so."""
    methods = {method for setting in study.settings for method in setting.methods}
    asked = methods & set(choice.methods or methods)
    absent = {method for method in asked if not is_installed(method)}
    for method in sorted(absent):
        say(f"{method} left out: {NEEDS[method]} is not installed here")
    return absent


def runs(study: Study, task: str, choice: Choice) -> Iterator[tuple[Setting, list[Key]]]:
    """Yield each setting of a task with the keys of its methods, seed by seed.

    Raises
    ------
    SystemExit
        No setting has one of the names asked for.
    """
    patterns = choice.settings or ["*"]
    chosen = [s for s in study.settings if any(fnmatchcase(s.name, p) for p in patterns)]
    if not chosen:
        there = ", ".join(setting.name for setting in study.settings)
        raise SystemExit(f"no such setting: {', '.join(patterns)}. Settings: {there}")
    for seed in choice.seeds:
        for setting in chosen:
            if setting.task in (None, task):
                methods = [m for m in setting.methods if m in (choice.methods or setting.methods)]
                yield setting, [(task, setting.name, method, seed) for method in methods]


def new_rows(
    study: Study,
    setting: Setting,
    whole: Sides,
    folder: Path,
    keys: Sequence[Key],
    *,
    models: Path | None = None,
) -> Iterator[list[Row]]:
    """Yield the rows of each method of one setting, task and seed."""
    task, _, _, seed = keys[0]
    sides = setting.changed(whole, seed)
    size = f"{sides.reference.n_obs} reference cells, {sides.query.n_obs} query cells"
    say(f"{task}, {setting.name}, seed {seed}: {size}")
    for found in annotated(
        sides,
        folder,
        methods=[method for _, _, method, _ in keys],
        training=setting.training,
        mask=setting.mask,
        seed=seed,
        kept=None if models is None else (models, task),
    ):
        head = {"task": task, "setting": setting.name, "method": found.method, "seed": seed}
        tail = {"fit_seconds": round(found.fit_seconds, 3)}
        yield [
            {**head, **setting.columns, **measures, **tail}
            for measures in study.measure(setting, sides, found)
        ]
        say(f"  {found.method}: fit {found.fit_seconds:.1f} s")


def say(line: str) -> None:
    """Write a line of progress to stderr."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()
