"""The figure of the benchmark of explanations: curves, stability, markers, planted sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from faithful.claims import FOUND, STABLE
from faithful.deletion import MODES
from faithful.names import LOOKS, called, in_order
from faithful.tables import overlaps, planted, textbook_counts, textbook_sums
from study.figures import INK, plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = [["deletion", "insertion", "names"], ["stability", "markers", "planted"]]
SIZE = (11.5, 6.6)
"""Inches."""


def figure(numbers: pd.DataFrame, genes: pd.DataFrame) -> Figure:
    """Return the figure from all rows; a part that has none leaves its panel empty."""
    from matplotlib.figure import Figure

    drawn = Figure(figsize=SIZE, layout="constrained")
    panels = drawn.subplot_mosaic(PANELS)
    for name, (way, base) in zip(("deletion", "insertion"), MODES, strict=False):
        if len(numbers):
            draw_curves(panels[name], numbers, way, base)
        plain(panels[name], name.capitalize(), across="genes", up="probability of the type")
    if len(genes):
        draw_bars(panels["stability"], stability(genes))
        draw_bars(panels["markers"], markers(genes))
    if len(numbers):
        draw_bars(panels["planted"], found(numbers))
    for name, aim in (("stability", STABLE), ("planted", FOUND)):
        panels[name].axvline(aim, color=INK, linewidth=1, linestyle=":")
    panels["stability"].set_xlim(0, 1)
    panels["planted"].set_xlim(0.4, 1)
    plain(panels["stability"], "First ten shared by two seeds", across="share", grid="x")
    plain(panels["markers"], "Textbook markers in the first ten", across="genes", grid="x")
    plain(panels["planted"], "Planted sets found", across="AUROC", grid="x")
    handles, names = panels["deletion"].get_legend_handles_labels()
    panels["names"].axis("off")
    if names:
        look = {"frameon": False, "fontsize": 9, "labelcolor": INK}
        panels["names"].legend(handles, names, loc="center left", **look)
    return drawn


def draw_curves(axes: Axes, numbers: pd.DataFrame, way: str, base: str) -> None:
    """Draw the mean curve over tasks and seeds of each method."""
    rows = numbers[
        (numbers["part"] == "deletion") & (numbers["measure"] == way) & (numbers["base"] == base)
    ]
    for method in in_order(rows["method"]):
        of_method = rows[rows["method"] == method]
        heights = of_method.groupby(of_method["step"].astype(int))["value"].mean()
        look = LOOKS[method]
        axes.plot(
            np.log2(1 + heights.index.to_numpy()),
            heights.to_numpy(),
            color=look.colour,
            linestyle=look.line,
            linewidth=2 if method == "shap" else 1.3,
            zorder=4 if method == "shap" else 3,
            label=look.name,
        )
    ticks = sorted(set(rows["step"].astype(int)))
    axes.set_xticks(np.log2(1 + np.array(ticks, dtype=float)), [str(tick) for tick in ticks])
    axes.set_ylim(0, None)


def draw_bars(axes: Axes, values: dict[str, tuple[str, float, float]]) -> None:
    """Draw a bar for each name: its colour, mean and deviation."""
    for place, (_, (colour, mean, std)) in enumerate(values.items()):
        axes.barh(place, mean, xerr=0 if std != std else std, color=colour, height=0.6)
    axes.set_yticks(range(len(values)), list(values))
    axes.set_ylim(max(len(values), 1) - 0.5, -0.5)


def stability(genes: pd.DataFrame) -> dict[str, tuple[str, float, float]]:
    """Return the mean overlap of each method, and its deviation over tasks."""
    each = overlaps(genes).groupby(["method", "task"])["overlap"].mean()
    return {
        called(method): (LOOKS[method].colour, each[method].mean(), each[method].std())
        for method in in_order(each.index.get_level_values("method"))
    }


def markers(genes: pd.DataFrame) -> dict[str, tuple[str, float, float]]:
    """Return the mean count of textbook markers over the types of all tasks."""
    counts = textbook_counts(genes)
    if not len(counts):
        return {}
    n_types = counts.drop_duplicates(["task", "cell_type"]).shape[0]
    total = textbook_sums(counts)["sum"].dropna() / n_types
    return {called(m): (LOOKS[m].colour, total[m], np.nan) for m in in_order(total.index)}


def found(numbers: pd.DataFrame) -> dict[str, tuple[str, float, float]]:
    """Return the plain AUROC of each score."""
    scores = planted(numbers, "AUROC")
    return {
        called(method): (LOOKS[method].colour, *scores.loc[(how, method)])
        for method in in_order(scores.index.get_level_values("method"))
        for how in scores.index[scores.index.get_level_values("method") == method].get_level_values(
            "task"
        )
    }
