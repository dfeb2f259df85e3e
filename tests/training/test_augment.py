"""Augmented cells are still cells: non-negative, finite, and shallower as asked."""

from __future__ import annotations

import numpy as np
import torch

from plkd.training.augment import drop_genes, shift_genes, thin_counts


def cells(n_cells=200, n_genes=50, depth=3000.0):
    torch.manual_seed(0)
    rate = torch.rand(n_genes)
    counts = torch.poisson((rate / rate.sum() * depth).expand(n_cells, n_genes))
    totals = counts.sum(1)
    return torch.log1p(counts / totals[:, None] * 1e4), totals


def test_thinning_keeps_the_mean_and_loses_depth():
    expression, depth = cells()
    generator = torch.Generator().manual_seed(0)
    thinned = thin_counts(expression, depth, lowest=0.05, generator=generator)
    assert thinned.shape == expression.shape
    assert bool(thinned.isfinite().all())
    assert bool((thinned >= 0).all())
    assert (thinned > 0).float().mean() < (expression > 0).float().mean()
    before, after = torch.expm1(expression).mean(), torch.expm1(thinned).mean()
    assert abs(float(after / before) - 1) < 0.05  # unbiased: normalised again


def test_thinning_to_all_of_the_depth_only_redraws():
    expression, depth = cells(depth=1e6)
    generator = torch.Generator().manual_seed(0)
    redrawn = thin_counts(expression, depth, lowest=1.0, generator=generator)
    assert torch.allclose(torch.expm1(redrawn), torch.expm1(expression), rtol=0.1, atol=2)


def test_dropping_sets_genes_to_zero_and_changes_no_other():
    expression, _ = cells()
    generator = torch.Generator().manual_seed(0)
    dropped = drop_genes(expression, highest=0.5, generator=generator)
    changed = dropped != expression
    assert torch.count_nonzero(dropped[changed]) == 0
    share = changed.float().sum(1) / (expression > 0).float().sum(1)
    assert float(share.max()) < 0.75
    assert 0.2 < float(share.mean()) < 0.3  # half of the highest share, on average


def test_the_same_generator_gives_the_same_cells():
    expression, depth = cells()
    pairs = [
        thin_counts(expression, depth, lowest=0.1, generator=torch.Generator().manual_seed(5))
        for _ in range(2)
    ]
    assert torch.equal(*pairs)
    assert not np.array_equal(
        pairs[0], thin_counts(expression, depth, lowest=0.1, generator=torch.Generator())
    )


def test_a_shift_is_one_for_all_cells_and_as_large_for_every_gene():
    expression = torch.full((30, 400), 50.0)  # so high that nothing meets zero
    expression[:, 200:] += torch.randn(30, 200)
    generator = torch.Generator().manual_seed(0)
    steps = []
    for _ in range(20):
        moved = shift_genes(expression, spread=0.5, highest=2.0, generator=generator) - expression
        assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-4)
        steps.append(moved[0])
    sizes = torch.stack(steps) / 0.5
    ratio = sizes[:, 200:].std(1) / sizes[:, :200].std(1)
    assert torch.allclose(ratio, torch.ones(20), rtol=0.3)
    assert 1.5 < float(sizes.std(1).max()) < 2.3
    assert float(sizes.std(1).min()) < 0.5  # the size of the steps is drawn anew


def test_a_shift_leaves_nothing_below_zero_and_the_cells_as_they_were():
    expression, _ = cells()
    before = expression.clone()
    generator = torch.Generator().manual_seed(0)
    moved = shift_genes(expression, spread=0.7, highest=2.0, generator=generator)
    assert bool((moved >= 0).all())
    assert torch.equal(expression, before)
