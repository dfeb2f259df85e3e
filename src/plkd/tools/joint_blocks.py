"""What a model says of the cells of inputs: under one another, or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.tools.joint_alignment import aligned


@dataclass(frozen=True, eq=False)
class Block:
    """Cells as one model embeds them.

    Attributes
    ----------
    points
        Embedding, float32 ``(n_cells, width)``.
    no_counts
        Whether a cell has no count in the model's genes, ``(n_cells,)``.
    probabilities
        Of each type, float32 ``(n_cells, n_types)``; ``None`` where nothing is to be aligned.
    along_axes
        Where cells lie along the principal axes of the reference (:mod:`plkd.trust.groups`),
        float32 ``(n_cells, n_axes)``; ``None`` where they do not count.
    """

    points: NDArray[np.float32]
    no_counts: NDArray[np.bool_]
    probabilities: NDArray[np.float32] | None = None
    along_axes: NDArray[np.float32] | None = None

    @classmethod
    def stacked(cls, blocks: Sequence[Self]) -> Self:
        """Return the cells of several blocks under one another."""
        return cls(
            np.concatenate([each.points for each in blocks]),
            np.concatenate([each.no_counts for each in blocks]),
            _under_one_another([each.probabilities for each in blocks]),
            _under_one_another([each.along_axes for each in blocks]),
        )

    def ordered(self, order: NDArray[np.int64]) -> Self:
        """Return the cells at these positions."""
        return replace(
            self,
            points=self.points[order],
            no_counts=self.no_counts[order],
            probabilities=None if self.probabilities is None else self.probabilities[order],
            along_axes=None if self.along_axes is None else self.along_axes[order],
        )

    def aligned(self, batches: NDArray[np.integer] | None) -> Self:
        """Return the block with batches brought together; cells without counts stay in place."""
        if batches is None or self.probabilities is None:
            return self
        shares = np.where(self.no_counts[:, None], np.float32(0), self.probabilities)
        axes = self.along_axes
        return replace(
            self,
            points=aligned(self.points, shares, batches),
            along_axes=None if axes is None else aligned(axes, shares, batches),
        )

    def structured(self, structure: float) -> NDArray[np.float32]:
        """Return the embedding, and the axes beside it if they count for something."""
        if self.along_axes is None:
            return self.points
        return side_by_side([self.points, self.along_axes], [1.0, structure], [{}, {}])


def _under_one_another(
    parts: Sequence[NDArray[np.float32] | None],
) -> NDArray[np.float32] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def side_by_side(
    blocks: Sequence[NDArray[np.float32]],
    weights: Sequence[float],
    facts: Sequence[dict[str, Any]],
) -> NDArray[np.float32]:
    r"""Put the embeddings of the modalities of the same cells beside one another, alike in spread.

    Parameters
    ----------
    blocks
        Embedding of each modality, ``(n_cells, width)``, the cells in one order.
    weights
        Weight of each.
    facts
        Of each modality, to which ``columns`` and ``divided_by`` are added.

    Returns
    -------
    float32 ``(n_cells, sum of widths)``.

    Notes
    -----
    Block m becomes :math:`w_m (Z_m - \bar Z_m) / \sqrt{\sum_j \operatorname{Var} Z_{m,j}}`: the
    mean squared distance of two cells is :math:`2 w_m^2` in each, whatever its width and scale.
    Directions within a block keep their proportions. A block that is the same for all cells
    becomes zero.
    """
    width = sum(block.shape[1] for block in blocks)
    joint = np.empty((len(blocks[0]), width), dtype=np.float32)
    start = 0
    for block, weight, said in zip(blocks, weights, facts, strict=True):
        columns = slice(start, start + block.shape[1])
        centred = block - block.mean(axis=0, dtype=np.float64)
        spread = float(np.sqrt((centred**2).sum(axis=1).mean()))
        joint[:, columns] = centred * (weight / spread if spread > 0 else 1.0)
        said["columns"] = [columns.start, columns.stop]
        said["divided_by"] = spread
        said["weight"] = float(weight)
        start = columns.stop
    return joint
