"""Deletion and insertion: what is changed, in which order, and the area under what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toy import toy_reference, toy_truth

N_CELLS, N_GENES = 7, 12


@pytest.fixture
def curves(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faithful.curves")


def one_by_one(
    cells: np.ndarray, base: np.ndarray, orders: np.ndarray, step: int, way: str
) -> np.ndarray:
    """The obvious way: gene by gene, cell by cell."""
    found = cells.copy() if way == "deletion" else np.tile(base, (len(cells), 1))
    for cell, order in enumerate(orders):
        for gene in order[:step]:
            found[cell, gene] = base[gene] if way == "deletion" else cells[cell, gene]
    return found


@pytest.mark.parametrize("way", ["deletion", "insertion"])
@pytest.mark.parametrize("of_each_cell", [False, True])
def test_the_first_genes_are_changed(curves: ModuleType, way: str, of_each_cell: bool) -> None:
    rng = np.random.default_rng(0)
    cells = rng.random((N_CELLS, N_GENES)).astype(np.float32)
    base = rng.random(N_GENES).astype(np.float32)
    orders = np.stack([rng.permutation(N_GENES) for _ in range(N_CELLS)])
    if not of_each_cell:
        orders[:] = orders[0]
    place = curves.places(orders if of_each_cell else orders[0])
    before = cells.copy()
    for step in (0, 1, 5, N_GENES):
        found = curves.changed(cells, base, place, step=step, way=way)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, one_by_one(cells, base, orders, step, way))
    np.testing.assert_array_equal(cells, before)


def test_both_ways_meet_when_all_genes_are_changed(curves: ModuleType) -> None:
    rng = np.random.default_rng(1)
    cells, base = rng.random((N_CELLS, N_GENES)), rng.random(N_GENES)
    how = {"order": rng.permutation(N_GENES), "steps": (0, N_GENES)}
    down = curves.curve(np.mean, cells, base, way="deletion", **how)
    up = curves.curve(np.mean, cells, base, way="insertion", **how)
    assert down == pytest.approx(up[::-1])
    assert down[0] == pytest.approx(cells.mean())


def test_the_area_is_a_mean_height(curves: ModuleType) -> None:
    steps = (0, 1, 3, 7)  # equal distances on the axis of the area

    @settings(max_examples=50, deadline=None, database=None)
    @given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
    def holds(heights: list[float]) -> None:
        found = curves.area(steps, heights)
        assert found == pytest.approx((heights[0] / 2 + sum(heights[1:3]) + heights[3] / 2) / 3)
        assert min(heights) - 1e-12 <= found <= max(heights) + 1e-12

    holds()


def test_the_first_genes_weigh_more_than_the_last(curves: ModuleType) -> None:
    steps = curves.steps_for(1000)
    assert steps == curves.STEPS
    assert curves.steps_for(60) == (0, 1, 2, 5, 10, 20, 50)
    height = [1.0 if step <= 10 else 0.0 for step in steps]
    logs = np.log2([11, 21, 201])
    assert curves.area(steps, height) == pytest.approx((logs[0] + logs[1]) / 2 / logs[2])
    assert curves.area(steps, height) > 0.45  # of 200 genes the first ten are a twentieth


def test_a_ranking_that_knows_the_score_is_best(
    script: Callable[[str], ModuleType], curves: ModuleType
) -> None:
    """A linear score: its own weights times values delete fastest and insert fastest."""
    deletion = script("faithful.deletion")
    rng = np.random.default_rng(2)
    weights = np.abs(rng.normal(size=40))
    cells = rng.gamma(1.0, 1.0, (30, 40))
    tried = deletion.Tried(
        cells,
        {"zero": np.zeros(40), "background": np.full(40, 0.1)},
        lambda values: float((values @ weights).mean()),
    )
    best = np.argsort(-weights * cells.mean(0))
    ranked = {"best": [best], "worst": [best[::-1]], "random": [rng.permutation(40)] * 2}
    areas = {
        (way, base, method): curves.area(curves.steps_for(40), heights)
        for method, way, base, heights in deletion.tried_curves(tried, ranked)
    }
    assert len(areas) == 3 * len(deletion.MODES)
    for way, base in deletion.MODES:
        best_, chance, worst = (areas[way, base, m] for m in ("best", "random", "worst"))
        assert (best_ < chance < worst) if way == "deletion" else (best_ > chance > worst)


def test_cells_of_each_type_are_drawn_once(script: Callable[[str], ModuleType]) -> None:
    deletion = script("faithful.deletion")
    names = np.repeat(["a", "b", "c"], [4, 5, 700])
    drawn = deletion.some_of_each(names)
    assert (np.diff(drawn) > 0).all()
    assert dict(zip(*np.unique(names[drawn], return_counts=True), strict=True)) == {
        "b": 5,
        "c": deletion.MAX_CELLS,
    }
    np.testing.assert_array_equal(drawn, deletion.some_of_each(names))


def test_plain_rankings_find_the_programmes(script: Callable[[str], ModuleType]) -> None:
    import torch

    offered = script("faithful.offered")
    cells, threads = toy_cells(offered), torch.get_num_threads()
    for ranked in (offered.wilcoxon(cells), offered.logistic(cells)):
        for name, genes in toy_truth().programmes.items():
            top = {cells.genes[gene] for gene in ranked[name][: len(genes)]}
            assert len(top & set(genes)) >= 0.8 * len(genes)
    assert torch.get_num_threads() == threads  # scanpy's test sets it to all cores
    order = offered.expression(cells)["B cell"]
    assert (np.diff(cells.means()[0][order]) <= 0).all()
    others = np.mean([cells.means()[code] for code in (1, 2, 3)], axis=0)
    np.testing.assert_allclose(cells.mean_of_others(0), others, rtol=1e-6)


def test_resampling_keeps_the_number_of_each_type(script: Callable[[str], ModuleType]) -> None:
    offered = script("faithful.offered")
    cells = toy_cells(offered)
    drawn = cells.resampled(0)
    np.testing.assert_array_equal(np.bincount(drawn.codes), np.bincount(cells.codes))
    assert (drawn.values != cells.values).any()
    np.testing.assert_array_equal(drawn.values, cells.resampled(0).values)
    assert (drawn.values != cells.resampled(1).values).any()


def test_equals_come_in_an_order_by_chance(script: Callable[[str], ModuleType]) -> None:
    offered = script("faithful.offered")
    scores = np.array([[0.0] * 50 + [1.0]])
    (order,) = offered.by_score(scores, ["a"]).values()
    assert order[0] == 50
    assert sorted(order) == list(range(51))
    assert (order[1:] != np.arange(50)).any()


def toy_cells(offered: ModuleType) -> object:
    reference = toy_reference(300)
    counts = reference.X.toarray()
    values = np.log1p(1e4 * counts / counts.sum(1, keepdims=True)).astype(np.float32)
    column = reference.obs["cell_type"].cat
    types = tuple(column.categories)
    return offered.Offered(values, column.codes.to_numpy(), tuple(reference.var_names), types)
