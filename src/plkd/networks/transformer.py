"""The Transformer over pattern tokens: pre-norm blocks, the last of which may compute one row."""

from __future__ import annotations

from typing import NamedTuple, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Attended(NamedTuple):
    """Tokens after the last block, and the attention maps where they were asked for."""

    tokens: Float[Tensor, "cell token h"]
    """All tokens (cls first), or the cls token alone as ``(cell, 1, h)``."""
    attention: tuple[Float[Tensor, "cell head query token"], ...]
    """One map per block; the last has a single query row when only cls was computed."""


@final
class SelfAttention(nn.Module):
    """Multi-head self-attention with query, key and value biases.

    Notes
    -----
    Implements Eqs. (1)-(3), with scores divided by the square root of a head's width.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "cell token h"]) -> Float[Tensor, "cell token h"]:
        """Return every token updated from all tokens."""
        query, key, value = self._split(tokens)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.project(mixed.transpose(1, 2).flatten(2))

    def with_map(
        self, tokens: Float[Tensor, "cell token h"]
    ) -> tuple[Float[Tensor, "cell token h"], Float[Tensor, "cell head token token"]]:
        """Return the updated tokens and the attention map itself."""
        query, key, value = self._split(tokens)
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        attention = scores.softmax(-1)
        return self.project((attention @ value).transpose(1, 2).flatten(2)), attention

    def first_row(
        self, tokens: Float[Tensor, "cell token h"]
    ) -> tuple[Float[Tensor, "cell 1 h"], Float[Tensor, "cell head 1 token"]]:
        """Return the first (cls) token's update and its row of attention.

        Keys and values are never formed: the query is carried through the key weights to the
        tokens, and the mean token through the value weights. The key bias adds the same number
        to every score of a row, which the softmax removes.
        """
        cells, _, width = tokens.shape
        head_width = width // self.heads
        w_query, w_key, w_value = self.qkv.weight.view(3, self.heads, head_width, width)
        b_query, _, b_value = self.qkv.bias.view(3, self.heads, head_width)
        query = torch.einsum("ch,adh->cad", tokens[:, 0], w_query) + b_query
        probe = torch.einsum("cad,adh->cah", query, w_key)
        scores = probe @ tokens.transpose(1, 2) / head_width**0.5
        attention = scores.softmax(-1)
        mixed = torch.einsum("cah,adh->cad", attention @ tokens, w_value) + b_value
        return self.project(mixed.reshape(cells, 1, width)), attention.unsqueeze(2)

    def _split(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        cells, count, width = tokens.shape
        qkv = self.qkv(tokens).view(cells, count, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        return query, key, value


@final
class Block(nn.Module):
    """Self-attention and a GELU MLP, each behind a LayerNorm and beside a residual."""

    def __init__(self, width: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_ratio * width), nn.GELU(), nn.Linear(mlp_ratio * width, width)
        )

    def forward(self, tokens: Float[Tensor, "cell token h"]) -> Float[Tensor, "cell token h"]:
        """Return all tokens updated."""
        tokens = tokens + self.attention(self.norm_attention(tokens))
        return tokens + self.mlp(self.norm_mlp(tokens))

    def with_map(
        self, tokens: Float[Tensor, "cell token h"]
    ) -> tuple[Float[Tensor, "cell token h"], Float[Tensor, "cell head token token"]]:
        """Return all tokens updated, and the attention map."""
        update, attention = self.attention.with_map(self.norm_attention(tokens))
        tokens = tokens + update
        return tokens + self.mlp(self.norm_mlp(tokens)), attention

    def first_row(
        self, tokens: Float[Tensor, "cell token h"]
    ) -> tuple[Float[Tensor, "cell 1 h"], Float[Tensor, "cell head 1 token"]]:
        """Return only the first token updated, and its row of attention."""
        update, attention = self.attention.first_row(self.norm_attention(tokens))
        first = tokens[:, :1] + update
        return first + self.mlp(self.norm_mlp(first)), attention


@final
class Transformer(nn.Module):
    """A cls token and ``depth`` blocks over the pattern tokens, then a final LayerNorm.

    Notes
    -----
    Section 2.2 of the paper, Eq. (4). Only the cls row of the last block reaches the logits, so
    unless all tokens are asked for, nothing else of that block is computed.
    """

    def __init__(self, width: int, *, depth: int, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(width))
        self.blocks = nn.ModuleList([Block(width, heads, mlp_ratio) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        nn.init.trunc_normal_(self.cls, std=0.02)

    def forward(
        self,
        patterns: Float[Tensor, "cell pattern h"],
        *,
        all_tokens: bool = False,
        attention: bool = False,
    ) -> Attended:
        """Return the cls token, or all tokens, after the last block and the final LayerNorm."""
        cls = self.cls.expand(len(patterns), 1, -1)
        tokens = torch.cat([cls, patterns], dim=1)
        maps: list[Tensor] = []
        for number, module in enumerate(self.blocks):
            block = cast(Block, module)
            if number == len(self.blocks) - 1 and not all_tokens:
                tokens, weights = block.first_row(tokens)
                maps.append(weights)
            elif attention:
                tokens, weights = block.with_map(tokens)
                maps.append(weights)
            else:
                tokens = block(tokens)
        return Attended(self.norm(tokens), tuple(maps) if attention else ())


def attention_rollout(
    maps: tuple[Float[Tensor, "cell head _ token"], ...],
) -> Float[Tensor, "cell pattern"]:
    """Return how much each pattern token reaches the cls token through all blocks.

    The mean over heads plus the identity, rows normalised to one, multiplied through the blocks;
    the cls row over the pattern tokens is returned (the cls token's own share is left out).
    Only the cls row is carried, so a last map with one query row is enough.
    """
    last = maps[-1].mean(1)[:, 0]
    row = _with_identity_first_row(last)
    for attention in reversed(maps[:-1]):
        mean = attention.mean(1)
        rows = mean.sum(-1, keepdim=True) + 1
        row = ((row.unsqueeze(1) / rows.transpose(1, 2)) @ mean).squeeze(1) + row / rows.squeeze(-1)
    return row[:, 1:]


def _with_identity_first_row(row: Float[Tensor, "cell token"]) -> Float[Tensor, "cell token"]:
    own = torch.zeros_like(row)
    own[:, 0] = 1
    both = row + own
    return both / both.sum(-1, keepdim=True)
