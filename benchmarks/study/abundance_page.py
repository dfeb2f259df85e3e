"""The page and the figure of the abundance study, written from its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from results import markdown
from study.figures import INK, legend_below, panels, plain
from study.names import LOOKS, STUDENT, in_order
from study.rows import extent, full_grid, over_seeds
from study.words import in_words, listed, outcome, scored

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EDGES = (200, 1000)
GROUPS = {"high": "> 1,000", "medium": "200 to 1,000", "low": "< 200"}
MEASURES = {"f1": "macro F1", "accuracy": "accuracy", "recall": "recall", "precision": "precision"}
PAPER = {
    "high": (0.831, 0.774, 0.982),
    "medium": (0.888, 0.997, 0.824),
    "low": (0.848, 1.0, 0.771),
}
"""Table 6 of the paper: F1, recall and precision."""


def group_of(reference_cells: int) -> str:
    """Return the group of a type; one of exactly 200 or 1,000 cells is in the middle."""
    if reference_cells < EDGES[0]:
        return "low"
    return "medium" if reference_cells <= EDGES[1] else "high"


def group_scores(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each task, seed, method and group: its types, cells and measures."""
    import pandas as pd

    table = table.assign(group=[group_of(number) for number in table["reference_cells"]])
    rows = []
    for names, types in table.groupby(["task", "seed", "method", "group"], sort=False):
        cells = types["query_cells"]
        means = {name: types[name].mean() for name in ("f1", "recall", "precision")}
        accuracy = float((types["recall"] * cells).sum() / cells.sum())
        head = dict(zip(("task", "seed", "method", "group"), names, strict=True))
        rows.append(
            {**head, "n_types": len(types), "n_cells": int(cells.sum()), "accuracy": accuracy}
            | means
        )
    return pd.DataFrame(rows)


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from all rows of the study."""
    grid = full_grid(table)
    parts = ["# Rare and abundant cell types (Table 6 of the paper)", how(table, grid)]
    if not len(grid):
        return "\n\n".join([*parts, paper()]) + "\n"
    groups = group_scores(grid)
    said = "\n".join(f"- {sentence}" for sentence in sentences(groups))
    parts += [
        f"## What the numbers show\n\n{said}",
        "![F1 of each cell type by its cells in the reference](abundance.png)",
        paper(),
    ]
    if STUDENT in set(groups["method"]):
        parts.append(f"## The Student by group\n\n{markdown(student_table(groups), 'group')}")
        parts.append(f"## The Student's macro F1 by task\n\n{markdown(by_task(groups), 'task')}")
    for key, name in MEASURES.items():
        body = markdown(method_table(groups, key), "group")
        parts.append(f"## {name[0].upper()}{name[1:]} of every method\n\n{body}")
    return "\n\n".join(parts) + "\n"


def how(table: pd.DataFrame, grid: pd.DataFrame) -> str:
    """Return the paragraph that says how the numbers were made."""
    compared = "Nothing can be compared yet: no task has a row of every method."
    if len(grid):
        compared = f"Compared: {extent(grid)}, those that every method was run on."
    rest = len(table) - len(grid)
    return (
        f"Made by `python benchmarks/studies.py abundance --data FOLDER`. {compared}"
        f"{f' {rest} further rows are in the CSV only.' if rest else ''} A number is the mean over "
        "the tasks that have types of the group, then over seeds, ± the standard deviation over "
        "seeds. Groups are by a type's cells in the reference, with the paper's thresholds "
        "divided by five; they and the measures are described at the head of "
        "`benchmarks/study/abundance.py`."
    )


def paper() -> str:
    """Return what the paper's Table 6 says."""
    import pandas as pd

    ranges = ["> 5,000", "1,000 to 5,000", "< 1,000"]
    lines = [
        [cells, *(f"{number:.3f}" for number in PAPER[group])]
        for group, cells in zip(GROUPS, ranges, strict=True)
    ]
    heads = ["cells", "F1", "recall", "precision"]
    body = markdown(pd.DataFrame(lines, index=list(GROUPS), columns=heads), "group")
    return (
        "## What the paper reports\n\nOn its pan-cancer data, whose rarest type has 171 cells, "
        f"without deviations or other methods:\n\n{body}"
    )


