"""What all figures share: size, bare axes, and whether they are shown, saved or returned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#333333"
LETTER = 0.066  # mean width of a letter of 9 points, inches
DOTS_PER_INCH = 200
MOST_DOTS = 50_000_000  # of a figure: 200 MB while it is drawn
LONGEST_SIDE = 60_000  # dots; matplotlib's own limit is 2 to the power of 16
PAPER = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template"}  # backends without a window


def new_figure(
    size: tuple[float, float], n_panels: int, *, window: bool, n_columns: int | None = None
) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels in a row, or in several.

    Parameters
    ----------
    size
        Width and height in inches.
    n_panels
        Number of panels.
    window
        Make it known to pyplot, so that it can be shown.
    n_columns
        Panels in a row; all by default.

    Returns
    -------
    The figure and its panels, from left to right and from above down.
    """
    if window:
        from matplotlib import pyplot as plt

        fig = plt.figure(figsize=size, layout="constrained")
    else:
        from matplotlib.figure import Figure

        fig = Figure(figsize=size, layout="constrained")
    n_columns = n_columns or n_panels
    panels = list(fig.subplots(-(-n_panels // n_columns), n_columns, squeeze=False).ravel())
    for spare in panels[n_panels:]:
        spare.remove()
    return fig, panels[:n_panels]


def bare_panel(ax: Axes, title: str, axis_name: str) -> None:
    """Leave of the axes a square with a title and two thin lines without numbers."""
    ax.set_title(title, fontsize=11, loc="left", color=INK)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_box_aspect(1)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    ax.set_xlabel(f"{axis_name} 1", fontsize=9, loc="left", color=INK)
    ax.set_ylabel(f"{axis_name} 2", fontsize=9, loc="bottom", color=INK)


def colour_bar(fig: Any, ax: Axes, drawn: Any, *, label: str = "", shrink: float = 0.6) -> Any:
    """Put a slim colour bar beside the axes, of a share of their height, and return it."""
    bar = fig.colorbar(drawn, ax=ax, shrink=shrink, aspect=18, pad=0.02)
    bar.set_label(label, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=9)
    return bar


def is_dark(colour: Sequence[float]) -> bool:
    """Say whether white letters read better than dark ones on a colour of red, green and blue."""
    red, green, blue = colour[:3]
    return bool(0.299 * red + 0.587 * green + 0.114 * blue < 0.55)


def finish(
    fig: Any,
    drawn: list[Axes],
    *,
    own: bool,
    show: bool | None,
    save: str | Path | None,
    return_fig: bool,
) -> list[Axes] | Figure | None:
    """Save, show and return a figure, as its caller asked.

    Parameters
    ----------
    fig
        The figure.
    drawn
        Its panels.
    own
        Whether we made the figure; otherwise its axes are the caller's.
    show
        Show it; None: where there is a screen and nothing else was asked for.
    save
        File to write.
    return_fig
        Return the figure.

    Returns
    -------
    The figure with ``return_fig``; the panels with ``show=False`` or on the caller's axes;
    otherwise None.
    """
    if save is not None:
        path = Path(save)
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = whole_figure(fig)
        dots = dots_per_inch(*whole.get_size_inches())
        whole.savefig(path, dpi=dots, bbox_inches="tight", facecolor="white")
    if show is None:
        show = own and save is None and not return_fig and _has_screen()
        asked = False
    else:
        asked = not show
    if show:
        from matplotlib import pyplot as plt

        plt.show()
    if return_fig:
        return fig
    return drawn if asked or not own else None


def dots_per_inch(width: float, height: float) -> float:
    """Say how finely to draw a figure of a size in inches: less where it would be huge."""
    of_area = math.sqrt(MOST_DOTS / (width * height))
    return min(DOTS_PER_INCH, of_area, LONGEST_SIDE / max(width, height))


def whole_figure(fig: Any) -> Any:
    """Return the figure that a figure within a figure is part of, or the figure itself."""
    while getattr(fig, "figure", fig) is not fig:
        fig = fig.figure
    return fig


def _has_screen() -> bool:
    import matplotlib

    return str(matplotlib.get_backend()).lower() not in PAPER
