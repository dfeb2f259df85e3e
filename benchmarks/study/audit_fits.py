"""Training on a reference of which a fifth of the labels are wrong: all believed, or by default.

==========================  =====================================================================
as they are                 plkd's defaults, the reference's own labels
wrong, all believed         20 % wrong (:func:`study.ablation.with_wrong_labels`), and
                            ``doubtful_labels=None``
wrong, doubtful set aside   the same labels, plkd's defaults
==========================  =====================================================================

Measured are accuracy and macro F1 over the types present in the query, whose truth is untouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from study.ablation import TASKS, noisy
from study.methods import Found, Sides, annotated, sides_of
from study.names import NETWORKS
from study.rows import Key, Row, key_of, read_rows, write_rows
from study.runs import say
from tasks import load_task, read_tasks

WRONG_SHARE = 0.2
AS_THEY_ARE, BELIEVED, SET_ASIDE = "as they are", "wrong, all believed", "wrong, doubtful set aside"
TRAINING: Mapping[str, Mapping[str, Any]] = {
    AS_THEY_ARE: {},
    BELIEVED: {"doubtful_labels": None},
    SET_ASIDE: {},
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
            for setting in TRAINING
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
    sides = whole if setting == AS_THEY_ARE else noisy(whole, seed, share=WRONG_SHARE)
    for found in annotated(
        sides, folder, methods=NETWORKS, training=TRAINING[setting], mask=True, seed=seed
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
