"""plkd on a task: one fit at its defaults; then its networks annotate the query, or it adapts."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kept_models import fitted
from predictions import Prediction, known_types, name_columns
from tasks import TaskData

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator

NETWORKS: Mapping[str, Literal["teacher", "student"]] = {
    "plkd teacher": "teacher",
    "plkd student": "student",
}
ADAPTED = "plkd adapted"
"""The Student of ``model.adapt(query)``, which sees the query's cells."""

OURS = (*NETWORKS, ADAPTED)


def predictions(
    cells: TaskData,
    folder: Path,
    *,
    seed: int,
    names: Collection[str] = OURS,
    models: Path | None = None,
) -> dict[str, Prediction]:
    """Return what the ``names`` say of the query after one fit.

    plkd is given what its users have: counts in every gene of the file, types and batches of the
    reference, and the organism's Reactome sets; it chooses its own genes. The seconds of the fit
    are those of Teacher and Student together, for both rows of the table; those of the adapted
    model are of adapting alone, which is all that a new query costs.

    Parameters
    ----------
    models
        Folder in which fitted models are kept and looked for; see :mod:`kept_models`.
    """
    name_columns(cells)
    fit = fitted(cells.reference, folder, name=cells.task.name, seed=seed, models=models)
    found = {
        name: annotated(cells.query, fit.model, network=network, fit_seconds=fit.seconds)
        for name, network in NETWORKS.items()
        if name in names
    }
    if ADAPTED in names:
        start = time.perf_counter()
        model = fit.model.adapt(without_obs(cells.query))
        seconds = time.perf_counter() - start
        found[ADAPTED] = annotated(cells.query, model, network="student", fit_seconds=seconds)
    return found


def annotated(
    query: AnnData,
    model: CellAnnotator,
    *,
    network: Literal["teacher", "student"],
    fit_seconds: float,
) -> Prediction:
    """Return what a network of the model says of the query, of which it is given the counts."""
    import plkd

    unlabelled = without_obs(query)
    start = time.perf_counter()
    plkd.tl.annotate(unlabelled, model, with_=network)
    seconds = time.perf_counter() - start
    return Prediction(known_types(unlabelled), fit_seconds, seconds)


def without_obs(query: AnnData, *, but: Collection[str] = ()) -> AnnData:
    """Return the query's counts and genes, and nothing else but these columns of ``obs``."""
    unlabelled = query.copy()
    unlabelled.obs = unlabelled.obs[list(but)]
    return unlabelled
