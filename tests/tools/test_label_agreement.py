"""Agreement of the labels of two modalities, whose cells are matched by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.errors import InputError


def cells(labels: dict[str, str | None], column: str = "plkd_label") -> AnnData:
    obs = pd.DataFrame({column: list(labels.values())}, index=list(labels))
    return AnnData(np.zeros((len(obs), 1), dtype=np.float32), obs=obs)


@pytest.fixture
def rna() -> AnnData:
    return cells({"c1": "B", "c2": "T", "c3": "T", "c4": "unknown", "c5": "NK"})


def test_cells_are_matched_by_name_in_any_order(rna: AnnData) -> None:
    atac = cells({"c5": "T", "c3": "T", "c1": "B", "c2": "T", "c4": "B"})
    found = plkd.tl.label_agreement(rna, atac)
    assert (found.n_cells, found.agreement) == (4, 0.75)
    assert found.n_left_out == 1  # unknown in one
    expected = plkd.metrics.label_agreement(["B", "T", "T", "NK"], ["B", "T", "T", "T"])
    assert (found.kappa, found.per_type) == (expected.kappa, expected.per_type)


def test_cells_of_one_alone_are_left_out_and_counted(rna: AnnData) -> None:
    found = plkd.tl.label_agreement(rna, cells({"c2": "T", "new": "B", "c1": None}))
    assert (found.n_cells, found.n_left_out) == (1, 5)


def test_both_unknown_is_no_agreement(rna: AnnData) -> None:
    found = plkd.tl.label_agreement(rna, cells({"c4": "unknown", "c1": "T"}))
    assert (found.n_cells, found.agreement) == (1, 0.0)


def test_categories_and_other_columns(rna: AnnData) -> None:
    atac = cells({"c1": "B", "c2": "B"}, "guess")
    atac.obs["guess"] = atac.obs["guess"].astype("category")
    rna.obs["plkd_label"] = rna.obs["plkd_label"].astype("category")
    before = rna.copy(), atac.copy()
    assert plkd.tl.label_agreement(rna, atac, atac_key="guess").agreement == 0.5
    for one, other in zip(before, (rna, atac), strict=True):
        pd.testing.assert_frame_equal(one.obs, other.obs)


def test_two_modalities_annotated_by_one_model(annotator, query) -> None:
    other = query[::-1].copy()
    other.X = other.X.multiply(other.X > 1).tocsr()
    for each in (query, other):
        plkd.tl.annotate(each, annotator)
    found = plkd.tl.label_agreement(query, other)
    same = query.obs["plkd_label"] == other.obs["plkd_label"].reindex(query.obs_names)
    assert found.agreement == pytest.approx(same.mean())
    assert found.n_cells == 65


def test_a_missing_column_is_named(rna: AnnData) -> None:
    with pytest.raises(InputError, match=r"'guess' in obs of atac; found 'plkd_label'.*atac_key"):
        plkd.tl.label_agreement(rna, rna, atac_key="guess")


def test_names_that_stand_twice_are_named(rna: AnnData) -> None:
    with pytest.warns(UserWarning, match="not unique"):
        twice = cells({"c1": "B", "c2": "T"})[[0, 0, 1]].copy()
    with pytest.raises(InputError, match=r"each cell of atac.*'c1' more than once"):
        plkd.tl.label_agreement(rna, twice)


def test_other_cells_are_refused(rna: AnnData) -> None:
    with pytest.raises(InputError, match="'c1', 'c2' and 3 more in one, 'd1' in the other"):
        plkd.tl.label_agreement(rna, cells({"d1": "B"}))


@pytest.mark.parametrize("dtype", ["string", object, "category"])
def test_missing_labels_of_any_kind_are_left_out(rna: AnnData, dtype: object) -> None:
    other = cells({"c1": "B", "c2": "T"})
    other.obs["plkd_label"] = pd.Series(["B", pd.NA], index=["c1", "c2"], dtype=dtype)
    found = plkd.tl.label_agreement(rna, other)
    assert (found.n_cells, found.agreement, found.n_left_out) == (1, 1.0, 4)
