"""The patterns that mark each cell type as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.errors import InputError
from plkd.plots.chosen_types import chosen_types
from plkd.plots.figure import (
    INK,
    LETTER,
    colour_bar,
    finish,
    is_dark,
    new_figure,
    whole_figure,
)
from plkd.plots.pattern_names import readable_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plkd.tools.pattern_results import Patterns

SQUARE = (0.34, 0.24)  # of a type and a pattern, inches
LONGEST_BAR = 3.5  # of the colours, inches
SURE = 0.05


def patterns(
    found: Patterns,
    *,
    n_patterns: int = 3,
    cell_types: str | Sequence[str] | None = None,
    ax: Axes | None = None,
    cmap: str = "RdBu_r",
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Draw which patterns are high in which types, for the patterns that mark some type best.

    Parameters
    ----------
    found
        What ``plkd.tl.patterns`` returned. It is not changed.
    n_patterns
        Patterns of each type, those of the highest score, at most.
    cell_types
        Draw these types, in this order; all by default.
    ax
        Axes to draw in, instead of a new figure.
    cmap
        Colour map of matplotlib for the scores, whose middle is zero.
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

    Raises
    ------
    InputError
        ``found`` is something else, no pattern marks the types, there is no such type, or
        ``n_patterns`` is below 1.

    Notes
    -----
    A row is a pattern, a column a type. The colour is the test statistic of the type's cells
    against all others, divided by the largest of the type over all patterns, whatever its sign:
    types differ in their number of cells, and the statistic with it. A star stands where the
    pattern is among the ``n_patterns`` of the type and its adjusted p-value below 0.05. Patterns
    come in the order of the types that they are highest in. Names are written short; a learned
    pattern bears that of the gene set it is surest to be enriched in.
    """
    _check(found, n_patterns)
    names = chosen_types(cell_types, found.cell_types)
    rows = [found.cell_types.index(name) for name in names]
    most = np.abs(found.score).max(axis=1, keepdims=True)
    share = (found.score / np.where(most > 0, most, 1.0))[rows]
    marks = _marks(found, names, n_patterns)
    chosen = _in_order_of_types(share, marks)
    if not len(chosen):
        raise InputError("a pattern that marks a type", "none", "choose types that have some")
    labels = _labels(found, chosen)
    own = ax is None
    fig: Any
    if ax is None:
        width = SQUARE[0] * len(names) + LETTER * max(map(len, labels)) + 1.4
        height = SQUARE[1] * len(chosen) + LETTER * max(map(len, names)) + 1.0
        window = save is None or bool(show)
        fig, [ax] = new_figure((max(width, 4.2), max(height, 3.2)), 1, window=window)
    else:
        fig = ax.figure
    drawn = share[:, chosen].T
    image = ax.imshow(drawn, cmap=cmap, vmin=-1, vmax=1, aspect="auto", interpolation="none")
    _name_squares(ax, labels, names)
    sure = (marks & (found.p_adj[rows] < SURE))[:, chosen].T
    _draw_stars(ax, sure, drawn, image)
    ax.set_title("Patterns of the cell types", fontsize=11, loc="left", color=INK)
    _explain_stars(fig, None if own else ax, n_patterns)
    shrink = min(0.6, LONGEST_BAR / whole_figure(fig).get_figheight())
    colour_bar(fig, ax, image, label="score, share of the type's largest", shrink=shrink)
    done = finish(fig, [ax], own=own, show=show, save=save, return_fig=return_fig)
    return done[0] if isinstance(done, list) else done


def _check(found: object, n_patterns: int) -> None:
    from plkd.tools.pattern_results import Patterns

    if not isinstance(found, Patterns):
        raise InputError("what plkd.tl.patterns returned", f"a {type(found).__name__}", "pass that")
    if n_patterns < 1:
        raise InputError("n_patterns of 1 or more", f"{n_patterns}", "leave it out")


def _marks(found: Patterns, names: list[str], n_patterns: int) -> np.ndarray:
    """Say which patterns are among the first of each type, bool ``(n_drawn, n_patterns)``."""
    column = {name: place for place, name in enumerate(found.pattern_names)}
    marks = np.zeros((len(names), len(column)), dtype=bool)
    for row, name in enumerate(names):
        marks[row, [column[one.pattern] for one in found.of_type(name)[:n_patterns]]] = True
    return marks


def _in_order_of_types(share: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Order the marking patterns by the type that they are highest in, the highest first.

    That type is sought among those which the pattern marks.
    """
    chosen = np.flatnonzero(marks.any(axis=0))
    marked = np.where(marks, share, -np.inf)[:, chosen]
    return chosen[np.lexsort((-marked.max(axis=0), marked.argmax(axis=0)))]


def _labels(found: Patterns, chosen: np.ndarray) -> list[str]:
    surest = {one.pattern: (*one.enriched_in, "")[0] for one in found.top}
    names = [found.pattern_names[column] for column in chosen]
    return readable_names(names, {name: surest[name] for name in names if name in found.enriched})


def _name_squares(ax: Axes, rows: list[str], columns: list[str]) -> None:
    """Name rows and columns and part the squares by white lines."""
    ax.set_xticks(range(len(columns)), columns, rotation=90)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0, labelsize=9, labelcolor=INK)
    ax.spines[:].set_visible(False)
    ax.set_xticks(np.arange(1, len(columns)) - 0.5, minor=True)
    ax.set_yticks(np.arange(1, len(rows)) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="minor", length=0)


def _draw_stars(ax: Axes, sure: np.ndarray, drawn: np.ndarray, image: Any) -> None:
    rows, columns = np.nonzero(sure)
    inks = ["white" if is_dark(colour) else INK for colour in image.to_rgba(drawn[sure])]
    ax.scatter(columns, rows, s=36, c=inks, marker="*", linewidths=0)


def _explain_stars(fig: Any, ax: Axes | None, n_patterns: int) -> None:
    """Say what a star means: at the foot of the figure, or above axes of the caller."""
    from matplotlib.lines import Line2D

    star = Line2D([], [], color=INK, marker="*", markersize=7, markeredgewidth=0, linewidth=0)
    first = f"among the type's first {n_patterns}" if n_patterns > 1 else "the type's first"
    key: dict[str, Any] = {
        "handles": [star],
        "labels": [f"{first}, adjusted p < {SURE}"],
        "frameon": False,
        "fontsize": 9,
        "labelcolor": INK,
        "handlelength": 0.8,
        "handletextpad": 0.4,
    }
    if ax is None:
        fig.legend(loc="outside lower left", **key)
    else:
        ax.set_title(ax.get_title(loc="left"), fontsize=11, loc="left", color=INK, pad=20)
        above = ax.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, **key)
        above.set_in_layout(False)  # so that narrow axes are not squeezed to make room for it
