"""The gene network of a cell type and its key genes, from the patterns that mark the type."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from plkd.errors import InputError
from plkd.metrics.order_statistics import q_statistic, rank_ratios
from plkd.model.predict import choose_network
from plkd.networks.teacher import Teacher
from plkd.outputs import replace_when_done
from plkd.tools.gene_graph import (
    CENTRALITIES,
    PairsOfGenes,
    centralities,
    edge_weight,
    similar_pairs,
)
from plkd.tools.pattern_genes import heard, weight_rows
from plkd.tools.pattern_results import JOINT

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from plkd.model.annotator import CellAnnotator
    from plkd.tools.pattern_results import Patterns


@dataclass(frozen=True)
class NetworkGene:
    """A gene of a network.

    Attributes
    ----------
    gene
        Its name.
    patterns
        The type's patterns that brought it in.
    degree
        Share of the other genes it is joined to, in [0, 1].
    betweenness
        Share of the shortest paths between others that lead over it, in [0, 1].
    eigenvector
        Entry of the leading eigenvector of the edge weights, in [0, 1].
    pagerank
        Share of a random walk along the edge weights, in [0, 1]; all genes sum to 1.
    closeness
        Inverse of the mean distance to the other genes.
    q
        Q statistic of the five, in [0, 1]; small for a key gene.
    rank
        Place by ``q``, 1 for the first; genes of one ``q`` share the better place.
    """

    gene: str
    patterns: tuple[str, ...]
    degree: float
    betweenness: float
    eigenvector: float
    pagerank: float
    closeness: float
    q: float
    rank: int


@dataclass(frozen=True)
class GeneNetwork:
    """The gene network of a cell type.

    Attributes
    ----------
    cell_type
        The type.
    genes
        Its genes, key genes first.
    edges
        Two genes and the cosine similarity of their embeddings, in [-1, 1]; the most alike first.
    """

    cell_type: str
    genes: tuple[NetworkGene, ...]
    edges: PairsOfGenes

    def to_frame(self) -> pd.DataFrame:
        """Write the genes out as a table.

        Returns
        -------
        A row for each gene, key genes first; columns cell_type and the attributes of
        :class:`NetworkGene`, ``patterns`` as text with "; " between names.
        """
        import pandas as pd

        columns = ["cell_type", *(field.name for field in fields(NetworkGene))]
        return pd.DataFrame(
            [{"cell_type": self.cell_type, **_plain(gene)} for gene in self.genes], columns=columns
        )

    def graph(self) -> nx.Graph:
        """Build the network as a graph of networkx.

        Returns
        -------
        Nodes are named by their genes and bear their attributes; edges have ``similarity``, in
        [-1, 1], and ``weight``, ``(1 + similarity) / 2``.
        """
        import networkx as nx

        graph = nx.Graph(cell_type=self.cell_type)
        for gene in self.genes:
            graph.add_node(gene.gene, **_plain(gene))
        for first, second, similarity in self.edges:
            graph.add_edge(first, second, similarity=similarity, weight=edge_weight(similarity))
        return graph

    def write_graphml(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the network as GraphML, whole or not at all; Cytoscape and Gephi read it.

        Parameters
        ----------
        path
            The file, ``.graphml``.
        overwrite
            Replace a file that stands there.

        Raises
        ------
        OutputExistsError
            ``path`` exists and ``overwrite`` is not set.
        InputError
            ``path`` is a folder, or its folder does not exist.
        """
        import networkx as nx

        with replace_when_done(Path(path), overwrite=overwrite) as partial:
            nx.write_graphml(self.graph(), partial)