def sentences(groups: pd.DataFrame) -> list[str]:
    """Return what the numbers show."""
    f1 = over_seeds(groups, "f1", ["group", "method"])
    methods = in_order(groups["method"])
    if STUDENT not in methods:
        return ["The Student has not run yet."]
    there = [group for group in GROUPS if (group, STUDENT) in f1.index]
    walk = listed([f"{scored(f1, (group, STUDENT))} in the {group} group" for group in there])
    theirs = listed([f"{PAPER[group][0]:.3f}" for group in there])
    said = [f"The Student's macro F1 is {walk} (the paper's: {theirs})."]
    if "low" in there:
        recall, precision = (
            over_seeds(groups, name, ["group", "method"]) for name in ("recall", "precision")
        )
        key = ("low", STUDENT)
        said.append(
            f"In the low group it finds {scored(recall, key)} of a type's cells (recall; the "
            f"paper's: {PAPER['low'][1]:.3f}), and {scored(precision, key)} of the cells that it "
            f"gives such a name have it (precision; the paper's: {PAPER['low'][2]:.3f})."
        )
    others = [method for method in methods if method != STUDENT]
    for group in there if others else []:
        scores = {method: float(f1.loc[(group, method), "mean"]) for method in others}
        stands = outcome(float(f1.loc[(group, STUDENT), "mean"]), scores)
        each = listed([f"{in_words(method)} {score:.3f}" for method, score in scores.items()])
        said.append(f"In the {group} group the Student's macro F1 is {stands} ({each}).")
    return said


def student_table(groups: pd.DataFrame) -> pd.DataFrame:
    """Return the Student's measures in the layout of the paper's table."""
    import pandas as pd

    ours = groups[groups["method"] == STUDENT]
    once = ours.drop_duplicates(["task", "group"]).groupby("group")[["n_types", "n_cells"]].sum()
    there = [group for group in GROUPS if group in once.index]
    columns = {
        "cells in the reference": [GROUPS[group] for group in there],
        "types, over all tasks": [str(once.loc[group, "n_types"]) for group in there],
        "query cells": [f"{once.loc[group, 'n_cells']:,}" for group in there],
    }
    for key, name in MEASURES.items():
        scores = over_seeds(ours, key, ["group"])
        columns[name] = [scored(scores, group) for group in there]
    return pd.DataFrame(columns, index=there)


def method_table(groups: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a measure, groups down and methods across."""
    import pandas as pd

    scores = over_seeds(groups, measure, ["group", "method"])
    methods = in_order(groups["method"])
    cells = [[scored(scores, (group, method)) for method in methods] for group in GROUPS]
    return pd.DataFrame(cells, index=list(GROUPS), columns=[LOOKS[m].name for m in methods])


def by_task(groups: pd.DataFrame) -> pd.DataFrame:
    """Return the Student's macro F1, tasks down and groups across."""
    import pandas as pd

    scores = over_seeds(groups[groups["method"] == STUDENT], "f1", ["task", "group"])
    tasks = list(dict.fromkeys(groups["task"]))
    cells = [[scored(scores, (task, group)) for group in GROUPS] for task in tasks]
    return pd.DataFrame(cells, index=tasks, columns=list(GROUPS))


def figure(table: pd.DataFrame) -> Figure:
    """Return a figure: F1 of the types, and its mean, in each group and by each method."""
    drawn, (axes,) = panels([7.6], 3.8)
    grid = full_grid(table)
    plain(axes, "F1 by cells of the type in the reference", up="F1 in the query")
    axes.set_xticks(
        range(len(GROUPS)), [f"{group}\n{cells} cells" for group, cells in GROUPS.items()]
    )
    axes.set_ylim(-0.03, 1.03)
    if len(grid):
        draw_groups(axes, grid)
    legend_below(drawn, axes)
    return drawn


def draw_groups(axes: Axes, grid: pd.DataFrame) -> None:
    """Draw a faint dot for every type of a task, and each method's mean and deviation."""
    methods = in_order(grid["method"])
    means = over_seeds(group_scores(grid), "f1", ["group", "method"])
    types = grid.groupby(["method", "task", "cell_type"])[["f1", "reference_cells"]].mean()
    for number, method in enumerate(methods):
        look = LOOKS[method]
        lift = (number - (len(methods) - 1) / 2) * 0.19
        own = types.loc[method]
        places = [list(GROUPS).index(group_of(cells)) + lift for cells in own["reference_cells"]]
        jitter = np.random.default_rng(0).uniform(-0.05, 0.05, len(own))
        axes.scatter(np.add(places, jitter), own["f1"], s=13, color=look.colour, alpha=0.35, lw=0)
        there = [place for place, group in enumerate(GROUPS) if (group, method) in means.index]
        rows = [means.loc[(list(GROUPS)[place], method)] for place in there]
        axes.errorbar(
            [place + lift for place in there],
            [row["mean"] for row in rows],
            yerr=[np.nan_to_num(row["std"]) for row in rows],
            color=look.colour,
            marker=look.marker,
            markeredgecolor=INK,
            markersize=8,
            linewidth=0,
            elinewidth=1.2,
            capsize=3,
            label=look.name,
        )
