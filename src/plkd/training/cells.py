"""Reference cells as training sees them, and the order in which it sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from plkd.data.rows import gene_variance


@dataclass(frozen=True)
class Cells:
    """Expression, labels and depth of some cells.

    Attributes
    ----------
    expression
        log1p counts per 10,000 over the model's genes, ``(n_cells, n_genes)``, float32.
    codes
        Cell type of each cell as an index, -1 where it has no label, ``(n_cells,)``.
    depth
        Total counts of each cell over all genes measured, ``(n_cells,)``, float32.
    n_types
        Number of cell types k.
    """

    expression: csr_matrix
    codes: NDArray[np.int64]
    depth: NDArray[np.float32]
    n_types: int

    def __len__(self) -> int:
        return int(self.expression.shape[0])

    def subset(self, index: NDArray[np.int64]) -> Cells:
        """Return the cells at ``index``."""
        return Cells(self.expression[index], self.codes[index], self.depth[index], self.n_types)

    def dense(self, index: NDArray[np.int64] | slice) -> Float[Tensor, "cell gene"]:
        """Return the expression of the cells at ``index`` as a dense tensor."""
        return torch.from_numpy(self.expression[index].toarray())

    def mean(self) -> Float[Tensor, " gene"]:
        """Return the mean expression of each gene."""
        mean = np.asarray(self.expression.mean(0), dtype=np.float32).ravel()
        return torch.from_numpy(mean)

    @cached_property
    def spread(self) -> float:
        """Root mean square, over the genes, of their standard deviations."""
        return float(np.sqrt(gene_variance(self.expression).mean()))

    def labels(self, index: NDArray[np.int64]) -> Int[Tensor, " cell"]:
        """Return the type codes of the cells at ``index``."""
        return torch.from_numpy(self.codes[index])


@dataclass(frozen=True)
class Batches:
    """Mini-batches of cell indices for each epoch; never a copy of a cell.

    Attributes
    ----------
    n_cells
        Cells to draw from.
    size
        Cells in a mini-batch, on each device.
    seed
        Together with the epoch's number it fixes the order.
    weights
        Sampling weights, ``(n_cells,)``; ``None`` visits each cell once an epoch.
    max_per_epoch
        Cells visited in an epoch at most; a larger reference is visited in parts.
    rank, world_size
        This device and the number of devices; each takes its own share of every epoch.
    """

    n_cells: int
    size: int
    seed: int
    weights: NDArray[np.float64] | None = None
    max_per_epoch: int | None = None
    rank: int = 0
    world_size: int = 1

    def __len__(self) -> int:
        """Return the number of mini-batches in an epoch, on each device."""
        return max(1, self._visited() // (self.size * self.world_size))

    def epoch(self, number: int) -> Iterator[NDArray[np.int64]]:
        """Yield the mini-batches of epoch ``number`` that belong to this device.

        A short remainder is spread over the mini-batches rather than left as a tiny one.
        """
        generator = np.random.default_rng([self.seed, number])
        if self.weights is None:
            order = generator.permutation(self.n_cells)[: self._visited()]
        else:
            order = generator.choice(self.n_cells, self._visited(), p=self.weights)
        mine = order[self.rank :: self.world_size]
        yield from np.array_split(mine, len(self))

    def _visited(self) -> int:
        return min(self.n_cells, self.max_per_epoch or self.n_cells)
