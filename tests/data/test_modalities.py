"""MuData in, MuData out, with cells that are paired and cells that are not."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

import plkd
from plkd.errors import InputError
from plkd.keys import GENE_ACTIVITY_KEY
from toy_genome import gtf_text, peak_matrix, toy_genes, toy_peaks, write

mudata = pytest.importorskip("mudata")
# mudata tells of its own changes to come whenever one is made
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

GENES = toy_genes(400)
PEAKS = toy_peaks(GENES, 200)


@pytest.fixture
def gtf(tmp_path: Path) -> Path:
    return write(tmp_path / "genes.gtf", gtf_text(GENES))


def rna(names: list[str]) -> AnnData:
    genes = [gene.name for gene in GENES[:50]]
    counts = np.random.default_rng(0).poisson(1.0, (len(names), 50)).astype(np.float32)
    obs = pd.DataFrame({"type": "x"}, index=names)
    return AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=genes))


def pair(*, shared: int):
    """RNA and ATAC of 30 cells each, ``shared`` of them the same."""
    atac = peak_matrix(PEAKS)
    names = list(atac.obs_names)
    return mudata.MuData(
        {"rna": rna([*names[:shared], *(f"RNA{i}" for i in range(30 - shared))]), "atac": atac}
    )


@pytest.mark.parametrize("shared", [30, 12, 0])
def test_a_modality_is_added(gtf: Path, shared: int) -> None:
    both = pair(shared=shared)
    found = plkd.pp.gene_activity(both, gtf)
    assert isinstance(found, mudata.MuData)
    assert list(found.mod) == ["rna", "atac", "gene_activity"]
    assert list(both.mod) == ["rna", "atac"]
    assert found.mod["rna"] is both.mod["rna"]
    made, alone = found.mod["gene_activity"], plkd.pp.gene_activity(both.mod["atac"], gtf)
    np.testing.assert_array_equal(made.X.toarray(), alone.X.toarray())
    assert list(made.obs_names) == list(both.mod["atac"].obs_names)
    assert set(found.obs_names) == set(both.obs_names)


def test_what_belongs_to_all_modalities_is_kept(gtf: Path) -> None:
    both = pair(shared=12)
    both.obs["donor"] = [f"d{i}" for i in range(both.n_obs)]
    both.obsm["X_umap"] = np.arange(2.0 * both.n_obs).reshape(-1, 2)
    both.obsp["near"] = sparse.csr_matrix(np.diag(np.arange(1.0, both.n_obs + 1)))
    both.uns["colour"] = "red"
    found = plkd.pp.gene_activity(both, gtf)
    order = both.obs_names.get_indexer(found.obs_names)
    assert found.obs["donor"].tolist() == both.obs["donor"].iloc[order].tolist()
    np.testing.assert_array_equal(found.obsm["X_umap"], both.obsm["X_umap"][order])
    np.testing.assert_array_equal(found.obsp["near"].diagonal(), order + 1)
    assert found.uns["colour"] == "red"


def test_kinds_of_columns_and_tables_are_kept(gtf: Path) -> None:
    both = pair(shared=12)
    kinds = pd.Categorical(["b", "a"] * (both.n_obs // 2), categories=["b", "c", "a"])
    both.obs["kind"] = kinds
    both.obsm["scores"] = pd.DataFrame({"s": np.arange(both.n_obs)}, index=both.obs_names)
    found = plkd.pp.gene_activity(both, gtf)
    order = both.obs_names.get_indexer(found.obs_names)
    assert list(found.obs["kind"].cat.categories) == ["b", "c", "a"]
    assert found.obs["kind"].tolist() == both.obs["kind"].iloc[order].tolist()
    assert found.obsm["scores"]["s"].tolist() == order.tolist()
    assert list(found.obsm["scores"].index) == list(found.obs_names)


def test_names_of_modalities_can_be_said(gtf: Path) -> None:
    both = mudata.MuData({"peaks": peak_matrix(PEAKS)})
    found = plkd.pp.gene_activity(both, gtf, modality="peaks", key_added="activity")
    assert list(found.mod) == ["peaks", "activity"]


def test_shared_gene_names_are_no_reason_to_warn(gtf: Path) -> None:
    both = pair(shared=30)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = plkd.pp.gene_activity(both, gtf)
    shared = set(found["rna"].var_names) & set(found["gene_activity"].var_names)
    assert len(shared) == 40  # four of five toy genes code for a protein


def test_an_earlier_result_is_replaced_and_the_users_is_not(gtf: Path) -> None:
    once = plkd.pp.gene_activity(pair(shared=30), gtf)
    twice = plkd.pp.gene_activity(once, gtf, upstream=0)
    assert twice["gene_activity"].uns[GENE_ACTIVITY_KEY]["upstream"] == 0
    with pytest.raises(InputError, match="'rna'; found a modality of that name, not written by"):
        plkd.pp.gene_activity(once, gtf, key_added="rna")


def test_an_unknown_modality_is_refused(gtf: Path) -> None:
    with pytest.raises(InputError, match="a modality 'ATAC'; found 'rna', 'atac'"):
        plkd.pp.gene_activity(pair(shared=30), gtf, modality="ATAC")


def test_modalities_of_shared_variables_are_refused(gtf: Path) -> None:
    atac = peak_matrix(PEAKS)
    with pytest.raises(InputError, match=r"of the same cells \(axis=0\); found axis=1"):
        plkd.pp.gene_activity(mudata.MuData({"atac": atac}, axis=1), gtf)
