"""Labels set aside where many are wrong or other batches contradict them, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plkd.cli.output import training_text
from plkd.config import TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator
from plkd.model.files import describe_model
from plkd.model.reference import prepare_reference
from plkd.model.settling import settled_labels
from toy import toy_reference, without_a_name

N_TYPES = 8


def with_wrong_labels(share: float):
    """Return a toy reference and which of its labels are wrong."""
    reference = toy_reference(1200, n_types=N_TYPES)
    rng = np.random.default_rng(0)
    types = reference.obs["cell_type"].astype(str).to_numpy()
    names = np.unique(types)
    wrong = rng.random(len(types)) < share
    others = [rng.choice(names[names != name]) for name in types[wrong]]
    given = types.copy()
    given[wrong] = others
    reference.obs["cell_type"] = given
    return reference, wrong, types


def prepared(reference):
    return prepare_reference(
        reference,
        None,
        labels_key="cell_type",
        batch_key="batch",
        n_genes=300,
        seed=0,
        teacher=TeacherConfig(n_patterns=6),
        layer=None,
        use_raw=False,
        gene_key=None,
        expression=None,
    )


def test_a_clean_reference_keeps_every_label():
    reference = prepared(toy_reference(1200, n_types=N_TYPES))
    settled, said = settled_labels(reference, 0.05, 0)
    assert settled is reference.cells
    assert said["n_cells"] == 0
    assert said["share_of_doubtful"] < 0.02


def test_wrong_labels_are_set_aside_where_they_are_many():
    reference, wrong, _ = with_wrong_labels(0.2)
    ready = prepared(reference)
    cells = ready.cells
    settled, said = settled_labels(ready, 0.05, 0)
    aside = (settled.codes < 0) & (cells.codes >= 0)
    assert said["n_cells"] == aside.sum() > 0
    assert aside[wrong].mean() > 0.9
    assert wrong[aside].mean() > 0.9
    kept = ~aside
    assert np.array_equal(settled.codes[kept], cells.codes[kept])
    assert set(settled.codes[settled.codes >= 0]) == set(cells.codes)


def test_it_can_be_left_out_or_insisted_on():
    reference, wrong, _ = with_wrong_labels(0.03)
    ready = prepared(reference)
    for share in (None, 1.0, 0.05):
        assert settled_labels(ready, share, 0)[0] is ready.cells
    settled, _ = settled_labels(ready, 0.0, 0)
    assert (settled.codes[wrong] < 0).mean() > 0.9


@pytest.mark.parametrize("doubtful", [0.05, None])
def test_a_model_learns_from_the_others(doubtful):
    reference, _, _ = with_wrong_labels(0.25)
    training = TrainConfig(
        teacher_epochs=3, student_epochs=4, min_steps=40, hold_out=0, doubtful_labels=doubtful
    )
    model = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    model.fit(reference, labels_key="cell_type", batch_key="batch")
    assert (model.summary_["labels_set_aside"]["n_cells"] > 0) == (doubtful is not None)


def one_batch_names_otherwise():
    """Return a reference in which donor 2 calls dendritic cells monocytes."""
    reference = toy_reference(1200, n_types=N_TYPES)
    return without_a_name(reference, "Dendritic cell", called="Monocyte", batch="donor 2")


def test_labels_that_other_batches_contradict_are_set_aside():
    reference = one_batch_names_otherwise()
    ready = prepared(reference)
    settled, said = settled_labels(ready, 0.05, 0)
    aside = settled.codes != ready.cells.codes
    assert (settled.codes[aside] == -1).all()
    assert (reference.obs["truth"][aside] == "Dendritic cell").mean() > 0.95
    wrong = (reference.obs["truth"] != reference.obs["cell_type"]).to_numpy()
    assert aside[wrong].mean() > 0.9
    assert said["n_cells"] == aside.sum()
    assert said["contradicted"] == [
        {
            "batch": "donor 2",
            "label": "Monocyte",
            "looks_like": "Dendritic cell",
            "n_cells": aside.sum(),
            "n_labelled": wrong.sum() + 20,
        }
    ]
    assert settled_labels(ready, None, 0)[0] is settled_labels(ready, 1.0, 0)[0] is ready.cells


def test_without_batches_no_batch_is_contradicted():
    ready = replace(prepared(one_batch_names_otherwise()), batches=None)
    settled, said = settled_labels(ready, 0.05, 0)
    assert settled is ready.cells
    assert "contradicted" not in said


def test_labels_mixed_up_at_random_do_not_hide_that_a_batch_lacks_a_name():
    reference = one_batch_names_otherwise()
    rng = np.random.default_rng(0)
    types = reference.obs["cell_type"].to_numpy(dtype=object).copy()
    mixed_up = rng.random(len(types)) < 0.15
    types[mixed_up] = rng.choice(np.unique(types.astype(str)), mixed_up.sum())
    reference.obs["cell_type"] = types
    _, said = settled_labels(prepared(reference), 0.05, 0)
    (found,) = said["contradicted"]
    assert (found["batch"], found["looks_like"]) == ("donor 2", "Dendritic cell")
    assert said["n_cells"] > found["n_cells"]


def test_a_model_says_what_the_other_batches_contradict(tmp_path):
    training = TrainConfig(teacher_epochs=2, student_epochs=2, min_steps=10)
    model = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    model.fit(one_batch_names_otherwise(), labels_key="cell_type", batch_key="batch")
    model.save(tmp_path / "model")
    said = training_text(describe_model(tmp_path / "model"), 1.0)
    assert "Monocyte of donor 2: the other batches say Dendritic cell" in said
