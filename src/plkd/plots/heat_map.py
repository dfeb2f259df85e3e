"""Confusion of cell types as a heat map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.plots.figure import INK, LETTER, colour_bar, finish, is_dark, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plkd.metrics.results import ClassificationReport

SQUARE = 0.42  # side of a square of the heat map, inches


def confusion(
    report: ClassificationReport,
    *,
    ax: Axes | None = None,
    cmap: str = "Blues",
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Draw which types the cells of each true type were annotated as.

    Parameters
    ----------
    report
        What ``tl.evaluate`` or ``metrics.report`` returned.
    ax
        Axes to draw in, instead of a new figure.
    cmap
        Colour map of matplotlib for the shares.
    show
        Show the figure. By default yes in a notebook or with a window, unless ``save``, ``ax`` or
        ``return_fig`` is given.
    save
        File to write, 200 dots an inch, fewer where it is huge; its ending chooses the format.
    return_fig
        Return the figure.

    Returns
    -------
    The figure with ``return_fig``; the axes with ``show=False`` or ``ax``; otherwise None.

    Notes
    -----
    Rows are true types with their number of cells, columns predicted types; each row adds up to
    100 %. Types that stand only among the predictions come last.
    """
    rows = [score.type for score in report.per_type]
    columns = rows + [name for name in report.labels if name not in rows]
    at = {name: place for place, name in enumerate(report.labels)}
    counts = report.confusion[np.ix_([at[n] for n in rows], [at[n] for n in columns])]
    percent = 100 * counts / counts.sum(axis=1, keepdims=True)
    row_names = [f"{score.type} ({score.support:,})" for score in report.per_type]
    own = ax is None
    fig: Any
    if ax is None:
        width = SQUARE * len(columns) + LETTER * max(map(len, row_names)) + 1.6
        height = SQUARE * len(rows) + LETTER * max(map(len, columns)) + 1.0
        window = save is None or bool(show)
        fig, [ax] = new_figure((max(width, 4.2), max(height, 3.2)), 1, window=window)
    else:
        fig = ax.figure
    image = ax.imshow(percent, cmap=cmap, vmin=0, vmax=100, aspect="equal", interpolation="none")
    _name_squares(ax, row_names, columns)
    title = f"Accuracy {report.accuracy:.3f}, macro F1 {report.macro_f1:.3f}"
    ax.set_title(title, fontsize=11, loc="left")
    _write_numbers(ax, percent, image.cmap)
    colour_bar(fig, ax, image, label="% of the true type")
    done = finish(fig, [ax], own=own, show=show, save=save, return_fig=return_fig)
    return done[0] if isinstance(done, list) else done


def _name_squares(ax: Axes, rows: list[str], columns: list[str]) -> None:
    """Name rows and columns and part the squares by white lines."""
    ax.set_xticks(range(len(columns)), columns, rotation=90)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0, labelsize=9)
    ax.spines[:].set_visible(False)
    ax.set_xticks(np.arange(1, len(columns)) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, len(rows)) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="minor", length=0)
    ax.set_xlabel("Annotation", fontsize=10)
    ax.set_ylabel("Truth (cells)", fontsize=10)


def _write_numbers(ax: Axes, percent: np.ndarray, colours: Any) -> None:
    """Write the whole per cents into the squares that do not round to zero."""
    for row, column in zip(*np.nonzero(percent >= 0.5), strict=True):
        value = percent[row, column]
        ink = "white" if is_dark(colours(value / 100)) else INK
        ax.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=ink)
