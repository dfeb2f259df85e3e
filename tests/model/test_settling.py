"""Labels set aside where many are wrong, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.config import TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator
from plkd.model.reference import prepare_reference
from plkd.model.settling import settled_labels
from toy import toy_reference

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


def cells_of(reference):
    return prepare_reference(
        reference,
        None,
        labels_key="cell_type",
        batch_key="batch",
        n_genes=300,
        teacher=TeacherConfig(n_patterns=6),
        layer=None,
        use_raw=False,
        gene_key=None,
        expression=None,
    ).cells


def test_a_clean_reference_keeps_every_label():
    cells = cells_of(toy_reference(1200, n_types=N_TYPES))
    settled, said = settled_labels(cells, 0.05, 0)
    assert settled is cells
    assert said["n_cells"] == 0
    assert said["share_of_doubtful"] < 0.02


def test_wrong_labels_are_set_aside_where_they_are_many():
    reference, wrong, _ = with_wrong_labels(0.2)
    cells = cells_of(reference)
    settled, said = settled_labels(cells, 0.05, 0)
    aside = (settled.codes < 0) & (cells.codes >= 0)
    assert said["n_cells"] == aside.sum() > 0
    assert aside[wrong].mean() > 0.9
    assert wrong[aside].mean() > 0.9
    kept = ~aside
    assert np.array_equal(settled.codes[kept], cells.codes[kept])
    assert set(settled.codes[settled.codes >= 0]) == set(cells.codes)


def test_it_can_be_left_out_or_insisted_on():
    reference, wrong, _ = with_wrong_labels(0.03)
    cells = cells_of(reference)
    assert settled_labels(cells, None, 0)[0] is cells
    assert settled_labels(cells, 0.05, 0)[0] is cells
    settled, _ = settled_labels(cells, 0.0, 0)
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
