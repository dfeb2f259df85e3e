"""Distil the frozen Teacher into the Student: L_student = L3 + lambda_4 L4."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from plkd.config import TrainConfig
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.cells import Batches, Cells
from plkd.training.loop import Course, train_epochs
from plkd.training.losses import cross_entropy, distillation_loss, self_entropy_loss
from plkd.training.optimisers import make_optimizer
from plkd.training.progress import Progress
from plkd.training.teach import altered, held_out_scorer, markers_louder, predict_logits


@dataclass(frozen=True)
class Lessons:
    """Cells with the Teacher's answers: all that the Student learns from."""

    cells: Cells
    teacher_logits: Float[Tensor, "cell type"]


def prepare_lessons(teacher: Teacher, cells: Cells) -> Lessons:
    """Return the cells with the Teacher's logits of each, as it is."""
    return Lessons(cells, predict_logits(teacher, cells))


def train_student(
    student: Student,
    lessons: Lessons,
    *,
    config: TrainConfig,
    fabric: Fabric,
    seed: int,
    weights: NDArray[np.float64] | None = None,
    held_out: Cells | None = None,
    epochs: int | None = None,
    stage: str = "student",
    progress: Progress,
) -> Course:
    """Train ``student`` in place on the Teacher's answers and return how it went.

    Parameters
    ----------
    weights
        Sampling weights of the cells; ``None`` visits each once an epoch.

    Raises
    ------
    NonFiniteLossError
        The loss became NaN or infinite.

    Notes
    -----
    L_student = L3 + lambda_4 L4 (section 2.3 of the paper); with ``hard_label_weight`` the
    cross-entropy with the reference labels is added, as in the authors' code.
    Deviations: the Student sees each cell altered anew each time, as ``config`` says, and is to
    answer what the Teacher says of the cell itself; with nothing to alter it is the paper's.
    """
    generator = torch.Generator().manual_seed(seed + fabric.global_rank)
    batches = Batches(
        len(lessons.cells),
        config.batch_size,
        seed,
        weights=weights,
        max_per_epoch=config.max_cells_per_epoch,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    loss_of = partial(
        student_loss, lessons=lessons, config=config, generator=generator, fabric=fabric
    )
    with markers_louder(student, lessons.cells, config):
        return train_epochs(
            fabric,
            student,
            loss_of,
            batches=batches,
            make_optimizer=partial(make_optimizer, config=config, lr=config.student_lr),
            epochs=epochs or student_epochs(len(batches), config),
            clip=config.clip,
            stage=stage,
            progress=progress,
            held_out_score=None if held_out is None else held_out_scorer(student, held_out),
        )


def student_loss(
    model: nn.Module,
    index: NDArray[np.int64],
    *,
    lessons: Lessons,
    config: TrainConfig,
    generator: torch.Generator,
    fabric: Fabric,
) -> Float[Tensor, ""]:
    """Return the Student's loss on one mini-batch of lessons."""
    seen = altered(
        lessons.cells,
        index,
        thin_to=config.thin_to,
        shift=config.student_shift_genes,
        drop=config.student_drop_genes,
        generator=generator,
    )
    logits = model(fabric.to_device(seen)).logits
    answers = fabric.to_device(lessons.teacher_logits[torch.from_numpy(index)])
    loss = distillation_loss(logits, answers, temperature=config.temperature)
    if config.self_entropy_weight:
        loss = loss + config.self_entropy_weight * self_entropy_loss(logits)
    if config.hard_label_weight:
        codes = fabric.to_device(lessons.cells.labels(index))
        loss = loss + config.hard_label_weight * cross_entropy(logits, codes)
    return loss


def student_epochs(batches_per_epoch: int, config: TrainConfig) -> int:
    """Return the epochs that give at least ``config.fewest_student_steps`` mini-batches."""
    return max(config.student_epochs, -(-config.fewest_student_steps // batches_per_epoch))
