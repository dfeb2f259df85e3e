"""The gene network of a cell type, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.errors import InputError
from plkd.plots.figure import INK, colour_bar, finish, new_figure
from plkd.plots.network_layout import node_places

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plkd.tools.gene_network import GeneNetwork

ROOM = (5.4, 4.8)  # of the drawing at least, inches
FULL = 0.4  # share of it that nodes with their names may fill
LARGEST = 700.0  # area of the node of the highest PageRank, points squared
LETTER = 0.078  # width of a letter of 9 points, capitals and digits, inches
LINE = 0.17  # height of such a line, inches
GAP = 0.06  # free room around a node and its name, inches
LEAST_Q = 1e-12


def gene_network(
    network: GeneNetwork,
    *,
    ax: Axes | None = None,
    cmap: str = "Blues_r",
    seed: int = 0,
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> Axes | Figure | None:
    """Draw the gene network of a cell type, its key genes in strong colours.

    Parameters
    ----------
    network
        What ``plkd.tl.gene_network`` returned. It is not changed.
    ax
        Axes to draw in, instead of a new figure.
    cmap
        Colour map of matplotlib for the Q statistic; its start is for key genes.
    seed
        Seed of the small shifts by which genes of one place are parted.
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
        ``network`` is something else, or has no genes.

    Notes
    -----
    The area of a node is proportional to its PageRank. Its colour is its Q statistic, on a
    logarithmic scale: small, and strong in colour, for a key gene. The more alike two genes are,
    the closer they stand, as far as their names leave room, and the thicker and darker is the line
    between them.
    """
    _check(network)
    graph = network.graph()
    pagerank = np.array([gene.pagerank for gene in network.genes])
    areas = LARGEST * pagerank / pagerank.max()
    radii = np.sqrt(areas / np.pi) / 72
    boxes = _boxes(list(graph), radii)
    own = ax is None
    fig: Any
    if ax is None:
        room = _room(boxes)
        size = (room[0] + 1.2, room[1] + 0.9)
        fig, [ax] = new_figure(size, 1, window=save is None or bool(show))
    else:
        fig = ax.figure
        extent = ax.get_window_extent()
        room = (extent.width / fig.dpi, extent.height / fig.dpi)
    _clear(ax, room, f"Gene network of {network.cell_type}")
    middles = node_places(graph, boxes, room, seed=seed)
    nodes = middles + np.column_stack([np.zeros(len(radii)), boxes[:, 1] / 2 - GAP - radii])
    _draw_edges(ax, network, dict(zip(graph, nodes, strict=True)))
    drawn = _draw_nodes(ax, network, nodes, areas, cmap)
    _name_nodes(ax, list(graph), nodes, radii)
    bar = colour_bar(fig, ax, drawn, label="Q statistic, small for a key gene")
    bar.ax.invert_yaxis()
    bar.ax.minorticks_off()
    ax.set_xlabel(_key(network), fontsize=9, loc="left", color=INK)
    done = finish(fig, [ax], own=own, show=show, save=save, return_fig=return_fig)
    return done[0] if isinstance(done, list) else done


def _check(network: object) -> None:
    from plkd.tools.gene_network import GeneNetwork

    if not isinstance(network, GeneNetwork):
        found = f"a {type(network).__name__}"
        raise InputError("what plkd.tl.gene_network returned", found, "pass that")
    if not network.genes:
        raise InputError("a network with genes", "none", "compute it anew")


def _clear(ax: Axes, room: tuple[float, float], title: str) -> None:
    """Leave of the axes a title; their unit is the inch."""
    ax.set_title(title, fontsize=11, loc="left", color=INK)
    ax.set_xlim(0, room[0])
    ax.set_ylim(0, room[1])
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def _boxes(names: list[str], radii: np.ndarray) -> np.ndarray:
    """Return width and height that each node takes with its name below it, inches."""
    widths = np.maximum([LETTER * len(name) for name in names], 2 * radii)
    return np.column_stack([widths, 2 * radii + LINE]) + 2 * GAP


def _room(boxes: np.ndarray) -> tuple[float, float]:
    """Return width and height of a drawing in which the boxes have room to be apart, inches."""
    needed = float(boxes.prod(axis=1).sum()) / FULL
    stretch = max(1.0, (needed / (ROOM[0] * ROOM[1])) ** 0.5)
    return stretch * ROOM[0], stretch * ROOM[1]


def _draw_edges(ax: Axes, network: GeneNetwork, places: dict[str, np.ndarray]) -> None:
    """Draw the most alike pairs last, so that they lie on top."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    if not network.edges:
        return
    alike = np.array([similarity for _, _, similarity in network.edges[::-1]])
    share = (alike - alike.min()) / (np.ptp(alike) or 1.0)
    lines = [(places[first], places[second]) for first, second, _ in network.edges[::-1]]
    colours = [to_rgba("#666666", alpha) for alpha in 0.2 + 0.6 * share]
    ax.add_collection(LineCollection(lines, linewidths=0.5 + 3 * share, colors=colours, zorder=1))


def _draw_nodes(
    ax: Axes, network: GeneNetwork, nodes: np.ndarray, areas: np.ndarray, cmap: str
) -> Any:
    from matplotlib.colors import LogNorm

    q = np.maximum([gene.q for gene in network.genes], LEAST_Q)
    norm = LogNorm(vmin=min(float(q.min()), 0.1), vmax=1)
    x, y = nodes.T
    return ax.scatter(
        x, y, s=areas, c=q, cmap=cmap, norm=norm, edgecolors=INK, linewidths=0.8, zorder=2
    )


def _name_nodes(ax: Axes, names: list[str], nodes: np.ndarray, radii: np.ndarray) -> None:
    """Write the names below the nodes, with a white rim against the lines behind them."""
    from matplotlib.patheffects import withStroke

    for name, (x, y), radius in zip(names, nodes, radii, strict=True):
        text = ax.text(x, y - radius - 0.02, name, ha="center", va="top", fontsize=9, color=INK)
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        text.set_zorder(3)


def _key(network: GeneNetwork) -> str:
    """Say what size and lines stand for."""
    key = "Size: PageRank."
    if network.edges:
        alike = [round(similarity, 2) + 0.0 for _, _, similarity in network.edges]  # no -0.00
        key += f" Lines: similarity, {min(alike):.2f} (thin) to {max(alike):.2f} (thick)."
    return key
