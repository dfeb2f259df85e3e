"""plkd on a task: one fit at its defaults, then both of its networks annotate the query."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from predictions import Prediction
from tasks import TaskData, gene_set_file

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator

NETWORKS: Mapping[str, Literal["teacher", "student"]] = {
    "plkd teacher": "teacher",
    "plkd student": "student",
}


def fit_predict_both(
    cells: TaskData, folder: Path, *, seed: int, names: Collection[str] = tuple(NETWORKS)
) -> dict[str, Prediction]:
    """Return the Teacher's and the Student's labels of the query after one fit.

    plkd is given what its users have: counts in every gene of the file, types and batches of the
    reference, and the organism's Reactome sets; it chooses its own genes. The seconds of the fit
    are those of Teacher and Student together, for both rows of the table. Only the ``names``
    annotate.
    """
    import plkd

    task = cells.task
    sets = plkd.pp.read_gene_sets(gene_set_file(folder, list(cells.reference.var_names)))
    start = time.perf_counter()
    model = plkd.CellAnnotator(sets, seed=seed).fit(
        cells.reference, labels_key=task.labels, batch_key=task.batch
    )
    seconds = time.perf_counter() - start
    return {
        name: annotated(cells.query, model, network=network, fit_seconds=seconds)
        for name, network in NETWORKS.items()
        if name in names
    }


def annotated(
    query: AnnData,
    model: CellAnnotator,
    *,
    network: Literal["teacher", "student"],
    fit_seconds: float,
) -> Prediction:
    """Return what a network of the model says of the query, of which it is given the counts."""
    import plkd

    unlabelled = query.copy()
    unlabelled.obs = unlabelled.obs[[]]  # nothing but genes and counts
    start = time.perf_counter()
    plkd.tl.annotate(unlabelled, model, with_=network)
    seconds = time.perf_counter() - start
    labels = np.asarray(unlabelled.obs["plkd_label"]).astype(str)
    return Prediction(labels, fit_seconds, seconds)
