"""What is to be joined: cells with their types and batches, and every method's way to embed them.

==========  =====================================================================================
batches     reference and unseen query of a transfer task, its batches to be mixed (Table 3)
paired      RNA and ATAC of the same cells of the cortex, one place a cell; its sequencing batches
            are the layers to be mixed, for there is nothing else that could be (Figure 6)
unpaired    the same RNA and ATAC as if of different cells, stacked; RNA and ATAC are the layers
==========  =====================================================================================

plkd learns the reference (of the cortex: RNA of its reference batches, and for *paired* ATAC of
them as well); but for "plkd adapted" it has not seen the query; its embeddings are those of
``plkd.tl.integrate``, which is told the batches and aligns them. The peers learn on all cells,
without types; scANVI is told the types that plkd is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from integrated.multiome import ATAC, LAYER, RNA, Multiome, column_of
from integrated.names import BATCHES, HARMONY, PAIRED, PCA, PCA_LSI, SCANVI, SCVI, UNPAIRED
from kept_models import fitted
from ours import ADAPTED, NETWORKS, without_obs
from peers.adapting import together
from peers.embeddings import (
    beside_one_another,
    harmonised,
    latent,
    principal_components,
    scanvi_model,
    scvi_model,
)
from peers.offered import prepared
from predictions import BATCH, LABELS, name_columns
from tasks import TaskData

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator

Original = list[np.ndarray] | dict[str, np.ndarray] | None


@dataclass
class Scene:
    """Cells to be joined.

    Attributes
    ----------
    part, task
        What is joined, and the transfer task whose reference plkd has learned.
    types, batches
        Of each cell, ``(n_cells,)``; batches are what is to be mixed.
    unseen
        Whether a cell is of the query, ``(n_cells,)``.
    """

    part: str
    task: str
    types: np.ndarray
    batches: np.ndarray
    unseen: np.ndarray
    peers: Mapping[str, Callable[[int], np.ndarray]]
    ours: Mapping[str, Callable[[int], np.ndarray]]
    original_of: Callable[[], Original] = field(default=lambda: None)

    @cached_property
    def original(self) -> Original:
        """Where the cells stood before, for NC, or None where it is not measured."""
        return self.original_of()

    def embedded(self, method: str, seed: int) -> np.ndarray:
        """Return where a method puts the cells, ``(n_cells, n_dimensions)``.

        Raises
        ------
        ImportError
            A package that the method needs is not here.
        """
        return ({**self.peers, **self.ours})[method](seed)

    def original_among(self, cells: np.ndarray) -> Original:
        """Return the original of some of the cells, a mask ``(n_cells,)``."""
        if isinstance(self.original, dict):
            return {
                name: space[cells[self.batches == name]] for name, space in self.original.items()
            }
        return None if self.original is None else [space[cells] for space in self.original]


Models = Callable[[TaskData, int], "CellAnnotator"]
"""From a task's cells and a seed to the model that has learned its reference."""


def models_in(folder: Path, models: Path | None) -> Models:
    """Return what fits plkd, or takes its model from the folder of the kept ones."""
    made: dict[tuple[str, int], CellAnnotator] = {}

    def model(cells: TaskData, seed: int) -> CellAnnotator:
        key = cells.task.name, seed
        if key not in made:
            fit = fitted(cells.reference, folder, name=key[0], seed=seed, models=models)
            made[key] = fit.model
        return made[key]

    return model


def batch_scene(cells: TaskData, models: Models) -> Scene:
    """Return reference and query of a task."""
    name_columns(cells)
    sides = {"reference": cells.reference, "query": cells.query}
    joined = {name: without_obs(side, but=[BATCH]) for name, side in sides.items()}

    def offered() -> AnnData:
        return together(*prepared(cells.reference, cells.query))

    def stacked(model: CellAnnotator, network: str) -> np.ndarray:
        import plkd

        joint = plkd.tl.integrate(joined, model, batch_key=BATCH, with_=network)
        return joint.obsm["X_plkd"]

    ours = {
        method: lambda seed, its=network: stacked(models(cells, seed), its)
        for method, network in NETWORKS.items()
    }
    ours[ADAPTED] = lambda seed: stacked(models(cells, seed).adapt(joined["query"]), "student")
    return Scene(
        part=BATCHES,
        task=cells.task.name,
        types=column_of(sides.values(), LABELS),
        batches=column_of(sides.values(), BATCH),
        unseen=np.repeat([False, True], [side.n_obs for side in sides.values()]),
        peers=joining_peers(offered, BATCH),
        ours=ours,
    )


