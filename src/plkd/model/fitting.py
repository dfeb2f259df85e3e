"""The order of training: choose epochs on held-out batches, then train on everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.config import TARGET_SUM, StudentConfig, TeacherConfig, TrainConfig
from plkd.data.gene_sets import PatternMask
from plkd.data.labels import Split, balanced_weights, split_reference
from plkd.data.marker_scale import marker_scale
from plkd.data.rows import gene_variance
from plkd.data.type_profiles import type_profiles
from plkd.model.networks import build_student, build_teacher
from plkd.model.reference import Reference
from plkd.model.settling import settled_labels
from plkd.model.trusting import learn_trust
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.cells import Batches, Cells
from plkd.training.distil import prepare_lessons, train_student
from plkd.training.loop import Course, NonFiniteLossError
from plkd.training.progress import Progress
from plkd.training.teach import held_out_scorer, train_teacher
from plkd.trust.learned import Trust

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator


@dataclass(frozen=True)
class Fitted:
    """Trained networks, when to believe them, and how it went (plain numbers for the file)."""

    teacher: Teacher
    student: Student
    summary: dict[str, Any]
    trust: Trust | None = None

    @property
    def networks(self) -> dict[str, Student | Teacher]:
        """Both networks by name."""
        return {"student": self.student, "teacher": self.teacher}


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


def learn(model: CellAnnotator, reference: Reference, fabric: Fabric, progress: Progress) -> None:
    """Give ``model`` all that it learns from a reference.

    Raises
    ------
    NonFiniteLossError
        The loss became NaN or infinite, of a Teacher or of its Student. ``model.teacher_`` is then
        this Teacher, with its last good weights.
    """
    model.classes_ = reference.labels.classes
    model.genes_ = reference.genes
    model.patterns_ = reference.mask
    model.contract_ = {
        "expression": "log1p",
        "target_sum": TARGET_SUM,
        "reference_expression": str(reference.recognised.kind),
        "reference_note": reference.recognised.note,
    }
    plan = Plan(
        reference.mask, model.teacher, model.student, model.training, model.seed, fabric, progress
    )
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(model.seed)
            fitted = fit_networks(reference, plan)
    except NonFiniteLossError as error:
        last = error.network if error.teacher is None else error.teacher
        if isinstance(last, Teacher):
            model.teacher_ = last.cpu().eval()
        raise
    model.teacher_, model.student_, model.trust_ = fitted.teacher, fitted.student, fitted.trust
    model.gene_weights_ = gene_weights(fitted.student, reference.cells.expression)
    model.summary_ = {**fitted.summary, **reference.summary()}


def fit_networks(reference: Reference, plan: Plan) -> Fitted:
    """Train Teacher and Student as ``plan`` says.

    With ``hold_out``, a Teacher and its Student are first trained without some batches (without
    some cells where there are no batches): the epochs are chosen by macro F1 on those, and what the
    two say of them tells when to believe a model. With ``refit``, Teacher and Student are then
    trained on all cells, the Teacher for so many epochs.
    """
    cells, aside = settled_labels(reference, plan.training.doubtful_labels, plan.seed)
    split = _split(cells, reference.batches, plan)
    if split is None:
        teacher, taught = _teach(cells, plan, stage="teacher")
        student, distilled = _distil(teacher, cells, plan)
        fitted = _fitted(teacher, student, cells, plan, taught=taught, distilled=distilled)
    else:
        fitted = _tried_and_fitted(cells, split, plan)
    fitted.summary["labels_set_aside"] = aside
    return fitted


def _tried_and_fitted(cells: Cells, split: Split, plan: Plan) -> Fitted:
    config = plan.training
    unseen, learning = cells.subset(split.held_out), cells.subset(split.train)
    labelled = np.flatnonzero(unseen.codes >= 0)
    held_out = unseen.subset(_some(labelled, config.max_held_out, plan.seed))
    teacher, taught = _teach(learning, plan, held_out=held_out, stage="teacher, held-out cells")
    trial = {
        "how": split.how,
        "batches": list(split.batches),
        "n_cells": len(held_out),
        "teacher": taught.as_dict(),
    }
    tried = None
    if config.trust or not config.refit:
        with torch.random.fork_rng(devices=[]):  # the final networks begin as without it
            student, distilled = _distil(
                teacher,
                learning,
                plan,
                held_out=None if config.refit else held_out,
                stage="student, held-out cells",
            )
        tried = _fitted(teacher, student, learning, plan, taught=taught, distilled=distilled)
        trial["student_macro_f1"] = held_out_scorer(student, held_out)()
    else:
        _finish([teacher], learning, config)
    trial["teacher_macro_f1"] = held_out_scorer(teacher, held_out)()
    final, learned_from = tried, learning
    if config.refit or final is None:
        fewest = _fewest_epochs(len(cells), config, plan.fabric.world_size)
        epochs = max(taught.chosen_epochs, fewest)
        teacher, taught = _teach(cells, plan, epochs=epochs, stage="teacher, all cells")
        student, distilled = _distil(teacher, cells, plan)
        final = _fitted(teacher, student, cells, plan, taught=taught, distilled=distilled)
        learned_from = cells
    final.summary["held_out"] = trial
    if not config.trust or tried is None:
        return final
    trust = learn_trust(
        (tried.networks, final.networks),
        learning=learning,
        held_out=unseen,
        cells=learned_from,
        seed=plan.seed,
        discriminant_weight=config.discriminant_weight,
    )
    return replace(final, trust=trust)


def _teach(
    cells: Cells,
    plan: Plan,
    *,
    held_out: Cells | None = None,
    epochs: int | None = None,
    stage: str,
) -> tuple[Teacher, Course]:
    teacher = build_teacher(plan.mask, plan.teacher, cells.n_types)
    course = train_teacher(
        teacher,
        cells,
        config=plan.training,
        fabric=plan.fabric,
        seed=plan.seed,
        weights=_weights(cells, plan.training),
        held_out=held_out,
        epochs=epochs,
        stage=stage,
        progress=plan.progress,
    )
    return teacher, course


def _distil(
    teacher: Teacher,
    cells: Cells,
    plan: Plan,
    *,
    held_out: Cells | None = None,
    stage: str = "student",
) -> tuple[Student, Course]:
    student = build_student(plan.mask.n_genes, cells.n_types, plan.student)
    lessons = prepare_lessons(teacher, cells)
    try:
        course = train_student(
            student,
            lessons,
            config=plan.training,
            fabric=plan.fabric,
            seed=plan.seed,
            weights=_weights(cells, plan.training),
            held_out=held_out,
            stage=stage,
            progress=plan.progress,
        )
    except NonFiniteLossError as error:
        error.teacher = teacher
        raise
    return student, course


def _fitted(
    teacher: Teacher,
    student: Student,
    cells: Cells,
    plan: Plan,
    *,
    taught: Course,
    distilled: Course,
) -> Fitted:
    _finish([teacher, student], cells, plan.training)
    summary = {
        "n_cells": len(cells),
        "teacher": taught.as_dict(),
        "student": distilled.as_dict(),
    }
    return Fitted(teacher, student, summary)


def _finish(networks: Sequence[Student | Teacher], cells: Cells, config: TrainConfig) -> None:
    """Bring trained networks to the CPU and put the type profiles of their cells beside them."""
    profiles = _profiles(cells, config)
    for network in networks:
        network.cpu().eval()
        network.profiles = profiles


def _profiles(cells: Cells, config: TrainConfig) -> torch.Tensor | None:
    """Return the type profiles, weighted; networks that learned beside them would lean on them."""
    if not config.profile_weight:
        return None
    known = cells.expression, cells.codes, cells.n_types
    scale = marker_scale(*known, power=config.marker_power, floor=config.marker_floor)
    return torch.from_numpy(config.profile_weight * type_profiles(*known, scale=scale))


def _split(cells: Cells, batches: NDArray[Any] | None, plan: Plan) -> Split | None:
    share = plan.training.hold_out
    if not share:
        return None
    split = split_reference(cells.codes, batches, share=share, seed=plan.seed)
    return split if (cells.codes[split.held_out] >= 0).any() else None


def _some(index: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    if len(index) <= most:
        return index
    return np.sort(np.random.default_rng(seed).choice(index, most, replace=False))


def _fewest_epochs(n_cells: int, config: TrainConfig, world_size: int) -> int:
    """Epochs for ``min_steps``: a choice of fewer, made on few held-out cells, is not believed."""
    most = config.max_cells_per_epoch
    steps = len(Batches(n_cells, config.batch_size, 0, max_per_epoch=most, world_size=world_size))
    return -(-config.min_steps // steps)


def _weights(cells: Cells, config: TrainConfig) -> NDArray[np.float64] | None:
    return balanced_weights(cells.codes, config.balance) if config.balance else None


def gene_weights(student: Student, expression: csr_matrix) -> NDArray[np.float32]:
    """Return how much the Student hears of each gene: size of its first weights times its spread.

    Parameters
    ----------
    student
        A trained Student.
    expression
        The reference it was trained on, ``(n_cells, n_genes)``.

    Returns
    -------
    ``(n_genes,)`` float32; sums to 1.
    """
    spread = np.sqrt(gene_variance(expression))
    first = student.state_dict()["layers.0.weight"].square().sum(0).sqrt().numpy()
    weight = first * spread
    return (weight / max(float(weight.sum()), 1e-12)).astype(np.float32)
