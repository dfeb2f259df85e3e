"""What confidence, sets and "unknown" are worth: the part of evaluation beside the labels."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.errors import InputError
from plkd.metrics import TrustReport
from plkd.tools.evaluate import evaluate_file

TRUTH = ["B", "B", "T", "T", "NK", "NK", None, "T"]
LABEL = ["B", "T", "T", "unknown", "unknown", "T", "B", "T"]
BEST = ["B", "T", "T", "T", "B", "T", "B", "T"]
SETS = ["B", "B|T", "T", "B|T", "", "T", "B", "T"]
BATCH = ["x", "x", "x", "y", "y", "y", "x", None]
CONFIDENCE = [0.9, 0.5, 0.8, 0.3, 0.2, 0.7, 1.0, 0.95]
NOVELTY = [0.0, 0.1, 0.2, 0.6, 0.9, 0.4, 0.0, 0.0]


def table(**columns: object) -> AnnData:
    obs = pd.DataFrame(
        {"truth": pd.Categorical(TRUTH), "plkd_label": pd.Categorical(LABEL), **columns},
        index=[f"cell{i}" for i in range(8)],
    )
    return AnnData(np.zeros((8, 2), dtype=np.float32), obs=obs)


@pytest.fixture
def full() -> AnnData:
    adata = table(
        plkd_confidence=np.array(CONFIDENCE, dtype=np.float32),
        plkd_best_label=pd.Categorical(BEST),
        plkd_novelty=np.array(NOVELTY, dtype=np.float32),
        plkd_set=SETS,
        donor=pd.Categorical(BATCH),
    )
    adata.uns["plkd"] = {"classes": np.array(["B", "T"], dtype=object)}
    return adata


def trust_of(adata: AnnData, **options: str) -> TrustReport:
    trust = plkd.tl.evaluate(adata, labels_key="truth", **options).trust
    assert trust is not None
    return trust


def test_unknown_cells_and_the_accuracy_of_the_others(full: AnnData) -> None:
    found = trust_of(full).rejection
    assert (found.n_cells, found.n_unknown) == (7, 2)
    assert found.accuracy_of_named == pytest.approx(3 / 5)
    assert (found.new_types, found.n_new) == (("NK",), 2)
    assert (found.unknown_of_new, found.unknown_of_known) == (0.5, pytest.approx(1 / 5))
    assert found.auroc == pytest.approx((5 + 4) / 10)


def test_best_label_counts_for_every_cell(full: AnnData) -> None:
    assert trust_of(full).best_label_accuracy == pytest.approx(4 / 7)


def test_confidence_is_measured_on_cells_that_have_a_label(full: AnnData) -> None:
    judged = [0, 1, 2, 5, 7]
    expected = plkd.metrics.calibration_report(
        np.array(CONFIDENCE, dtype=np.float32)[judged], [True, False, True, False, True]
    )
    assert trust_of(full).calibration == expected


def test_sets_over_all_cells_and_by_batch(full: AnnData) -> None:
    sizes = {None: (1, 2, 1, 2, 0, 1, 1), "x": (1, 2, 1), "y": (2, 0, 1)}
    hits = {None: (1, 1, 1, 1, 0, 0, 1), "x": (1, 1, 1), "y": (1, 0, 0)}
    found = trust_of(full, batch_key="donor").sets
    assert [each.batch for each in found] == [None, "x", "y"]
    for each in found:
        assert each.n_cells == len(sizes[each.batch])
        assert each.coverage == pytest.approx(np.mean(hits[each.batch]))
        assert each.mean_size == pytest.approx(np.mean(sizes[each.batch]))
    assert trust_of(full).sets == found[:1]


def test_missing_sets_are_empty_ones(full: AnnData) -> None:
    full.obs["plkd_set"] = pd.Categorical([text or None for text in SETS])
    expected = [(7, pytest.approx(5 / 7), pytest.approx(8 / 7))]
    found = trust_of(full).sets
    assert [(each.n_cells, each.coverage, each.mean_size) for each in found] == expected


@pytest.mark.parametrize("prediction_key", ["plkd_label", "plkd_best_label"])
def test_cells_that_were_never_annotated_are_left_out(full: AnnData, prediction_key: str) -> None:
    options = {"prediction_key": prediction_key, "batch_key": "donor"}
    expected = trust_of(full, **options)
    others = AnnData(
        np.zeros((5, 2), dtype=np.float32),
        obs=pd.DataFrame({"truth": "T", "donor": list("xyzzz")}, index=list("abcde")),
    )
    joined = anndata.concat([full, others], join="outer")
    joined.uns["plkd"] = full.uns["plkd"]
    assert joined.obs["plkd_set"].isna().sum() == 5
    found = trust_of(joined, **options)
    assert found.sets == expected.sets
    assert found.best_label_accuracy == expected.best_label_accuracy
    assert found.calibration == expected.calibration
    assert found.rejection.accuracy_of_named == expected.rejection.accuracy_of_named
    assert found.rejection.auroc == expected.rejection.auroc
    assert plkd.tl.evaluate(joined, labels_key="truth").n_cells == 12


def test_where_no_cell_with_a_truth_was_annotated_nothing_is_measured(full: AnnData) -> None:
    full.obs["truth"] = [None] * 7 + ["T"]
    full.obs.loc["cell7", ["plkd_label", "plkd_best_label", "plkd_set"]] = None
    with pytest.warns(UserWarning, match="no predicted type is a true type"):
        found = trust_of(full)
    assert (found.sets, found.best_label_accuracy, found.calibration) == ((), None, None)
    assert found.rejection.accuracy_of_named is None


def test_names_with_a_bar_are_read_from_sets() -> None:
    adata = table(plkd_set=[r"B\|x|T"] * 8)
    adata.obs["truth"] = "B|x"
    adata.obs["plkd_label"] = "B|x"
    [found] = trust_of(adata).sets
    assert (found.coverage, found.mean_size) == (1.0, 2.0)


def test_only_what_is_there_is_measured() -> None:
    found = trust_of(table())
    assert (found.calibration, found.best_label_accuracy, found.sets) == (None, None, ())
    assert found.rejection.new_types is None


def test_columns_of_others_are_not_taken_for_ours(full: AnnData) -> None:
    full.obs["theirs"] = LABEL
    found = trust_of(full, prediction_key="theirs")
    assert (found.calibration, found.best_label_accuracy, found.sets) == (None, None, ())
    full.obs["a/b_label"] = LABEL
    assert trust_of(full, prediction_key="a/b_label").calibration is None
    full.obs["sure"] = 0.5
    measured = trust_of(full, prediction_key="theirs", confidence_key="sure").calibration
    assert measured is not None
    assert measured.mean_confidence == 0.5


@pytest.mark.parametrize(
    ("label", "confidence"),
    [("mine_label", "mine_confidence"), ("plkd_label_smoothed", "plkd_confidence_smoothed")],
)
def test_confidence_stands_beside_the_label(full: AnnData, label: str, confidence: str) -> None:
    full.obs[label] = LABEL
    full.obs[confidence] = 0.25
    measured = trust_of(full, prediction_key=label).calibration
    assert measured is not None
    assert measured.mean_confidence == 0.25


def test_the_best_label_has_what_stands_beside_the_label(full: AnnData, tmp_path: Path) -> None:
    found = trust_of(full, prediction_key="plkd_best_label", batch_key="donor")
    usual = trust_of(full, batch_key="donor")
    known = [name is not None for name in TRUTH]
    right = np.array(BEST, dtype=object) == np.array(TRUTH, dtype=object)
    expected = plkd.metrics.calibration_report(
        np.array(CONFIDENCE, dtype=np.float32)[known], right[known]
    )
    assert found.calibration == expected
    assert found.sets == usual.sets
    assert found.rejection == usual.rejection
    assert (found.rejection.n_unknown > 0, found.rejection.new_types) == (True, ("NK",))
    full.write_h5ad(tmp_path / "a.h5ad")
    keys = {"labels_key": "truth", "prediction_key": "plkd_best_label", "batch_key": "donor"}
    assert evaluate_file(tmp_path / "a.h5ad", **keys).trust == found


def test_a_key_that_ends_in_best_has_slots_of_its_own(full: AnnData) -> None:
    full.obs["plkd_best_confidence"] = 0.25
    full.uns["plkd_best"] = {"classes": np.array(["B", "T", "NK"], dtype=object)}
    found = trust_of(full, prediction_key="plkd_best_label")
    assert found.calibration is not None
    assert found.calibration.mean_confidence == 0.25
    assert (found.sets, found.rejection.new_types) == ((), ())


def test_all_unknown_has_no_calibration(full: AnnData) -> None:
    full.obs["plkd_label"] = "unknown"
    with pytest.warns(UserWarning, match="no predicted type is a true type"):
        assert trust_of(full).calibration is None


def test_labels_that_are_numbers_in_one_column_and_text_in_the_other() -> None:
    adata = table(plkd_confidence=np.full(8, 0.75))
    adata.obs["truth"] = [1, 1, 2, 2, 1, 2, 1, 2]
    adata.obs["plkd_label"] = ["1", "1", "2", "2", "1", "2", "2", "1"]
    measured = trust_of(adata).calibration
    assert measured is not None
    assert (measured.accuracy, measured.ece) == (0.75, 0.0)


def test_file_gives_what_memory_gives(full: AnnData, tmp_path: Path) -> None:
    full.write_h5ad(tmp_path / "a.h5ad")
    expected = plkd.tl.evaluate(full, labels_key="truth", batch_key="donor").as_dict()
    found = evaluate_file(tmp_path / "a.h5ad", labels_key="truth", batch_key="donor").as_dict()
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["trust"]["rejection"]["new_types"] == ["NK"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence_key": "sure"}, "a column 'sure' in obs; found the columns 'truth'"),
        ({"batch_key": "lane"}, "a column 'lane' in obs"),
        ({"confidence_key": "donor"}, "numbers in the column 'donor'; found values of type"),
        ({"prediction_key": "donor", "batch_key": "donor"}, "sets of types beside the predicted"),
    ],
)
def test_what_does_not_fit_is_refused(full: AnnData, options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plkd.tl.evaluate(full, labels_key="truth", **options)


def test_batches_without_sets_are_refused(full: AnnData) -> None:
    del full.obs["plkd_set"]
    with pytest.raises(InputError, match="a column 'plkd_set'; found none"):
        plkd.tl.evaluate(full, labels_key="truth", batch_key="donor")


@pytest.mark.parametrize("wrong", [1.5, np.nan])
def test_confidence_out_of_its_range_is_refused(full: AnnData, wrong: float) -> None:
    full.obs.loc["cell0", "plkd_confidence"] = wrong
    with pytest.raises(InputError, match=r"confidences in \[0, 1\]"):
        plkd.tl.evaluate(full, labels_key="truth")
