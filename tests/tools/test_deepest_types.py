from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad

import plkd
from plkd.errors import InputError
from plkd.trust.parent_map import ParentMap, read_parent_map

PARENTS = {"CD4": "T", "CD8": "T", "T": "lymphoid", "B": "lymphoid"}
CELLS = [
    [0.90, 0.05, 0.05],
    [0.50, 0.45, 0.05],
    [0.40, 0.30, 0.30],
    [0.05, 0.05, 0.90],
    [0.05, 0.90, 0.05],
    [0.98, 0.01, 0.01],
]


@pytest.fixture
def annotated() -> AnnData:
    obs = pd.DataFrame(
        {
            "plkd_label": pd.Categorical(["CD4", "CD4", "CD4", "B", "unknown", "CD4"]),
            "plkd_no_counts": [False] * 5 + [True],
        },
        index=[f"cell{i}" for i in range(6)],
    )
    return AnnData(
        np.zeros((6, 2), dtype=np.float32),
        obs=obs,
        obsm={"plkd_proba": np.array(CELLS, dtype=np.float32)},
        uns={"plkd": {"plkd_version": "1", "classes": np.array(["CD4", "CD8", "B"], dtype=object)}},
    )


def test_each_cell_has_the_deepest_type_it_is_sure_of(annotated: AnnData) -> None:
    assert plkd.tl.deepest_types(annotated, PARENTS) is None
    found = annotated.obs["plkd_deepest"]
    assert found.tolist() == ["CD4", "T", "lymphoid", "B", "unknown", "unknown"]
    assert sorted(found.cat.categories) == ["B", "CD4", "T", "lymphoid", "unknown"]
    sure = annotated.obs["plkd_deepest_confidence"]
    assert sure.dtype == np.float32
    np.testing.assert_allclose(sure, [0.9, 0.95, 1.0, 0.9, 0.0, 0.0], rtol=1e-6)
    said = annotated.uns["plkd_hierarchy"]
    assert (said["source"], said["min_confidence"]) == ("the hierarchy", 0.8)


def test_the_confidence_asked_for_decides(annotated: AnnData) -> None:
    plkd.tl.deepest_types(annotated, PARENTS, min_confidence=0.92)
    assert annotated.obs["plkd_deepest"].tolist()[:4] == ["T", "T", "lymphoid", "lymphoid"]


def test_files_maps_and_mappings_give_the_same(annotated: AnnData, tmp_path: Path) -> None:
    path = tmp_path / "parents.csv"
    lines = [f"{child},{parent}" for child, parent in PARENTS.items()]
    path.write_text("\n".join(["cell_type,parent", *lines]) + "\n")
    expected = plkd.tl.deepest_types(annotated, PARENTS, copy=True)
    for given in (path, str(path), read_parent_map(path), ParentMap.of(PARENTS.items())):
        found = plkd.tl.deepest_types(annotated, given, copy=True)
        pd.testing.assert_frame_equal(found.obs, expected.obs)


def test_copy_leaves_the_input_alone(annotated: AnnData) -> None:
    before = annotated.copy()
    plkd.tl.deepest_types(annotated, PARENTS, copy=True)
    pd.testing.assert_frame_equal(annotated.obs, before.obs)
    assert set(annotated.uns) == {"plkd"}


