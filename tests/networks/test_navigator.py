"""A token hears its own gene set and nothing else; packed is the same as dense and masked."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from plkd.networks.navigator import Navigator


def make_navigator(sets, n_genes, *, n_free=0, width=6, seed=0):
    torch.manual_seed(seed)
    pairs = [(number, gene) for number, genes in enumerate(sets) for gene in sorted(genes)]
    return Navigator(
        n_genes,
        width,
        pattern_index=torch.tensor([p for p, _ in pairs], dtype=torch.long),
        gene_index=torch.tensor([g for _, g in pairs], dtype=torch.long),
        n_masked=len(sets),
        n_free=n_free,
    )


class DenseNavigator(nn.Module):
    """The obvious arrangement: all of W_j, multiplied by a mask of zeros and ones."""

    def __init__(self, packed: Navigator):
        super().__init__()
        mask = torch.zeros(packed.n_genes, packed.n_patterns, dtype=torch.float64)
        mask[packed.gene_index, packed.pattern_index] = 1
        mask[:, packed.n_masked :] = 1
        self.mask = mask[:, :, None]
        self.weight = nn.Parameter(packed.dense_weight().detach().double())
        self.bias = nn.Parameter(packed.bias.detach().double())
        self.center = packed.center.double()
        self.norm = nn.LayerNorm(packed.width).double()

    def forward(self, x):
        tokens = []
        for j in range(self.weight.shape[1]):
            tokens.append((x - self.center) @ (self.weight * self.mask)[:, j] + self.bias[j])
        return self.norm(torch.stack(tokens, dim=1))


SETS = [{0, 3, 5}, {1}, {2, 4, 6, 7, 8, 9, 10}, {0, 1, 2, 11}]


def test_a_token_hears_only_its_own_disjoint_set():
    sets = [set(range(10 * j, 10 * j + 4 + j % 6)) for j in range(30)]
    navigator = make_navigator(sets, 300, width=48)
    x = torch.rand(5, 300)
    before = navigator(x)
    for j, genes in enumerate(sets):
        changed = x.clone()
        changed[:, list(genes)] += torch.rand(5, len(genes)) + 0.5
        difference = (navigator(changed) - before).abs().amax(dim=(0, 2))
        assert difference[j] > 0
        assert torch.count_nonzero(difference) == 1  # every other token is exactly the same


@pytest.mark.parametrize("n_free", [0, 1, 3])
def test_packed_is_dense_and_masked_forward_and_backward(n_free):
    packed = make_navigator(SETS, 12, n_free=n_free).double()
    packed.center.copy_(torch.rand(12))
    dense = DenseNavigator(packed)
    x = torch.rand(7, 12, dtype=torch.float64)
    weights = torch.rand(7, packed.n_patterns, 6, dtype=torch.float64)
    assert torch.allclose(packed(x), dense(x), atol=1e-12)
    (packed(x) * weights).sum().backward()
    (dense(x) * weights).sum().backward()
    pairs = dense.weight.grad[packed.gene_index, packed.pattern_index]
    assert torch.allclose(packed.weight.grad, pairs, atol=1e-12)
    assert torch.allclose(packed.bias.grad, dense.bias.grad, atol=1e-12)
    if n_free:
        free = dense.weight.grad[:, packed.n_masked :].flatten(1)
        assert torch.allclose(packed.free_weight.grad, free, atol=1e-12)


def test_gradients_in_float64():
    packed = make_navigator(SETS, 12, n_free=1).double()
    x = torch.rand(3, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(packed, (x,))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_mask_gives_the_dense_answer(data):
    n_genes = data.draw(st.integers(1, 40))
    genes = st.sets(st.integers(0, n_genes - 1), min_size=1)
    sets = data.draw(st.lists(genes, min_size=1, max_size=12))
    packed = make_navigator(sets, n_genes, n_free=data.draw(st.integers(0, 2))).double()
    x = torch.rand(4, n_genes, dtype=torch.float64)
    assert torch.allclose(packed(x), DenseNavigator(packed)(x), atol=1e-10)


def test_without_a_mask_every_pattern_is_free():
    navigator = Navigator(20, 4, n_free=5).double()
    x = torch.rand(3, 20, dtype=torch.float64)
    assert torch.allclose(navigator(x), DenseNavigator(navigator)(x), atol=1e-12)
    assert navigator.n_dense_parameters() == sum(p.numel() for p in navigator.parameters())


def test_masked_weights_are_absent_after_training():
    navigator = make_navigator(SETS, 12, n_free=1)
    optimizer = torch.optim.AdamW(navigator.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(10):
        optimizer.zero_grad()
        navigator(torch.rand(8, 12)).square().mean().backward()
        optimizer.step()
    dense = navigator.dense_weight()
    outside = torch.ones(12, len(SETS), dtype=torch.bool)
    outside[navigator.gene_index, navigator.pattern_index] = False
    assert torch.count_nonzero(dense[:, : len(SETS)][outside]) == 0
    assert torch.count_nonzero(dense[:, : len(SETS)][~outside]) > 0
    assert len(navigator.weight) == sum(map(len, SETS))  # and nowhere to be held
