"""Training on a reference with wrong labels: all believed, or by default.

=================================  ==============================================================
as they are                        plkd's defaults, the reference's own labels
10 % (20 %) wrong, all believed    so many are wrong (:func:`study.ablation.with_wrong_labels`),
                                   and ``doubtful_labels=None``
10 % (20 %) wrong, doubtful set    the same labels, plkd's defaults
aside
10 % (20 %) wrong, wrong ones      the cells whose label is wrong are taken out of the reference, as
left out                           one could who knew which they are
=================================  ==============================================================

Measured are accuracy and macro F1 over the types present in the query, whose truth is untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from predictions import LABELS
from study.ablation import TASKS, noisy
from study.methods import Found, Sides, annotated, sides_of
from study.names import NETWORKS
from study.rows import Key, Row, key_of, read_rows, write_rows
from study.runs import say
from tasks import load_task, read_tasks

AS_THEY_ARE, BELIEVED, SET_ASIDE = "as they are", "all believed", "doubtful set aside"
WRONG_SHARES: Mapping[str, float] = {"10 % wrong": 0.1, "20 % wrong": 0.2}
LEFT_OUT = "wrong ones left out"
HANDLING: Mapping[str, Mapping[str, Any]] = {
    BELIEVED: {"doubtful_labels": None},
    SET_ASIDE: {},
    LEFT_OUT: {},
}


class Fit(NamedTuple):
    """What the labels of a fit are, what it is told, and whether wrong ones are in it at all."""

    wrong_share: float
    training: Mapping[str, Any]
    leave_out: bool = False


def named(wrong: str, handling: str) -> str:
    """Return the name of the setting in which so many labels are wrong and are handled so."""
    return f"{wrong}, {handling}"


FITS: Mapping[str, Fit] = {
    AS_THEY_ARE: Fit(0.0, {}),
    **{
        named(wrong, handling): Fit(share, training, leave_out=handling == LEFT_OUT)
        for wrong, share in WRONG_SHARES.items()
        for handling, training in HANDLING.items()
    },
}


def run_fits(
    folder: Path, file: Path, *, tasks: Sequence[str] | None, seeds: Sequence[int]
) -> list[Row]:
    """Run the fits that the file has no rows of, adding rows as they come, and return all."""
    rows = read_rows(file)
    done = {key_of(row) for row in rows}
    for task in read_tasks(folder, [name for name in TASKS if name in (tasks or TASKS)]):
        todo = [
            (setting, seed)
            for seed in seeds
            for setting in FITS
            if not done.issuperset(_keys(task.name, setting, seed))
        ]
        whole = sides_of(load_task(folder, task)) if todo else None
        for setting, seed in todo:
            for row in fit(whole, folder, setting, seed):
                rows.append({"task": task.name, **row})
            write_rows(file, rows)
            say(f"{task.name}, {setting}, seed {seed}")
    return rows


def fit(whole: Sides, folder: Path, setting: str, seed: int) -> Iterator[Row]:
    """Yield how well each network of one fit annotates the query."""
    share, training, leave_out = FITS[setting]
    sides = noisy(whole, seed, share=share) if share else whole
    if leave_out:
        right = (sides.reference.obs[LABELS] == whole.reference.obs[LABELS].astype(str)).to_numpy()
        sides = Sides(whole.reference[right].copy(), whole.query)
    for found in annotated(
        sides, folder, methods=NETWORKS, training=training, mask=True, seed=seed
    ):
        head = {"setting": setting, "method": found.method, "seed": seed}
        yield {**head, **scores(sides, found), "fit_seconds": round(found.fit_seconds, 3)}


def scores(sides: Sides, found: Found) -> dict[str, float]:
    """Return accuracy and macro F1 on the query."""
    from sklearn.metrics import accuracy_score, f1_score

    truth = sides.truth
    f1 = f1_score(truth, found.labels, labels=np.unique(truth), average="macro", zero_division=0)
    accuracy = accuracy_score(truth, found.labels)
    return {"accuracy": round(float(accuracy), 5), "macro_f1": round(float(f1), 5)}


def _keys(task: str, setting: str, seed: int) -> set[Key]:
    return {(task, setting, method, seed) for method in NETWORKS}
