"""The page and the figure of the study on the size of the reference, written from its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown
from study.figures import INK, legend_below, line, panels, plain
from study.names import LOOKS, NETWORKS, STUDENT, in_order
from study.rows import extent, full_grid, over_seeds
from study.words import listed, outcome, scored

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZES = {"200 cells": 200, "600 cells": 600, "2,000 cells": 2000}
ALL = "all cells"
SIZE_AND_METHOD = ("setting", "method")
MEASURES = {"macro_f1": "Macro F1", "accuracy": "Accuracy"}
TRUST = {"ece": "Expected calibration error", "unknown": "Share of the cells called unknown"}


def sizes_of(table: pd.DataFrame) -> list[str]:
    """Return the sizes that a table has, ascending."""
    there = set(table["setting"])
    return [size for size in (*SIZES, ALL) if size in there]


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from all rows of the study."""
    grid = full_grid(table)
    parts = ["# How many reference cells are enough", how(table, grid)]
    said = sentences(grid)
    if said:
        body = "\n".join(f"- {sentence}" for sentence in said)
        parts.append(f"## What the numbers show\n\n{body}")
    if len(grid):
        parts.append("![Macro F1 and calibration error by size of the reference](size.png)")
        methods = in_order(grid["method"])
        ours = [method for method in methods if method in NETWORKS]
        for measure, title in {**MEASURES, **TRUST}.items():
            across = methods if measure in MEASURES else ours
            if across:
                parts.append(f"## {title}\n\n{by_size(grid, measure, across)}")
        parts.append(f"## Macro F1 by task\n\n{by_task(grid, methods)}")
    return "\n\n".join(parts) + "\n"


def how(table: pd.DataFrame, grid: pd.DataFrame) -> str:
    """Return the paragraph that says how the numbers were made."""
    compared = "Nothing can be compared yet: no task has a row of every method and size."
    if len(grid):
        compared = f"Compared: {extent(grid)}, what every method was run on."
    rest = len(table) - len(grid)
    return (
        f"Made by `python benchmarks/studies.py size --data FOLDER`. {compared}"
        f"{f' {rest} further rows are in the CSV only.' if rest else ''} Numbers are means over "
        "the tasks, and over seeds ± their standard deviation; the seed also decides which cells "
        "are drawn. Types with fewer than five drawn cells are left out of both sides, so small "
        "references have fewer and commoner types to name; compare methods, not sizes. How cells "
        "are drawn is at the head of `benchmarks/study/size.py`."
    )


def sentences(grid: pd.DataFrame) -> list[str]:
    """Return how the Student stands at each size, and what becomes of its confidence."""
    methods = in_order(grid["method"])
    if STUDENT not in methods:
        return []
    f1 = over_seeds(grid, "macro_f1", SIZE_AND_METHOD)
    others = [method for method in methods if method not in NETWORKS]
    said = []
    for size in sizes_of(grid) if others else []:
        scores = {method: float(f1.loc[(size, method), "mean"]) for method in others}
        best = max(scores, key=lambda method: scores[method])
        stands = outcome(float(f1.loc[(size, STUDENT), "mean"]), scores)
        said.append(
            f"From {size} the Student's macro F1 is {scored(f1, (size, STUDENT))}, {stands} "
            f"(best: {LOOKS[best].name}, {scored(f1, (size, best))}){behind(grid, size, others)}."
        )
    ece = over_seeds(grid, "ece", SIZE_AND_METHOD)
    each = [f"{scored(ece, (size, STUDENT))} from {size}" for size in sizes_of(grid)]
    said.append(f"The calibration error of the Student's confidence is {listed(each)}.")
    return said


def behind(grid: pd.DataFrame, size: str, others: Sequence[str]) -> str:
    """Return the tasks on which the Student is not the best, in words."""
    own = over_seeds(grid[grid["setting"] == size], "macro_f1", ["task", "method"])["mean"]
    lost = [
        f"`{task}`"
        for task in dict.fromkeys(grid["task"])
        if own[task, STUDENT] < max(own[task, method] for method in others)
    ]
    return f"; not the best on {listed(lost)}" if lost else ""


def by_size(grid: pd.DataFrame, measure: str, methods: Sequence[str]) -> str:
    """Return a table of a measure, sizes down and methods across."""
    import pandas as pd

    scores = over_seeds(grid, measure, SIZE_AND_METHOD)
    lines = {size: [scored(scores, (size, m)) for m in methods] for size in sizes_of(grid)}
    names = [LOOKS[method].name for method in methods]
    return markdown(pd.DataFrame.from_dict(lines, orient="index", columns=names), "reference")


def by_task(grid: pd.DataFrame, methods: Sequence[str]) -> str:
    """Return a table of macro F1, tasks and sizes down and methods across."""
    import pandas as pd

    scores = over_seeds(grid, "macro_f1", ["task", "setting", "method"])
    lines = {
        f"{task}, {size}": [scored(scores, (task, size, method)) for method in methods]
        for task in dict.fromkeys(grid["task"])
        for size in sizes_of(grid)
    }
    names = [LOOKS[method].name for method in methods]
    return markdown(pd.DataFrame.from_dict(lines, orient="index", columns=names), "reference")


def figure(table: pd.DataFrame) -> Figure:
    """Return a figure: macro F1 of every method, calibration error of plkd, by size."""
    grid = full_grid(table)
    drawn, (left, right) = panels([4.2, 3.4], 3.6)
    draw(left, grid, "macro_f1", in_order(grid["method"]))
    ours = [method for method in in_order(grid["method"]) if method in NETWORKS]
    draw(right, grid, "ece", ours)
    plain(left, "Macro F1 on unseen batches", across="cells of the reference")
    plain(right, "Calibration error of the confidence", across="cells of the reference")
    left.set_ylabel("mean of the tasks", fontsize=9, color=INK)
    right.set_ylim(bottom=0)
    legend_below(drawn, left)
    return drawn


def draw(axes: Axes, grid: pd.DataFrame, measure: str, methods: Sequence[str]) -> None:
    """Draw a measure of each method by size; all cells stand last."""
    sizes = sizes_of(grid)
    scores = over_seeds(grid, measure, SIZE_AND_METHOD) if len(grid) else grid
    for place, method in enumerate(methods):
        own = [scores.loc[(size, method)] for size in sizes]
        across = [at + 0.03 * (place - len(methods) / 2) for at in range(len(sizes))]
        line(axes, method, across, [each["mean"] for each in own], [each["std"] for each in own])
    axes.set_xticks(range(len(sizes)), [size.removesuffix(" cells") for size in sizes])
