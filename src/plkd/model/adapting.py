"""Adapt a trained model to a query by the query's unlabelled cells.

Teacher and Student name the cells together. Each cell is compared with the mean of each type in
the query itself. From these answers the Student learns on altered cells, as it did from the
Teacher's on the reference (section 2.3 of the paper), and its weights then go half of the way.
Beside it a linear discriminant of the query's cells is heard from then on, and the model is as sure
of the query as it was.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.config import AdaptConfig, TrainConfig
from plkd.data.labels import balanced_weights
from plkd.data.marker_scale import marker_scale
from plkd.data.reading import ExpressionSource
from plkd.data.rows import positive_in_row
from plkd.data.type_profiles import soft_type_profiles
from plkd.errors import InputError
from plkd.model.adapted_trust import adapted_trust
from plkd.model.choices import check_seed
from plkd.model.devices import launch
from plkd.model.predict import Network, Predictor
from plkd.model.query import Query, open_query
from plkd.networks.student import Student
from plkd.training.cells import Batches, Cells
from plkd.training.distil import Lessons, train_student
from plkd.training.progress import Progress

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator

Model = TypeVar("Model", bound="CellAnnotator")

READ_AT_ONCE = 4096
FEWEST_CELLS = 2
LEAST_PROBABILITY = 1e-9


def adapted_model(
    model: Model,
    source: ExpressionSource,
    *,
    gene_key: str | None,
    expression: str | None,
    config: AdaptConfig,
    seed: int,
    progress: Progress,
) -> Model:
    """Return a copy of the model with a Student adapted to a query.

    Raises
    ------
    InputError
        The query does not fit the model (GeneMatchError among these), or has fewer than two cells
        with counts in its genes; or the seed is out of its range.
    """
    check_seed(seed)
    query = open_query(source, model, gene_key=gene_key, expression=expression)
    cells = _some_cells(query, config.max_cells, seed)
    adapted, before = copy.copy(model), log_probabilities(model, cells)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapted.student_, course = _adapt(
            model, cells, before, config=config, seed=seed, progress=progress
        )
    adapted.trust_ = adapted_trust(model, adapted, cells, share=np.exp(before), config=config)
    said = {"from": model.fingerprint(), "config": config.as_dict(), "seed": seed, **course}
    adapted.summary_ = {**model.summary_, "adapted": said}
    return adapted


def _adapt(
    model: CellAnnotator,
    expression: csr_matrix,
    said: NDArray[np.float32],
    *,
    config: AdaptConfig,
    seed: int,
    progress: Progress,
) -> tuple[Student, dict[str, Any]]:
    """Return the adapted Student, and how it went (plain numbers, for the model file)."""
    answers = compared_with_their_means(expression, said, config)
    codes = answers.argmax(1)
    n_types = len(model.classes_)
    cells = Cells(expression, codes, np.ones(len(codes), dtype=np.float32), n_types)
    student = copy.deepcopy(model.student_)
    training = _training(model.training, config)
    course = train_student(
        student,
        Lessons(cells, torch.from_numpy(answers)),
        config=training,
        fabric=launch(model.device),
        seed=seed,
        weights=balanced_weights(codes, config.balance),
        epochs=_epochs(len(codes), config.steps, training),
        stage="student, query cells",
        progress=progress,
    )
    student.cpu().eval()
    _move(student, model.student_, config.share)
    return student, {
        "n_cells": len(codes),
        "named_otherwise": round(float((codes != said.argmax(1)).mean()), 6),
        "student": course.as_dict(),
    }


def log_probabilities(model: CellAnnotator, expression: csr_matrix) -> NDArray[np.float32]:
    """Return what Teacher and Student say together: the mean of their log-probabilities.

    Returns
    -------
    ``(n_cells, n_types)``; of the Student alone where the model has no Teacher.
    """
    networks: list[Network] = ["student"] if model.teacher_ is None else ["student", "teacher"]
    said = np.zeros((expression.shape[0], len(model.classes_)), dtype=np.float32)
    for network in networks:
        found = Predictor(model, network).of_rows(expression).probabilities
        said += np.log(np.maximum(found, LEAST_PROBABILITY)) / len(networks)
    return _normalised(said)


def compared_with_their_means(
    expression: csr_matrix, said: NDArray[np.float32], config: AdaptConfig
) -> NDArray[np.float32]:
    """Add to each cell's answer how far it agrees with the mean of each type in the query itself.

    Parameters
    ----------
    expression
        The query's cells in the model's terms, ``(n_cells, n_genes)``.
    said
        Log-probabilities, ``(n_cells, n_types)``.

    Returns
    -------
    Log-probabilities, ``(n_cells, n_types)``. A type that too few cells are expected of says
    nothing for or against itself: beside the type that a cell was named it is as likely as before,
    and a cell that was named so keeps that name.

    Notes
    -----
    Each round takes the means of the types, every cell counting with its probabilities, on the
    scale of the markers of the types as they were called at first.
    """
    scale = marker_scale(expression, said.argmax(1), said.shape[1], power=config.marker_power)
    answers, cells, named = said, np.arange(len(said)), said.argmax(1)
    for _ in range(config.rounds):
        share = np.exp(answers)
        there = share.sum(0) >= config.min_cells
        if there.sum() < 2:  # nothing to tell apart
            return answers
        profiles = soft_type_profiles(expression, share, scale=scale)
        agreement = np.asarray(expression @ profiles.T, dtype=np.float32)
        own, best = agreement[cells, named], agreement[:, there].max(1)
        agreement[:, ~there] = np.where(there[named], own, best)[:, None]
        answers = _normalised(said + np.float32(config.profile_weight) * agreement)
    return answers


def _training(training: TrainConfig, config: AdaptConfig) -> TrainConfig:
    return replace(
        training,
        batch_size=config.batch_size,
        student_lr=config.lr,
        weight_decay=config.weight_decay,
        optimizer="adamw",
        warmup=0.1,
        clip=1.0,
        marker_power=0.0,  # the trained weights have the scale in them
        student_drop_genes=config.drop_genes,
        student_shift_genes=config.shift_genes,
        thin_to=None,
        temperature=1.0,
        self_entropy_weight=0.0,  # a query need not have all types
        hard_label_weight=0.0,
    )


def _epochs(n_cells: int, steps: int, training: TrainConfig) -> int:
    """Return the fewest passes over the cells that give so many mini-batches."""
    most = training.max_cells_per_epoch
    return -(-steps // len(Batches(n_cells, training.batch_size, 0, max_per_epoch=most)))


def _some_cells(query: Query, most: int, seed: int) -> csr_matrix:
    """Return cells of the query that have counts, in the model's terms, at most so many."""
    n_cells = query.source.n_cells
    chosen = np.arange(n_cells)
    if n_cells > most:
        chosen = np.sort(np.random.default_rng(seed).choice(n_cells, most, replace=False))
    expression = query.in_model_genes(chosen, chunk_size=READ_AT_ONCE)
    expression = expression[positive_in_row(expression) > 0]
    if expression.shape[0] < FEWEST_CELLS:
        raise InputError(
            "cells with counts in the model's genes",
            f"{expression.shape[0]} among {len(chosen)}",
            "pass a query with more cells, or annotate it without adapting",
        )
    return expression


@torch.no_grad()
def _move(student: Student, before: Student, share: float) -> None:
    for new, old in zip(student.parameters(), before.parameters(), strict=True):
        new.copy_(old + share * (new - old))


def _normalised(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    highest = logits.max(1, keepdims=True)
    total = np.log(np.exp(logits - highest).sum(1, keepdims=True))
    return logits - highest - total
