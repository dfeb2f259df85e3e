"""Cells on a UMAP: truth, annotation and confidence side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.errors import InputError
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.plots.coordinates import MAX_CELLS, drawn_points
from plkd.plots.figure import bare_panel, colour_bar, finish, new_figure
from plkd.plots.types import draw_legend, draw_types, legend_width, looks_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = 3.6  # side of a panel, inches


def embedding(
    adata: Any,
    labels_key: str | None = None,
    *,
    key_added: str = DEFAULT_KEY,
    coordinates: str | None = None,
    max_cells: int | None = MAX_CELLS,
    seed: int = 0,
    palette: Mapping[str, str] | Sequence[str] | None = None,
    point_size: float | None = None,
    axes: Sequence[Axes] | None = None,
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> list[Axes] | Figure | None:
    """Draw the cells on a UMAP of their embedding: truth, annotation and confidence side by side.

    Parameters
    ----------
    adata
        An annotated AnnData, ``(n_cells, n_genes)``. It is not changed.
    labels_key
        Column of ``obs`` with the true types; without it the panel of the truth is left out.
    key_added
        The name under which ``tl.annotate`` wrote its results.
    coordinates
        Slot of ``obsm`` whose first two columns are drawn, such as ``"X_umap"`` or ``"spatial"``.
        By default ``obsm['X_umap']`` when ``uns['neighbors']`` says that it stands on the embedding
        of the annotation, otherwise a UMAP that scanpy computes from that embedding.
    max_cells
        A UMAP is computed and drawn for at most so many cells, chosen by chance; None for all.
    seed
        Seed of that choice, of the UMAP, and of the order in which cells are drawn.
    palette
        Colours by type, or in the order of the sorted types. The default has 20 that stay apart
        with the common kinds of colour blindness; beyond these the markers change. "unknown" is
        grey unless it has a colour by its name.
    point_size
        Area of a point in points squared; by default it shrinks with the number of cells.
    axes
        One axes a panel to draw in, instead of a new figure.
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
        If a column or slot is not there, there are fewer than 10 cells to compute a UMAP from, or
        the number of axes is not that of the panels.
    """
    slots = SlotNames(key_added)
    columns = [name for name in (labels_key, slots.label) if name is not None]
    types = [_types(adata, name) for name in columns]
    confidence = _obs_column(adata, slots.confidence).to_numpy(dtype=float)
    points, cells = drawn_points(adata, slots, coordinates, max_cells, seed)
    names = sorted({name for column in types for name in column[cells]} - {""})
    looks = looks_of(names, palette)
    n_panels = len(columns) + 1
    fig: Any
    if axes is None:
        width = n_panels * PANEL + legend_width(names) + 0.8
        fig, drawn = new_figure((width, PANEL + 0.5), n_panels, window=save is None or bool(show))
    else:
        drawn = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(drawn) != n_panels:
            raise InputError(f"{n_panels} axes", f"{len(drawn)}", "pass one axes a panel")
        fig = drawn[0].figure
    size = point_size or float(np.clip(20_000 / len(cells), 1.5, 22))
    dots: dict[str, Any] = {"s": size, "linewidths": 0, "rasterized": True}
    axis_name = (coordinates or "UMAP").removeprefix("X_")
    axis_name = "UMAP" if axis_name == "umap" else axis_name
    order = np.random.default_rng(seed).permutation(len(cells))
    titles = ["Truth", "Annotation"][-len(columns) :]
    for ax, column, title, name in zip(drawn, types, titles, columns, strict=False):
        draw_types(ax, points[order], column[cells][order], looks, dots)
        bare_panel(ax, f"{title} ({name})", axis_name)
    draw_legend(drawn[len(columns) - 1], looks, grey=any("" in column[cells] for column in types))
    _draw_confidence(fig, drawn[-1], points, confidence[cells], dots)
    bare_panel(drawn[-1], "Confidence", axis_name)
    return finish(fig, drawn, own=axes is None, show=show, save=save, return_fig=return_fig)


def _draw_confidence(
    fig: Any, ax: Axes, points: np.ndarray, confidence: np.ndarray, dots: dict[str, Any]
) -> None:
    """Draw the doubtful cells last, so that sure ones do not hide them."""
    order = np.argsort(-confidence, kind="stable")
    x, y = points[order].T
    values = confidence[order]
    mesh = ax.scatter(x, y, c=values, cmap="viridis", vmin=0, vmax=1, **dots)
    colour_bar(fig, ax, mesh)


def _obs_column(adata: Any, key: str) -> Any:
    if key not in adata.obs.columns:
        columns = ", ".join(f"'{name}'" for name in adata.obs.columns[:20]) or "none"
        raise InputError(
            expected=f"a column '{key}' in obs",
            found=f"the columns {columns}",
            mend="run plkd.tl.annotate first, or pass labels_key or key_added as they are",
        )
    return adata.obs[key]


def _types(adata: Any, key: str) -> np.ndarray:
    """Names as text, "" where missing, ``(n_cells,)`` of dtype object."""
    column = _obs_column(adata, key)
    return np.where(column.isna(), "", column.astype(str)).astype(object)
