"""Configurations refuse what training could not use, and read what older versions wrote."""

from __future__ import annotations

import pytest

from plkd.config import StudentConfig, TrainConfig
from plkd.errors import InputError


@pytest.mark.parametrize("name", ["SGD", "adam", None])
def test_optimisers_that_are_not_known_are_refused(name):
    with pytest.raises(InputError, match=r"TrainConfig\.optimizer as one of adamw, sgd; found"):
        TrainConfig(optimizer=name)


def test_an_older_model_with_another_optimiser_was_trained_by_adamw():
    written = {**TrainConfig(min_steps=7).as_dict(), "optimizer": "SGD"}
    assert TrainConfig.from_dict(written) == TrainConfig(min_steps=7)
    assert written["optimizer"] == "SGD"


def test_an_older_model_had_no_floor_under_its_genes():
    written = TrainConfig(marker_floor=0.7).as_dict()
    assert TrainConfig.from_dict(written).marker_floor == 0.7
    del written["marker_floor"]
    assert TrainConfig.from_dict(written).marker_floor == 0


@pytest.mark.parametrize("hidden", [(), 256, (256, 0), (256, 12.5), "256", None])
def test_hidden_layers_that_cannot_be_are_refused(hidden):
    with pytest.raises(InputError, match=r"StudentConfig\.hidden as one width or more"):
        StudentConfig(hidden=hidden)


@pytest.mark.parametrize("hidden", [(256,), (64, 32, 16), [8, 4]])
def test_hidden_layers_come_back_as_they_were(hidden):
    assert StudentConfig.from_dict(StudentConfig(hidden=hidden).as_dict()).hidden == tuple(hidden)


def test_without_a_floor_of_its_own_the_student_gets_twice_the_teachers():
    written = TrainConfig(min_steps=30).as_dict()
    del written["student_min_steps"]  # as models of older versions have it
    assert TrainConfig.from_dict(written).fewest_student_steps == 60
    assert TrainConfig().fewest_student_steps == 800
    assert TrainConfig(min_steps=30, student_min_steps=0).fewest_student_steps == 0
    with pytest.raises(InputError, match="student_min_steps"):
        TrainConfig(student_min_steps=-1)


def test_the_papers_training_goes_through_all_epochs():
    """300 mini-batches of 8 cells are less than an epoch of most references."""
    assert TrainConfig.paper().patience is None
    assert TrainConfig().patience == 300
