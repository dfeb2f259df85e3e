"""Teacher and Student learn; lessons are the Teacher's own answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from scipy.sparse import csr_matrix
from torch import nn

from plkd.config import TrainConfig
from plkd.data.marker_scale import marker_scale
from plkd.networks.navigator import Navigator
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher
from plkd.training.cells import Cells
from plkd.training.distil import prepare_lessons, student_epochs, student_loss, train_student
from plkd.training.losses import distillation_loss, self_entropy_loss
from plkd.training.progress import Silent
from plkd.training.teach import (
    kept_patterns,
    markers_louder,
    predict_logits,
    teacher_loss,
    train_teacher,
)

N_GENES, N_TYPES = 24, 3
CONFIG = TrainConfig(
    teacher_epochs=15,
    student_epochs=60,
    min_steps=30,
    batch_size=16,
    teacher_shift_genes=0.5,
    student_shift_genes=0.5,
    student_drop_genes=0.5,
)


def make_cells(n_cells=90, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.arange(n_cells) % N_TYPES
    rates = np.full((n_cells, N_GENES), 0.4)
    for cell, code in enumerate(codes):
        rates[cell, code * 8 : code * 8 + 8] = 3
    counts = rng.poisson(rates).astype(np.float32)
    depth = counts.sum(1)
    expression = csr_matrix(np.log1p(counts / depth[:, None] * 1e4).astype(np.float32))
    return Cells(expression, codes.astype(np.int64), depth, N_TYPES)


def make_teacher():
    torch.manual_seed(0)
    genes = torch.arange(N_GENES)
    navigator = Navigator(
        N_GENES, 16, pattern_index=genes // 4, gene_index=genes, n_masked=6, n_free=2
    )
    return Teacher(navigator, N_TYPES, depth=2, heads=2, mlp_ratio=2)


def fabric():
    return Fabric(accelerator="cpu", devices=1)


@pytest.fixture(scope="module")
def taught():
    teacher, cells = make_teacher(), make_cells()
    course = train_teacher(
        teacher,
        cells,
        config=CONFIG,
        fabric=fabric(),
        seed=0,
        held_out=make_cells(30, seed=1),
        progress=Silent(),
    )
    return teacher, cells, course


def test_the_teacher_learns(taught):
    teacher, _, course = taught
    new = make_cells(60, seed=2)
    assert (predict_logits(teacher, new).argmax(1).numpy() == new.codes).mean() > 0.9
    assert max(course.held_out_macro_f1) > 0.9


def test_the_navigator_is_centred_on_the_reference(taught):
    teacher, cells, _ = taught
    mean = torch.from_numpy(cells.expression.toarray().mean(0))
    assert torch.allclose(teacher.navigator.center, mean, atol=1e-5)


def test_lessons_are_the_teachers_answers_to_the_cells_themselves(taught):
    teacher, cells, _ = taught
    lessons = prepare_lessons(teacher, cells)
    assert lessons.cells is cells
    with torch.inference_mode():
        dense = torch.from_numpy(cells.expression.toarray())
        assert torch.allclose(lessons.teacher_logits, teacher(dense).logits, atol=1e-5)


def seen_by(loss, *, config):
    """Return what a network is shown in two mini-batches of the same cells."""
    seen = []

    class Spy(nn.Module):
        def forward(self, expression, kept=None):
            seen.append(expression)
            return make_teacher()(expression)

    for _ in range(2):
        loss(Spy(), np.arange(20), config=config)
    return seen


@pytest.mark.parametrize("network", ["teacher", "student"])
def test_cells_are_altered_anew_each_time_or_not_at_all(taught, network):
    teacher, cells, _ = taught
    generator, lessons = torch.Generator().manual_seed(0), prepare_lessons(teacher, cells)

    def loss(model, index, *, config):
        more = {"config": config, "generator": generator, "fabric": fabric()}
        if network == "student":
            return student_loss(model, index, lessons=lessons, **more)
        return teacher_loss(model, index, cells=cells, n_patterns=8, **more)

    first, second = seen_by(loss, config=TrainConfig())
    assert not torch.equal(first, second)
    assert bool((first >= 0).all())
    first, second = seen_by(loss, config=TrainConfig.paper())
    assert torch.equal(first, cells.dense(np.arange(20)))
    assert torch.equal(first, second)


def test_the_student_agrees_with_its_teacher(taught):
    teacher, cells, _ = taught
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    lessons = prepare_lessons(teacher, cells)
    torch.manual_seed(1)
    student = Student(N_GENES, N_TYPES, hidden=(16, 8))
    train_student(student, lessons, config=CONFIG, fabric=fabric(), seed=0, progress=Silent())
    new = make_cells(60, seed=3)
    ours, theirs = (predict_logits(network, new).argmax(1) for network in (student, teacher))
    assert float((ours == theirs).float().mean()) > 0.9
    assert all(torch.equal(before[n], v) for n, v in teacher.state_dict().items())  # frozen


def test_the_students_loss_is_l3_and_l4_without_hard_labels(taught):
    teacher, cells, _ = taught
    config = TrainConfig(
        temperature=3.0, self_entropy_weight=0.5, student_shift_genes=0.0, student_drop_genes=0.0
    )
    lessons = prepare_lessons(teacher, cells)
    student = Student(N_GENES, N_TYPES, hidden=(16, 8)).eval()
    index = np.arange(20)
    more = {"config": config, "generator": torch.Generator(), "fabric": fabric()}
    loss = student_loss(student, index, lessons=lessons, **more)
    logits = student(lessons.cells.dense(index)).logits
    answers = lessons.teacher_logits[:20]
    by_hand = distillation_loss(logits, answers) + 0.5 * self_entropy_loss(logits)
    assert torch.allclose(loss, by_hand)


def test_a_teacher_step_attends_to_the_asked_share_of_patterns():
    seen = []

    class Spy(nn.Module):
        def forward(self, expression, kept):
            seen.append(kept)
            return make_teacher()(expression, kept)

    cells = make_cells(20)
    generator = torch.Generator().manual_seed(0)
    for share in (0.5, 1.0):
        teacher_loss(
            Spy(),
            np.arange(8),
            cells=cells,
            n_patterns=8,
            config=TrainConfig(pattern_keep=share),
            generator=generator,
            fabric=fabric(),
        )
    assert len(seen[0]) == 4
    assert seen[1] is None
    assert kept_patterns(8, 0.01, generator).shape == (1,)


def test_unlabelled_cells_reach_l1_only():
    cells = make_cells(12)
    unlabelled = Cells(cells.expression, np.full(12, -1), cells.depth, N_TYPES)
    options = {
        "n_patterns": 8,
        "generator": torch.Generator().manual_seed(0),
        "fabric": fabric(),
    }
    teacher, index = make_teacher(), np.arange(12)
    whole = TrainConfig(pattern_keep=1.0, clustering_weight=1.0)
    none = TrainConfig(pattern_keep=1.0, clustering_weight=0.0)
    without = teacher_loss(teacher, index, cells=unlabelled, config=none, **options)
    with_l1 = teacher_loss(teacher, index, cells=unlabelled, config=whole, **options)
    assert float(without.detach()) == 0
    assert float(with_l1.detach()) > 0


def test_markers_are_louder_while_a_network_learns_and_absorbed_after():
    cells = make_cells(60)
    student = Student(N_GENES, N_TYPES, hidden=(16, 8))
    first = student.layers[0].weight.clone()
    known = cells.expression, cells.codes, cells.n_types
    expected = torch.from_numpy(marker_scale(*known, power=2.0, floor=0.1))
    with markers_louder(student, cells, TrainConfig(marker_power=2.0, marker_floor=0.1)):
        assert torch.equal(student.gene_scale, expected)
    assert student.gene_scale is None
    assert torch.allclose(student.layers[0].weight, first * expected)
    with pytest.raises(RuntimeError), markers_louder(student, cells, TrainConfig()):
        raise RuntimeError  # as a loss that is not finite would
    assert student.gene_scale is None
    before = student.layers[0].weight.clone()
    with markers_louder(student, cells, TrainConfig(marker_power=0.0)):
        assert student.gene_scale is None
    assert torch.equal(student.layers[0].weight, before)


def test_a_floor_under_the_students_epochs_is_its_own():
    config = TrainConfig(student_epochs=12, min_steps=400)
    assert student_epochs(5, config) == 160
    assert student_epochs(5, replace(config, min_steps=0)) == 12
    assert student_epochs(5, replace(config, min_steps=0, student_min_steps=800)) == 160
    assert student_epochs(5, replace(config, student_min_steps=0)) == 12
