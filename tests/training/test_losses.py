"""Each loss against the formula written out in loops."""

from __future__ import annotations

import math

import pytest
import torch

from plkd.training.losses import (
    cross_entropy,
    distillation_loss,
    divergence_clustering_loss,
    self_entropy_loss,
)


def literal_l1(embedding, assignment, sigma):
    n, k = assignment.shape
    s = [
        [
            math.exp(-float((embedding[i] - embedding[j]).square().sum()) / sigma**2)
            for j in range(n)
        ]
        for i in range(n)
    ]

    def form(a, b):
        return sum(
            float(assignment[i, a]) * s[i][j] * float(assignment[j, b])
            for i in range(n)
            for j in range(n)
        )

    total = 0.0
    for a in range(k):
        for b in range(a + 1, k):
            total += form(a, b) / math.sqrt(form(a, a) * form(b, b))
    return total / k


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_l1_is_the_double_loop(sigma):
    torch.manual_seed(0)
    embedding = torch.randn(9, 4, dtype=torch.float64)
    assignment = torch.randn(9, 5, dtype=torch.float64).softmax(1)
    fast = divergence_clustering_loss(embedding, assignment, bandwidth=sigma)
    assert float(fast) == pytest.approx(literal_l1(embedding, assignment, sigma), abs=1e-12)


@pytest.mark.parametrize("sigma", [1.0, 2.5])
def test_l1_passes_gradcheck(sigma):
    torch.manual_seed(0)
    embedding = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)

    def loss(e, y):
        return divergence_clustering_loss(e, y.softmax(1), bandwidth=sigma)

    assert torch.autograd.gradcheck(loss, (embedding, logits))


def test_l1_is_bounded_and_zero_for_types_far_apart():
    far = torch.tensor([[0.0, 0.0], [0.0, 0.0], [100.0, 0.0], [100.0, 0.0]])
    pure = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert float(divergence_clustering_loss(far, pure)) == pytest.approx(0, abs=1e-6)
    same = torch.zeros(4, 2)
    assert float(divergence_clustering_loss(same, pure)) == pytest.approx(0.5)  # 1 pair / k = 2
    torch.manual_seed(0)
    any_ = divergence_clustering_loss(torch.randn(50, 8), torch.randn(50, 6).softmax(1))
    assert 0 <= float(any_) <= (6 - 1) / 2


def test_l1_stays_finite_when_a_type_is_empty():
    embedding = torch.randn(5, 3, requires_grad=True)
    assignment = torch.zeros(5, 3)
    assignment[:, 0] = 1
    loss = divergence_clustering_loss(embedding, assignment)
    loss.backward()
    assert math.isfinite(float(loss.detach()))
    assert bool(embedding.grad.isfinite().all())


def test_the_batchs_own_bandwidth_does_not_depend_on_the_embeddings_scale():
    torch.manual_seed(0)
    embedding, assignment = torch.randn(20, 4), torch.randn(20, 3).softmax(1)
    one = divergence_clustering_loss(embedding, assignment, bandwidth=None)
    ten = divergence_clustering_loss(10 * embedding, assignment, bandwidth=None)
    assert float(one) == pytest.approx(float(ten), rel=1e-4)


def test_l2_is_the_mean_log_likelihood_of_labelled_cells():
    torch.manual_seed(0)
    logits = torch.randn(5, 3)
    codes = torch.tensor([2, -1, 0, 1, -1])
    by_hand = -sum(float(logits[i].log_softmax(0)[codes[i]]) for i in (0, 2, 3)) / 3
    assert float(cross_entropy(logits, codes)) == pytest.approx(by_hand, rel=1e-6)
    assert float(cross_entropy(logits, torch.full((5,), -1))) == 0


def test_l3_is_the_kl_divergence_at_the_temperature():
    torch.manual_seed(0)
    student, teacher = torch.randn(4, 3), torch.randn(4, 3)
    p, q = (teacher / 3).softmax(1), (student / 3).softmax(1)
    by_hand = float((p * (p / q).log()).sum(1).mean())
    plain = distillation_loss(student, teacher, temperature=3.0, rescale=False)
    assert float(plain) == pytest.approx(by_hand, rel=1e-5)
    scaled = distillation_loss(student, teacher, temperature=3.0)
    assert float(scaled) == pytest.approx(9 * by_hand, rel=1e-5)
    assert float(distillation_loss(teacher, teacher)) == pytest.approx(0, abs=1e-6)


def test_l4_is_least_when_every_type_is_alive():
    even = torch.zeros(6, 4)
    assert float(self_entropy_loss(even)) == pytest.approx(-math.log(4) / 4, rel=1e-6)
    swallowed = torch.zeros(6, 4)
    swallowed[:, 0] = 50
    assert float(self_entropy_loss(swallowed)) == pytest.approx(0, abs=1e-6)
    one_each = 50 * torch.eye(4)  # sure of each cell, and all types alive: as good as even
    assert float(self_entropy_loss(one_each)) == pytest.approx(-math.log(4) / 4, rel=1e-6)


def test_l4_is_the_formula():
    torch.manual_seed(0)
    logits = torch.randn(7, 3, dtype=torch.float64)
    mean = [float(logits.softmax(1)[:, a].mean()) for a in range(3)]
    by_hand = sum(p * math.log(p) for p in mean) / 3
    assert float(self_entropy_loss(logits)) == pytest.approx(by_hand, rel=1e-12)
