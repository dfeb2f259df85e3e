"""Peers get the same genes as each other, and one that runs everywhere learns an easy task."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.mark.parametrize("name", ["mlp", "logistic", "logistic unscaled"])
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
