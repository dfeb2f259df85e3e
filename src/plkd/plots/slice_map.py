"""Slices of tissue: truth, annotation, smoothed labels and confidence where the spots lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plkd.errors import InputError
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.plots.chosen_types import listed
from plkd.plots.figure import INK, colour_bar, finish, new_figure, whole_figure
from plkd.plots.types import Look, draw_legend, draw_types, legend_width, looks_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = 2.9  # longer side of a panel, inches
COVERED = 0.9  # of the distance to the next spot, by the diameter of a spot
SMALLEST, LARGEST = 0.3, 12.0  # diameter of a spot, points


class _Column(NamedTuple):
    """A column of panels: its title and, of each spot, what is drawn."""

    title: str
    values: np.ndarray
    are_types: bool


class _Slice(NamedTuple):
    """A row of panels: its name, its spots and where they lie."""

    name: str
    spots: np.ndarray
    points: np.ndarray


def spatial(
    adata: Any,
    labels_key: str | None = None,
    *,
    batch_key: str | None = None,
    batches: str | Sequence[str] | None = None,
    key_added: str = DEFAULT_KEY,
    coordinates: str = "spatial",
    invert_y: bool = True,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    point_size: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> list[Axes] | Figure | None:
    """Draw slices of tissue, one a row: truth, annotation, smoothed labels where made, confidence.

    Parameters
    ----------
    adata
        An annotated AnnData with coordinates in ``obsm``, ``(n_spots, n_genes)``. It is not
        changed.
    labels_key
        Column of ``obs`` with the true types; without it the panels of the truth are left out.
    batch_key
        Column of ``obs`` with the slices; without it all spots are drawn as one.
    batches
        Draw these slices, in this order; all by default, in the order of their categories.
    key_added
        The name under which ``tl.annotate`` and ``tl.smooth_labels`` wrote their results.
    coordinates
        Slot of ``obsm`` whose first two columns are drawn.
    invert_y
        Draw the second coordinate downwards, as images of tissue count it (and scanpy draws it).
    palette
        Colours by type, or in the order of the sorted types. "unknown" is grey unless it has a
        colour by its name.
    point_size
        Area of a spot in points squared; by default neighbouring spots just do not touch.
    axes
        One axes a panel to draw in, row by row, instead of a new figure.
    show
        Show the figure. By default yes in a notebook or with a window, unless ``save``, ``axes`` or
        ``return_fig`` is given.
    save
        File to write, 200 dots an inch, fewer where it is huge; its ending chooses the format.
    return_fig
        Return the figure.

    Returns
    -------
    The figure with ``return_fig``; a list of the panels' axes, row by row, with ``show=False`` or
    ``axes``; otherwise None.

    Raises
    ------
    InputError
        A column or slot is not there, coordinates are not finite, there is no such slice, a spot
        has no slice, or the number of axes is not that of the panels.

    Notes
    -----
    The paper's Figure 4. Both axes have one scale, which is each slice's own.
    """
    slots = SlotNames(key_added)
    columns = _columns(adata, labels_key, slots)
    rows = _slices(adata, batch_key, batches, _points(adata, coordinates))
    drawn_spots = np.concatenate([row.spots for row in rows])
    typed = [column for column in columns if column.are_types]
    names = sorted({str(n) for column in typed for n in column.values[drawn_spots]} - {""})
    looks = looks_of(names, palette)
    fig, panels = _panels(axes, rows, len(columns), names, save is None or bool(show))
    for ax, (row, column) in zip(panels, product(rows, columns), strict=True):
        _draw(fig, ax, row, column, looks)
        _bare(ax, invert_y=invert_y)
        if row is rows[0]:
            ax.set_title(column.title, fontsize=10, loc="left", color=INK)
        if column is columns[0]:
            ax.set_ylabel(row.name, fontsize=10, color=INK)
    grey = any("" in column.values[drawn_spots] for column in typed)
    draw_legend(panels[len(typed) - 1], looks, grey=grey)
    whole_figure(fig).draw_without_rendering()  # only now is it known how large the panels are
    for ax, (row, _) in zip(panels, product(rows, columns), strict=True):
        area = point_size or _spot_area(ax, row.points)
        for spots in ax.collections:
            spots.set_sizes([area])
    return finish(fig, panels, own=axes is None, show=show, save=save, return_fig=return_fig)


def _columns(adata: Any, labels_key: str | None, slots: SlotNames) -> list[_Column]:
    """Return what is drawn from left to right; smoothed labels only where they were made."""
    columns = []
    if labels_key is not None:
        columns.append(_Column("Truth", _types(adata, labels_key), True))
    columns.append(_Column("Annotation", _types(adata, slots.label), True))
    if slots.smoothed_label in adata.obs:
        columns.append(_Column("Smoothed", _types(adata, slots.smoothed_label), True))
    confidence = _column(adata, slots.confidence).to_numpy(dtype=float)
    return [*columns, _Column("Confidence", confidence, False)]


def _slices(
    adata: Any, batch_key: str | None, batches: str | Sequence[str] | None, points: np.ndarray
) -> list[_Slice]:
    """Return the slices to draw."""
    if batch_key is None:
        if batches is not None:
            raise InputError("a batch_key with batches", "none", "pass the column of the slices")
        return [_Slice("", np.arange(len(points)), points)]
    names = _types(adata, batch_key)
    if (names == "").any():
        raise InputError(
            f"a slice for each spot in obs[{batch_key!r}]",
            f"none for {int((names == '').sum())}",
            "fill the column, or leave those spots out",
        )
    there = _in_order(adata.obs[batch_key], names)
    wanted = [batches] if isinstance(batches, str) else batches
    asked = there if wanted is None else [str(name) for name in wanted]
    strange = [name for name in asked if name not in there]
    if strange or not asked:
        raise InputError(
            f"batches among {listed(there)}", listed(strange) or "none", "choose among these"
        )
    spots = [np.flatnonzero(names == name) for name in asked]
    return [_Slice(name, own, points[own]) for name, own in zip(asked, spots, strict=True)]


def _in_order(column: Any, names: np.ndarray) -> list[str]:
    """Return the slices that have spots: as the categories stand, otherwise sorted."""
    there = set(names)
    categories = getattr(column.dtype, "categories", None)
    ordered = sorted(there) if categories is None else [str(name) for name in categories]
    return [name for name in ordered if name in there]


def _panels(
    axes: Sequence[Axes] | None,
    rows: Sequence[_Slice],
    n_columns: int,
    names: Sequence[str],
    window: bool,
) -> tuple[Any, list[Any]]:
    """Return the figure and its panels, new ones or the caller's."""
    n_panels = len(rows) * n_columns
    if axes is not None:
        given = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(given) != n_panels:
            raise InputError(f"{n_panels} axes", f"{len(given)}", "pass one axes a panel")
        return given[0].figure, given
    shapes = np.array([_extent(row.points) for row in rows])
    widths, heights = (PANEL * shapes / shapes.max(axis=1, keepdims=True)).T
    width = float(widths.max()) * n_columns + legend_width(names or [""]) + 1.0
    return new_figure(
        (width, float(heights.max()) * len(rows) + 0.5),
        n_panels,
        window=window,
        n_columns=n_columns,
    )


