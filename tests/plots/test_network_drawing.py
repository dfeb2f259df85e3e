"""The drawing of a gene network: every gene and edge, nothing upon a name."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import networkx as nx
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import plkd
from plkd.errors import InputError
from plkd.plots.network_drawing import LARGEST
from plkd.plots.network_layout import node_places
from plkd.tools.gene_network import GeneNetwork, NetworkGene


def network_of(n_genes: int = 8, seed: int = 0, name: str = "GENE{}") -> GeneNetwork:
    """A network of so many genes, in one piece, half of its pairs joined."""
    rng = np.random.default_rng(seed)
    names = [name.format(i) for i in range(n_genes)]
    share = rng.dirichlet(np.full(n_genes, 5.0))
    genes = tuple(
        NetworkGene(one, ("P",), 0.5, 0.1, 0.3, float(share[i]), 0.6, float(10.0 ** (i - 7)), i + 1)
        for i, one in enumerate(names)
    )
    joined = {(i, i + 1) for i in range(n_genes - 1)}
    joined |= {pair for pair in combinations(range(n_genes), 2) if rng.random() < 0.5}
    edges = [(names[i], names[j], float(rng.uniform(-0.1, 0.9))) for i, j in sorted(joined)]
    return GeneNetwork("NK cell", genes, tuple(sorted(edges, key=lambda edge: -edge[2])))


@pytest.fixture
def network() -> GeneNetwork:
    return network_of()


def parts(ax: plt.Axes) -> tuple[mpl.collections.LineCollection, mpl.collections.PathCollection]:
    lines, points = ax.collections
    return lines, points


def test_every_gene_and_every_edge_is_drawn(network: GeneNetwork) -> None:
    ax = plkd.pl.gene_network(network, show=False)
    lines, points = parts(ax)
    assert len(points.get_offsets()) == len(network.genes)
    assert [text.get_text() for text in ax.texts] == [gene.gene for gene in network.genes]
    place = dict(zip([g.gene for g in network.genes], points.get_offsets(), strict=True))
    drawn = {tuple(np.round(segment, 9).ravel()) for segment in lines.get_segments()}
    wanted = {
        tuple(np.round([place[first], place[second]], 9).ravel())
        for first, second, _ in network.edges
    }
    assert drawn == wanted
    assert ax.get_title(loc="left") == "Gene network of NK cell"


def test_size_is_the_pagerank_and_colour_the_q(network: GeneNetwork) -> None:
    ax = plkd.pl.gene_network(network, show=False)
    _, points = parts(ax)
    pagerank = np.array([gene.pagerank for gene in network.genes])
    np.testing.assert_allclose(points.get_sizes(), LARGEST * pagerank / pagerank.max())
    np.testing.assert_allclose(points.get_array(), [gene.q for gene in network.genes])
    ax.figure.canvas.draw()
    bright = points.get_facecolors()[:, :3].sum(axis=1)
    assert np.all(np.diff(bright) > 0)  # the smaller q, the stronger
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "Q statistic, small for a key gene"
    low, high = bar.get_ylim()
    assert low > high  # key genes above


def test_the_more_alike_the_thicker_and_darker(network: GeneNetwork) -> None:
    ax = plkd.pl.gene_network(network, show=False)
    lines, _ = parts(ax)
    assert np.all(np.diff(lines.get_linewidths()) > 0)  # the most alike are drawn last
    assert np.all(np.diff(lines.get_colors()[:, 3]) > 0)
    alike = [similarity for *_, similarity in network.edges]
    assert f"{min(alike):.2f} (thin) to {max(alike):.2f} (thick)" in ax.get_xlabel()


@pytest.mark.parametrize(
    ("n_genes", "name"), [(2, "A{}"), (7, "HLA-DRB{}"), (20, "HIST1H4C{}"), (20, "ENSG000004198{}")]
)
def test_no_name_lies_on_a_node_or_another_name_or_is_cut(n_genes: int, name: str) -> None:
    fig = plkd.pl.gene_network(network_of(n_genes, name=name), return_fig=True)
    fig.canvas.draw()
    ax = fig.axes[0]
    _, points = parts(ax)
    names = [text.get_window_extent() for text in ax.texts]
    radii = np.sqrt(points.get_sizes() / np.pi) / 72 * fig.dpi
    middles = ax.transData.transform(points.get_offsets())
    for i, box in enumerate(names):
        assert fig.bbox.x0 <= box.x0 < box.x1 <= fig.bbox.x1
        assert fig.bbox.y0 <= box.y0 < box.y1 <= fig.bbox.y1
        for other in names[:i]:
            assert not box.overlaps(other)
        nearest = np.clip(middles, (box.x0, box.y0), (box.x1, box.y1))
        assert np.all(np.linalg.norm(middles - nearest, axis=1) >= radii - 1)


def test_the_drawing_is_the_same_each_time(network: GeneNetwork) -> None:
    one, two = (parts(plkd.pl.gene_network(network, show=False))[1] for _ in range(2))
    np.testing.assert_array_equal(one.get_offsets(), two.get_offsets())


def test_alike_genes_stand_close_where_there_is_room() -> None:
    graph = nx.Graph()
    graph.add_edge("a", "b", weight=0.95)
    graph.add_edge("b", "c", weight=0.2)
    graph.add_edge("c", "d", weight=0.95)
    places = node_places(graph, np.full((4, 2), 0.1), (6.0, 6.0))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert apart[0, 1] < apart[1, 2]
    assert apart[2, 3] < apart[1, 2]


def test_boxes_are_pushed_apart_and_stay_inside() -> None:
    graph = nx.complete_graph(12)
    nx.set_edge_attributes(graph, 1.0, "weight")
    boxes = np.tile([0.9, 0.5], (12, 1))
    places = node_places(graph, boxes, (5.0, 4.0))
    assert np.all(places - boxes / 2 >= -1e-9)
    assert np.all(places + boxes / 2 <= np.array([5.0, 4.0]) + 1e-9)
    for i, j in combinations(range(12), 2):
        assert np.any(np.abs(places[i] - places[j]) >= 0.999 * boxes[0])


def test_genes_without_edges_are_drawn() -> None:
    lonely = replace(network_of(3), edges=())
    ax = plkd.pl.gene_network(lonely, show=False)
    assert len(ax.collections) == 1
    assert len(ax.texts) == 3
    assert ax.get_xlabel() == "Size: PageRank."
    one = replace(lonely, genes=lonely.genes[:1])
    assert len(plkd.pl.gene_network(one, show=False).texts) == 1


def test_genes_of_one_q_are_drawn(network: GeneNetwork) -> None:
    same = replace(network, genes=tuple(replace(gene, q=1.0) for gene in network.genes))
    [_, points] = plkd.pl.gene_network(same, show=False).collections
    assert points.norm.vmin < points.norm.vmax == 1


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_saved_and_nothing_returned_or_left_open(
    network: GeneNetwork, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "new" / f"network.{ending}"
    assert plkd.pl.gene_network(network, save=path) is None
    assert path.read_bytes().startswith(b"\x89PNG" if ending == "png" else b"%PDF")
    assert not plt.get_fignums()


def test_figure_is_returned_where_asked_for(network: GeneNetwork) -> None:
    assert isinstance(plkd.pl.gene_network(network, return_fig=True), Figure)


@pytest.mark.parametrize(
    ("backend", "arguments", "shown"),
    [
        ("module://inline", {}, True),
        ("agg", {}, False),
        ("module://inline", {"show": False}, False),
    ],
)
def test_shown_only_where_asked_or_seen(
    network: GeneNetwork,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    arguments: dict[str, bool],
    shown: bool,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    monkeypatch.setattr(mpl, "get_backend", lambda: backend)
    plkd.pl.gene_network(network, **arguments)
    assert bool(calls) is shown


def test_axes_of_the_caller_are_drawn_in(network: GeneNetwork) -> None:
    _, axes = plt.subplots(1, 2, figsize=(12, 5))
    assert plkd.pl.gene_network(network, ax=axes[1]) is axes[1]
    assert len(axes[1].texts) == len(network.genes)
    assert not axes[0].texts


@pytest.mark.parametrize("thing", [None, nx.Graph(), "NK cell"])
def test_other_things_are_refused(thing: object) -> None:
    found = f"what plkd.tl.gene_network returned; found a {type(thing).__name__}"
    with pytest.raises(InputError, match=found):
        plkd.pl.gene_network(thing)  # type: ignore[arg-type]


def test_a_network_without_genes_is_refused(network: GeneNetwork) -> None:
    with pytest.raises(InputError, match="a network with genes; found none"):
        plkd.pl.gene_network(replace(network, genes=(), edges=()))