def gene_network(
    found: Patterns,
    model: CellAnnotator,
    cell_type: str,
    *,
    genes_per_pattern: int = 2,
    quantile: float = 0.5,
) -> GeneNetwork:
    r"""Join the weightiest genes of a cell type's patterns to a network and name its key genes.

    Parameters
    ----------
    found
        What ``plkd.tl.patterns`` gave for this model.
    model
        The model, with its Teacher.
    cell_type
        One of ``found.cell_types``.
    genes_per_pattern
        Genes taken from each pattern of the type, those of the highest weight (paper: 2, which
        makes 20 genes of 10 patterns; fewer where patterns share genes).
    quantile
        Two genes are joined where their similarity is not below this quantile of all pairs, in
        [0, 1).

    Returns
    -------
    The genes with five centralities and their Q statistic, key genes first, and the edges.

    Raises
    ------
    InputError
        The model has no Teacher here or is another than that of ``found``; there is no such type;
        its patterns bring fewer than two genes; a number is out of its range.
    NotFittedError
        The model has learned nothing yet.

    Notes
    -----
    Section 2.4 of the paper. The embedding of gene g in pattern j is its row :math:`W_j[g]`, less
    the row's mean, which the LayerNorm behind the token takes away. A gene that several of the
    type's patterns bring is one node, and its embedding the mean of its rows. Rows of different
    patterns can be compared, because the same Transformer hears all tokens in the same
    coordinates.

    Two genes are joined where the cosine similarity s of their embeddings is not below the median
    of all pairs (``quantile``), and where the maximum spanning tree joins them, so that no gene
    stands apart: closeness and the eigenvector mean nothing between pieces. Degree counts edges;
    eigenvector and PageRank take :math:`(1 + s) / 2` as weight, betweenness and closeness
    :math:`(1 - s) / 2` as distance. The five rank ratios, ties sharing their mean rank, give Q
    (:func:`plkd.metrics.order_statistics.q_statistic`).

    Deviations: the paper says neither what makes an edge nor what becomes of a gene that stands in
    two patterns.
    """
    _check_numbers(genes_per_pattern, quantile)
    genes, embeddings = gene_embeddings(found, model, cell_type, genes_per_pattern)
    names = tuple(genes)
    edges = similar_pairs(names, embeddings, quantile)
    table = centralities(names, edges)
    q = q_statistic(rank_ratios(table))
    ranks = 1 + (np.round(q, 12)[:, None] > np.round(q, 12)[None, :]).sum(1)
    rows = [
        NetworkGene(
            gene=name,
            patterns=genes[name],
            **dict(zip(CENTRALITIES, table[i].tolist(), strict=True)),
            q=float(q[i]),
            rank=int(ranks[i]),
        )
        for i, name in enumerate(names)
    ]
    return GeneNetwork(cell_type, tuple(sorted(rows, key=lambda g: (g.rank, g.gene))), edges)


def gene_embeddings(
    found: Patterns, model: CellAnnotator, cell_type: str, n: int
) -> tuple[dict[str, tuple[str, ...]], np.ndarray]:
    """Return the genes of a type with the patterns that bring them, and their embeddings.

    Returns
    -------
    Genes in alphabetical order, and float64 ``(n_genes, width)``.
    """
    brought: dict[str, list[str]] = {}
    top = found.of_type(cell_type)
    for one in top:
        for gene in found.top_genes(one.pattern, n):
            brought.setdefault(gene, []).append(one.pattern)
    if len(brought) < 2:
        raise InputError(
            f"at least two genes in the patterns of {cell_type!r}",
            f"{len(brought)} in {len(top)} pattern(s)",
            "raise genes_per_pattern, or n_patterns in plkd.tl.patterns",
        )
    navigator = _teacher(found, model).navigator
    rows: dict[str, list[np.ndarray]] = {gene: [] for gene in brought}
    for pattern in (one.pattern for one in top):
        held, weights = weight_rows(navigator, found.pattern_names.index(pattern))
        for gene, row in zip(held, heard(weights), strict=True):
            name = found.gene_names[gene]
            if pattern in brought.get(name, ()):
                rows[name].append(row)
    genes = {gene: tuple(brought[gene]) for gene in sorted(brought)}
    return genes, np.stack([np.mean(rows[gene], axis=0) for gene in genes])


def _plain(gene: NetworkGene) -> dict[str, Any]:
    return {**asdict(gene), "patterns": JOINT.join(gene.patterns)}


def _teacher(found: Patterns, model: CellAnnotator) -> Teacher:
    model._check_fitted()
    if found.model != model.fingerprint():
        raise InputError(
            "patterns of this model",
            f"those of model {found.model}, while this is {model.fingerprint()}",
            "pass the model that plkd.tl.patterns read",
        )
    return cast(Teacher, choose_network(model, "teacher"))


def _check_numbers(genes_per_pattern: int, quantile: float) -> None:
    if genes_per_pattern < 1:
        raise InputError("genes_per_pattern of 1 or more", str(genes_per_pattern), "leave it out")
    if not 0 <= quantile < 1:
        raise InputError("a quantile in [0, 1)", str(quantile), "leave it out")
