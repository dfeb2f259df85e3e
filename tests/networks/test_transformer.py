"""The shortened last block gives the cls row of the full one; rollout is the plain product."""

from __future__ import annotations

import pytest
import torch

from plkd.networks.transformer import Transformer, attention_rollout


def make_transformer(depth=2):
    torch.manual_seed(0)
    transformer = Transformer(12, depth=depth, heads=4, mlp_ratio=4).double().eval()
    for parameter in transformer.parameters():  # biases and norms too, not their initial 0 and 1
        torch.nn.init.normal_(parameter, std=0.4)
    return transformer


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_cls_only_is_the_first_row_of_all_tokens(depth):
    transformer = make_transformer(depth)
    patterns = torch.randn(5, 9, 12, dtype=torch.float64)
    whole = transformer(patterns, all_tokens=True).tokens
    first = transformer(patterns).tokens
    assert first.shape == (5, 1, 12)
    assert torch.allclose(first[:, 0], whole[:, 0], atol=1e-12)


def test_cls_only_has_the_same_gradients():
    grads = []
    for all_tokens in (True, False):
        transformer = make_transformer()
        patterns = torch.linspace(-1, 1, 3 * 7 * 12, dtype=torch.float64).view(3, 7, 12)
        transformer(patterns, all_tokens=all_tokens).tokens[:, 0].square().sum().backward()
        grads.append([p.grad.clone() for p in transformer.parameters()])
    for whole, first in zip(*grads, strict=True):
        assert torch.allclose(whole, first, atol=1e-10)


def test_attention_maps_do_not_change_the_answer_and_their_rows_sum_to_one():
    transformer = make_transformer()
    patterns = torch.randn(5, 9, 12, dtype=torch.float64)
    plain = transformer(patterns, all_tokens=True)
    mapped = transformer(patterns, all_tokens=True, attention=True)
    assert plain.attention == ()
    assert torch.allclose(plain.tokens, mapped.tokens, atol=1e-12)
    assert [m.shape for m in mapped.attention] == [(5, 4, 10, 10)] * 2
    for attention in mapped.attention:
        assert torch.allclose(attention.sum(-1), torch.ones(5, 4, 10, dtype=torch.float64))
    short = transformer(patterns, attention=True).attention
    assert torch.allclose(short[-1][:, :, 0], mapped.attention[-1][:, :, 0], atol=1e-12)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("all_tokens", [True, False])
def test_rollout_is_the_product_of_the_maps(depth, all_tokens):
    transformer = make_transformer(depth)
    patterns = torch.randn(4, 6, 12, dtype=torch.float64)
    whole = transformer(patterns, all_tokens=True, attention=True).attention
    product = torch.eye(7, dtype=torch.float64).expand(4, 7, 7)
    for attention in whole:
        layer = attention.mean(1) + torch.eye(7, dtype=torch.float64)
        product = (layer / layer.sum(-1, keepdim=True)) @ product
    maps = transformer(patterns, all_tokens=all_tokens, attention=True).attention
    rollout = attention_rollout(maps)
    assert torch.allclose(rollout, product[:, 0, 1:], atol=1e-12)
    assert bool((rollout >= 0).all())
    assert bool((rollout.sum(1) < 1).all())
