"""Seurat alignment score and graph connectivity, against formulas written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plkd import metrics
from plkd.errors import InputError
from slow_measures import alignment_of, connectivity_of


def even(cells: Any, n_batches: int = 3) -> np.ndarray:
    """As many cells of each batch: nothing is drawn."""
    return np.resize([f"batch {i}" for i in range(n_batches)], len(cells.points))


@pytest.mark.parametrize("n_batches", [2, 3])
@pytest.mark.parametrize("share", [0.01, 0.1])
def test_sas_is_what_the_formula_says(cells: Any, n_batches: int, share: float) -> None:
    batches = even(cells, n_batches)
    k = max(round(share * len(cells.points)), 1)
    points = cells.points + 1.5 * (batches == "batch 0")[:, None]
    found = metrics.seurat_alignment_score(points, batches, share=share)
    assert found == pytest.approx(alignment_of(points, batches, k), abs=1e-12)
    assert 0 < found < 1


def test_sas_draws_as_many_cells_of_each_batch(cells: Any) -> None:
    scores = [
        metrics.seurat_alignment_score(cells.points, cells.batches, seed=s) for s in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]
    least = min(np.unique(cells.batches, return_counts=True)[1])
    rng = np.random.default_rng(5)
    drawn = np.concatenate(
        [rng.choice(np.flatnonzero(cells.batches == b), least, replace=False)
         for b in ("one", "three", "two")]
    )  # fmt: skip
    expected = alignment_of(cells.points[drawn], cells.batches[drawn], 1)
    found = metrics.seurat_alignment_score(cells.points, cells.batches, n_repeats=1, seed=5)
    assert found == pytest.approx(expected)


def test_sas_of_batches_far_apart_is_zero_and_of_shuffled_ones_near_one() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(2000, 5))
    batches = rng.permutation(np.resize(["a", "b"], 2000))
    assert metrics.seurat_alignment_score(points, batches) > 0.95
    assert metrics.seurat_alignment_score(points + 50 * (batches == "a")[:, None], batches) == 0


@pytest.mark.parametrize("share", [0.01, 0.4])
def test_sas_is_refused_where_a_batch_is_too_small_to_stand_apart(share: float) -> None:
    points = np.arange(60.0)[:, None]
    batches = np.repeat(["large", "small", "third"], [40, 1, 19])
    message = "the 1 that count as near; found 1 in 'small'. To mend it: leave that batch"
    with pytest.raises(InputError, match=message):
        metrics.seurat_alignment_score(points, batches, share=share)
    enough = np.repeat(["large", "small", "third"], [40, 2, 18])
    assert 0 <= metrics.seurat_alignment_score(points, enough, share=share) < 1


@pytest.mark.parametrize(("n_batches", "n_each", "k"), [(100, 4, 3), (120, 2, 1), (90, 4, 3)])
def test_sas_of_many_batches_looks_at_fewer_cells_than_a_batch_has(
    n_batches: int, n_each: int, k: int
) -> None:
    batches = np.repeat([f"batch {i}" for i in range(n_batches)], n_each)
    mixed = np.random.default_rng(0).normal(size=(len(batches), 2))
    found = metrics.seurat_alignment_score(mixed, batches)
    assert found == pytest.approx(alignment_of(mixed, batches, k))
    assert found > 0.9
    apart = mixed + 50 * np.repeat(np.arange(n_batches), n_each)[:, None]
    assert metrics.seurat_alignment_score(apart, batches) == 0


def test_sas_with_a_large_share_looks_at_fewer_cells_than_a_batch_has(cells: Any) -> None:
    found = metrics.seurat_alignment_score(cells.points, even(cells), share=0.4)
    assert found == pytest.approx(alignment_of(cells.points, even(cells), 29))


@pytest.mark.parametrize("n_neighbors", [2, 3, 5, 15, 500])
def test_gc_is_what_the_formula_says(cells: Any, n_neighbors: int) -> None:
    found = metrics.graph_connectivity(cells.points, cells.types, n_neighbors=n_neighbors)
    assert found == pytest.approx(connectivity_of(cells.points, cells.types, n_neighbors))
    if n_neighbors == 2:
        assert found < 1


def test_gc_counts_the_largest_piece_of_each_type() -> None:
    # each cell is joined with the next one: four of "a" in a row, two apart, three of "b" in a row
    points = np.array([0, 1, 1.9, 2.7, 100, 101, 1000, 1010, 1019])[:, None]
    found = metrics.graph_connectivity(points, list("aaaaaabbb"), n_neighbors=2)
    assert found == pytest.approx((4 / 6 + 1) / 2)
    # a cell of another type between two does not join them
    between = metrics.graph_connectivity(points[:4], list("aaba"), n_neighbors=2)
    assert between == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.slow
def test_gc_agrees_with_the_graph_of_scanpy(cells: Any) -> None:
    import warnings

    import scanpy as sc
    from anndata import AnnData
    from scipy.sparse.csgraph import connected_components

    adata = AnnData(obsm={"X": cells.points}, obs={"type": cells.types})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.neighbors(adata, n_neighbors=4, use_rep="X")
    shares = []
    for kind in np.unique(cells.types):
        own = np.flatnonzero(cells.types == kind)
        graph = adata.obsp["connectivities"][own][:, own]
        shares.append(np.bincount(connected_components(graph)[1]).max() / len(own))
    found = metrics.graph_connectivity(cells.points, cells.types, n_neighbors=4)
    assert found == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(
    ("batches", "options", "message"),
    [
        (["a"] * 90, {}, "2 groups or more in 'batches'; found one, 'a'"),
        ([None] + ["a", "b"] * 44 + ["a"], {}, "none for 1 of 90"),
        (["a", "b"] * 44, {}, "each of 90 cells; found 88"),
        (["a", "b"] * 45, {"n_repeats": 0}, "n_repeats of 1 or more"),
        (["a", "b"] * 45, {"share": -1}, "share of the cells"),
    ],
)
def test_bad_input_of_sas_is_refused(cells: Any, batches: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.seurat_alignment_score(cells.points, batches, **options)


def test_bad_input_of_gc_is_refused(cells: Any) -> None:
    with pytest.raises(InputError, match="n_neighbors of 2 or more"):
        metrics.graph_connectivity(cells.points, cells.types, n_neighbors=1)
    with pytest.raises(InputError, match="'types'"):
        metrics.graph_connectivity(cells.points, cells.types[:-1])
    with pytest.raises(InputError, match="finite"):
        metrics.graph_connectivity(np.full((3, 2), np.inf), ["a", "b", "b"])
