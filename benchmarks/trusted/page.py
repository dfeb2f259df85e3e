"""The page of the trust benchmark, written from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from results import markdown, per_task
from study.rows import extent, seeds_of
from trusted import adapted, limits
from trusted.claims import sentences
from trusted.cost import OFF, ON, medians
from trusted.names import (
    CONFIDENT,
    ERROR_RATE,
    FALSE_ALARM,
    FULL,
    LEFT_OUT,
    LOOKS,
    METHODS,
    PLKD,
    SOFTMAX,
)
from trusted.tables import (
    known_rows,
    novelty_rows,
    present,
    tasks_with_every_type,
    whole_beside,
)

if TYPE_CHECKING:
    import pandas as pd

AUDIT = (
    "Audit of the reference's labels, and training on audited ones: [audit.md](audit.md) "
    "(`benchmarks/audit.py`)."
)
AT_THE_THRESHOLD = {
    "unknown_of_known": "known cells called unknown",
    "unknown_of_new": "left-out cells called unknown",
    "accuracy": "accuracy, all known cells",
    "accuracy_of_kept": "accuracy, known cells that are kept",
}
OF_SETS = {
    "coverage": "coverage",
    "set_size": "types in a set",
    "worst_coverage": "coverage, worst batch",
    "unknown_of_known": "called unknown",
}


@dataclass(frozen=True)
class Beside:
    """Rows of the measures that have files of their own; each table may be empty.

    Attributes
    ----------
    cost
        Seconds of every round of :mod:`trusted.cost`.
    readings, limits, adapted
        Rows of :mod:`trusted.readings`, :mod:`trusted.limits` and :mod:`trusted.adapted`.
    """

    cost: pd.DataFrame
    readings: pd.DataFrame
    limits: pd.DataFrame
    adapted: pd.DataFrame


def page(table: pd.DataFrame, source: str, beside: Beside) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    table
        All rows.
    source
        Which rows of known cells are shown, from :func:`trusted.tables.shown_source`.
    """
    cost, told = beside.cost, beside.limits
    novelty, *more = sentences(table, cost, source)
    novelty += limits.claim(told) if len(told) else ""
    body = "\n".join(f"- {said}" for said in [novelty, *more, AUDIT])
    parts = ["# When an answer can be believed", how(table)]
    parts.append(f"## What holds and what does not\n\n{body}")
    parts.append(f"![AUROC of novelty; reliability](trust.png)\n\n{FIGURE}")
    parts += left_out(table)
    if len(beside.readings):
        parts += [
            "### Other readings of the same fits",
            f"{OTHERS}{seeds_of(beside.readings)}.",
            other_readings(table, beside.readings),
        ]
    parts += limits.section(table, told) if len(told) else []
    parts += known(known_rows(table, source), source)
    parts += whole(whole_beside(table, source))
    parts += adapted.section(table, beside.adapted) if len(beside.adapted) else []
    if len(cost):
        parts += ["## Cost", COST, markdown(seconds(cost), "annotation")]
    parts.append(f"## The measures\n\n{READING}")
    return "\n\n".join(parts) + "\n"


FIGURE = (
    "*Left: AUROC, mean over seeds; the mean over tasks stands last, of methods that ran on all. "
    "Right: cells of known types of all tasks and seeds together, or of those that a method ran "
    "on, in 15 bins of equal width; bins of fewer than 50 cells are not drawn.*"
)
COST = (
    "Median seconds of a round; models with and without trust take turns in one process. The "
    "model has the Student's usual shape; cells are Poisson counts of 12 types."
)
OTHERS = (
    "AUROC of what else could be read of a cell, uncalibrated: what each is stands at the head of "
    "`benchmarks/trusted/readings.py`. plkd's novelty and max softmax are those of the same fits, "
)
READING = (
    "AUROC: the probability that a cell of the left-out type has a higher novelty than one of a "
    "known type. FPR at 95 % TPR: share of known cells at or above the novelty that catches 95 % "
    "of the left-out type. ECE: expected calibration error in 15 bins of equal width, of the "
    "probability of each method's best label, over all cells of known types, those called unknown "
    "among them. Coverage: share of cells whose set holds the true type. Formulas and sources: "
    "[trust.md](../trust.md)."
)


def how(table: pd.DataFrame) -> str:
    """Return the paragraphs that say how the numbers were made."""
    own = table[table["method"] == PLKD]
    return (
        "Made by `python benchmarks/trust.py --data FOLDER`; the rows are in `trust.csv`, "
        f"`trust_peers.csv` and `trust_bins.csv`. plkd: {extent(own)}. A number is the mean over "
        "seeds ± their standard deviation; in the last line it is the mean over tasks. plkd runs "
        "at its defaults with the organism's Reactome sets, its Student annotates, with "
        f"`false_alarm={FALSE_ALARM}` and `error_rate={ERROR_RATE}`. No threshold, temperature or "
        "set was chosen on a query: all are of cells held out within the reference. Which readings "
        "novelty has, and their weights, were chosen by leaving types out inside reference batches "
        "of the same data sets: 518 of the query cells of `kang8:donors` were among the cells of "
        "such splits, and batches that are queries of the `pbmc` tasks were references or queries "
        "of others. That groups are not asked where a query is displaced very far was sought after "
        "`cortex:rna_to_atac` had shown many false alarms, and settled on such splits; so was what "
        "a batch effect spreads, after whole references of `pbmc:3k_to_stim` and `kang8:donors` "
        "had. That correlation and high energy are no longer part of it was sought after the tasks "
        "had shown that either ranks new types below known ones in places, and settled on such "
        "splits.\n\n"
        "The left-out type is chosen by a rule that looks at no result: of the types with at least "
        "5 % of the reference's cells, other than its commonest, the one with the most query "
        "cells. Max softmax and entropy are of the plain probabilities of the same Student; "
        "novelty of the peers is 1 less their largest probability. scANVI learns with the query "
        "at hand, cells of the left-out type among it; all others are done learning before. plkd's "
        "novelty looks at the groups that the query's cells form, and takes off what all of them "
        "have in common, the batch effect; both need no labels. CellTypist and logistic "
        "regression have no randomness and ran once."
    )


