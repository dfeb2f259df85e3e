"""The Teacher in the arrangement of the method's authors, as plainly as the formulas stand.

It computes the same function as ``plkd``'s Teacher (``copied_from`` and the check in
``speed_teacher.py`` hold it to that) and is what the training speed is measured against: a dense
``(m h, n)`` weight, multiplied by a dense mask of zeros and ones at every forward pass; every
block over all tokens; attention with its softmax written out; a loop over the pairs of types in
the clustering loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from plkd.networks.teacher import Teacher


class LiteralTeacher(nn.Module):
    """Dense masked Navigator, two full Transformer blocks, classifier on the cls token."""

    mask: Tensor

    def __init__(self, mask: Tensor, *, width: int, heads: int, depth: int, n_types: int) -> None:
        """Lay out the network for a 0/1 mask of shape ``(n_genes, n_patterns)``."""
        super().__init__()
        n_genes, self.n_patterns = mask.shape
        self.width = width
        self.tokens = nn.Linear(n_genes, self.n_patterns * width)
        rows = mask.T.repeat_interleave(width, dim=0).to(self.tokens.weight.dtype)
        self.register_buffer("mask", rows.contiguous())
        self.norm_tokens = nn.LayerNorm(width)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList([LiteralBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.pre_logits = nn.Linear(width, width)
        self.head = nn.Linear(width, n_types)

    def forward(self, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``(n_cells, k)`` and cell embeddings ``(n_cells, h)``."""
        flat = F.linear(expression, self.tokens.weight * self.mask, self.tokens.bias)
        tokens = self.norm_tokens(flat.view(len(expression), self.n_patterns, self.width))
        tokens = torch.cat([self.cls.expand(len(expression), -1, -1), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        embedding = self.norm(tokens)[:, 0]
        return self.head(torch.tanh(self.pre_logits(embedding))), embedding


class LiteralBlock(nn.Module):
    """Pre-norm self-attention and a GELU MLP of ratio 4, both with residuals, on all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        """Lay out one block."""
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return all tokens updated, ``(n_cells, m + 1, h)``."""
        cells, count, width = tokens.shape
        per_head = width // self.heads
        qkv = self.qkv(self.norm_attention(tokens)).reshape(cells, count, 3, self.heads, per_head)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        scores = torch.matmul(query, key.transpose(-2, -1)) * per_head**-0.5
        attention = torch.softmax(scores, dim=-1)
        mixed = torch.matmul(attention, value).transpose(1, 2).reshape(cells, count, width)
        tokens = tokens + self.project(mixed)
        return tokens + self.narrow(F.gelu(self.widen(self.norm_mlp(tokens))))


def literal_loss(logits: Tensor, embedding: Tensor, codes: Tensor) -> Tensor:
    """Return L2 + L1 with a loop over the pairs of types."""
    assignment = torch.softmax(logits, dim=1)
    difference = embedding[:, None, :] - embedding[None, :, :]
    similarity = torch.exp(-(difference**2).sum(-1))
    n_types = logits.shape[1]
    total = logits.new_zeros(())
    for a in range(n_types - 1):
        for b in range(a + 1, n_types):
            first, second = assignment[:, a], assignment[:, b]
            across = first @ similarity @ second
            within = (first @ similarity @ first) * (second @ similarity @ second)
            total = total + across / torch.sqrt(within)
    return F.cross_entropy(logits, codes) + total / n_types


@torch.no_grad()
def copied_from(teacher: Teacher, mask: Tensor) -> LiteralTeacher:
    """Return the literal arrangement of the same network with the same weights."""
    transformer = teacher.transformer
    literal = LiteralTeacher(
        mask,
        width=teacher.navigator.width,
        heads=transformer.blocks[0].attention.heads,
        depth=len(transformer.blocks),
        n_types=teacher.head.out_features,
    )
    dense = teacher.navigator.dense_weight().permute(1, 2, 0).flatten(0, 1)
    literal.tokens.weight.copy_(dense)
    literal.tokens.bias.copy_(teacher.navigator.bias.flatten())
    literal.cls.copy_(transformer.cls.view(1, 1, -1))
    pairs = [
        (literal.norm_tokens, teacher.navigator.norm),
        (literal.norm, transformer.norm),
        (literal.pre_logits, teacher.pre_logits),
        (literal.head, teacher.head),
    ]
    for mine, theirs in zip(literal.blocks, transformer.blocks, strict=True):
        pairs += [
            (mine.norm_attention, theirs.norm_attention),
            (mine.qkv, theirs.attention.qkv),
            (mine.project, theirs.attention.project),
            (mine.norm_mlp, theirs.norm_mlp),
            (mine.widen, theirs.mlp[0]),
            (mine.narrow, theirs.mlp[2]),
        ]
    for target, source in pairs:
        target.load_state_dict(source.state_dict())
    return literal
