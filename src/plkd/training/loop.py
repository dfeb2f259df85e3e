"""The one training loop: every step of it can be read here."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from plkd.errors import TrainingError
from plkd.training.cells import Batches
from plkd.training.progress import Progress

Weights = dict[str, Any]


@dataclass
class Course:
    """How a training went, epoch by epoch.

    Attributes
    ----------
    losses
        Mean loss of each epoch, in nats.
    held_out_macro_f1
        Macro F1 on the held-out cells after each epoch, in [0, 1]; empty without them.
    chosen_epochs
        Epochs after which the kept weights stood.
    """

    losses: list[float] = field(default_factory=list)
    held_out_macro_f1: list[float] = field(default_factory=list)
    chosen_epochs: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the course as plain numbers for the model file."""
        return {
            "losses": [round(loss, 6) for loss in self.losses],
            "held_out_macro_f1": [round(score, 6) for score in self.held_out_macro_f1],
            "chosen_epochs": self.chosen_epochs,
        }


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite.

    Attributes
    ----------
    network
        The network, with its last good weights.
    teacher
        The trained Teacher that the network was to learn from; ``None`` where it learned from none.
    """

    network: nn.Module
    teacher: nn.Module | None = None


def train_epochs(
    fabric: Fabric,
    module: nn.Module,
    loss_of: Callable[[nn.Module, NDArray[Any]], Tensor],
    *,
    batches: Batches,
    make_optimizer: Callable[[nn.Module, int], tuple[torch.optim.Optimizer, Any]],
    epochs: int,
    clip: float | None,
    stage: str,
    progress: Progress,
    held_out_score: Callable[[], float] | None = None,
    patience: int | None = None,
    patience_from: int = 0,
) -> Course:
    """Train a network in place and return how it went.

    Parameters
    ----------
    fabric
        Puts the network and its optimiser on one or several devices.
    module
        The network; afterwards it holds the chosen weights.
    loss_of
        Gives the loss of a mini-batch of cell indices.
    batches
        The order of the cells.
    make_optimizer
        Gives an optimiser and a learning-rate schedule for a number of steps.
    epochs
        Epochs at most; the schedule is laid out for this number.
    clip
        Norm to which gradients are clipped; ``None`` leaves them.
    stage, progress
        Name of the stage, and who is told of its course.
    held_out_score
        Macro F1 on held-out cells. With it, the weights of the best epoch are kept.
    patience
        Stop after so many mini-batches without a better score, counted from ``patience_from``.
    patience_from
        Mini-batch from which patience counts (the end of the warm-up).

    Raises
    ------
    NonFiniteLossError
        The loss is NaN or infinite. The network then holds the weights of the last epoch
        that ended well (the initial ones in the first epoch).
    """
    optimizer, schedule = make_optimizer(module, epochs * len(batches))
    model, optimizer = fabric.setup(module, optimizer)
    course = Course()
    last_good = best = _snapshot(module)
    progress.start(stage, epochs)
    for epoch in range(epochs):
        model.train()
        total, steps = 0.0, 0
        for index in batches.epoch(epoch):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model, index)
            value = float(loss.detach())
            if not math.isfinite(value):
                module.load_state_dict(last_good)
                progress.finish(stage)
                raise _non_finite(module, f"'{stage}', epoch {epoch + 1}, step {steps + 1}", value)
            fabric.backward(loss)
            if clip is not None:
                fabric.clip_gradients(model, optimizer, max_norm=clip, error_if_nonfinite=False)
            optimizer.step()
            schedule.step()
            total, steps = total + value, steps + 1
        last_good = _snapshot(module)
        course.losses.append(total / steps)
        score = None
        if held_out_score is not None:
            model.eval()
            score = held_out_score()
            if not course.held_out_macro_f1 or score > max(course.held_out_macro_f1):
                best, course.chosen_epochs = last_good, epoch + 1
            course.held_out_macro_f1.append(score)
        progress.epoch(stage, epoch + 1, course.losses[-1], score)
        waited = (epoch + 1) * len(batches)
        waited -= max(patience_from, course.chosen_epochs * len(batches))
        if score is not None and patience is not None and waited >= patience:
            break
    if held_out_score is None:
        course.chosen_epochs = epochs
    else:
        module.load_state_dict(best)
    module.eval()
    progress.finish(stage)
    return course


def _snapshot(module: nn.Module) -> Weights:
    return copy.deepcopy({name: value.detach() for name, value in module.state_dict().items()})


def _non_finite(network: nn.Module, where: str, value: float) -> NonFiniteLossError:
    error = NonFiniteLossError(
        "a finite loss",
        f"{value} in stage {where}",
        "lower the learning rate (TrainConfig), or look for extreme values in the reference; "
        "the weights of the last good epoch were kept",
    )
    error.network = network
    return error
