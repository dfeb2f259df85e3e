"""What peers say of each cell: their probability of the label, and 1 less it as novelty.

==================  =============================================================================
celltypist          ``probability_matrix`` of ``celltypist.annotate``: of each type on its own, so
                    rows need not sum to 1; its largest is CellTypist's confidence score
logistic unscaled   ``predict_proba`` of scikit-learn's LogisticRegression on log1p values
scanvi              ``predict(soft=True)`` of scANVI, which learns with the query at hand, cells of
                    the left-out type among it
==================  =============================================================================

They are offered what :mod:`peers` says, and set as it says. None of them calls a cell unknown or
gives sets of types.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from predictions import LABELS
from trusted.answers import Answer, rest_of
from trusted.names import CELLTYPIST, LOGISTIC, SCANVI

if TYPE_CHECKING:
    from anndata import AnnData

PeerAnswer = Callable[["AnnData", "AnnData", int], Answer]


def celltypist(reference: AnnData, query: AnnData, seed: int) -> Answer:
    """Train CellTypist at its defaults (which have no randomness) and annotate."""
    import celltypist as ct

    del seed
    logging.getLogger("celltypist").setLevel(logging.ERROR)
    ct.logger.set_level(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model = ct.train(reference, labels=LABELS, check_expression=False)
        fitted = time.perf_counter()
        said = ct.annotate(query, model=model).probability_matrix
    types, largest = said.columns.to_numpy().astype(str), said.to_numpy().max(1)
    labels = types[said.to_numpy().argmax(1)]
    seconds = fitted - start, time.perf_counter() - fitted
    return Answer(labels, 1 - largest, largest, None, None, *seconds)


def logistic_regression(reference: AnnData, query: AnnData, seed: int) -> Answer:
    """Fit a multinomial logistic regression on log1p values as they are."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lbfgs may stop at its step limit
        start = time.perf_counter()
        model.fit(reference.X.toarray(), reference.obs[LABELS].to_numpy().astype(str))
        fitted = time.perf_counter()
        said = model.predict_proba(query.X.toarray())
    seconds = fitted - start, time.perf_counter() - fitted
    return _of_rows_that_sum_to_1(model.classes_, said, *seconds)


def scanvi(
    reference: AnnData, query: AnnData, seed: int, *, max_epochs: int | None = None
) -> Answer:
    """Train scVI and from it scANVI on both sides, and take its probabilities of the query.

    Parameters
    ----------
    max_epochs
        Epochs of each of the two trainings; ``None`` leaves them to scvi-tools.
    """
    from peers.adapting import scanvi_probabilities

    said, *seconds = scanvi_probabilities(reference, query, seed, max_epochs=max_epochs)
    return _of_rows_that_sum_to_1(said.columns, said.to_numpy(), *seconds)


PEER_ANSWERS: Mapping[str, PeerAnswer] = MappingProxyType(
    {CELLTYPIST: celltypist, LOGISTIC: logistic_regression, SCANVI: scanvi}
)


def _of_rows_that_sum_to_1(
    types: np.ndarray, said: np.ndarray, fit_seconds: float, predict_seconds: float
) -> Answer:
    rest = rest_of(said)
    labels = np.asarray(types).astype(str)[said.argmax(1)]
    return Answer(labels, rest, 1 - rest, None, None, fit_seconds, predict_seconds)
