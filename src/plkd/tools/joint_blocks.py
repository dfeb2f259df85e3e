"""Embeddings of the modalities of the same cells, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
