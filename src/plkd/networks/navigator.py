"""The Navigator: a cell's genes become gene-set tokens ("patterns")."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

# Sets are padded to the largest of their bucket; a bucket ends where padding would exceed this.
BUCKET_GROWTH = 1.35


@final
class Navigator(nn.Module):
    r"""Turn expression into one token per pattern, each hearing only its own genes.

    Masked patterns are *packed*: one weight row is held for each (pattern, gene) pair of the
    mask and for no other, so what the mask excludes does not exist, before or after training.
    Free patterns hold a row for every gene.

    Parameters
    ----------
    n_genes
        Number of genes n of the model.
    width
        Width h of a token.
    pattern_index, gene_index
        The mask as pairs, ``(n_pairs,)`` each, sorted by pattern: gene ``gene_index[i]`` is in
        pattern ``pattern_index[i]``. Empty without a mask.
    n_masked
        Number of masked patterns; each has at least one pair.
    n_free
        Number of patterns without a mask; they stand after the masked ones.

    Notes
    -----
    Section 2.2 of the paper: :math:`v_j = x W_j + b_j`, :math:`W_j \in R^{n \times h}`, row g of
    :math:`W_j` zero unless gene g is in gene set j; a LayerNorm of width h follows.

    Expression is centred at ``center`` (the mean of the reference, zero unless set): the same
    functions of x, :math:`b_j` shifted by a constant, that are quicker to learn.

    While it learns, genes may be heard on a scale (``gene_scale``), which its weights then absorb.

    Sets are sorted by size into buckets and padded inside a bucket with a gene that is always
    zero (column n), whose weight row is a constant zero. The product of a bucket is one batched
    matrix product.
    """

    pattern_index: Tensor
    gene_index: Tensor
    center: Tensor
    gene_scale: Tensor | None

    def __init__(
        self,
        n_genes: int,
        width: int,
        *,
        pattern_index: Sequence[int] | Int[Tensor, " pair"] = (),
        gene_index: Sequence[int] | Int[Tensor, " pair"] = (),
        n_masked: int = 0,
        n_free: int = 0,
    ) -> None:
        super().__init__()
        self.n_genes, self.width = n_genes, width
        self.n_masked, self.n_free = n_masked, n_free
        patterns = torch.as_tensor(pattern_index, dtype=torch.long)
        genes = torch.as_tensor(gene_index, dtype=torch.long)
        self.register_buffer("pattern_index", patterns, persistent=False)
        self.register_buffer("gene_index", genes, persistent=False)
        self.register_buffer("center", torch.zeros(n_genes))
        self.register_buffer("gene_scale", None, persistent=False)
        # What holds nothing learns nothing: several devices would wait for its gradient.
        self.weight = nn.Parameter(torch.empty(len(patterns), width), requires_grad=n_masked > 0)
        self.free_weight = nn.Parameter(
            torch.empty(n_genes, n_free * width), requires_grad=n_free > 0
        )
        self.bias = nn.Parameter(torch.empty(self.n_patterns, width))
        self.norm = nn.LayerNorm(width)
        self._lay_out_buckets(patterns, genes)
        self._initialise(patterns)

    @property
    def n_patterns(self) -> int:
        """Number of patterns m, masked and free."""
        return self.n_masked + self.n_free

    def forward(
        self,
        expression: Float[Tensor, "cell gene"],
        kept: Int[Tensor, " kept"] | None = None,
    ) -> Float[Tensor, "cell token h"]:
        """Return the normalised tokens of each cell: of all patterns, or of the ``kept`` ones."""
        return self.norm(self.raw_tokens(expression, kept))

    def raw_tokens(
        self,
        expression: Float[Tensor, "cell gene"],
        kept: Int[Tensor, " kept"] | None = None,
    ) -> Float[Tensor, "cell token h"]:
        """Return the tokens before the LayerNorm: :math:`(x - center) W_j + b_j`.

        With ``kept`` (pattern numbers, ascending) only those patterns are computed.
        """
        expression = expression - self.center
        if self.gene_scale is not None:
            expression = expression * self.gene_scale
        if kept is None:
            kept = torch.arange(self.n_patterns, device=expression.device)
        masked, free = kept[kept < self.n_masked], kept[kept >= self.n_masked] - self.n_masked
        parts = []
        if len(masked):
            parts.append(self._masked_tokens(expression, masked))
        if len(free):
            parts.append(self._free_tokens(expression, free))
        tokens = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        return tokens + self.bias[kept]

    def _masked_tokens(
        self, expression: Float[Tensor, "cell gene"], kept: Int[Tensor, " masked"]
    ) -> Float[Tensor, "cell masked h"]:
        # One row per gene, and a last row of zeros that padding points to.
        rows = torch.cat([expression.T, expression.new_zeros(1, len(expression))])
        weight = torch.cat([self.weight, self.weight.new_zeros(1, self.width)])
        wanted = torch.zeros(self.n_masked, dtype=torch.bool, device=kept.device)
        wanted[kept] = True
        tokens, patterns = [], []
        for bucket in range(self._n_buckets):
            members = getattr(self, f"_members_{bucket}")  # (pattern,)
            chosen = wanted[members]
            pairs = getattr(self, f"_pairs_{bucket}")[chosen]  # (pattern, slot)
            held = getattr(self, f"_genes_{bucket}")[chosen]  # (pattern, slot)
            values = rows[held]  # (pattern, slot, cell)
            tokens.append(torch.bmm(values.transpose(1, 2), weight[pairs]))
            patterns.append(members[chosen])
        in_order = torch.cat(patterns).argsort()
        return torch.cat(tokens)[in_order].transpose(0, 1)

    def _free_tokens(
        self, expression: Float[Tensor, "cell gene"], kept: Int[Tensor, " free"]
    ) -> Float[Tensor, "cell free h"]:
        weight: Tensor = self.free_weight
        if len(kept) < self.n_free:
            weight = weight.view(self.n_genes, self.n_free, self.width)[:, kept].flatten(1)
        return (expression @ weight).view(len(expression), len(kept), self.width)

    @torch.no_grad()
    def absorb_gene_scale(self) -> None:
        """Multiply ``gene_scale`` into the weights and forget it; tokens stay what they are."""
        if self.gene_scale is not None:
            self.weight.mul_(self.gene_scale[self.gene_index, None])
            self.free_weight.mul_(self.gene_scale[:, None])
            self.gene_scale = None

    def dense_weight(self) -> Float[Tensor, "gene pattern h"]:
        """Return every :math:`W_j` written out in full, zeros included (for reading, not speed)."""
        dense = self.weight.new_zeros(self.n_genes, self.n_patterns, self.width)
        dense[self.gene_index, self.pattern_index] = self.weight
        if self.n_free:
            free = self.free_weight.view(self.n_genes, self.n_free, self.width)
            dense[:, self.n_masked :] = free
        return dense

    def n_dense_parameters(self) -> int:
        """Parameters of the paper's arrangement: n x (m h) weights, biases and the LayerNorm."""
        return self.n_genes * self.n_patterns * self.width + self.bias.numel() + 2 * self.width

    def _lay_out_buckets(self, patterns: Tensor, genes: Tensor) -> None:
        sizes = torch.bincount(patterns, minlength=self.n_masked)
        starts = torch.cumsum(sizes, 0) - sizes
        order = torch.argsort(sizes, stable=True)
        buckets: list[list[int]] = []
        first = 0
        for pattern in order.tolist():
            size = int(sizes[pattern])
            if not buckets or size > max(first * BUCKET_GROWTH, first + 2):
                buckets.append([])
                first = size
            buckets[-1].append(pattern)
        for number, members in enumerate(buckets):
            slots = int(sizes[members[-1]])
            pairs = torch.full((len(members), slots), len(patterns))
            held = torch.full((len(members), slots), self.n_genes)
            for row, pattern in enumerate(members):
                start, size = int(starts[pattern]), int(sizes[pattern])
                pairs[row, :size] = torch.arange(start, start + size)
                held[row, :size] = genes[start : start + size]
            self.register_buffer(f"_members_{number}", torch.tensor(members), persistent=False)
            self.register_buffer(f"_pairs_{number}", pairs, persistent=False)
            self.register_buffer(f"_genes_{number}", held, persistent=False)
        self._n_buckets = len(buckets)

    @torch.no_grad()
    def _initialise(self, patterns: Tensor) -> None:
        """Scale each pattern by its own number of genes, as a Linear of that size would be.

        Biases begin at zero: a token's direction is then all expression (measured: faster
        learning than with random biases, see docs/log.md).
        """
        sizes = torch.bincount(patterns, minlength=self.n_masked).clamp(min=1)
        bound = sizes.rsqrt()
        self.weight.uniform_(-1, 1).mul_(bound[patterns, None] if len(patterns) else 1)
        self.free_weight.uniform_(-1, 1).mul_(1 / math.sqrt(self.n_genes))
        self.bias.zero_()