def test_chunks_do_not_matter(annotated: AnnData, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = plkd.tl.deepest_types(annotated, PARENTS, copy=True)
    monkeypatch.setattr(import_module("plkd.tools.deepest_types"), "CHUNK_SIZE", 4)
    found = plkd.tl.deepest_types(annotated, PARENTS, copy=True)
    pd.testing.assert_frame_equal(found.obs, expected.obs)


def test_the_result_can_be_written_and_made_again(annotated: AnnData, tmp_path: Path) -> None:
    plkd.tl.deepest_types(annotated, PARENTS)
    annotated.write_h5ad(tmp_path / "a.h5ad")
    again = read_h5ad(tmp_path / "a.h5ad")
    plkd.tl.deepest_types(again, PARENTS)
    assert again.obs["plkd_deepest"].tolist() == annotated.obs["plkd_deepest"].tolist()


def test_key_added_names_the_slots(annotated: AnnData) -> None:
    annotated.uns["mine"] = annotated.uns["plkd"]
    annotated.obsm["mine_proba"] = annotated.obsm["plkd_proba"]
    plkd.tl.deepest_types(annotated, PARENTS, key_added="mine")
    assert annotated.obs["mine_deepest"].tolist()[-2:] == ["CD8", "CD4"]
    assert "plkd_deepest" not in annotated.obs


def test_types_that_the_hierarchy_lacks_are_named(annotated: AnnData) -> None:
    with pytest.warns(UserWarning, match="1 of the model's 3 types are not in .*: 'B'") as caught:
        plkd.tl.deepest_types(annotated, {"CD4": "T", "CD8": "T", "unknown": "T"})
    assert caught[0].filename == __file__
    assert annotated.obs["plkd_deepest"].tolist()[:4] == ["CD4", "T", "unknown", "B"]
    assert annotated.uns["plkd_hierarchy"]["types_not_found"].tolist() == ["B"]


def test_a_type_called_unknown_shares_the_label(annotated: AnnData) -> None:
    annotated.uns["plkd"]["classes"] = np.array(["CD4", "CD8", "unknown"], dtype=object)
    plkd.tl.deepest_types(annotated, {**PARENTS, "unknown": ""})
    found = annotated.obs["plkd_deepest"]
    assert found.tolist() == ["CD4", "T", "unknown", "unknown", "CD8", "unknown"]
    assert annotated.obs["plkd_deepest_confidence"].iloc[3] == np.float32(0.9)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda a: a.uns.pop("plkd"), r"annotation of plkd under 'plkd'; found no uns\['plkd'\]"),
        (lambda a: a.obsm.pop("plkd_proba"), "'plkd_proba' in obsm; found no slot"),
        (lambda a: a.obs.insert(0, "plkd_deepest", "mine"), r"obs\['plkd_deepest'\], not written"),
        (lambda a: a.uns.update(plkd_hierarchy=1), r"uns\['plkd_hierarchy'\], not written"),
        (lambda a: a.obsm.update(plkd_proba=np.full((6, 3), np.nan)), "NaN"),
        (lambda a: a.obsm.update(plkd_proba=np.ones((6, 2))), "for each of 3 classes"),
    ],
)
def test_what_does_not_fit_is_refused(annotated: AnnData, break_it: object, message: str) -> None:
    break_it(annotated)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        plkd.tl.deepest_types(annotated, PARENTS)


def test_bad_hierarchies_are_refused(annotated: AnnData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found int"):
        plkd.tl.deepest_types(annotated, 3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing there"):
        plkd.tl.deepest_types(annotated, tmp_path / "no.csv")
    with pytest.raises(InputError, match="none of 'CD4', 'CD8', 'B' among 'y', 'x'"):
        plkd.tl.deepest_types(annotated, {"x": "y"})
    for odd in (["T", "lymphoid"], ("T",), {"T"}, 1.5):
        with pytest.raises(InputError, match=f"parent of 'CD4' .*; found a {type(odd).__name__}"):
            plkd.tl.deepest_types(annotated, {**PARENTS, "CD4": odd})  # type: ignore[dict-item]
    with pytest.raises(InputError, match="min_confidence"):
        plkd.tl.deepest_types(annotated, PARENTS, min_confidence=0)
    assert "plkd_deepest" not in annotated.obs


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, "", "NA", "nan"])
def test_a_missing_parent_is_none(annotated: AnnData, missing: object) -> None:
    plkd.tl.deepest_types(annotated, {**PARENTS, "lymphoid": missing})
    found = annotated.obs["plkd_deepest"]
    assert found.tolist() == ["CD4", "T", "lymphoid", "B", "unknown", "unknown"]


def test_novelty_silences_where_a_type_is_called_unknown(annotated: AnnData) -> None:
    annotated.uns["plkd"]["classes"] = np.array(["CD4", "CD8", "unknown"], dtype=object)
    annotated.uns["plkd"]["false_alarm"] = 0.05
    annotated.obs["plkd_novelty"] = np.array([0.1, 0.96, 0.1, 0.1, 0.1, 0.1], dtype=np.float32)
    with pytest.warns(UserWarning, match="'unknown'"):
        plkd.tl.deepest_types(annotated, {"CD4": "T", "CD8": "T"})
    assert annotated.obs["plkd_deepest"].tolist()[:2] == ["CD4", "unknown"]
    assert annotated.obs["plkd_deepest_confidence"].iloc[1] == 0


def test_a_copy_of_cells_on_disk_lies_in_memory(annotated: AnnData, tmp_path: Path) -> None:
    annotated.write_h5ad(tmp_path / "cells.h5ad")
    backed = read_h5ad(tmp_path / "cells.h5ad", backed="r")
    new = plkd.tl.deepest_types(backed, PARENTS, copy=True)
    assert not new.isbacked
    assert new.obs["plkd_deepest"].tolist()[:2] == ["CD4", "T"]
    backed.file.close()
