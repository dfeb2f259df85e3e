"""Distil the frozen Teacher into the Student: L_student = L3 + lambda_4 L4."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from lightning.fabric import Fabric
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from torch import Tensor, nn

from plkd.config import TrainConfig
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.cells import Batches, Cells
from plkd.training.loop import Course, train_epochs
from plkd.training.losses import cross_entropy, distillation_loss, self_entropy_loss
from plkd.training.optimisers import make_optimizer
from plkd.training.progress import Progress
from plkd.training.teach import PREDICTION_BATCH, augmented, held_out_scorer, predict_logits


@dataclass(frozen=True)
class Lessons:
    """Cells, real and augmented, with the Teacher's answers: all that the Student learns from."""

    cells: Cells
    teacher_logits: Float[Tensor, "cell type"]


def prepare_lessons(teacher: Teacher, cells: Cells, *, config: TrainConfig, seed: int) -> Lessons:
    """Return each cell and its augmented views with the Teacher's logits.

    The first view of a cell is the cell itself. Without augmentation there is one view.
    """
    views = min(config.views, max(1, config.max_views // max(1, len(cells))))
    if config.thin_to is None and not config.drop_genes:
        views = 1
    generator = torch.Generator().manual_seed(seed)
    expression = [cells.expression]
    for _ in range(views - 1):
        expression.extend(
            csr_matrix(augmented(cells, index, config=config, generator=generator).numpy())
            for index in _chunks(len(cells))
        )
    seen = Cells(
        vstack(expression, format="csr"),
        np.tile(cells.codes, views),
        np.tile(cells.depth, views),
        cells.n_types,
    )
    return Lessons(seen, predict_logits(teacher, seen))


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
        Sampling weights of the reference cells (one view's worth); ``None`` draws evenly.

    Raises
    ------
    NonFiniteLossError
        The loss became NaN or infinite.

    Notes
    -----
    L_student = L3 + lambda_4 L4 (section 2.3 of the paper); with ``hard_label_weight`` the
    cross-entropy with the reference labels is added, as in the authors' code.
    """
    if weights is not None:
        weights = np.tile(weights, len(lessons.cells) // len(weights))
        weights = weights / weights.sum()
    batches = Batches(
        len(lessons.cells),
        config.batch_size,
        seed,
        weights=weights,
        max_per_epoch=config.max_cells_per_epoch,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
    )
    return train_epochs(
        fabric,
        student,
        partial(student_loss, lessons=lessons, config=config, fabric=fabric),
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
    fabric: Fabric,
) -> Float[Tensor, ""]:
    """Return the Student's loss on one mini-batch of lessons."""
    logits = model(fabric.to_device(lessons.cells.dense(index))).logits
    answers = fabric.to_device(lessons.teacher_logits[torch.from_numpy(index)])
    loss = distillation_loss(logits, answers, temperature=config.temperature)
    if config.self_entropy_weight:
        loss = loss + config.self_entropy_weight * self_entropy_loss(logits)
    if config.hard_label_weight:
        codes = fabric.to_device(lessons.cells.labels(index))
        loss = loss + config.hard_label_weight * cross_entropy(logits, codes)
    return loss


def student_epochs(batches_per_epoch: int, config: TrainConfig) -> int:
    """Return the epochs that give at least twice ``config.min_steps`` mini-batches."""
    return max(config.student_epochs, -(-2 * config.min_steps // batches_per_epoch))


def _chunks(n_cells: int) -> list[NDArray[np.int64]]:
    starts = range(0, n_cells, PREDICTION_BATCH)
    return [np.arange(start, min(start + PREDICTION_BATCH, n_cells)) for start in starts]
