"""The figure of the label-transfer benchmark: macro F1 of every method on every task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from results import Row, complete_methods, frame
from transfer_methods import OURS, SEE_THE_QUERY

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, LINE, BAND = "#333333", "#d9d9d9", "#f4f4f4"
STRONG = ("#56b4e9", "#0072b2", "#d55e00")
"""Colours of plkd's own, in their order (of Okabe and Ito, for eyes of every kind)."""

MUTED = ("#9a9a9a", "#c2a57c", "#b08fae", "#8fae8b")
MARKS = "osD^vP"
"""Colours and marks of the peers: each has a pair of its own, and a mark says enough alone."""

WIDTH, LEVEL, DOTS_PER_INCH = 9.5, 0.055, 160
"""Inches of the figure's width and of a method's height in a row; dots of the file."""


def write_figure(path: Path, rows: Iterable[Row], methods: Sequence[str]) -> None:
    """Draw the rows of the methods into a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = draw(frame(rows), methods)
    FigureCanvasAgg(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})


def draw(table: pd.DataFrame, methods: Sequence[str]) -> Figure:
    """Return the figure: tasks down, the mean over tasks last, a method a mark in each row.

    Within a row every method has its own height, in the order of the legend. Error bars are
    standard deviations over seeds, of plkd alone. A method enters the mean where it has run on
    every task.
    """
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(table["task"]))
    shown = [method for method in methods if (table["method"] == method).any()]
    height = 0.8 + max(0.35, LEVEL * len(shown)) * (len(tasks) + 1)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots()
    for number, method in enumerate(shown):
        centre, spread = points(table, method, tasks)
        offset = 0.76 * ((number + 0.5) / len(shown) - 0.5)
        heights = [row + offset for row in range(len(tasks) + 1)]
        ours = method in OURS
        axes.errorbar(
            centre,
            heights,
            xerr=spread if ours else None,
            label=method,
            linestyle="none",
            elinewidth=1.2,
            zorder=4 if ours else 3,
            **look(method, methods),
        )
    finish(axes, tasks)
    figure.legend(loc="outside right center", frameon=False, fontsize=9, labelcolor=INK)
    return figure


def points(
    table: pd.DataFrame, method: str, tasks: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Return mean and deviation over seeds for each task, then those of the mean over tasks."""
    lines = table[table["method"] == method]
    wide = lines.pivot(index="seed", columns="task", values="macro_f1").reindex(columns=tasks)
    centre, spread = wide.mean(), wide.std().fillna(0.0)
    whole = bool(complete_methods(table, [method]))
    overall = centre.mean() if whole else float("nan")
    over_seeds = wide.dropna().mean(axis=1).std() if whole else 0.0
    return [*centre, overall], [*spread, 0.0 if over_seeds != over_seeds else over_seeds]


def look(method: str, methods: Sequence[str]) -> dict[str, object]:
    """Return colour, mark and size: plkd strong, peers muted, hollow where they see the query."""
    if method in OURS:
        colour, sees = STRONG[OURS.index(method) % len(STRONG)], method in SEE_THE_QUERY
        return {
            "color": colour,
            "marker": "o",
            "markersize": 7.5,
            "markeredgecolor": colour if sees else "white",
            "markerfacecolor": "white" if sees else colour,
        }
    peers = [name for name in methods if name not in OURS]
    number = peers.index(method)
    colour = MUTED[number % len(MUTED)]
    return {
        "color": colour,
        "marker": MARKS[number % len(MARKS)],
        "markersize": 5,
        "markerfacecolor": "white" if method in SEE_THE_QUERY else colour,
    }


def finish(axes: Axes, tasks: Sequence[str]) -> None:
    """Name the rows, tint every second one, and leave only what is read."""
    names = [*tasks, "mean"]
    for row in range(0, len(names), 2):
        axes.axhspan(row - 0.5, row + 0.5, color=BAND, zorder=0)
    axes.axhline(len(tasks) - 0.5, color=INK, linewidth=0.8, zorder=1)
    axes.set_yticks(range(len(names)), names, fontsize=9, color=INK)
    axes.get_yticklabels()[-1].set_fontweight("bold")
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("macro F1", fontsize=10, color=INK)
    axes.tick_params(axis="both", length=0, labelcolor=INK)
    axes.grid(axis="x", color=LINE, linewidth=0.7, zorder=1)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
