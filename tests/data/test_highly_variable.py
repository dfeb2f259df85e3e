from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp
from anndata import AnnData

from plkd.data.highly_variable import _by_detection, select_genes
from plkd.errors import InputError
from toy import toy_reference, toy_truth


@pytest.fixture
def reference() -> AnnData:
    adata = toy_reference(300)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


@pytest.mark.parametrize("by_batch", [True, False])
def test_the_choice_is_that_of_scanpy(reference: AnnData, by_batch: bool) -> None:
    batches = reference.obs["batch"] if by_batch else None
    found = select_genes(reference.X, 60, batches)
    sc.pp.highly_variable_genes(reference, n_top_genes=60, batch_key="batch" if by_batch else None)
    np.testing.assert_array_equal(found, np.flatnonzero(reference.var["highly_variable"]))
    assert found.dtype == np.int64


def test_markers_are_among_the_chosen(reference: AnnData) -> None:
    markers = {gene for genes in toy_truth().programmes.values() for gene in genes}
    chosen = set(reference.var_names[select_genes(reference.X, 90, reference.obs["batch"])])
    assert len(chosen & markers) > 0.6 * len(markers)


def test_one_batch_is_as_none(reference: AnnData) -> None:
    found = select_genes(reference.X, 60, ["a"] * 300)
    np.testing.assert_array_equal(found, select_genes(reference.X, 60))


def test_tiny_batches_are_taken_together(reference: AnnData) -> None:
    batches = np.array(["a"] * 150 + ["b"] * 144 + ["c", "c", "d", "d", "e", "f"])
    pooled = np.array(["a"] * 150 + ["b"] * 144 + ["rest"] * 6)
    found = select_genes(reference.X, 60, batches)
    np.testing.assert_array_equal(found, select_genes(reference.X, 60, pooled))


def test_a_lone_cell_joins_the_smallest_batch(reference: AnnData) -> None:
    batches = np.array(["a"] * 160 + ["b"] * 139 + ["c"])
    joined = np.where(batches == "c", "b", batches)
    found = select_genes(reference.X, 60, batches)
    np.testing.assert_array_equal(found, select_genes(reference.X, 60, joined))
    assert len(select_genes(reference.X, 60, np.arange(300))) == 60


def test_all_genes_are_taken_when_there_are_no_more(reference: AnnData) -> None:
    np.testing.assert_array_equal(select_genes(reference.X, 300), np.arange(300))
    np.testing.assert_array_equal(select_genes(reference.X, 999), np.arange(300))


def test_genes_without_counts_come_last(reference: AnnData) -> None:
    dense = reference.X.toarray()
    dense[:, :200] = 0.0
    values = sp.csr_matrix(dense)
    assert select_genes(values, 60, reference.obs["batch"]).min() >= 200
    found = select_genes(values, 120)
    assert len(found) == 120
    assert set(range(200, 300)) <= set(found.tolist())


def test_with_types_it_chooses_among_what_some_type_expresses(reference: AnnData) -> None:
    names = reference.obs["cell_type"].astype(str)
    found = select_genes(reference.X, 62, reference.obs["batch"], types=pd.factorize(names)[0])
    has = pd.DataFrame(reference.X.toarray() > 0).groupby(names.to_numpy()).agg(["sum", "size"])
    share = has.xs("sum", axis=1, level=1) / (has.xs("size", axis=1, level=1) + 5)
    candidates = share.max().sort_values(ascending=False, kind="stable").index
    assert share.max()[candidates[154]] > share.max()[candidates[155]]
    some = reference[:, np.sort(candidates[:155])].copy()
    sc.pp.highly_variable_genes(some, n_top_genes=62, batch_key="batch")
    chosen = some.var_names[some.var["highly_variable"]]
    np.testing.assert_array_equal(reference.var_names[found], chosen)


def test_genes_of_hardly_a_cell_are_not_chosen(reference: AnnData) -> None:
    codes = pd.factorize(reference.obs["cell_type"])[0]
    values = reference.X.tolil()
    noisy = np.arange(0, 300, 50)
    values[:, noisy] = 0
    for size, gene in enumerate(noisy):
        values[size::60, gene] = 4.0 + size / 2
    values = values.tocsr()
    assert len(np.intersect1d(select_genes(values, 60), noisy)) == len(noisy)
    assert len(np.intersect1d(select_genes(values, 60, types=codes), noisy)) == 0


def test_a_type_of_two_cells_does_not_decide(reference: AnnData) -> None:
    codes = pd.factorize(reference.obs["cell_type"])[0]
    found = select_genes(reference.X, 60, types=codes)
    alone = codes.copy()
    alone[:2] = codes.max() + 1
    assert len(np.intersect1d(found, select_genes(reference.X, 60, types=alone))) > 55


def test_cells_without_a_type_say_nothing_of_detection(reference: AnnData) -> None:
    codes = pd.factorize(reference.obs["cell_type"])[0]
    values = sp.vstack([reference.X, sp.csr_matrix(np.full((40, 300), 2.0))]).tocsr()
    codes = np.concatenate([codes, np.full(40, -1)])
    candidates = _by_detection(values, codes, np.arange(300))[:150]
    np.testing.assert_array_equal(
        candidates, _by_detection(reference.X, codes[:300], np.arange(300))[:150]
    )
    assert len(select_genes(values, 60, types=np.full(340, -1))) == 60


def test_bad_arguments_are_refused(reference: AnnData) -> None:
    with pytest.raises(InputError, match="at least 1 gene"):
        select_genes(reference.X, 0)
    with pytest.raises(InputError, match="a batch for each of 300 cells; found 1"):
        select_genes(reference.X, 60, ["a"])
    with pytest.raises(InputError, match="a type for each of 300 cells; found 2"):
        select_genes(reference.X, 60, types=[0, 1])
