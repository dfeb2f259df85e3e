"""What plkd's training speed is measured against is the same function, written plainly."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import torch
from torch.nn import functional as F

from plkd.networks.navigator import Navigator
from plkd.networks.teacher import Teacher
from plkd.training.losses import divergence_clustering_loss


def test_the_literal_teacher_is_the_teacher(script: Callable[[str], ModuleType]) -> None:
    literal_teacher = script("literal_teacher")
    torch.manual_seed(0)
    navigator = Navigator(
        9, 8, pattern_index=[0, 0, 1, 1, 1], gene_index=[0, 4, 1, 4, 8], n_masked=2, n_free=1
    )
    teacher = Teacher(navigator, 4, depth=2, heads=2, mlp_ratio=4).double()
    mask = torch.zeros(9, 3, dtype=torch.float64)
    mask[[0, 4], 0] = mask[[1, 4, 8], 1] = mask[:, 2] = 1
    literal = literal_teacher.copied_from(teacher, mask).double()
    expression, codes = torch.rand(6, 9, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0, 1])

    logits, embedding = literal(expression)
    loss = literal_teacher.literal_loss(logits, embedding, codes)
    output = teacher(expression)
    expected = F.cross_entropy(output.logits, codes) + divergence_clustering_loss(
        output.embedding, output.logits.softmax(1)
    )

    torch.testing.assert_close(logits, output.logits, rtol=0, atol=1e-6)
    torch.testing.assert_close(loss, expected, rtol=0, atol=1e-6)
    dense = torch.autograd.grad(loss, literal.tokens.weight)[0].view(3, 8, 9)
    packed = torch.autograd.grad(expected, navigator.weight)[0]
    ours = dense.permute(2, 0, 1)[navigator.gene_index, navigator.pattern_index]
    torch.testing.assert_close(ours, packed, rtol=0, atol=1e-6)
    outside = mask.T.bool().logical_not()[:, None].expand_as(dense)
    assert not dense[outside].any()
