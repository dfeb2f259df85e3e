"""The methods of the studies on a given reference and query: plkd as a setting wants it, peers.

Peers are those of :mod:`peers`. Methods need different packages; :func:`is_installed` says which
of them can run here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kept_models import Fitted, fitted, fitted_as
from predictions import LABELS, known_types, name_columns
from study.names import NETWORKS, STUDENT
from tasks import TaskData, gene_set_file

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator

NEEDS: Mapping[str, str] = {**dict.fromkeys(NETWORKS, "plkd"), "celltypist": "celltypist"}
"""Package that a method cannot do without, beside those that all of them use."""


@dataclass(frozen=True)
class Sides:
    """What teaches and what is annotated: types in ``obs[LABELS]``, batches in ``obs[BATCH]``."""

    reference: AnnData
    query: AnnData

    @property
    def truth(self) -> np.ndarray:
        """Types of the query's cells as text."""
        return self.query.obs[LABELS].to_numpy().astype(str)


@dataclass(frozen=True)
class Found:
    """What one method says of the query; plkd alone says more than labels.

    Attributes
    ----------
    method
        Its name.
    labels
        Label of each cell; of plkd the best known type.
    fit_seconds
        Seconds that learning took.
    embedding
        ``(n_query, width)``.
    confidence
        Probability that the label is right, ``(n_query,)``.
    unknown
        Which cells are called unknown, ``(n_query,)``.
    """

    method: str
    labels: np.ndarray
    fit_seconds: float
    embedding: np.ndarray | None = None
    confidence: np.ndarray | None = None
    unknown: np.ndarray | None = None


def sides_of(cells: TaskData) -> Sides:
    """Return a task's cells with types and batches where every method looks for them."""
    name_columns(cells)
    return Sides(cells.reference, cells.query)


def is_installed(method: str) -> bool:
    """Say whether the package that a method needs is there."""
    return method not in NEEDS or find_spec(NEEDS[method]) is not None


def annotated(
    sides: Sides,
    folder: Path,
    *,
    methods: Sequence[str],
    training: Mapping[str, float],
    mask: bool,
    seed: int,
    kept: tuple[Path, str] | None = None,
) -> Iterator[Found]:
    """Yield what each method finds; plkd's two networks come of one fit.

    Parameters
    ----------
    sides
        Reference and query; neither is changed.
    folder
        Data folder, for the gene sets.
    methods
        Names of methods, all of them installed.
    training
        What differs from plkd's default training.
    mask
        Give plkd the organism's Reactome sets; without, its patterns are learned.
    seed
        Seed of the methods.
    kept
        Folder of kept models, and the name of the task whose model is taken from there or kept;
        only for plkd at its defaults on the task's reference.
    """
    ours = [method for method in methods if method in NETWORKS]
    others = [method for method in methods if method not in NETWORKS]
    if others:
        yield from _by_peers(sides, others, seed)
    if ours:
        if kept is None:
            sets = gene_set_file(folder, list(sides.reference.var_names)) if mask else None
            fit = _fit(sides.reference, sets=sets, training=training, seed=seed)
        else:
            fit = fitted(sides.reference, folder, name=kept[1], seed=seed, models=kept[0])
        for method in ours:
            yield _by_network(sides.query, fit.model, method, fit_seconds=fit.seconds)


def _by_peers(sides: Sides, methods: Sequence[str], seed: int) -> Iterator[Found]:
    from peers import PEERS, prepared

    reference, query = prepared(sides.reference, sides.query)
    for method in methods:
        found = PEERS[method](reference, query, seed)
        yield Found(method, found.labels, found.fit_seconds)


def _fit(
    reference: AnnData, *, sets: Path | None, training: Mapping[str, Any], seed: int
) -> Fitted:
    import plkd
    from plkd.config import TrainConfig

    gene_sets = None if sets is None else plkd.pp.read_gene_sets(sets)
    config = TrainConfig(**training)
    model = plkd.CellAnnotator(gene_sets, training=config, seed=seed)
    return fitted_as(model, reference, name="")


def _by_network(query: AnnData, model: CellAnnotator, method: str, *, fit_seconds: float) -> Found:
    import plkd

    cells = query.copy()
    cells.obs = cells.obs[[]]  # nothing but genes and counts
    plkd.tl.annotate(cells, model, with_="student" if method == STUDENT else "teacher")
    return Found(
        method,
        known_types(cells),
        fit_seconds,
        np.asarray(cells.obsm["X_plkd"]),
        confidence=cells.obs["plkd_confidence"].to_numpy(),
        unknown=(cells.obs["plkd_label"] == "unknown").to_numpy(),
    )
