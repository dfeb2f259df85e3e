"""Shapes of the two networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from plkd.config.base import Config
from plkd.errors import InputError

WIDEST = 100_000
"""Width of a hidden layer of the Student, at most."""


@dataclass(frozen=True)
class TeacherConfig(Config):
    """Shape of the Teacher.

    Attributes
    ----------
    n_patterns
        Patterns m, the free ones included. Paper: 300.
    free_share
        Share of the patterns that have no mask, beside the gene sets (one at least): most
        variable genes are in no set, and reach the Teacher through these alone. Paper's code: one
        pattern; on held-out batches 10 to 30 % are far better (docs/log.md).
    min_genes, max_genes
        A gene set is used when it holds at least ``min_genes`` of the model's genes and not
        more than ``max_genes`` genes in all. Paper's code: 5 and 300.
    width
        Width h of a token. 48 gives the paper's parameter count.
    depth, heads, mlp_ratio
        Blocks of the Transformer, attention heads, width of its MLP over h.
        2, 4 and 4 give the paper's parameter count (its text says 1 layer, 2 heads).
    """

    n_patterns: int = 300
    free_share: float = 0.2
    min_genes: int = 5
    max_genes: int = 300
    width: int = 48
    depth: int = 2
    heads: int = 4
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.width % self.heads:
            raise InputError(
                "TeacherConfig.width divisible by heads",
                f"width {self.width} and {self.heads} heads",
                "choose a width that is a multiple of heads",
            )

    @property
    def n_free(self) -> int:
        """Number of patterns without a mask."""
        return max(1, round(self.free_share * self.n_patterns))

    @classmethod
    def paper(cls) -> TeacherConfig:
        """Return the paper's Teacher: one pattern without a mask."""
        return cls(free_share=0.0)

    @classmethod
    def _ranges(cls) -> dict[str, tuple[float, float]]:
        return {
            "n_patterns": (2, 100_000),
            "free_share": (0.0, 0.99),
            "min_genes": (1, 10_000),
            "max_genes": (1, 100_000),
            "width": (1, 4096),
            "depth": (1, 64),
            "heads": (1, 256),
            "mlp_ratio": (1, 64),
        }


@dataclass(frozen=True)
class StudentConfig(Config):
    """Shape of the Student.

    Attributes
    ----------
    hidden
        Widths of the hidden layers; the last is the embedding. 256 and 128 give the paper's
        parameter count.
    dropout
        Share of hidden values dropped in training. Paper's code: 0.1; more is better on held-out
        batches.
    """

    hidden: tuple[int, ...] = (256, 128)
    dropout: float = 0.4

    def __post_init__(self) -> None:
        super().__post_init__()
        hidden: Any = self.hidden
        widths = hidden if isinstance(hidden, Sequence) else ()
        if not widths or not all(isinstance(w, Integral) and 1 <= int(w) <= WIDEST for w in widths):
            raise InputError(
                f"StudentConfig.hidden as one width or more, whole numbers from 1 to {WIDEST:,}",
                repr(self.hidden),
                "pass (256, 128), say, or (256,) for one hidden layer",
            )

    @classmethod
    def paper(cls) -> StudentConfig:
        """Return the Student of the paper's code."""
        return cls(dropout=0.1)

    @classmethod
    def _ranges(cls) -> dict[str, tuple[float, float]]:
        return {"dropout": (0.0, 0.95)}
