"""The figure of the benchmark across modalities: macro F1 by task, agreement by type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modalities_claims import EACH, RNA_MODEL, TASKS, WHOLE
from results import Row as Score
from results import frame
from study.figures import INK, panels, plain
from transfer_figure import look
from transfer_methods import METHODS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS = {RNA_MODEL: ("#D55E00", "by the model of RNA"), EACH: ("#0072B2", "each by its own model")}


def figure(scores: Sequence[Score], agreement: pd.DataFrame) -> Figure:
    """Return the figure; its right half is empty while agreement was not measured."""
    table = frame([row for row in scores if row.task in TASKS.values()])
    drawn, (left, right) = panels([5.6, 4.2], 4.2)
    draw_scores(left, table)
    draw_agreement(right, agreement)
    plain(left, "Macro F1 on unseen batches", across="macro F1", grid="x")
    plain(right, "RNA and ATAC of one cell: same label", across="agreement", grid="x")
    left.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8, labelcolor=INK
    )
    if len(agreement):
        right.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.12),
            frameon=False,
            fontsize=8,
            labelcolor=INK,
        )
    return drawn


def draw_scores(axes: Axes, table: pd.DataFrame) -> None:
    """Draw each method a mark on each task, mean over seeds."""
    methods = [method for method in METHODS if (table["method"] == method).any()]
    for number, method in enumerate(methods):
        mean = table[table["method"] == method].groupby("task")["macro_f1"].mean()
        offset = 0.7 * ((number + 0.5) / len(methods) - 0.5)
        places = [row for row, task in enumerate(TASKS.values()) if task in mean.index]
        axes.plot(
            [mean[list(TASKS.values())[row]] for row in places],
            [row + offset for row in places],
            linestyle="none",
            label=method,
            **look(method, METHODS),
        )
    axes.set_yticks(range(len(TASKS)), list(TASKS))
    axes.set_ylim(len(TASKS) - 0.5, -0.5)
    axes.set_xlim(0, 1)


def draw_agreement(axes: Axes, agreement: pd.DataFrame) -> None:
    """Draw the Student's agreement of each type, and over all cells as a line."""
    axes.set_xlim(0, 1)
    if agreement.empty:
        axes.set_yticks([])
        return
    own = agreement[agreement["method"] == "plkd student"]
    cells = own[(own["type"] != WHOLE) & (own["models"] == EACH)].groupby("type")["n_rna"].mean()
    order = list(cells.sort_values(ascending=False).index)
    for (models, (colour, name)), lift in zip(LOOKS.items(), (-0.16, 0.16), strict=True):
        mean = own[own["models"] == models].groupby("type")["agreement"].mean()
        if WHOLE in mean.index:
            axes.axvline(mean[WHOLE], color=colour, linewidth=1, linestyle=":")
        there = [row for row, kind in enumerate(order) if kind in mean.index]
        axes.plot(
            [mean[order[row]] for row in there],
            [row + lift for row in there],
            linestyle="none",
            marker="o",
            markersize=5,
            color=colour,
            label=f"{name} (dotted: all cells)",
        )
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(len(order) - 0.5, -0.5)
