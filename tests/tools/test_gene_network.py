"""Gene networks: centralities against plain reckoning, key genes of graphs that are known."""

from __future__ import annotations

import copy
from itertools import pairwise

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from plkd.errors import InputError, NotFittedError, OutputExistsError
from plkd.metrics.order_statistics import q_statistic, rank_ratios
from plkd.model.annotator import CellAnnotator
from plkd.tools.gene_graph import CENTRALITIES, centralities, edge_weight, similar_pairs
from plkd.tools.gene_network import GeneNetwork, gene_embeddings, gene_network
from plkd.tools.pattern_results import Patterns
from plkd.tools.patterns import patterns
from toy import toy_query, toy_truth

GENES = {"n_genes": 120}
TYPES = toy_truth(**GENES).types


@pytest.fixture(scope="module")
def found(annotator) -> Patterns:
    return patterns(toy_query(240, **GENES), annotator, labels_key="cell_type")


@pytest.fixture(scope="module")
def network(found, annotator) -> GeneNetwork:
    return gene_network(found, annotator, "NK cell")


def drawn(n: int = 9, seed: int = 0) -> tuple[tuple[str, ...], np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(f"G{i}" for i in range(n)), rng.normal(size=(n, 5)) + rng.normal(size=5)


def distances(names, edges) -> np.ndarray:
    """Shortest paths by Floyd and Warshall."""
    length = np.where(np.eye(len(names)), 0, np.inf)
    for a, b, similarity in edges:
        i, j = names.index(a), names.index(b)
        length[i, j] = length[j, i] = 1 - edge_weight(similarity)
    for k in range(len(names)):
        length = np.minimum(length, length[:, [k]] + length[[k]])
    return length


def test_centralities_are_what_they_are_called():
    names, embeddings = drawn()
    edges = similar_pairs(names, embeddings, 0.5)
    found = dict(zip(CENTRALITIES, centralities(names, edges).T, strict=True))
    n = len(names)
    weight = np.zeros((n, n))
    for a, b, similarity in edges:
        weight[names.index(a), names.index(b)] = (1 + similarity) / 2
    weight += weight.T
    length = distances(names, edges)
    np.testing.assert_allclose(found["degree"], (weight > 0).sum(1) / (n - 1))
    np.testing.assert_allclose(found["closeness"], (n - 1) / length.sum(1))
    leading = np.abs(np.linalg.eigh(weight)[1][:, -1])
    np.testing.assert_allclose(found["eigenvector"], leading, atol=1e-9)
    walk = 0.85 * weight / weight.sum(0) + 0.15 / n
    np.testing.assert_allclose(walk @ found["pagerank"], found["pagerank"], atol=1e-9)
    over = np.array(
        [
            sum(
                np.isclose(length[i, k] + length[k, j], length[i, j])
                for i in range(n)
                for j in range(i)
                if k not in (i, j)
            )
            for k in range(n)
        ]
    )
    np.testing.assert_allclose(found["betweenness"], over / ((n - 1) * (n - 2) / 2))


def test_the_more_alike_half_of_the_pairs_is_joined():
    names, embeddings = drawn()
    edges = similar_pairs(names, embeddings, 0.5)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    alike = (unit @ unit.T)[np.triu_indices(9, 1)]
    joined = [similarity for _, _, similarity in edges]
    assert joined == sorted(joined, reverse=True)
    np.testing.assert_allclose(joined[:18], np.sort(alike)[::-1][:18])
    assert len(similar_pairs(names, embeddings, 0.0)) == 36
    assert len(similar_pairs(names, embeddings, 0.999)) == 8  # the tree alone


def test_no_gene_stands_apart():
    away = np.array([[1, 0.1], [1, 0.2], [1, 0.15], [-1, 0], [-1, -0.1], [-1, 0.1]])
    names = tuple("abcdef")
    edges = similar_pairs(names, away, 0.5)
    graph = nx.Graph([edge[:2] for edge in edges])
    assert nx.is_connected(graph)
    assert set(graph) == set(names)
    assert min(similarity for *_, similarity in edges) < 0
    assert np.all(np.isfinite(centralities(names, edges)))


def test_opposite_and_equal_rows_are_no_trouble():
    for embeddings in ([[1.0, 0], [-1, 0]], [[1.0, 0], [1, 0]], [[0.0, 0], [1, 0]]):
        edges = similar_pairs(("a", "b"), np.array(embeddings), 0.5)
        table = centralities(("a", "b"), edges)
        assert np.all(np.isfinite(table))
        np.testing.assert_allclose(table[0], table[1])


def test_the_order_of_genes_does_not_matter():
    names, embeddings = drawn()
    order = np.random.default_rng(1).permutation(len(names))
    shuffled = tuple(names[i] for i in order)
    edges = similar_pairs(names, embeddings, 0.5)
    again = similar_pairs(shuffled, embeddings[order], 0.5)
    assert {frozenset(edge[:2]) for edge in edges} == {frozenset(edge[:2]) for edge in again}
    np.testing.assert_allclose(
        centralities(names, edges)[order], centralities(shuffled, again), atol=1e-9
    )


def test_the_hub_of_a_star_is_the_key_gene():
    names = ("leaf 1", "leaf 2", "hub", "leaf 3", "leaf 4")
    edges = tuple(("hub", name, 0.5) for name in names if name != "hub")
    q = q_statistic(rank_ratios(centralities(names, edges)))
    assert q.argmin() == 2
    np.testing.assert_allclose(np.delete(q, 2), q[0])  # leaves are alike in all five


def test_a_network_holds_two_genes_of_each_pattern_of_the_type(network, found):
    listed = found.of_type("NK cell")
    brought = {}
    for one in listed:
        for gene in found.top_genes(one.pattern, 2):
            brought.setdefault(gene, []).append(one.pattern)
    assert {gene.gene: list(gene.patterns) for gene in network.genes} == brought
    assert len(network.genes) <= 20
    programme = toy_truth(**GENES).programmes["NK cell"]
    assert {gene.gene for gene in network.genes} & set(programme)
    assert nx.is_connected(network.graph())


def test_genes_that_the_cells_lack_are_in_no_network(annotator):
    cells = toy_query(240, **GENES)
    absent = set(toy_truth(**GENES).programmes["NK cell"][:4])
    lacking = cells[:, ~cells.var_names.isin(absent)].copy()
    found = patterns(lacking, annotator, labels_key="cell_type")
    network = gene_network(found, annotator, "NK cell", genes_per_pattern=20)
    assert not absent & {gene.gene for gene in network.genes}


def test_key_genes_come_first(network):
    table = np.array([[getattr(gene, name) for name in CENTRALITIES] for gene in network.genes])
    q = [gene.q for gene in network.genes]
    np.testing.assert_allclose(q, q_statistic(rank_ratios(table)))
    assert network.genes[0].rank == 1
    for one, other in pairwise(network.genes):
        assert one.rank <= other.rank
        assert one.q <= other.q + 1e-12


def test_a_gene_of_several_patterns_is_the_mean_of_its_rows(found, annotator):
    genes, embeddings = gene_embeddings(found, annotator, "NK cell", 5)
    weight = annotator.teacher_.navigator.dense_weight().detach().numpy().astype(np.float64)
    assert max(map(len, genes.values())) > 1
    assert list(genes) == sorted(genes)
    for (gene, brought), embedding in zip(genes.items(), embeddings, strict=True):
        columns = [found.pattern_names.index(pattern) for pattern in brought]
        mean = weight[found.gene_names.index(gene), columns].mean(0)
        np.testing.assert_allclose(embedding, mean - mean.mean(), atol=1e-7)


def test_one_model_gives_one_network(network, found, annotator, tmp_path):
    assert gene_network(found, annotator, "NK cell") == network
    annotator.save(tmp_path / "model")
    assert gene_network(found, CellAnnotator.load(tmp_path / "model"), "NK cell") == network


def test_the_table_has_a_row_for_each_gene(network):
    table = network.to_frame()
    expected = ["cell_type", "gene", "patterns", *CENTRALITIES, "q", "rank"]
    assert list(table.columns) == expected
    assert table["gene"].tolist() == [gene.gene for gene in network.genes]
    assert set(table["cell_type"]) == {"NK cell"}
    assert pd.api.types.is_integer_dtype(table["rank"])


def test_graphml_is_read_back(network, tmp_path):
    path = tmp_path / "nk.graphml"
    network.write_graphml(path)
    graph = nx.read_graphml(path)
    assert graph.graph["cell_type"] == "NK cell"
    assert set(graph) == {gene.gene for gene in network.genes}
    for gene in network.genes:
        node = graph.nodes[gene.gene]
        assert node["patterns"].split("; ") == list(gene.patterns)
        assert node["rank"] == gene.rank
        for name in (*CENTRALITIES, "q"):
            assert node[name] == pytest.approx(getattr(gene, name))
    assert graph.number_of_edges() == len(network.edges)
    for first, second, similarity in network.edges:
        assert graph.edges[first, second]["similarity"] == pytest.approx(similarity)
        assert graph.edges[first, second]["weight"] == pytest.approx((1 + similarity) / 2)


def test_graphml_is_written_whole_or_not_at_all(network, tmp_path, monkeypatch):
    path = tmp_path / "nk.graphml"
    network.write_graphml(path)
    before = path.read_bytes()
    with pytest.raises(OutputExistsError):
        network.write_graphml(path)

    def broken(graph, partial):
        partial.write_text("<half")
        raise OSError("no space left")

    monkeypatch.setattr(nx, "write_graphml", broken)
    with pytest.raises(OSError, match="no space"):
        network.write_graphml(path, overwrite=True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["nk.graphml"]
    with pytest.raises(InputError, match="folder that exists"):
        network.write_graphml(tmp_path / "no" / "nk.graphml")


def test_number_of_genes_and_edges_can_be_chosen(found, annotator, network):
    larger = gene_network(found, annotator, "NK cell", genes_per_pattern=4)
    assert len(larger.genes) > len(network.genes)
    assert len(gene_network(found, annotator, "NK cell", quantile=0.9).edges) < len(network.edges)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell_type": "Neuron"}, "the name of a cell type .*'B cell'.*'Neuron'"),
        ({"genes_per_pattern": 0}, "genes_per_pattern of 1 or more"),
        ({"quantile": 1.0}, r"a quantile in \[0, 1\).*1.0"),
        ({"quantile": -0.1}, r"a quantile in \[0, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(found, annotator, options, message):
    with pytest.raises(InputError, match=message) as caught:
        gene_network(found, annotator, **{"cell_type": "NK cell", **options})
    assert "\n" not in str(caught.value)


def test_another_model_is_refused(found, annotator, tmp_path):
    other = copy.deepcopy(annotator)
    other.classes_ = tuple(reversed(other.classes_))
    with pytest.raises(InputError, match="patterns of this model"):
        gene_network(found, other, "NK cell")
    annotator.save(tmp_path / "model")
    alone = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    with pytest.raises(InputError, match="with its Teacher"):
        gene_network(found, alone, "NK cell")
    with pytest.raises(NotFittedError):
        gene_network(found, CellAnnotator(), "NK cell")


def test_too_few_genes_are_told(annotator):
    found = patterns(toy_query(60, **GENES), annotator, labels_key="cell_type", n_patterns=1)
    with pytest.raises(InputError, match=r"at least two genes in the patterns of 'NK.*1 in 1"):
        gene_network(found, annotator, "NK cell", genes_per_pattern=1)
