"""The Student: a small MLP that annotates millions of cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F


class StudentOutput(NamedTuple):
    """What the Student says of a batch of cells."""

    logits: Float[Tensor, "cell type"]
    """The paper's :math:`y^S`."""
    embedding: Float[Tensor, "cell hidden"]
    """The last hidden layer."""


@final
class Student(nn.Module):
    """Annotate cells from expression alone.

    Notes
    -----
    Section 2.2 of the paper; n -> 256 -> 128 -> k, each hidden layer Linear, LayerNorm,
    GELU, dropout. While it learns, genes may be heard on a scale (``gene_scale``), which the first
    layer then absorbs.
    Deviations: with ``profiles``, float32 ``(n_types, n_genes)``, the cell's agreement with the
    mean profile of each type is added to its logits (:mod:`plkd.data.type_profiles`).
    """

    head: nn.Linear
    gene_scale: Tensor | None
    profiles: Tensor | None

    def __init__(
        self,
        n_genes: int,
        n_types: int,
        *,
        hidden: Sequence[int] = (256, 128),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = n_genes
        for next_width in hidden:
            layers += [
                nn.Linear(width, next_width),
                nn.LayerNorm(next_width),
                nn.GELU(),
                nn.Dropout(dropout),
            ]
            width = next_width
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(width, n_types)
        self.register_buffer("gene_scale", None, persistent=False)
        self.register_buffer("profiles", None)

    def forward(self, expression: Float[Tensor, "cell gene"]) -> StudentOutput:
        """Return logits and embeddings."""
        heard = expression if self.gene_scale is None else expression * self.gene_scale
        embedding = self.layers(heard)
        logits = self.head(embedding)
        if self.profiles is not None:
            logits = logits + F.linear(expression, self.profiles)
        return StudentOutput(logits, embedding)

    @torch.no_grad()
    def absorb_gene_scale(self) -> None:
        """Multiply ``gene_scale`` into the first layer and forget it; answers do not change."""
        if self.gene_scale is not None:
            cast(nn.Linear, self.layers[0]).weight.mul_(self.gene_scale)
            self.gene_scale = None

    def weight_by_gene(
        self, also: Float[Tensor, "direction gene"] | None = None
    ) -> Float[Tensor, "gene heard"]:
        """Return what each gene is multiplied by: the first layer's weights, then the profiles.

        Parameters
        ----------
        also
            Directions that come last, ``(n_directions, n_genes)``; for :meth:`from_sparse` and
            :meth:`from_dense`.
        """
        first = cast(nn.Linear, self.layers[0]).weight
        parts = [part for part in (first, self.profiles, also) if part is not None]
        return torch.cat(parts).T.contiguous()

    def from_sparse(
        self,
        values: Float[Tensor, " stored"],
        genes: Int[Tensor, " stored"],
        starts: Int[Tensor, " cell"],
        weight: Float[Tensor, "gene heard"],
    ) -> tuple[StudentOutput, Float[Tensor, "cell direction"]]:
        """Return the same for cells whose zeros are not stored, without writing them out.

        Parameters
        ----------
        values, genes
            Stored values of all cells and the gene of each, ``(n_stored,)``.
        starts
            Where the values of each cell begin, ``(n_cells,)``.
        weight
            What :meth:`weight_by_gene` returns; further columns may follow.

        Returns
        -------
        The output, and what else was heard: the cells' agreement with each of the profiles, then
        the cells times the directions that ``weight`` was made with and times further columns; 0
        wide without any of them.
        """
        return self._from_heard(
            F.embedding_bag(genes, weight, starts, mode="sum", per_sample_weights=values)
        )

    def from_dense(
        self, expression: Float[Tensor, "cell gene"], weight: Float[Tensor, "gene heard"]
    ) -> tuple[StudentOutput, Float[Tensor, "cell direction"]]:
        """Return what :meth:`from_sparse` does, reading cells only once."""
        return self._from_heard(expression @ weight)

    def _from_heard(
        self, heard: Float[Tensor, "cell heard"]
    ) -> tuple[StudentOutput, Float[Tensor, "cell direction"]]:
        first = cast(nn.Linear, self.layers[0])
        width = first.out_features
        embedding = self.layers[1:](heard[:, :width] + first.bias)
        logits = self.head(embedding)
        heard = heard[:, width:]
        if self.profiles is not None:
            logits = logits + heard[:, : len(self.profiles)]
        return StudentOutput(logits, embedding), heard
