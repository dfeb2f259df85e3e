"""RNA and ATAC of the same cells, in one order, as every method of the benchmark needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ours import without_obs
from peers.adapting import together
from peers.embeddings import UNLABELLED, latent_semantics, principal_components
from peers.offered import prepared
from predictions import BATCH, LABELS, name_columns
from tasks import TaskData

if TYPE_CHECKING:
    from anndata import AnnData

RNA, ATAC = "rna", "atac"
LAYER = "layer"


@dataclass
class Multiome:
    """RNA, gene activity and regions of the same cells, reference before query."""

    rna: TaskData
    atac: TaskData
    regions: AnnData

    def __post_init__(self) -> None:
        for cells in (self.rna, self.atac):
            name_columns(cells)
        self.names = [str(n) for side in self.sides(self.rna) for n in side.obs_names]
        self.unseen = np.repeat([False, True], [side.n_obs for side in self.sides(self.rna)])
        self.types = column_of(self.sides(self.rna), LABELS)
        self.batches = column_of(self.sides(self.rna), BATCH)
        self._spaces: dict[tuple[str, int], np.ndarray] = {}

    @staticmethod
    def sides(cells: TaskData) -> tuple[AnnData, AnnData]:
        """Return reference and query."""
        return cells.reference, cells.query

    def whole(self, cells: TaskData) -> AnnData:
        """Return all cells of a modality in the order of ``names``, with batches, not types."""
        import anndata

        sides = [without_obs(side, but=[BATCH]) for side in self.sides(cells)]
        return anndata.concat(sides)[self.names].copy()

    def offered_rna(self) -> AnnData:
        """Return log1p RNA of all cells in the genes that the peers are offered."""
        return together(*prepared(self.rna.reference, self.rna.query))

    def components(self, seed: int) -> np.ndarray:
        """Return principal components of RNA."""
        if (RNA, seed) not in self._spaces:
            self._spaces[RNA, seed] = principal_components(self.offered_rna(), seed)
        return self._spaces[RNA, seed]

    def semantics(self, seed: int) -> np.ndarray:
        """Return the singular vectors of ATAC's regions."""
        if (ATAC, seed) not in self._spaces:
            regions = self.regions[self.names].X.tocsr()
            self._spaces[ATAC, seed] = latent_semantics(regions, seed)
        return self._spaces[ATAC, seed]

    def stacked(self) -> AnnData:
        """Return log1p RNA and gene activity under one another; types of learned RNA alone."""
        import anndata

        activity = self.whole(self.atac)
        activity.obs[BATCH] = self.batches
        _, offered = prepared(self.rna.reference, activity)
        both = anndata.concat({RNA: self.offered_rna(), ATAC: offered}, label=LAYER, merge="same",
                              index_unique="-")  # fmt: skip
        hidden = np.repeat(UNLABELLED, activity.n_obs)
        learned = np.where(self.unseen, UNLABELLED, self.types)
        both.obs = both.obs[[LAYER]].assign(**{LABELS: np.concatenate([learned, hidden])})
        both.obs[LABELS] = both.obs[LABELS].astype("category")
        return both


def column_of(sides: Any, key: str) -> np.ndarray:
    """Return a column of ``obs`` of several AnnData under one another, as text."""
    return np.concatenate([side.obs[key].to_numpy().astype(str) for side in sides])
