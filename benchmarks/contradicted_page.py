"""The page of labels that other batches contradict: its table, and sentences computed from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown

if TYPE_CHECKING:
    import pandas as pd

AS_IT_IS, LACKING = "as it is", "truly lacking"
AS_MANY, MOSTLY = "another's name", "another's name, three quarters"
ALL = "another's name, all"
PLANTED = {
    AS_MANY: "",
    MOSTLY: " and is three quarters of what is called so",
    ALL: " and is all of what is called so",
}
HOW = (
    "Made by `python benchmarks/contradicted.py --data FOLDER`; what is done stands at its head. "
    "In each reference of the tasks that has several batches ({references} of them), one batch at "
    "a time is judged by the others. The rule was chosen on these references, joined and split "
    "otherwise as well (`docs/log.md`), so this says what it does on them, not what it will do "
    "elsewhere."
)


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from the rows of ``contradicted.csv``."""
    said = "\n".join(f"- {sentence}" for sentence in sentences(table))
    return "\n\n".join(
        [
            "# Labels that other batches contradict",
            HOW.format(references=table["task"].nunique()),
            f"## What the numbers show\n\n{said}",
            "## Every reference\n\nLabels contradicted, of how many that were asked about; of the "
            "cells of a type that goes by another's name, in brackets, the share that is found.",
            f"{markdown(each(table), 'reference')}\n",
        ]
    )


def sentences(table: pd.DataFrame) -> list[str]:
    """Return what was found in the references, how often falsely, and how often rightly."""
    found = table[table["n_cells"] > 0]
    as_it_is = found[found["case"] == AS_IT_IS]
    said = [
        f"`{row.task}`: of {row.n_labelled} {row.label} of {row.batch} the others call "
        f"{row.n_cells} {row.looks_like}, a type that it does not name."
        for row in as_it_is.itertuples()
    ]
    n_asked = int(((table["case"] == AS_IT_IS) & (table["n_cells"] == 0)).sum())
    said.append(f"Of the other {n_asked} labels of a batch none is contradicted.")
    return [*said, _false_alarms(table), *(_planted(table, case) for case in PLANTED)]


def _false_alarms(table: pd.DataFrame) -> str:
    asked = table[table["case"] == LACKING]
    false = asked[asked["n_cells"] > 0]
    which = "; ".join(
        f"{row.n_cells} of {row.n_labelled} {row.label} of {row.batch} called {row.looks_like} "
        f"(`{row.task}`)"
        for row in false.itertuples()
    )
    shown = f": {which}" if which else ""
    return (
        f"Where a type is taken out of a batch, {len(false)} of {len(asked)} labels of the batch "
        f"are contradicted all the same{shown}."
    )


def _planted(table: pd.DataFrame, case: str) -> str:
    asked = table[table["case"] == case]
    rightly = asked[asked["n_cells"] > 0]
    said = (
        f"Where a type goes by another's name{PLANTED[case]}, {len(rightly)} of {len(asked)} are "
        "found"
    )
    if rightly.empty:
        return f"{said}."
    recall = rightly["recall"].astype(float).mean()
    wrongly = int(rightly["wrongly"].astype(float).sum())
    return f"{said}, with {recall:.0%} of their cells and {wrongly} that are rightly labelled."


def each(table: pd.DataFrame) -> pd.DataFrame:
    """Return, for each reference, how many labels are contradicted in every case, as text."""
    import pandas as pd

    columns = [AS_IT_IS, LACKING, *PLANTED]
    lines: dict[str, list[str]] = {}
    for task, its in table.groupby("task", sort=False):
        line = []
        for case in columns:
            asked = its[its["case"] == case]
            hit = asked[asked["n_cells"] > 0]
            text = f"{len(hit)} of {len(asked)}"
            if case in PLANTED and len(hit):
                text += f" ({hit['recall'].astype(float).mean():.0%})"
            line.append(text)
        lines[f"{task}, {its['batch'].nunique()} batches"] = line
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns)
