from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.errors import InputError
from plkd.tools.evaluate import evaluate_file


@pytest.fixture
def annotated() -> AnnData:
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(["B", "T", "T", None, "NK"]),
            "plkd_label": pd.Categorical(["B", "T", "B", "B", "NK"], categories=["B", "NK", "T"]),
            "other": ["T", "T", "T", "T", "T"],
        },
        index=[f"cell{i}" for i in range(5)],
    )
    return AnnData(np.zeros((5, 2), dtype=np.float32), obs=obs)


def test_scores_the_cells_that_have_a_truth(annotated: AnnData) -> None:
    report = plkd.tl.evaluate(annotated, labels_key="cell_type")
    assert (report.n_cells, report.n_unlabelled, report.accuracy) == (4, 1, 0.75)


def test_prediction_key_chooses_the_column(annotated: AnnData) -> None:
    report = plkd.tl.evaluate(annotated, labels_key="cell_type", prediction_key="other")
    assert report.accuracy == 0.5


def test_anndata_is_not_changed(annotated: AnnData) -> None:
    before = annotated.copy()
    plkd.tl.evaluate(annotated, labels_key="cell_type")
    pd.testing.assert_frame_equal(annotated.obs, before.obs)
    assert not annotated.uns


def test_category_without_cells_is_no_type(annotated: AnnData) -> None:
    annotated.obs["cell_type"] = annotated.obs["cell_type"].cat.add_categories("ghost")
    report = plkd.tl.evaluate(annotated, labels_key="cell_type")
    assert [score.type for score in report.per_type] == ["B", "NK", "T"]


@pytest.mark.parametrize("keys", [("celltype", "plkd_label"), ("cell_type", "nothing")])
def test_missing_column_lists_the_columns(annotated: AnnData, keys: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="'cell_type', 'plkd_label', 'other'") as caught:
        plkd.tl.evaluate(annotated, labels_key=keys[0], prediction_key=keys[1])
    assert "\n" not in str(caught.value)


def test_many_columns_are_not_all_listed(annotated: AnnData) -> None:
    for i in range(30):
        annotated.obs[f"more{i}"] = i
    with pytest.raises(InputError, match="and 13 more"):
        plkd.tl.evaluate(annotated, labels_key="celltype")


def test_no_truth_at_all_is_refused(annotated: AnnData) -> None:
    annotated.obs["cell_type"] = None
    with pytest.raises(InputError, match="at least one cell with a true type"):
        plkd.tl.evaluate(annotated, labels_key="cell_type")


def test_names_without_anything_in_common_are_told(annotated: AnnData) -> None:
    annotated.obs["plkd_label"] = "B cells"
    with pytest.warns(UserWarning, match="'B', 'NK', 'T'; 'plkd_label' holds 'B cells'") as caught:
        report = plkd.tl.evaluate(annotated, labels_key="cell_type")
    assert report.accuracy == 0.0
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["nk", "NK ", " Nk"])
def test_names_that_differ_in_case_or_white_space_are_told(annotated: AnnData, name: str) -> None:
    annotated.obs["cell_type"] = ["B", "T", "T", None, name]
    annotated.uns["plkd"] = {"classes": np.array(["B", "NK", "T"], dtype=object)}
    with pytest.warns(UserWarning, match=f"'cell_type' writes '{name}' for 'NK': only") as caught:
        plkd.tl.evaluate(annotated, labels_key="cell_type")
    assert [each.filename for each in caught] == [__file__]
    annotated.obs["plkd_label"] = "B"
    with pytest.warns(UserWarning, match="for 'NK'"):  # a type of the model that no cell was given
        plkd.tl.evaluate(annotated, labels_key="cell_type")
    del annotated.uns["plkd"]
    plkd.tl.evaluate(annotated, labels_key="cell_type")


def test_only_names_that_the_model_lacks_are_told(annotated: AnnData) -> None:
    annotated.obs["cell_type"] = ["B", "b", "T", "Unknown", "NK"]
    annotated.obs["plkd_label"] = ["B", "b", "T", "unknown", "NK"]
    plkd.tl.evaluate(annotated, labels_key="cell_type")
    annotated.obs["cell_type"] = [f"TYPE {i}" for i in range(5)]
    annotated.obs["plkd_label"] = [f"type {i}" for i in range(5)]
    annotated.obs["plkd_label"] = annotated.obs["plkd_label"].mask(lambda x: x == "type 4", "B")
    annotated.uns["plkd"] = {"classes": np.array([f"type {i}" for i in range(9)], dtype=object)}
    with pytest.warns(UserWarning, match="every score is 0|only case") as caught:
        plkd.tl.evaluate(annotated, labels_key="cell_type")
    said = [str(each.message) for each in caught]
    assert len(said) == 2
    assert "every score is 0" in said[0]
    assert "'TYPE 0' for 'type 0'" in said[1]


