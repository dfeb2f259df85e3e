"""Where the genes of a network stand, so that their names can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import networkx as nx

N_ROUNDS = 400
LEAST_DISTANCE = 0.05  # of genes with the same embedding, so that they do not coincide


def node_places(
    graph: nx.Graph, boxes: np.ndarray, room: tuple[float, float], *, seed: int = 0
) -> np.ndarray:
    """Place the nodes of a network: alike ones close, none over the box of another.

    Parameters
    ----------
    graph
        The network; edges have ``weight`` in [0, 1].
    boxes
        Width and height of what is drawn of each node, ``(n_nodes, 2)``, inches.
    room
        Width and height of the drawing, inches.
    seed
        Seed of the order in which equal places are parted.

    Returns
    -------
    Middles of the boxes, ``(n_nodes, 2)``, inches from the lower left corner. In too small a room
    boxes may overlap.

    Notes
    -----
    Kamada and Kawai's layout with distances ``1 - weight``, stretched to the room; then boxes that
    overlap are pushed apart, along the axis on which they overlap less, until none does.
    """
    import networkx as nx

    apart = nx.Graph()
    apart.add_nodes_from(graph)
    for first, second, weight in graph.edges(data="weight"):
        apart.add_edge(first, second, distance=max(1 - weight, LEAST_DISTANCE))
    layout = nx.kamada_kawai_layout(apart, weight="distance")
    places = _stretched(np.array([layout[name] for name in graph]), boxes, np.asarray(room))
    places += 1e-3 * np.random.default_rng(seed).normal(size=places.shape)
    places = _inside(places, boxes, np.asarray(room))
    for _ in range(N_ROUNDS):
        shift = _pushes(places, boxes)
        if not shift.any():
            break
        places = _inside(places + shift, boxes, np.asarray(room))
    return places


def _stretched(places: np.ndarray, boxes: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Fill the room, less half a box at each side."""
    lowest, highest = places.min(axis=0), places.max(axis=0)
    margin = boxes.max(axis=0) / 2
    share = (places - lowest) / np.where(highest > lowest, highest - lowest, 1.0)
    share = np.where(highest > lowest, share, 0.5)
    return margin + share * np.maximum(room - 2 * margin, 0.0)


def _inside(places: np.ndarray, boxes: np.ndarray, room: np.ndarray) -> np.ndarray:
    return np.minimum(np.maximum(places, boxes / 2), np.maximum(room - boxes / 2, boxes / 2))


def _pushes(places: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return by how much each box has to move away from those that it overlaps."""
    apart = places[:, None] - places[None]
    lack = (boxes[:, None] + boxes[None]) / 2 - np.abs(apart)
    lack[np.arange(len(places)), np.arange(len(places))] = 0.0
    over = (lack > 0).all(axis=2)
    along = np.argmin(lack, axis=2)[..., None] == np.arange(2)
    return 0.5 * (np.sign(apart) * lack * (over[..., None] & along)).sum(axis=1)
