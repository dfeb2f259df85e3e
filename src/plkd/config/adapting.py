"""How a trained model is adapted to a query."""

from __future__ import annotations

from dataclasses import dataclass

from plkd.config.base import Config


@dataclass(frozen=True)
class AdaptConfig(Config):
    """How the Student is adapted to a query. Chosen on held-out reference batches (docs/log.md).

    Attributes
    ----------
    max_cells
        Cells of the query that are looked at, at most; of more, some are drawn.
    rounds
        Times that the mean of each type in the query is found and the cells compared with it.
    profile_weight, marker_power
        Weight of that comparison, in logits, and how loud markers are in it; see
        :class:`TrainConfig`.
    min_cells
        Cells of a type in the query, expected number, below which its mean there is not believed.
    discriminant_weight
        Weight of a linear discriminant of the query's cells, heard beside the adapted Student where
        the model knows when to be believed (``TrainConfig.trust``); 0 leaves it out.
    discriminant_cells
        Cells of a type in the query, expected number, below which it takes no part in that.
    steps
        Mini-batches that the Student learns from at least, in whole passes over the cells.
    batch_size, lr, weight_decay, balance
        As in :class:`TrainConfig`.
    drop_genes, shift_genes
        As ``student_drop_genes`` and ``student_shift_genes`` there.
    share
        How far the weights go from the Student as it was (0) to the one that learned (1). Half-way
        keeps what the reference taught, and no query is made worse.
    """

    max_cells: int = 20_000
    rounds: int = 3
    profile_weight: float = 10.0
    marker_power: float = 2.0
    min_cells: float = 5.0
    discriminant_weight: float = 0.15
    discriminant_cells: float = 10.0
    steps: int = 200
    batch_size: int = 128
    lr: float = 3e-4
    weight_decay: float = 1e-2
    balance: float = 0.5
    drop_genes: float = 0.8
    shift_genes: float = 2.0
    share: float = 0.5

    @classmethod
    def _ranges(cls) -> dict[str, tuple[float, float]]:
        return {
            "max_cells": (1, 10**9),
            "rounds": (0, 1000),
            "profile_weight": (0.0, 1e4),
            "marker_power": (0.0, 100.0),
            "min_cells": (1.0, 10**9),
            "discriminant_weight": (0.0, 1e4),
            "discriminant_cells": (1.0, 10**9),
            "steps": (1, 10_000_000),
            "batch_size": (2, 1_000_000),
            "lr": (0.0, 1e3),
            "weight_decay": (0.0, 1e3),
            "balance": (0.0, 1.0),
            "drop_genes": (0.0, 0.99),
            "shift_genes": (0.0, 100.0),
            "share": (0.0, 1.0),
        }