def joining_peers(
    offered: Callable[[], AnnData], key: str
) -> dict[str, Callable[[int], np.ndarray]]:
    """Return the peers that join cells of one kind of measurement.

    Parameters
    ----------
    offered
        Gives the cells: log1p values in ``X``, counts in a layer, types or "not labelled".
    key
        Column of their ``obs`` with the batches.
    """
    last: dict[int, tuple[Any, AnnData]] = {}

    def harmony(seed: int) -> np.ndarray:
        cells = offered()
        return harmonised(principal_components(cells, seed), cells, key, seed)

    def trained(seed: int) -> tuple[Any, AnnData]:
        """Return scVI and its cells; scANVI of the same seed starts from it."""
        if seed not in last:
            cells = offered()
            model = scvi_model(cells, key, seed)
            last.clear()
            last[seed] = model, cells
        return last[seed]

    return {
        PCA: lambda seed: principal_components(offered(), seed),
        HARMONY: harmony,
        SCVI: lambda seed: latent(trained(seed)[0]),
        SCANVI: lambda seed: latent(scanvi_model(*trained(seed))),
    }


def paired_scene(cells: Multiome, models: Models) -> Scene:
    """Return RNA and ATAC of the same cells, one place a cell."""
    rna, atac = cells.whole(cells.rna), cells.whole(cells.atac)

    def concatenated(seed: int) -> np.ndarray:
        return beside_one_another([cells.components(seed), cells.semantics(seed)])

    def harmony(seed: int) -> np.ndarray:
        return harmonised(concatenated(seed), cells.offered_rna(), BATCH, seed)

    def side_by_side(seed: int, network: Any) -> np.ndarray:
        import plkd

        of_each = {RNA: models(cells.rna, seed), ATAC: models(cells.atac, seed)}
        joint = plkd.tl.integrate(
            {RNA: rna, ATAC: atac}, of_each, batch_key=BATCH, paired=True, with_=network
        )
        return joint.obsm["X_plkd"]

    return Scene(
        part=PAIRED,
        task=cells.rna.task.name,
        types=cells.types,
        batches=cells.batches,
        unseen=cells.unseen,
        peers={PCA_LSI: concatenated, HARMONY: harmony},
        ours={
            method: lambda seed, its=network: side_by_side(seed, its)
            for method, network in NETWORKS.items()
        },
        original_of=lambda: [cells.components(0), cells.semantics(0)],
    )


def unpaired_scene(cells: Multiome, models: Models) -> Scene:
    """Return RNA and ATAC as layers of different cells."""
    joined = {RNA: cells.whole(cells.rna), ATAC: cells.whole(cells.atac)}

    def stacked(model: CellAnnotator, network: Any) -> np.ndarray:
        import plkd

        return plkd.tl.integrate(joined, model, with_=network).obsm["X_plkd"]

    ours = {
        method: lambda seed, its=network: stacked(models(cells.rna, seed), its)
        for method, network in NETWORKS.items()
    }
    ours[ADAPTED] = lambda seed: stacked(models(cells.rna, seed).adapt(joined[ATAC]), "student")
    return Scene(
        part=UNPAIRED,
        task=cells.rna.task.name,
        types=np.tile(cells.types, 2),
        batches=np.repeat([RNA, ATAC], len(cells.types)),
        unseen=np.tile(cells.unseen, 2),
        peers=joining_peers(cells.stacked, LAYER),
        ours=ours,
        original_of=lambda: {RNA: cells.components(0), ATAC: cells.semantics(0)},
    )
