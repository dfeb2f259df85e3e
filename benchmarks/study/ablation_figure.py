"""The figure of the ablation study: macro F1 kept with wrong labels; parts left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.ablation_claims import AIM, LOSSES, MASK, NOISES, STANDARD, kept
from study.figures import INK, legend_below, line, panels, plain
from study.names import LOOKS, NETWORKS, in_order
from study.rows import full_grid, over_seeds

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_SPAN = 0.06
"""Half of the least width of a panel's scale: differences of a hundredth are to look small."""


def figure(table: pd.DataFrame) -> Figure:
    """Return the figure from all rows of the study."""
    grid = full_grid(table)
    drawn, (left, middle, right) = panels([4.0, 3.4, 2.4], 3.6)
    draw_noise(left, grid)
    draw_parts(middle, grid, "macro_f1", names=True)
    draw_parts(right, grid, "ari", names=False)
    plain(left, "Kept with wrong labels", across="wrong labels, %", up="% of the clean macro F1")
    plain(middle, "Parts left out: macro F1", across="macro F1", grid="x")
    plain(right, "ARI of clusters", across="ARI", grid="x")
    legend_below(drawn, left)
    return drawn


def draw_noise(axes: Axes, grid: pd.DataFrame) -> None:
    """Draw by method the share of the clean macro F1 that is kept, with the aim as a line."""
    there = [setting for setting in NOISES if setting in set(grid["setting"])]
    across = [0.0, *(100 * NOISES[setting] for setting in there)]
    if there and STANDARD in set(grid["setting"]):
        shares = [100 * kept(grid, "macro_f1", setting) for setting in (STANDARD, *there)]
        for method in in_order(grid["method"]):
            if all(method in share.index for share in shares):
                rows = [share.loc[method] for share in shares]
                line(axes, method, across, [r["mean"] for r in rows], [r["std"] for r in rows])
    axes.axhline(AIM, color=INK, linewidth=1, linestyle=":")
    axes.annotate(
        f"aim\n{AIM} %",
        (1.02, AIM),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8.5,
        color=INK,
        annotation_clip=False,
    )
    axes.set_xticks(across)
    axes.yaxis.set_major_formatter("{x:g}")


def draw_parts(axes: Axes, grid: pd.DataFrame, measure: str, *, names: bool) -> None:
    """Draw a measure of both networks as they are and with a part left out."""
    there = [setting for setting in (STANDARD, LOSSES, MASK) if setting in set(grid["setting"])]
    scores = over_seeds(grid, measure, ["setting", "method"])
    drawn: list[float] = []
    for method, lift in zip(NETWORKS, (-0.12, 0.12), strict=True):
        for place, setting in enumerate(there):
            if (setting, method) in scores.index:
                mean, std = scores.loc[(setting, method)].fillna(0)
                drawn += [mean - std, mean + std]
                axes.errorbar(
                    mean,
                    place + lift,
                    xerr=std,
                    color=LOOKS[method].colour,
                    marker=LOOKS[method].marker,
                    markersize=6,
                    elinewidth=0.9,
                    capsize=2,
                )
    if drawn:
        middle, half = (max(drawn) + min(drawn)) / 2, (max(drawn) - min(drawn)) / 2
        axes.set_xlim(middle - max(1.2 * half, LEAST_SPAN), middle + max(1.2 * half, LEAST_SPAN))
    axes.set_yticks(range(len(there)), there if names else [""] * len(there))
    axes.set_ylim(len(there) - 0.5, -0.5)
