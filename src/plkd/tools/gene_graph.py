"""A graph of genes that are alike, and how central each gene is in it."""

from __future__ import annotations

import numpy as np

CENTRALITIES = ("degree", "betweenness", "eigenvector", "pagerank", "closeness")
LEAST_WEIGHT = 1e-6
"""Weight of an edge between genes of opposite rows, so that the graph stays in one piece."""
PairsOfGenes = tuple[tuple[str, str, float], ...]


def similar_pairs(names: tuple[str, ...], embeddings: np.ndarray, quantile: float) -> PairsOfGenes:
    """Return the pairs of genes to join: the more alike ones, and enough to join all.

    Returns
    -------
    Two names and their cosine similarity, the most alike first.
    """
    import networkx as nx

    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.maximum(lengths, np.finfo(np.float64).tiny)
    similarity = np.clip(unit @ unit.T, -1.0, 1.0)
    first, second = np.triu_indices(len(names), 1)
    alike = similarity[first, second]
    complete = nx.Graph()
    complete.add_weighted_edges_from(zip(first.tolist(), second.tolist(), alike, strict=True))
    tree = {(min(a, b), max(a, b)) for a, b in nx.maximum_spanning_edges(complete, data=False)}
    above = alike >= np.quantile(alike, quantile)
    pairs = [
        (names[a], names[b], float(s))
        for a, b, s, kept in zip(first, second, alike, above, strict=True)
        if kept or (a, b) in tree
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair[2], pair[:2])))


def centralities(names: tuple[str, ...], edges: PairsOfGenes) -> np.ndarray:
    """Return how central each gene is, float64 ``(n_genes, 5)`` in the order of ``CENTRALITIES``.

    All genes must hang together.
    """
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(names)
    for first, second, similarity in edges:
        weight = edge_weight(similarity)
        graph.add_edge(first, second, weight=weight, distance=1 - weight)
    by_measure: tuple[dict[str, float], ...] = (
        nx.degree_centrality(graph),
        nx.betweenness_centrality(graph, weight="distance"),
        nx.eigenvector_centrality(graph, weight="weight", max_iter=100_000, tol=1e-12),
        nx.pagerank(graph, weight="weight", max_iter=10_000, tol=1e-13),
        nx.closeness_centrality(graph, distance="distance"),
    )
    return np.array([[measure[name] for measure in by_measure] for name in names])


def edge_weight(similarity: float) -> float:
    """Return the weight of an edge, in (0, 1], for a similarity in [-1, 1]."""
    return max((1 + similarity) / 2, LEAST_WEIGHT)
