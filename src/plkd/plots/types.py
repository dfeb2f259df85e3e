"""Cell types as colours: points and the legend beside them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plkd.errors import InputError
from plkd.metrics.rejection import UNKNOWN
from plkd.plots.figure import INK, LETTER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The first six are of Okabe and Ito; each further one is the colour farthest from all before it,
# for the worst of normal, protanopic and deuteranopic sight (distance in OKLab).
PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9",
    "#D55E00", "#69001E", "#2D1E87", "#78F0B4", "#874B69",
    "#C3D2FF", "#8778F0", "#4B5A00", "#F0D21E", "#0F3C4B",
    "#69C387", "#5A3CA5", "#96C3C3", "#B44B4B", "#B4D278",
)  # fmt: skip
MARKERS = "o^sD"  # types beyond the palette share a colour, not a marker
GREY = "#C8C8C8"
GREY_OF_UNKNOWN = "#8C8C8C"
NO_LABEL = "no label"
LEGEND_ROWS = 16
MOST_LISTED = 60  # a palette of more colours is a gradient


class Look(NamedTuple):
    """Colour and marker of a type."""

    colour: str
    marker: str


def looks_of(
    names: Sequence[str], palette: Mapping[str, str] | Sequence[str] | None
) -> dict[str, Look]:
    """Give each type a look of its own; "unknown", which is none, is grey and comes last.

    Parameters
    ----------
    names
        The types.
    palette
        Colours by type, or in the order of the types, or the name of a palette of matplotlib's;
        None for the default. Types without a colour of their own get those that are left. Only
        colours by type give one to "unknown".

    Returns
    -------
    Looks by type.

    Raises
    ------
    InputError
        The palette is empty, or there is none of this name.

    Warns
    -----
    UserWarning
        If there are more types than looks.
    """
    from matplotlib.colors import to_hex

    given = palette if isinstance(palette, Mapping) else {}
    names = sorted(names, key=lambda name: name == UNKNOWN)
    named = PALETTE if palette is None or isinstance(palette, Mapping) else _colours(palette)
    taken = {to_hex(given[name]) for name in names if name in given}
    colours = [colour for colour in named if to_hex(colour) not in taken] or list(named)
    others = [name for name in names if name not in given and name != UNKNOWN]
    if len(others) > len(colours) * len(MARKERS):
        warnings.warn(
            f"{len(others)} types have {len(colours) * len(MARKERS)} looks, so some look alike: "
            "draw fewer, or pass a palette of more colours",
            UserWarning,
            stacklevel=3,
        )
    free = {
        name: Look(colours[place % len(colours)], MARKERS[place // len(colours) % len(MARKERS)])
        for place, name in enumerate(others)
    }
    free[UNKNOWN] = Look(given.get(UNKNOWN, GREY_OF_UNKNOWN), "o")
    return {name: free[name] if name in free else Look(given[name], "o") for name in names}


def _colours(palette: Sequence[str]) -> tuple[str, ...]:
    """Return the colours of a palette, which may be the name of one of matplotlib's."""
    if isinstance(palette, str):
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        if palette not in colormaps:
            raise InputError("colours, or the name of a palette", f"{palette!r}", "leave it out")
        chosen = colormaps[palette]
        places = range(chosen.N) if chosen.N <= MOST_LISTED else np.linspace(0, 1, len(PALETTE))
        return tuple(to_hex(chosen(place)) for place in places)
    colours = tuple(palette)
    if not colours:
        raise InputError("a palette of colours", "an empty one", "leave it out")
    return colours


def draw_types(
    ax: Axes, points: np.ndarray, types: np.ndarray, looks: Mapping[str, Look], dots: dict[str, Any]
) -> None:
    """Draw cells in the colours of their types; cells without a type are grey and lie below.

    Parameters
    ----------
    ax
        Axes to draw in.
    points
        Where the cells stand, ``(n_cells, 2)``, in the order in which they are drawn.
    types
        Their types, ``(n_cells,)``; "" for none.
    looks
        Looks by type.
    dots
        Further arguments of matplotlib's scatter.
    """
    bare = types == ""
    if bare.any():
        x, y = points[bare].T
        ax.scatter(x, y, c=GREY, **dots)
    for marker in sorted({look.marker for look in looks.values()}):
        members = [name for name, look in looks.items() if look.marker == marker]
        chosen = np.isin(types, members)
        colours = [looks[name].colour for name in types[chosen]]
        x, y = points[chosen].T
        ax.scatter(x, y, c=colours, marker=marker, **dots)


def draw_legend(ax: Axes, looks: Mapping[str, Look], *, grey: bool) -> None:
    """Put the legend to the right of the axes, never over the cells.

    Parameters
    ----------
    ax
        Axes to stand beside.
    looks
        Looks by type.
    grey
        Whether some cell has no type.
    """
    from matplotlib.lines import Line2D

    entries = {**looks, **({NO_LABEL: Look(GREY, "o")} if grey else {})}
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, markersize=6, linewidth=0, label=name)
        for name, look in entries.items()
    ]
    ax.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        ncols=_n_columns(len(handles)),
        handletextpad=0.3,
        columnspacing=1.0,
        borderaxespad=0,
    )


def legend_width(names: Sequence[str]) -> float:
    """Room that the legend takes, in inches."""
    longest = max(map(len, [*names, NO_LABEL]))
    return _n_columns(len(names) + 1) * (LETTER * longest + 0.4)


def _n_columns(n_entries: int) -> int:
    return -(-n_entries // LEGEND_ROWS)
