"""Peers that see the query while they learn, each in its recommended setting.

==============  =================================================================================
harmony + knn   30 principal components of standardised genes of reference and query together,
                Harmony over all their batches, 15 nearest reference cells
scanvi          scvi-tools as its guides recommend for integrating labelled and unlabelled cells:
                scVI (2 layers, 30 latent variables, negative binomial) on the counts of both
                sides, the batch as its covariate; from it scANVI, with the query unlabelled and
                up to 100 labelled cells of each type an epoch; epochs by their own rules of thumb
                (400 and 10 for up to 20,000 cells)
==============  =================================================================================

A query is no news to them, so they have to be run anew for each, and compare with each other
rather than with methods that were done learning before the query came. They are offered what
:mod:`peers` says, and the batches of both sides in ``obs["batch"]``; the types of the query are
hidden from them.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from predictions import BATCH, LABELS, Prediction

from peers.embeddings import (
    UNLABELLED,
    harmonised,
    principal_components,
    scanvi_model,
    scvi_model,
)

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

N_NEIGHBOURS = 15
SIDE, REFERENCE, QUERY = "side", "reference", "query"


def harmony_and_neighbours(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Integrate reference and query with Harmony and let neighbours vote."""
    import harmonypy  # noqa: F401 (its import is not part of the seconds)
    from sklearn.neighbors import KNeighborsClassifier

    start = time.perf_counter()
    both = together(reference, query)
    corrected = harmonised(principal_components(both, seed), both, BATCH, seed)
    mine = (both.obs[SIDE] == REFERENCE).to_numpy()
    voters = KNeighborsClassifier(N_NEIGHBOURS)
    voters.fit(corrected[mine], reference.obs[LABELS].to_numpy().astype(str))
    fitted = time.perf_counter()
    labels = voters.predict(corrected[~mine])
    return Prediction(labels, fitted - start, time.perf_counter() - fitted)


def scanvi(
    reference: AnnData, query: AnnData, seed: int, *, max_epochs: int | None = None
) -> Prediction:
    """Train scVI and from it scANVI on both sides, and take its types of the query.

    Parameters
    ----------
    max_epochs
        Epochs of each of the two trainings; ``None`` leaves them to scvi-tools.
    """
    said, fit, predict = scanvi_probabilities(reference, query, seed, max_epochs=max_epochs)
    return Prediction(said.columns.to_numpy().astype(str)[said.to_numpy().argmax(1)], fit, predict)


def scanvi_probabilities(
    reference: AnnData, query: AnnData, seed: int, *, max_epochs: int | None = None
) -> tuple[pd.DataFrame, float, float]:
    """Return the same as probabilities of the types, and the seconds of training and predicting."""
    import scvi  # noqa: F401 (its import is not part of the seconds)

    start = time.perf_counter()
    both = together(reference, query)
    integrated = scvi_model(both, BATCH, seed, max_epochs=max_epochs)
    annotator = scanvi_model(integrated, both, max_epochs=max_epochs)
    fitted = time.perf_counter()
    theirs = np.flatnonzero(both.obs[SIDE] == QUERY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = annotator.predict(indices=theirs, soft=True)
    return said, fitted - start, time.perf_counter() - fitted


def together(reference: AnnData, query: AnnData) -> AnnData:
    """Return the cells of both sides, the query's without labels.

    ``obs`` has the side of a cell, its batch (those of the two sides told apart, even where they
    have the same name) and its type, "not labelled" in the query.
    """
    import anndata

    both = anndata.concat({REFERENCE: reference, QUERY: query}, label=SIDE, index_unique="-")
    batches = both.obs[SIDE].astype(str) + " " + both.obs[BATCH].astype(str)
    types = both.obs[LABELS].astype(str).where(both.obs[SIDE] == REFERENCE, UNLABELLED)
    both.obs = both.obs[[SIDE]].assign(
        **{BATCH: batches.astype("category"), LABELS: types.astype("category")}
    )
    return both
