"""The order of training: choose epochs on held-out batches, then train on everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from lightning.fabric import Fabric
from numpy.typing import NDArray

from plkd.config import StudentConfig, TeacherConfig, TrainConfig
from plkd.data.gene_sets import PatternMask
from plkd.data.labels import Split, balanced_weights, split_reference
from plkd.model.networks import build_student, build_teacher
from plkd.model.reference import Reference
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.cells import Batches, Cells
from plkd.training.distil import prepare_lessons, train_student
from plkd.training.progress import Progress
from plkd.training.teach import train_teacher


@dataclass(frozen=True)
class Fitted:
    """Trained networks and how their training went (plain numbers, for the model file)."""

    teacher: Teacher
    student: Student
    summary: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """All that training needs beside the cells."""

    mask: PatternMask
    teacher: TeacherConfig
    student: StudentConfig
    training: TrainConfig
    seed: int
    fabric: Fabric
    progress: Progress


def fit_networks(reference: Reference, plan: Plan) -> Fitted:
    """Train Teacher and Student as ``plan`` says.

    With ``hold_out``, both are first trained without some batches (without some cells where
    there are no batches), the Teacher's epochs are chosen by macro F1 on those, and, with
    ``refit``, both are trained anew on all cells for so many epochs.
    """
    cells, config = reference.cells, plan.training
    summary: dict[str, Any] = {"n_cells": len(cells)}
    epochs: int | None = None
    fitted = None
    if config.hold_out:
        split = split_reference(
            cells.codes, reference.batches, share=config.hold_out, seed=plan.seed
        )
        if len(split.held_out):
            trial = "choosing epochs" if config.refit else "held-out batches"
            fitted = _fit_once(
                cells.subset(split.train), plan, cells.subset(split.held_out), stage=trial
            )
            chosen = fitted.summary["teacher"]["chosen_epochs"]
            epochs = max(chosen, _fewest_epochs(len(cells), config))
            summary["held_out"] = _describe(split, fitted)
    if fitted is None or config.refit:
        fitted = _fit_once(cells, plan, None, epochs=epochs, stage="all cells")
    return Fitted(fitted.teacher, fitted.student, {**summary, **fitted.summary})


def _fit_once(
    cells: Cells, plan: Plan, held_out: Cells | None, *, stage: str, epochs: int | None = None
) -> Fitted:
    config = plan.training
    weights = _weights(cells, config)
    teacher = build_teacher(plan.mask, plan.teacher, cells.n_types)
    student = build_student(plan.mask.n_genes, cells.n_types, plan.student)
    taught = train_teacher(
        teacher,
        cells,
        config=config,
        fabric=plan.fabric,
        seed=plan.seed,
        weights=weights,
        held_out=held_out,
        epochs=epochs,
        stage=f"teacher, {stage}",
        progress=plan.progress,
    )
    lessons = prepare_lessons(teacher, cells, config=config, seed=plan.seed)
    distilled = train_student(
        student,
        lessons,
        config=config,
        fabric=plan.fabric,
        seed=plan.seed,
        weights=weights,
        held_out=held_out,
        stage=f"student, {stage}",
        progress=plan.progress,
    )
    for network in (teacher, student):
        network.cpu().eval()
    return Fitted(teacher, student, {"teacher": taught.as_dict(), "student": distilled.as_dict()})


def _fewest_epochs(n_cells: int, config: TrainConfig) -> int:
    """Epochs for ``min_steps``: a choice of fewer, made on few held-out cells, is not believed."""
    steps = len(Batches(n_cells, config.batch_size, 0, max_per_epoch=config.max_cells_per_epoch))
    return -(-config.min_steps // steps)


def _weights(cells: Cells, config: TrainConfig) -> NDArray[np.float64] | None:
    return balanced_weights(cells.codes, config.balance) if config.balance else None


def _describe(split: Split, fitted: Fitted) -> dict[str, Any]:
    chosen = fitted.summary["teacher"]["chosen_epochs"]
    return {
        "how": split.how,
        "batches": list(split.batches),
        "n_cells": len(split.held_out),
        "chosen_epochs": chosen,
        "teacher_macro_f1": fitted.summary["teacher"]["held_out_macro_f1"][chosen - 1],
        "student_macro_f1": max(fitted.summary["student"]["held_out_macro_f1"]),
    }
