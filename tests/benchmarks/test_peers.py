"""Peers get the same genes as each other, and one that runs everywhere learns an easy task."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

N_GENES = 60


def cells(n_cells: int, *, seed: int) -> anndata.AnnData:
    rng = np.random.default_rng(seed)
    codes = np.arange(n_cells) % 3
    rates = np.full((n_cells, N_GENES), 0.3)
    for cell, code in enumerate(codes):
        rates[cell, code * 20 : code * 20 + 20] = 4
    obs = pd.DataFrame(
        {"cell_type": np.array(["B", "NK", "T"])[codes], "batch": np.where(codes == 0, "a", "b")},
        index=[f"c{number}" for number in range(n_cells)],
    )
    var = pd.DataFrame(index=[f"G{number}" for number in range(N_GENES)])
    counts = sp.csr_matrix(rng.poisson(rates).astype(np.float32))
    return anndata.AnnData(counts, obs=obs, var=var)


@pytest.mark.parametrize("name", ["mlp", "logistic", "logistic unscaled", "centroid"])
def test_a_peer_learns_an_easy_task(script: Callable[[str], ModuleType], name: str) -> None:
    peers = script("peers")
    query = cells(60, seed=1)
    query.obs["cell_type"] = "hidden"  # peers must not look
    reference, query = peers.prepared(cells(600, seed=0), query[:, ::-1].copy())
    found = peers.PEERS[name](reference, query, 0)
    assert (found.labels == np.array(["B", "NK", "T"])[np.arange(60) % 3]).mean() > 0.9
    assert found.fit_seconds > 0


def test_a_gene_that_the_query_lacks_is_zero(script: Callable[[str], ModuleType]) -> None:
    whole = cells(30, seed=1)
    reference, query = script("peers").prepared(cells(90, seed=0), whole[:, 5:].copy())
    assert list(query.var_names) == list(reference.var_names)
    assert query.X[:, :5].nnz == 0
    assert query.X[:, 5:].nnz == whole.X[:, 5:].nnz


def test_counts_stand_beside_log1p_values_in_the_same_genes(
    script: Callable[[str], ModuleType],
) -> None:
    peers = script("peers")
    given = cells(90, seed=0), cells(30, seed=1)[:, 5:].copy()
    for side, before in zip(peers.prepared(*given, 30), given, strict=True):
        assert side.n_vars == 30
        counts = side.to_df(layer="counts")
        shared = [name for name in side.var_names if name in before.var_names]
        assert (counts[shared] == before.to_df()[shared]).all(axis=None)
        assert not counts.drop(columns=shared).any(axis=None)
        assert side.X.max() < 10 < before.to_df().sum(axis=1).min()
        assert before.X.max() == before.X.max().round()  # the given cells are left as they are


def test_peers_get_as_many_genes_as_plkd_has(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = script("peers")
    numbers = import_module("plkd.data.number_of_genes")
    monkeypatch.setattr(numbers, "FEWER", 20)
    monkeypatch.setattr(numbers, "MORE", 50)
    given = cells(90, seed=0), cells(30, seed=1)
    for least_gain, n_genes in ((1.0, 20), (-1.0, 50)):
        monkeypatch.setattr(numbers, "LEAST_GAIN", least_gain)
        assert [side.n_vars for side in peers.prepared(*given)] == [n_genes, n_genes]


def test_centroid_is_the_type_of_the_best_correlated_mean(
    script: Callable[[str], ModuleType],
) -> None:
    peers = script("peers")
    reference, query = peers.prepared(cells(120, seed=0), cells(45, seed=1))
    query.X.data[slice(*query.X.indptr[7:9])] = 0  # a cell of nothing gets a type, no warning
    reference.obs["cell_type"] = reference.obs["cell_type"].replace("NK", "B").to_numpy()
    means = reference.to_df().groupby(reference.obs["cell_type"]).mean()
    found = peers.nearest_centroid(reference, query, 0).labels
    table = np.corrcoef(means.to_numpy(), np.delete(query.X.toarray(), 7, axis=0))
    expected = means.index.to_numpy()[table[:2, 2:].argmax(axis=0)]
    np.testing.assert_array_equal(np.delete(found, 7), expected)
    assert set(found) == {"B", "T"}


def test_the_types_of_the_query_are_hidden_from_those_that_see_its_cells(
    script: Callable[[str], ModuleType],
) -> None:
    peers, adapting = script("peers"), script("peers.adapting")
    both = adapting.together(*peers.prepared(cells(60, seed=0), cells(30, seed=1)))
    query = (both.obs["side"] == "query").to_numpy()
    assert query.sum() == 30
    assert set(both.obs["cell_type"][query]) == {adapting.UNLABELLED}
    assert set(both.obs["cell_type"][~query]) == {"B", "NK", "T"}
    assert set(both.obs["batch"][query]) == {"query a", "query b"}
    assert set(both.obs["batch"][~query]) == {"reference a", "reference b"}
    counts = both.layers["counts"].toarray()
    np.testing.assert_array_equal(counts, counts.round())


@pytest.mark.skipif(find_spec("scvi") is None, reason="scvi-tools is not installed")
def test_scanvi_learns_an_easy_task(script: Callable[[str], ModuleType]) -> None:
    peers, adapting = script("peers"), script("peers.adapting")
    reference, query = peers.prepared(cells(600, seed=0), cells(60, seed=1))
    found = adapting.scanvi(reference, query, 0, max_epochs=20)
    assert (found.labels == np.array(["B", "NK", "T"])[np.arange(60) % 3]).mean() > 0.9