def test_file_gives_what_memory_gives(annotated: AnnData, tmp_path: Path) -> None:
    path = tmp_path / "annotated.h5ad"
    annotated.write_h5ad(path)
    expected = plkd.tl.evaluate(annotated, labels_key="cell_type").as_dict()
    assert evaluate_file(path, labels_key="cell_type").as_dict() == expected
    assert evaluate_file(str(path), labels_key="cell_type").as_dict() == expected


def test_near_misses_count_where_a_hierarchy_is_given(annotated: AnnData, tmp_path: Path) -> None:
    parents = {"T": "lymphocyte", "B": "lymphocyte", "NK": "innate"}
    report = plkd.tl.evaluate(annotated, labels_key="cell_type", hierarchy=parents)
    found = report.hierarchical
    assert found is not None
    # Each of four cells has a type and what is above it; the T cell called B shares the latter.
    assert (found.n_cells, found.precision, found.recall, found.f1) == (4, 7 / 8, 7 / 8, 7 / 8)
    assert report.as_dict()["hierarchical"]["f1"] == 7 / 8
    assert plkd.tl.evaluate(annotated, labels_key="cell_type").hierarchical is None
    table = tmp_path / "parents.csv"
    table.write_text("cell_type,parent\n" + "".join(f"{a},{b}\n" for a, b in parents.items()))
    annotated.write_h5ad(tmp_path / "annotated.h5ad")
    again = evaluate_file(tmp_path / "annotated.h5ad", labels_key="cell_type", hierarchy=table)
    assert again.hierarchical == found


def test_a_label_above_the_type_costs_recall_alone(annotated: AnnData) -> None:
    annotated.obs["deepest"] = ["B", "lymphocyte", "lymphocyte", "B", "unknown"]
    keys = {"labels_key": "cell_type", "prediction_key": "deepest"}
    parents = {"T": "lymphocyte", "B": "lymphocyte", "NK": "innate"}
    found = plkd.tl.evaluate(annotated, **keys, hierarchy=parents).hierarchical
    assert found is not None
    assert (found.precision, found.recall) == (1.0, 0.5)


def test_names_and_identifiers_of_one_node_are_alike(annotated: AnnData, tmp_path: Path) -> None:
    terms = [("1", "lymphocyte", ""), ("2", "T", "is_a: 1\n"), ("3", "B", "is_a: 1\n")]
    text = "".join(f"[Term]\nid: {id}\nname: {name}\n{up}\n" for id, name, up in terms)
    (tmp_path / "cl.obo").write_text(text + "[Term]\nid: 4\nname: NK\n")
    annotated.obs["plkd_deepest"] = ["3", "1", "1", "3", "unknown"]
    annotated.uns["plkd"] = {"classes": np.array(["2", "3", "4"], dtype=object)}
    keys = {"labels_key": "cell_type", "prediction_key": "plkd_deepest"}
    with pytest.warns(UserWarning, match="no predicted type is a true type"):
        found = plkd.tl.evaluate(annotated, **keys, hierarchy=tmp_path / "cl.obo")
    assert found.hierarchical is not None
    assert (found.hierarchical.precision, found.hierarchical.recall) == (1.0, 4 / 7)
    assert found.trust is not None
    assert found.trust.calibration is None


def test_types_that_the_hierarchy_lacks_are_told(annotated: AnnData) -> None:
    with pytest.warns(UserWarning, match="2 of the 3 types are not in the hierarchy") as caught:
        plkd.tl.evaluate(annotated, labels_key="cell_type", hierarchy={"T": "lymphocyte"})
    assert [each.filename for each in caught] == [__file__]
    with pytest.raises(InputError, match="none of"):
        plkd.tl.evaluate(annotated, labels_key="cell_type", hierarchy={"x": "y"})


def test_file_is_read_without_its_expression(annotated: AnnData, tmp_path: Path) -> None:
    path = tmp_path / "annotated.h5ad"
    annotated.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["X"] = "nothing that could be read as expression"
    assert evaluate_file(path, labels_key="cell_type").accuracy == 0.75


def test_file_without_the_column_names_the_file(annotated: AnnData, tmp_path: Path) -> None:
    path = tmp_path / "annotated.h5ad"
    annotated.write_h5ad(path)
    with pytest.raises(InputError, match=r"in obs of .*annotated.h5ad; .*'plkd_label', 'other'"):
        evaluate_file(path, labels_key="celltype")


def test_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        evaluate_file(tmp_path / "no.h5ad", labels_key="cell_type")


def test_damaged_obs_is_refused_in_one_line(annotated: AnnData, tmp_path: Path) -> None:
    path = tmp_path / "annotated.h5ad"
    annotated.write_h5ad(path)
    with h5py.File(path, "r+") as file:
        del file["obs/cell_type/codes"]
    with pytest.raises(InputError, match="whose obs can be read") as caught:
        evaluate_file(path, labels_key="cell_type")
    assert "\n" not in str(caught.value)
