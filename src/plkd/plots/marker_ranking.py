"""Marker genes of each cell type ranked by SHAP value, one panel a type."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.errors import InputError
from plkd.plots.chosen_types import chosen_types
from plkd.plots.figure import INK, LETTER, finish, new_figure
from plkd.plots.marker_table import SHARES, marker_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from plkd.tools.gene_attributions import GeneAttributions
    from plkd.tools.marker_results import MarkerGenes

STRONG, PALE, WHITE = "#0072B2", "#A6CEE8", "#FFFFFF"
DOT = "#D55E00"
BARS, STRIP = 1.75, 0.75  # room of the bars of a panel, and of the strip beside them, inches
ROW = 0.2
TITLE_LETTER = 0.089  # width of a letter of 11 points, inches; many are capitals
MOST_COLUMNS = 5
FEW_TYPES = 12  # up to so many types one column less
NAMED_BY = {  # in_teacher, in_student: how their bars are filled, and what the legend says
    (True, True): (STRONG, "named by Teacher and Student"),
    (False, True): (PALE, "named by the Student alone"),
    (True, False): (WHITE, "named by the Teacher alone"),
}


def marker_genes(
    markers: MarkerGenes | GeneAttributions | DataFrame,
    *,
    cell_types: str | Sequence[str] | None = None,
    n_genes: int = 10,
    share_scale: bool = True,
    axes: Axes | Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> list[Axes] | Figure | None:
    """Draw the marker genes of each type, ranked, with how much each one speaks for the type.

    Parameters
    ----------
    markers
        What ``plkd.tl.marker_genes`` returned; or a table with its columns, such as ``markers.csv``
        read with pandas; or what ``plkd.tl.attributions`` returned, which has the Student's genes
        only. It is not changed.
    cell_types
        Draw these types, in this order; all by default.
    n_genes
        Genes of a type, at most, in the order of ``rank``.
    share_scale
        One scale of SHAP values for all panels, so that types can be compared; otherwise each panel
        has its own.
    axes
        One axes a type to draw in, instead of a new figure.
    show
        Show the figure. By default yes in a notebook or with a window, unless ``save``, ``axes`` or
        ``return_fig`` is given.
    save
        File to write, 200 dots an inch, fewer where it is huge; its ending chooses the format.
    return_fig
        Return the figure.

    Returns
    -------
    The figure with ``return_fig``; a list of the panels' axes with ``show=False`` or ``axes``;
    otherwise None.

    Raises
    ------
    InputError
        ``markers`` is something else, has no rows, lacks a column or holds values out of their
        range; there is no such type; ``n_genes`` is below 1; the number of axes is not that of the
        types.

    Notes
    -----
    Figure 5 of the paper. Bars are mean absolute SHAP values, in units of the Student's logit.
    Beside them stands in which share of the type's cells, and of all other cells, the gene was
    detected; without the columns detected_in and detected_out this is left out.
    """
    table = marker_table(markers, n_genes)
    names = chosen_types(cell_types, list(dict.fromkeys(table["cell_type"])))
    parts = [table[table["cell_type"] == name] for name in names]
    n_rows = max(map(len, parts))
    n_columns = len(names)
    fig: Any
    if axes is None:
        n_columns = _n_columns(len(names))
        size = _size(table, n_rows, n_columns, -(-len(names) // n_columns))
        window = save is None or bool(show)
        fig, drawn = new_figure(size, len(names), n_columns=n_columns, window=window)
        fig.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    else:
        drawn = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(drawn) != len(names):
            raise InputError(f"{len(names)} axes", f"{len(drawn)}", "pass one axes a type")
        fig = drawn[0].figure
    farthest = max(float(part["shap"].max()) for part in parts)
    for place, (ax, name, part) in enumerate(zip(drawn, names, parts, strict=True)):
        most = farthest if share_scale else float(part["shap"].max())
        lowest = place + n_columns >= len(names)
        _draw_bars(ax, part, most or 1.0, n_rows, lowest=lowest)
        _name_panel(ax, name, part, n_rows, own=axes is None)
        if SHARES[0] in part.columns:
            _draw_shares(ax, part, lowest=lowest)
    _draw_legend(fig, None if axes is None else drawn[0], parts, n_columns)
    return finish(fig, drawn, own=axes is None, show=show, save=save, return_fig=return_fig)


def _n_columns(n_types: int) -> int:
    """Columns of panels, so that the last row is as full as it can be."""
    most = MOST_COLUMNS if n_types > FEW_TYPES else MOST_COLUMNS - 1
    n_rows = -(-n_types // most)
    return -(-n_types // n_rows)


def _size(table: DataFrame, n_rows: int, n_columns: int, n_lines: int) -> tuple[float, float]:
    names = LETTER * int(table["gene"].str.len().max()) + 0.3
    width = n_columns * (names + _room(table))
    return max(width, 3.6), n_lines * (ROW * n_rows + 0.55) + 1.1


def _room(table: DataFrame) -> float:
    """Width of a panel without the names of the genes, inches."""
    return BARS + STRIP if SHARES[0] in table.columns else BARS


def _draw_bars(ax: Axes, part: DataFrame, most: float, n_rows: int, *, lowest: bool) -> None:
    """Draw the genes from above down, all rows of one height whatever their number."""
    from matplotlib.ticker import MaxNLocator

    places = np.arange(len(part))
    for (teacher, student), (fill, _) in NAMED_BY.items():
        chosen = (part["in_teacher"] == teacher) & (part["in_student"] == student)
        if chosen.any():
            ax.barh(
                places[chosen],
                part.loc[chosen, "shap"],
                height=0.72,
                color=fill,
                edgecolor=STRONG,
                linewidth=0.8,
            )
    ax.set_yticks(places, part["gene"].tolist())
    ax.set_ylim(n_rows - 0.4, -0.6)
    end = 1.05 * most
    ax.set_xlim(0, end * _room(part) / BARS)
    ticks = np.asarray(MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0, end))
    ax.set_xticks(ticks[ticks <= end])
    ax.spines["bottom"].set_bounds(0, end)
    ax.tick_params(axis="both", labelsize=9, labelcolor=INK, color=INK)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    if lowest:
        ax.set_xlabel("mean |SHAP| (logit)", fontsize=9, loc="left", color=INK)


def _draw_shares(ax: Axes, part: DataFrame, *, lowest: bool) -> None:
    """Put beside the bars in how many cells each gene was detected, in the type and elsewhere."""
    start = (BARS + 0.15) / (BARS + STRIP)
    strip = ax.inset_axes((start, 0, 1 - start, 1), sharey=ax)
    places = np.arange(len(part))
    inside, outside = (part[name].to_numpy(dtype=float) for name in SHARES)
    strip.hlines(places, inside, outside, color=DOT, linewidth=0.8, zorder=1)
    strip.scatter(outside, places, s=16, facecolor=WHITE, edgecolor=DOT, linewidth=0.9, zorder=2)
    strip.scatter(inside, places, s=16, facecolor=DOT, edgecolor=DOT, linewidth=0.9, zorder=3)
    strip.set_xlim(-0.08, 1.08)
    strip.set_xticks([0, 0.5, 1], ["0", "", "100"])
    strip.tick_params(axis="x", labelsize=9, labelcolor=INK, color=INK)
    strip.tick_params(axis="y", left=False, labelleft=False)
    strip.spines[["top", "right", "left"]].set_visible(False)
    strip.spines["bottom"].set_color(INK)
    if lowest:
        strip.set_xlabel("% of cells", fontsize=9, color=INK)


def _name_panel(ax: Axes, name: str, part: DataFrame, n_rows: int, *, own: bool) -> None:
    """Write the type above its panel, and the genes no higher than their rows."""
    lines = textwrap.wrap(name, int(_room(part) / TITLE_LETTER))
    ax.set_title("\n".join(lines) or name, fontsize=11, loc="left", color=INK)
    if not own:
        points = 72 * ax.get_window_extent().height / ax.figure.dpi / n_rows
        ax.tick_params(axis="y", labelsize=float(np.clip(points, 3, 9)))


def _draw_legend(fig: Any, ax: Axes | None, parts: list[DataFrame], n_columns: int) -> None:
    """Say once what the signs mean: at the foot of the figure, or below axes of the caller."""
    from matplotlib.transforms import offset_copy

    looks = {"frameon": False, "fontsize": 9, "labelcolor": INK, "handlelength": 1.4}
    handles = _legend_entries(parts)
    if ax is None:
        n_columns = len(handles) if n_columns > 3 else min(n_columns, 2)
        fig.legend(handles=handles, loc="outside lower left", ncols=n_columns, **looks)
    else:
        below = offset_copy(ax.transAxes, fig=fig, y=-36, units="points")
        place = {"bbox_to_anchor": (0, 0), "bbox_transform": below, "borderaxespad": 0}
        ax.legend(handles=handles, loc="upper left", **place, **looks)


def _legend_entries(parts: list[DataFrame]) -> list[Any]:
    """Return what occurs in the panels."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    pairs = [zip(part["in_teacher"], part["in_student"], strict=True) for part in parts]
    there = {pair for of_type in pairs for pair in of_type}
    handles: list[Any] = [
        Patch(facecolor=fill, edgecolor=STRONG, linewidth=0.8, label=label)
        for pair, (fill, label) in NAMED_BY.items()
        if pair in there
    ]
    if SHARES[0] in parts[0].columns:
        dot: dict[str, Any] = {"marker": "o", "markersize": 4.5, "linewidth": 0, "color": DOT}
        handles.append(Line2D([], [], **dot, label="detected, % of the type's cells"))
        handles.append(
            Line2D([], [], **dot, markerfacecolor=WHITE, label="detected, % of all other cells")
        )
    return handles
