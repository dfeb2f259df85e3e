"""The figure of the trust benchmark: AUROC by task, and one reliability diagram over all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from study.figures import FAINT, INK, panels, plain
from trusted.names import CONFIDENT, LOOKS, METHODS, OURS, PLKD
from trusted.tables import by_task, novelty_rows, pooled_bins, present, score

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTHS, LEVEL, LOWEST = (5.6, 4.0), 0.36, 4.2
FEWEST_CELLS = 50
"""Bins of fewer cells are not drawn: their accuracy is chance."""


def figure(table: pd.DataFrame, bins: pd.DataFrame, source: str) -> Figure:
    """Return both panels with one legend.

    Parameters
    ----------
    table, bins
        All rows, and the points of all reliability diagrams.
    source
        Which rows of known cells are drawn, from :func:`trusted.tables.shown_source`.
    """
    rows = novelty_rows(table)
    tasks = list(dict.fromkeys(rows["task"]))
    drawn, axes = panels(WIDTHS, max(LOWEST, 1.6 + LEVEL * (len(tasks) + 1)))
    draw_auroc(axes[0], rows, tasks)
    draw_reliability(axes[1], bins, source)
    legend(drawn, present(table))
    return drawn


def draw_auroc(axes: Axes, rows: pd.DataFrame, tasks: Sequence[str]) -> None:
    """Draw each method's AUROC on each task, and the mean of those that ran on all."""
    for method in reversed(present(rows)):
        values, look = by_task(rows, method, "auroc"), LOOKS[method]
        places = [tasks.index(task) for task in values.index]
        mean = score(rows, method, "auroc")[0]
        axes.plot(
            [*values, mean],
            [*places, len(tasks)],
            color=look.colour,
            marker=look.marker,
            linestyle="none",
            markersize=8 if method == PLKD else 5.5,
            markeredgecolor="white",
            zorder=4 if method == PLKD else 3,
            clip_on=False,
        )
    left_out = rows.drop_duplicates("task").set_index("task")["left_out"]
    axes.set_yticks(
        range(len(tasks) + 1), [*(f"{task}\nwithout {left_out[task]}" for task in tasks), "mean"]
    )
    axes.set_ylim(len(tasks) + 0.5, -0.5)
    axes.axhline(len(tasks) - 0.5, color=INK, linewidth=0.8)
    axes.axvline(0.5, color=FAINT, linewidth=1.2)
    plain(axes, "A type that the reference lacks", across="AUROC", grid="x")
    axes.tick_params(axis="y", labelsize=7.5, length=0)


def draw_reliability(axes: Axes, bins: pd.DataFrame, source: str) -> None:
    """Draw accuracy against confidence, the cells of all tasks and seeds together."""
    axes.plot([0, 1], [0, 1], color="#9A9A9A", linestyle="--", linewidth=1.2, zorder=1)
    for method in reversed(CONFIDENT):
        found, look = pooled_bins(bins, method, source), LOOKS[method]
        found = found[found["n_cells"] >= FEWEST_CELLS]
        if len(found):
            axes.plot(
                found["confidence"],
                found["bin_accuracy"],
                color=look.colour,
                marker=look.marker,
                markersize=6.5 if method == PLKD else 4.5,
                linewidth=2.2 if method == PLKD else 1.2,
                markeredgecolor="white",
                zorder=4 if method == PLKD else 3,
            )
    axes.set_xlim(0, 1.01)
    axes.set_ylim(0, 1.01)
    plain(axes, "Known types, all tasks", across="confidence", up="accuracy", grid="both")


def legend(drawn: Figure, methods: Sequence[str]) -> None:
    """Name the methods under the panels."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=LOOKS[m].colour, marker=LOOKS[m].marker, linewidth=0, markersize=7)
        for m in methods
    ]
    drawn.legend(
        handles,
        [LOOKS[method].name for method in methods],
        loc="outside lower center",
        ncols=len(METHODS) if len(methods) > len(OURS) else max(1, len(methods)),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )
