"""The paper's parameter counts, and what the networks hand out."""

from __future__ import annotations

import pytest
import torch

from plkd.networks.navigator import Navigator
from plkd.networks.student import Student
from plkd.networks.teacher import Teacher


def make_teacher(navigator, n_types):
    return Teacher(navigator, n_types, depth=2, heads=4, mlp_ratio=4)


def test_the_papers_parameter_counts():
    pairs = torch.arange(299 * 20)
    masked = Navigator(
        2000,
        48,
        pattern_index=pairs // 20,
        gene_index=pairs % 2000,
        n_masked=299,
        n_free=1,
    )
    assert make_teacher(masked, 13).n_dense_parameters() == 28_874_173
    free = make_teacher(Navigator(2000, 48, n_free=300), 13)
    assert free.n_dense_parameters() == 28_874_173
    assert sum(p.numel() for p in free.parameters()) == 28_874_173
    assert sum(p.numel() for p in Student(2000, 13).parameters()) == 547_597


def test_packing_holds_far_less():
    pairs = torch.arange(299 * 20)
    packed = make_teacher(
        Navigator(2000, 48, pattern_index=pairs // 20, gene_index=pairs % 2000, n_masked=299), 13
    )
    assert sum(p.numel() for p in packed.parameters()) < 28_874_173 / 50


def test_reading_agrees_with_annotating():
    torch.manual_seed(0)
    teacher = make_teacher(Navigator(30, 16, n_free=8), 5).eval()
    x = torch.rand(4, 30)
    plain, read = teacher(x), teacher.read(x)
    assert torch.allclose(plain.logits, read.logits, atol=1e-5)
    assert torch.allclose(plain.embedding, read.embedding, atol=1e-5)
    assert read.tokens.shape == (4, 8, 16)
    assert read.rollout.shape == (4, 8)


def test_kept_patterns_are_the_only_ones_attended_to():
    torch.manual_seed(0)
    pairs = torch.arange(30)
    navigator = Navigator(30, 16, pattern_index=pairs // 5, gene_index=pairs, n_masked=6)
    teacher = make_teacher(navigator, 5).eval()
    x = torch.rand(4, 30)
    kept = torch.tensor([1, 4])
    before = teacher(x, kept).logits
    other = x.clone()
    other[:, 0:5] += 1  # pattern 0, which is left out
    assert torch.equal(teacher(other, kept).logits, before)
    own = x.clone()
    own[:, 5:10] += 1  # pattern 1, which is kept
    assert not torch.allclose(teacher(own, kept).logits, before)


def test_a_cells_answer_does_not_depend_on_the_other_cells():
    torch.manual_seed(0)
    for network in (make_teacher(Navigator(30, 16, n_free=8), 5), Student(30, 5)):
        network.eval()
        x = torch.rand(9, 30)
        alone = torch.cat([network(row[None]).logits for row in x])
        assert torch.allclose(network(x).logits, alone, atol=1e-5)


@pytest.mark.parametrize("profiles", [None, torch.rand(5, 30)])
def test_the_student_reads_sparse_cells_as_dense_ones(profiles):
    torch.manual_seed(0)
    student = Student(30, 5).eval()
    student.profiles = profiles
    x = torch.rand(9, 30) * (torch.rand(9, 30) < 0.2)
    x[3] = 0  # a cell with nothing stored
    stored = x != 0
    starts = torch.cat([torch.zeros(1, dtype=torch.long), stored.sum(1).cumsum(0)[:-1]])
    genes, also = stored.nonzero()[:, 1], torch.rand(4, 30)
    sparse, agreement = student.from_sparse(x[stored], genes, starts, student.weight_by_gene())
    expected = x @ (also[:0] if profiles is None else profiles).T
    assert torch.allclose(agreement, expected, atol=1e-5)
    again, heard = student.from_sparse(x[stored], genes, starts, student.weight_by_gene(also))
    at_once, beside = student.from_dense(x, student.weight_by_gene(also))
    torch.testing.assert_close(at_once, again)
    torch.testing.assert_close(beside, heard)
    assert torch.allclose(heard, torch.cat([expected, x @ also.T], 1), atol=1e-5)
    assert torch.allclose(again.logits, sparse.logits, atol=1e-5)
    dense = student(x)
    assert torch.allclose(sparse.logits, dense.logits, atol=1e-5)
    assert torch.allclose(sparse.embedding, dense.embedding, atol=1e-5)


def test_a_network_that_absorbs_its_gene_scale_answers_as_before():
    torch.manual_seed(0)
    navigator = Navigator(6, 4, pattern_index=[0, 0, 1], gene_index=[0, 2, 5], n_masked=2, n_free=1)
    teacher = Teacher(navigator, 3, depth=1, heads=2, mlp_ratio=2).eval()
    student = Student(6, 3, hidden=(8, 4)).eval()
    navigator.center.copy_(torch.rand(6))
    expression, scale = torch.rand(5, 6), torch.rand(6) + 0.1
    for network, hears in ((teacher, navigator), (student, student)):
        plain = network(expression).logits
        hears.gene_scale = scale
        scaled = network(expression).logits
        assert "gene_scale" not in " ".join(network.state_dict())  # no part of a model file
        hears.absorb_gene_scale()
        assert hears.gene_scale is None
        assert torch.allclose(network(expression).logits, scaled, atol=1e-5)
        assert not torch.allclose(plain, scaled, atol=1e-3)
        hears.absorb_gene_scale()  # nothing is left to absorb
        assert torch.allclose(network(expression).logits, scaled, atol=1e-5)


def test_profiles_are_added_to_the_logits_and_to_nothing_else():
    torch.manual_seed(0)
    teacher, student = make_teacher(Navigator(30, 16, n_free=8), 5).eval(), Student(30, 5).eval()
    x, profiles = torch.rand(4, 30), torch.rand(5, 30)
    n_parameters = sum(p.numel() for p in student.parameters())
    for network in (teacher, student):
        plain = network(x)
        assert "profiles" not in network.state_dict()
        network.profiles = profiles
        beside = network(x)
        assert torch.allclose(beside.logits, plain.logits + x @ profiles.T, atol=1e-5)
        assert torch.equal(beside.embedding, plain.embedding)
        assert torch.equal(network.state_dict()["profiles"], profiles)
    assert torch.allclose(teacher.read(x).logits, teacher(x).logits, atol=1e-5)
    assert sum(p.numel() for p in student.parameters()) == n_parameters  # nothing to be learned