def left_out(table: pd.DataFrame) -> list[str]:
    """Return the sections of left-out types."""
    rows = novelty_rows(table)
    if not len(rows):
        return []
    parts = ["## A type that the reference lacks", markdown(types(rows), "task")]
    for title, measure in (("AUROC of novelty", "auroc"), ("FPR at 95 % TPR", "fpr95")):
        parts += [f"### {title}", compared(rows, measure, METHODS)]
    parts += ["### At the default threshold", plkd_alone(rows, AT_THE_THRESHOLD)]
    several = tasks_with_every_type(table)
    if several:
        all_rows = table[table["task"].isin(several)]
        parts += [
            "### Every type left out in turn",
            "AUROC, mean over all types with at least 10 query cells, then each of them.",
            compared(novelty_rows(all_rows, every_type=True), "auroc", METHODS),
            markdown(each_type(all_rows), "task, left out"),
        ]
    return parts


def other_readings(table: pd.DataFrame, others: pd.DataFrame) -> str:
    """Return AUROC of other readings beside plkd's novelty, best mean first, tasks across."""
    import pandas as pd

    mine = novelty_rows(table)
    fits = others.loc[others["by_rule"] == 1, ["task", "seed"]].drop_duplicates()
    mine = mine[mine["method"].isin((PLKD, SOFTMAX))].merge(fits)
    rows = pd.concat([mine, others[others["by_rule"] == 1]])
    means = rows.groupby("method")["auroc"].mean().sort_values(ascending=False)
    text = per_task(rows, "auroc", list(means.index)).T
    return markdown(text[["mean", *text.columns.drop("mean")]], "reading")


def types(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what was left out of each task."""
    import pandas as pd

    first = rows.drop_duplicates("task").set_index("task")
    columns = {
        "left out": first["left_out"],
        "its query cells": first["n_new"].astype(int),
        "other query cells": first["n_known"].astype(int),
    }
    return pd.DataFrame(columns)


def each_type(table: pd.DataFrame) -> pd.DataFrame:
    """Return AUROC of every left-out type, mean over seeds, the best methods beside each other."""
    rows = table[table["part"] == LEFT_OUT]
    named = rows.assign(place="`" + rows["task"] + "`, " + rows["left_out"])
    wide = named.groupby(["place", "method"], sort=False)["auroc"].mean().unstack("method")
    wide = wide.reindex(columns=present(rows))
    text = wide.map(lambda value: "–" if value != value else f"{value:.3f}")
    return text.rename(columns={method: LOOKS[method].name for method in text.columns})


def known(rows: pd.DataFrame, source: str) -> list[str]:
    """Return the sections of cells of known types."""
    if not len(rows):
        return []
    text = (
        "The whole reference was learned; all cells of the query are of types that it has."
        if source == FULL
        else "Cells of known types of the fits above, each without one type: the cells of that "
        "type are in the query, and were not looked at here."
    )
    return [
        "## Known types only",
        text,
        "### Expected calibration error",
        compared(rows, "ece", CONFIDENT),
        "### Accuracy of the best label",
        compared(rows, "accuracy", CONFIDENT),
        "### Sets of types, and false alarms",
        plkd_alone(rows, OF_SETS),
        worst_batches(rows),
    ]


def whole(rows: pd.DataFrame) -> list[str]:
    """Return the section of whole references, where the others are of fits without a type."""
    if not len(rows):
        return []
    return [
        "## Whole references",
        f"Models that learned all types ({seeds_of(rows)}); all cells of the query are of types "
        "that they know.",
        plkd_alone(rows, {"ece": "ECE", "accuracy": "accuracy", **OF_SETS}),
    ]


def compared(rows: pd.DataFrame, measure: str, methods: Sequence[str]) -> str:
    """Return a measure of every method that has it, tasks down."""
    there = [method for method in methods if method in present(rows)]
    text = per_task(rows, measure, there)
    return markdown(text.rename(columns={m: LOOKS[m].name for m in there}), "task")


def plkd_alone(rows: pd.DataFrame, measures: dict[str, str]) -> str:
    """Return several measures of plkd, tasks down."""
    import pandas as pd

    own = rows[rows["method"] == PLKD]
    columns = {title: per_task(own, name, [PLKD])[PLKD] for name, title in measures.items()}
    return markdown(pd.DataFrame(columns), "task")


def worst_batches(rows: pd.DataFrame) -> str:
    """Return which batch of each task has the lowest coverage, where there are several."""
    own = rows[(rows["method"] == PLKD) & (rows["n_batches"] > 1)]
    if not len(own):
        return "No query has several batches."
    lowest = own.loc[own.groupby("task", sort=False)["worst_coverage"].idxmin()]
    each = [
        f"`{line['task']}` {line['worst_batch']} ({line['worst_coverage']:.3f}, of "
        f"{int(line['n_batches'])} batches, seed {int(line['seed'])})"
        for _, line in lowest.iterrows()
    ]
    return f"Worst batches: {'; '.join(each)}. The other queries are one batch each."


def seconds(cost: pd.DataFrame) -> pd.DataFrame:
    """Return median seconds and their ratio as text."""
    found = medians(cost)
    text = found[[OFF, ON]].map("{:.2f} s".format).assign(ratio=found["ratio"].map("{:.2f}".format))
    return text.rename(columns={OFF: "without trust", ON: "with trust"})