def _draw(fig: Any, ax: Any, row: _Slice, column: _Column, looks: Mapping[str, Look]) -> None:
    """Draw the spots of a slice in the colours of their types, or of their confidence."""
    dots: dict[str, Any] = {"s": 1.0, "linewidths": 0, "rasterized": True}
    values = column.values[row.spots]
    if column.are_types:
        draw_types(ax, row.points, values, looks, dots)
    else:
        x, y = row.points.T
        mesh = ax.scatter(x, y, c=values, cmap="viridis", vmin=0, vmax=1, **dots)
        colour_bar(fig, ax, mesh)


def _bare(ax: Axes, *, invert_y: bool) -> None:
    """Leave nothing of the axes but the spots, both directions on one scale."""
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    if invert_y and not ax.yaxis_inverted():
        ax.invert_yaxis()


def _spot_area(ax: Axes, points: np.ndarray) -> float:
    """Return an area, points squared, at which spots that lie side by side just do not touch."""
    from scipy.spatial import KDTree

    if len(points) < 2:
        return LARGEST**2
    apart = float(np.median(KDTree(points).query(points, k=2)[0][:, 1]))
    fig: Any = ax.figure
    pixels = np.ptp(ax.transData.transform([(0.0, 0.0), (apart, 0.0)])[:, 0])
    diameter = COVERED * 72 * pixels / fig.dpi
    return float(np.clip(diameter, SMALLEST, LARGEST)) ** 2


def _extent(points: np.ndarray) -> np.ndarray:
    """Return width and height of the spots, neither of them zero."""
    sides = np.ptp(points, axis=0)
    return np.where(sides > 0, sides, max(float(sides.max()), 1.0))


def _points(adata: Any, slot: str) -> np.ndarray:
    if slot not in adata.obsm:
        there = listed(list(adata.obsm)) or "no slot"
        raise InputError(
            f"{slot!r} in obsm", there, "pass the slot with the coordinates as coordinates"
        )
    values = np.asarray(adata.obsm[slot], dtype=float)
    if values.ndim != 2 or values.shape[1] < 2 or not np.isfinite(values[:, :2]).all():
        raise InputError(
            f"two finite coordinates of each spot in obsm[{slot!r}]",
            f"an array of shape {values.shape}"
            + (" with NaN or infinite numbers" if not np.isfinite(values).all() else ""),
            "pass another slot, or leave out spots without coordinates",
        )
    return values[:, :2]


def _column(adata: Any, key: str) -> Any:
    if key not in adata.obs.columns:
        raise InputError(
            f"a column {key!r} in obs",
            listed(list(adata.obs.columns)) or "no column",
            "run plkd.tl.annotate first, or pass labels_key, batch_key or key_added as they are",
        )
    return adata.obs[key]


def _types(adata: Any, key: str) -> np.ndarray:
    """Names as text, "" where missing, ``(n_spots,)`` of dtype object."""
    column = _column(adata, key)
    return np.where(column.isna(), "", column.astype(str)).astype(object)
