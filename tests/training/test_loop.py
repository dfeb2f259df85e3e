"""The loop: choice of epochs, early stopping, and a loss that is not finite."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from plkd.config import TrainConfig
from plkd.errors import TrainingError
from plkd.training.cells import Batches
from plkd.training.loop import NonFiniteLossError, train_epochs
from plkd.training.optimisers import cosine_factor, make_optimizer
from plkd.training.progress import Silent


class Recorder(Silent):
    def __init__(self):
        self.seen = []

    def epoch(self, stage, epoch, loss, held_out_macro_f1):
        self.seen.append((stage, epoch, held_out_macro_f1))


def train(loss_of, *, module=None, epochs=6, progress=None, **options):
    torch.manual_seed(0)
    module = module or nn.Linear(2, 1)
    config = TrainConfig(teacher_lr=0.1)
    course = train_epochs(
        Fabric(accelerator="cpu", devices=1),
        module,
        loss_of,
        batches=Batches(20, 5, seed=0),
        make_optimizer=partial(make_optimizer, config=config, lr=0.1),
        epochs=epochs,
        clip=1.0,
        stage="test",
        progress=progress or Silent(),
        **options,
    )
    return module, course


def square(model, index):
    return (model(torch.ones(len(index), 2)) - 3).square().mean()


def test_the_loss_falls_and_is_recorded():
    _, course = train(square)
    assert len(course.losses) == course.chosen_epochs == 6
    assert course.losses[-1] < course.losses[0]
    assert course.held_out_macro_f1 == []


def test_the_best_epoch_is_kept_and_patience_stops():
    scores = iter([0.1, 0.5, 0.4, 0.5, 0.3, 0.9])
    kept = []
    module = nn.Linear(2, 1)

    def score():
        kept.append(module.weight.detach().clone())
        return next(scores)

    progress = Recorder()
    module, course = train(
        square, module=module, held_out_score=score, patience=12, progress=progress
    )
    assert course.chosen_epochs == 2
    assert course.held_out_macro_f1 == [0.1, 0.5, 0.4, 0.5, 0.3]  # 0.9 is never seen
    assert torch.equal(module.weight, kept[1])
    assert [seen[1:] for seen in progress.seen][1] == (2, 0.5)
    assert not module.training


def test_a_loss_that_is_not_finite_stops_with_the_last_good_weights():
    module = nn.Linear(2, 1)
    good = []

    def turns_bad(model, index):
        turns_bad.steps += 1
        if turns_bad.steps == 5:  # the first step of the second epoch
            good.append(module.weight.detach().clone())
        return square(model, index) * (float("nan") if turns_bad.steps == 7 else 1)

    turns_bad.steps = 0
    with pytest.raises(NonFiniteLossError, match=r"nan in stage 'test', epoch 2, step 3") as caught:
        train(turns_bad, module=module)
    assert isinstance(caught.value, TrainingError)
    assert "\n" not in str(caught.value)
    assert torch.equal(module.weight, good[0])


def test_the_schedule_warms_up_and_falls_to_zero():
    factors = [cosine_factor(s, steps=100, warmup=0.1) for s in range(101)]
    assert factors[0] < 0.2
    assert max(factors) == pytest.approx(1)
    assert factors[100] == pytest.approx(0, abs=1e-9)
    assert all(a >= b for a, b in pairwise(factors[10:]))
    assert cosine_factor(0, steps=10, warmup=0.0) == 1


def test_the_papers_optimiser_is_sgd_with_momentum():
    optimizer, _ = make_optimizer(
        nn.Linear(2, 1), 10, config=TrainConfig.paper(), lr=TrainConfig.paper().teacher_lr
    )
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]["momentum"] == 0.9
    assert optimizer.param_groups[0]["weight_decay"] == 5e-5
