"""The order of training: what is scored, what is kept, how long it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from plkd.config import TeacherConfig, TrainConfig
from plkd.errors import TrainingError
from plkd.model import fitting
from plkd.model.annotator import CellAnnotator
from plkd.training.teach import held_out_scorer
from toy import toy_reference

BRIEF = TrainConfig(teacher_epochs=2, student_epochs=2, min_steps=4)


def fit(training):
    small = TeacherConfig(n_patterns=6, width=16)
    model = CellAnnotator(teacher=small, training=training, device="cpu")
    return model.fit(toy_reference(200), labels_key="cell_type", batch_key="batch")


@pytest.mark.parametrize(
    ("choice", "scored"),
    [
        ({}, {"student", "teacher"}),
        ({"refit": False}, {"student", "teacher"}),
        ({"trust": False}, {"teacher"}),
    ],
)
def test_what_is_reported_is_that_of_networks_with_their_profiles(choice, scored, monkeypatch):
    seen = {}

    def scorer(network, cells):
        name = type(network).__name__.lower()
        assert network.profiles is not None
        assert not network.training
        seen[name] = held_out_scorer(network, cells)()
        network.profiles = None  # what it would be without them, for comparison
        assert seen[name] != held_out_scorer(network, cells)()
        return lambda: seen[name]

    training = replace(BRIEF, **choice)
    if choice.get("refit", True):
        name = fit(training).fingerprint()
    monkeypatch.setattr(fitting, "held_out_scorer", scorer)
    monkeypatch.setattr(fitting, "learn_trust", lambda *_, **__: None)
    model = fit(training)
    if choice.get("refit", True):
        assert model.fingerprint() == name
    said = {k: v for k, v in model.summary_["held_out"].items() if k.endswith("_macro_f1")}
    assert said == {f"{name}_macro_f1": seen[name] for name in scored}


@pytest.mark.parametrize("hold_out", [0.0, 0.2])
def test_a_student_that_diverges_leaves_its_teacher(hold_out, monkeypatch):
    monkeypatch.setattr(
        "plkd.training.distil.distillation_loss", lambda logits, *_, **__: logits.sum() * torch.nan
    )
    small = TeacherConfig(n_patterns=6, width=16)
    training = replace(BRIEF, hold_out=hold_out)
    model = CellAnnotator(teacher=small, training=training, device="cpu")
    with pytest.raises(TrainingError, match="student"):
        model.fit(toy_reference(200), labels_key="cell_type", batch_key="batch")
    assert not model.is_fitted
    assert all(bool(value.isfinite().all()) for value in model.teacher_.parameters())


def test_several_devices_share_the_mini_batches_of_an_epoch():
    config = TrainConfig(min_steps=400, batch_size=128)
    assert fitting._fewest_epochs(1024, config, 1) == 50
    assert fitting._fewest_epochs(1024, config, 2) == 100
