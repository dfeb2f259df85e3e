"""Every method of the comparison: its order in the tables, what it sees, and how it is run.

A new method is one more entry of ``PEERS`` (:mod:`peers`), ``RELATIVES`` (below) or ``OURS``
(:mod:`ours`); if it sees the query while it learns, its name also belongs into ``SEE_THE_QUERY``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ours import ADAPTED, OURS, predictions
from peers import PEERS, prepared
from peers.tosica_like import tosica_like
from predictions import Prediction, name_columns
from tasks import TaskData

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData

RELATIVES: Mapping[str, Callable[[TaskData, Path, int], Prediction]] = {"tosica-like": tosica_like}
"""Peers that are built of plkd's parts: they need plkd and not the peers' packages."""

METHODS = (*PEERS, *RELATIVES, *OURS)

SEE_THE_QUERY = ("harmony + knn", "scanvi", ADAPTED)
"""Methods that learn with the query's cells at hand; they have tables and ranks of their own."""

WITHOUT_RANDOMNESS = ("logistic", "logistic unscaled", "celltypist", "centroid", "singler")
"""Methods on which the seed has no effect: they run once, and that row stands for every seed."""


def is_peer(method: str) -> bool:
    """Say whether a method is not plkd's own; peers' rows are kept and not run again."""
    return method not in OURS


def blind(methods: Sequence[str]) -> list[str]:
    """Return the methods that are done learning before they see the query."""
    return [method for method in methods if method not in SEE_THE_QUERY]


def seeing(methods: Sequence[str]) -> list[str]:
    """Return the methods that see the query while they learn."""
    return [method for method in methods if method in SEE_THE_QUERY]


@dataclass(frozen=True)
class Bench:
    """A task laid out for every kind of method; what peers share is prepared once.

    Attributes
    ----------
    cells
        Reference and query.
    folder
        Data folder, for the gene sets.
    models
        Folder of plkd's kept models.
    n_genes
        Genes that peers are offered; ``None``: as many as plkd has by default.
    """

    cells: TaskData
    folder: Path
    models: Path | None = None
    n_genes: int | None = None

    @cached_property
    def sides(self) -> tuple[AnnData, AnnData]:
        """Reference and query as peers are offered them, types and batches in named columns."""
        name_columns(self.cells)
        return prepared(self.cells.reference, self.cells.query, self.n_genes)

    @property
    def truth(self) -> np.ndarray:
        """Types of the query's cells."""
        return self.cells.query.obs[self.cells.task.labels].to_numpy().astype(str)

    @property
    def reference_types(self) -> np.ndarray:
        """Types of the reference's cells."""
        return self.cells.reference.obs[self.cells.task.labels].to_numpy().astype(str)

    def run(self, methods: Sequence[str], seed: int) -> Iterator[tuple[str, Prediction]]:
        """Yield each method and what it says of the query; networks of plkd share one fit.

        Raises
        ------
        ImportError
            A package that the method needs is not here.
        """
        for method in methods:
            if method in PEERS:
                yield method, PEERS[method](*self.sides, seed)
            elif method in RELATIVES:
                yield method, RELATIVES[method](self.cells, self.folder, seed)
        ours = [method for method in methods if method in OURS]
        if ours:
            found = predictions(self.cells, self.folder, seed=seed, names=ours, models=self.models)
            yield from found.items()
