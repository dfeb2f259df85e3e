"""Whether a model that was adapted to the query is to be believed as the one it comes from is.

Of each task the model of the whole reference is adapted to the query's unlabelled cells
(``model.adapt``) and annotates them; measured is what is measured of it without adapting.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kept_models import fitted
from ours import ADAPTED, without_obs
from predictions import name_columns
from results import markdown, per_task
from study.rows import RowsByKey
from study.runs import say
from tasks import load_task, read_tasks
from trusted.answers import with_trust
from trusted.names import FULL, NOTHING, PLKD
from trusted.rows import run_of
from trusted.running import Bench, Choice
from trusted.tables import known_rows

if TYPE_CHECKING:
    import pandas as pd

FILE = "trust_adapted.csv"
KEY = ("task", "seed")
SHOWN = {"ece": "ECE", "coverage": "coverage", "set_size": "types", "unknown_of_known": "unknown"}

TEXT = (
    "The models of whole references, and the same adapted to the unlabelled cells of each query "
    "(`benchmarks/trust.py --adapted`). Nothing of the query is held out for it: sets and false "
    "alarms stay those of the reference, the confidence is drawn in until the query's cells are on "
    "average as sure as before. Types: in a set; unknown: known cells called so."
)


def run(choice: Choice, folder: Path, file: Path) -> None:
    """Write the measures of each task and seed; rows that are not measured again stay."""
    kept = RowsByKey(file, KEY)
    for task in read_tasks(folder, choice.tasks):
        cells = load_task(folder, task)
        name_columns(cells)
        bench = Bench(cells, NOTHING, by_rule=True)
        for seed in choice.seeds:
            fit = fitted(cells.reference, folder, name=task.name, seed=seed, models=choice.models)
            adapted = replace(fit, model=fit.model.adapt(without_obs(cells.query)))
            answer = with_trust(cells.query, adapted)
            (row,) = bench.found(run_of(task.name, NOTHING, ADAPTED, seed), answer).rows
            kept.keep([row])
            say(f"{task.name}, adapted, seed {seed}: ECE {row['ece']:.3f}")


def section(table: pd.DataFrame, adapted: pd.DataFrame) -> list[str]:
    """Return the section of the page: both side by side, tasks down."""
    import pandas as pd

    plain = known_rows(table, FULL)
    rows = pd.concat([plain[plain["method"] == PLKD], adapted])
    columns = {}
    for measure, title in SHOWN.items():
        text = per_task(rows, measure, [PLKD, ADAPTED])
        columns |= {title: text[PLKD], f"{title}, adapted": text[ADAPTED]}
    return ["## Adapted to the query", TEXT, markdown(pd.DataFrame(columns), "task")]
