"""Embeddings of the peers that join cells: against slow references, and on easy cells."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

N_GENES, N_CELLS = 60, 90


@pytest.fixture
def embeddings(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("peers.embeddings")


@pytest.fixture
def cells() -> anndata.AnnData:
    """Three types; the second batch has ten genes more expressed. Log1p in X, counts beside it."""
    rng = np.random.default_rng(0)
    codes, batch = np.arange(N_CELLS) % 3, np.arange(N_CELLS) // 3 % 2
    rates = np.where(np.arange(N_GENES) // 20 == codes[:, None], 4.0, 0.5)
    rates[:, :10] += 3 * batch[:, None]
    counts = sp.csr_matrix(rng.poisson(rates).astype(np.float32))
    obs = pd.DataFrame(
        {
            "cell_type": np.where(batch == 0, np.array(["B", "NK", "T"])[codes], "not labelled"),
            "batch": np.array(["a", "b"])[batch],
        },
        index=[f"c{n}" for n in range(N_CELLS)],
    ).astype("category")
    return anndata.AnnData(np.log1p(counts), obs=obs, layers={"counts": counts})


def test_components_are_those_of_the_standardised_genes(
    embeddings: ModuleType, cells: anndata.AnnData
) -> None:
    values = cells.X.toarray().astype(float)
    scaled = np.minimum((values - values.mean(0)) / values.std(0, ddof=1), 10)
    left, singular, _ = np.linalg.svd(scaled - scaled.mean(0), full_matrices=False)
    expected = (left * singular)[:, :30]
    found = embeddings.principal_components(cells, 0)
    assert found.shape == (N_CELLS, 30)
    distances = [np.linalg.norm(each[:, None] - each[None], axis=2) for each in (found, expected)]
    np.testing.assert_allclose(*distances, rtol=0.02, atol=0.02)


def test_lsi_is_what_its_formula_says(embeddings: ModuleType) -> None:
    rng = np.random.default_rng(0)
    regions = rng.poisson(0.3, (40, 200)).astype(np.float32)
    regions[3] = 0
    regions[:, 5] = 0
    weighted = np.zeros(regions.shape)
    for cell, region in zip(*np.nonzero(regions), strict=True):
        share = regions[cell, region] / regions[cell].sum()
        weighted[cell, region] = np.log1p(1e4 * share * 40 / regions[:, region].sum())
    left, singular, _ = np.linalg.svd(weighted, full_matrices=False)
    found = embeddings.latent_semantics(sp.csr_matrix(regions), 0)
    assert found.shape == (40, 30)
    np.testing.assert_allclose(np.linalg.norm(found[:, :5], axis=0), singular[1:6], rtol=0.02)
    for column in range(3):
        cosine = found[:, column] @ left[:, column + 1] / np.linalg.norm(found[:, column])
        assert abs(cosine) == pytest.approx(1, abs=0.02)


def test_blocks_beside_one_another_count_alike(embeddings: ModuleType) -> None:
    rng = np.random.default_rng(0)
    joint = embeddings.beside_one_another([rng.normal(5, 9, (50, 4)), rng.normal(size=(50, 20))])
    assert joint.shape == (50, 24)
    np.testing.assert_allclose(joint.mean(axis=0), 0, atol=1e-12)
    for columns in (slice(0, 4), slice(4, 24)):
        assert (joint[:, columns] ** 2).sum(axis=1).mean() == pytest.approx(1)


@pytest.mark.skipif(find_spec("harmonypy") is None, reason="harmonypy is not installed")
def test_harmony_mixes_batches(embeddings: ModuleType, cells: anndata.AnnData) -> None:
    before = embeddings.principal_components(cells, 0)
    after = embeddings.harmonised(before, cells, "batch", 0)
    assert after.shape == before.shape
    first = (cells.obs["batch"] == "a").to_numpy()
    gaps = [np.linalg.norm(each[first].mean(0) - each[~first].mean(0)) for each in (before, after)]
    assert gaps[1] < 0.5 * gaps[0]


@pytest.mark.skipif(find_spec("scvi") is None, reason="scvi-tools is not installed")
def test_scvi_and_scanvi_give_an_embedding(embeddings: ModuleType, cells: anndata.AnnData) -> None:
    trained = embeddings.scvi_model(cells, "batch", 0, max_epochs=2)
    assert embeddings.latent(trained).shape == (N_CELLS, 30)
    told = embeddings.scanvi_model(trained, cells, max_epochs=2)
    assert embeddings.latent(told).shape == (N_CELLS, 30)
