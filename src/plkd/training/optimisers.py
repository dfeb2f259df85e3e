"""Optimisers and the learning-rate schedule."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import nn

from plkd.config import TrainConfig


def make_optimizer(
    module: nn.Module, steps: int, *, config: TrainConfig, lr: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return the optimiser of ``config`` and its schedule: linear warm-up, then cosine to zero."""
    if config.optimizer == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            module.parameters(), lr=lr, momentum=0.9, weight_decay=config.weight_decay
        )
    else:
        optimizer = torch.optim.AdamW(
            module.parameters(), lr=lr, weight_decay=config.weight_decay, fused=True
        )
    factor = partial(cosine_factor, steps=steps, warmup=config.warmup)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def cosine_factor(step: int, *, steps: int, warmup: float) -> float:
    """Return the share of the highest learning rate that a step gets, in [0, 1]."""
    rising = int(steps * warmup)
    if step < rising:
        return (step + 1) / (rising + 1)
    done = (step - rising) / max(1, steps - rising)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
