"""What the figures of the studies share: panels, lines with their spread, a legend, a file."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from study.names import LOOKS, NETWORKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#333333", "#DDDDDD"
DOTS_PER_INCH = 160


def panels(widths: Sequence[float], height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with panels of these widths (inches) side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(sum(widths), height), layout="constrained")
    row = figure.subplots(1, len(widths), squeeze=False, width_ratios=list(widths))[0]
    return figure, list(row)


def plain(axes: Axes, title: str, *, across: str = "", up: str = "", grid: str = "y") -> None:
    """Give a panel its title and names, two thin lines and a faint grid."""
    axes.set_title(title, fontsize=10, loc="left", color=INK)
    axes.set_xlabel(across, fontsize=9, color=INK)
    axes.set_ylabel(up, fontsize=9, color=INK)
    axes.tick_params(labelsize=8.5, colors=INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.grid(axis=grid, color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)


def line(
    axes: Axes, method: str, across: Sequence[float], mean: Sequence[float], std: Sequence[float]
) -> None:
    """Draw a method's means with their deviation over seeds, where there is one."""
    look, ours = LOOKS[method], method in NETWORKS
    behind = list(LOOKS).index(method)
    axes.errorbar(
        across,
        mean,
        yerr=[0 if isnan(value) else value for value in std],
        color=look.colour,
        marker=look.marker,
        markersize=6 if ours else 5,
        linewidth=2 if ours else 1.2,
        elinewidth=0.9,
        capsize=2,
        zorder=3 - 0.1 * behind,
        label=look.name,
    )


def legend_below(figure: Figure, axes: Axes) -> None:
    """Put the legend of a panel under the figure, in one row where it fits."""
    from matplotlib.container import ErrorbarContainer

    handles, names = axes.get_legend_handles_labels()
    if not names:
        return
    bare = [handle[0] if isinstance(handle, ErrorbarContainer) else handle for handle in handles]
    figure.legend(
        bare,
        names,
        loc="outside lower center",
        ncols=min(len(names), max(2, int(figure.get_figwidth() / 1.6))),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH, facecolor="white", metadata={"Software": None})
