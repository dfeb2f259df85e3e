"""Cells as another batch might have measured them: shallower, genes lost, genes shifted."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from plkd.config import TARGET_SUM


def thin_counts(
    expression: Float[Tensor, "cell gene"],
    depth: Float[Tensor, " cell"],
    *,
    lowest: float,
    generator: Generator,
) -> Float[Tensor, "cell gene"]:
    """Return the cells as if sequenced less deeply.

    Each cell keeps a share of its counts drawn log-uniformly between ``lowest`` and 1; counts
    are redrawn from a Poisson distribution around that share and normalised again.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    depth
        Total counts of each cell, ``(n_cells,)``.
    lowest
        Smallest share kept, in (0, 1].
    generator
        Source of randomness.
    """
    share = torch.rand(len(expression), 1, generator=generator).mul(math.log(lowest)).exp()
    kept = depth[:, None] * share / TARGET_SUM
    counts = torch.poisson(torch.expm1(expression) * kept, generator=generator)
    return torch.log1p(counts / kept.clamp(min=1e-12))


def drop_genes(
    expression: Float[Tensor, "cell gene"], *, highest: float, generator: Generator
) -> Float[Tensor, "cell gene"]:
    """Return the cells with a share of their genes set to zero.

    The share is drawn for each cell between 0 and ``highest``; which genes, for each cell anew.
    """
    cells = len(expression)
    share = torch.rand(cells, 1, generator=generator) * highest
    kept = torch.rand(expression.shape, generator=generator) >= share
    return expression * kept


def shift_genes(
    expression: Float[Tensor, "cell gene"],
    *,
    spread: float,
    highest: float,
    generator: Generator,
) -> Float[Tensor, "cell gene"]:
    """Return the cells as a batch with an effect of its own might have measured them.

    Each gene is moved by one normally distributed step, the same for all cells given; values do
    not go below zero. How large the steps are is drawn once, and is the same for every gene, so
    that a gene counts by what it tells in absolute expression, not in its own deviations.

    Parameters
    ----------
    spread
        What steps are measured in: a typical standard deviation of a gene.
    highest
        Largest standard deviation of the steps, in units of ``spread``.
    """
    size = torch.rand((), generator=generator) * highest * spread
    steps = torch.randn(expression.shape[1], generator=generator) * size
    return (expression + steps).clamp(min=0.0)
