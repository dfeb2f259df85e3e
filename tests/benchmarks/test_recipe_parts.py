"""Counts come back out of log values, and the sources are what the paper describes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
import scipy.sparse as sp


def logged(counts: np.ndarray, *, decimals: int | None = None) -> sp.csr_matrix:
    values = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    return sp.csr_matrix(values if decimals is None else values.round(decimals))


def cells(*, largest: int = 2500) -> np.ndarray:
    rng = np.random.default_rng(0)
    counts = rng.negative_binomial(0.3, 0.1, (40, 300)).astype(np.float64)
    counts[:, 7] = largest  # a gene far above the others, as haemoglobin is
    return counts


@pytest.mark.parametrize(("decimals", "largest"), [(None, 2500), (4, 2500), (3, 40_000)])
def test_counts_come_back(
    script: Callable[[str], ModuleType], decimals: int | None, largest: int
) -> None:
    counts = cells(largest=largest)
    found, fits = script("recipe.recovery").recover_counts(logged(counts, decimals=decimals))
    assert fits.all()
    small = counts <= 100
    assert (found.toarray()[small] == counts[small]).all()
    np.testing.assert_allclose(found.toarray(), counts, rtol=2e-3)


@pytest.mark.parametrize("least", [2, 3])
def test_a_cell_without_a_single_count_is_understood(
    script: Callable[[str], ModuleType], least: int
) -> None:
    counts = cells()
    counts[counts < least] = 0
    counts[:, :2] = (least, least + 1)
    found, fits = script("recipe.recovery").recover_counts(logged(counts))
    assert fits.all()
    assert (found.toarray() == counts).all()


def test_what_never_was_counts_does_not_fit(script: Callable[[str], ModuleType]) -> None:
    values = logged(cells())
    values.data *= np.random.default_rng(1).uniform(0.9, 1.1, values.nnz)
    values = sp.vstack([values, sp.csr_matrix((1, values.shape[1])), -values[:1]], format="csr")
    _, fits = script("recipe.recovery").recover_counts(values)
    assert not fits.any()  # an empty cell and negative values do not fit either


def test_a_file_of_an_older_anndata_is_read(
    script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    matrix = sp.csr_matrix(np.array([[1, 0, 2], [0, 3, 0]], dtype=np.int32))
    with h5py.File(tmp_path / "old.h5ad", "w") as file:
        for name, index in (("obs", ["a", "b"]), ("var", ["G1", "G2", "G3"])):
            group = file.create_group(name)
            group["index"] = np.array(index, dtype=h5py.string_dtype())
            group.attrs.update({"encoding-type": "dataframe", "encoding-version": "0.1.0"})
            group.attrs.update({"_index": "index", "column-order": np.array([], dtype="S1")})
        file["obs/cell_type"] = np.array([1, 0], dtype=np.int8)
        file["obs"].attrs["column-order"] = ["cell_type"]
        file["obs/__categories/cell_type"] = np.array(["B", "T"], dtype=h5py.string_dtype())
        file["obs/__categories/cell_type"].attrs["ordered"] = False
        categories = file["obs/__categories/cell_type"].ref
        file["obs/cell_type"].attrs["categories"] = categories
        counts = file.create_group("layers/counts")
        counts.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
        counts.attrs["shape"] = matrix.shape
        for key in ("data", "indices", "indptr"):
            counts[key] = getattr(matrix, key)
    values, obs, var = script("recipe.reading").read_layer(
        tmp_path / "old.h5ad", "layers/counts", lambda var: np.asarray(var.index != "G2")
    )
    assert values.toarray().tolist() == [[1, 2], [0, 0]]
    assert list(obs["cell_type"]) == ["T", "B"]
    assert list(var.index) == ["G1", "G3"]


def test_the_splits_are_the_papers(script: Callable[[str], ModuleType]) -> None:
    recipes = script("recipe.list").RECIPES
    sizes = {name: (len(r.reference), len(r.query)) for name, r in recipes.items()}
    assert sizes == {"bmmc": (6, 7), "pan_cancer": (3, 5), "dlpfc": (6, 6), "pbmc": (1, 1)}
    assert recipes["pan_cancer"].reference == ("ESCA", "THCA", "UCEC")
    assert recipes["dlpfc"].reference[4:] == ("151669", "151670")
    for recipe in recipes.values():
        assert not set(recipe.reference) & set(recipe.query)
        names = [file.name for file in recipe.source.files]
        assert len(set(names)) == len(names)
        assert all(file.url.startswith("https://") for file in recipe.source.files)
        assert all(file.url.endswith(file.name[-12:]) for file in recipe.source.files)
