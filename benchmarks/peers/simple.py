"""Peers that are one model on the values they are offered; their settings are in :mod:`peers`."""

from __future__ import annotations

import logging
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from predictions import LABELS, Prediction

if TYPE_CHECKING:
    from anndata import AnnData
    from sklearn.base import BaseEstimator

SVM_C = (0.0001, 0.001, 0.01)


def logistic_regression(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Standardise and fit a multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return _scaled(LogisticRegression(max_iter=1000, random_state=seed), reference, query)


def unscaled_logistic_regression(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Fit a multinomial logistic regression on log1p values as they are."""
    from sklearn.linear_model import LogisticRegression

    return _fitted(LogisticRegression(max_iter=1000, random_state=seed), reference, query)


def linear_svm(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Choose C inside the reference and fit a linear support vector machine."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold
    from sklearn.svm import LinearSVC

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return _fitted(
        GridSearchCV(LinearSVC(random_state=seed), {"C": SVM_C}, cv=folds), reference, query
    )


def celltypist(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Train CellTypist at its defaults (which have no randomness) and annotate."""
    import celltypist as ct

    logging.getLogger("celltypist").setLevel(logging.ERROR)
    ct.logger.set_level(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model = ct.train(reference, labels=LABELS, check_expression=False)
        fitted = time.perf_counter()
        found = ct.annotate(query, model=model).predicted_labels["predicted_labels"]
    labels = found.to_numpy().astype(str)
    return Prediction(labels, fitted - start, time.perf_counter() - fitted)


def nearest_centroid(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Give each cell the type whose mean correlates best with it (Pearson); no randomness."""
    import scipy.sparse as sp

    del seed
    start = time.perf_counter()
    types, codes = np.unique(reference.obs[LABELS].to_numpy().astype(str), return_inverse=True)
    cells_of_type = sp.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
    means = (cells_of_type @ reference.X).toarray() / np.bincount(codes)[:, None]
    centred = means - means.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    centred = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    fitted = time.perf_counter()
    # A cell's own mean and length are the same for all types: the product ranks as Pearson does.
    labels = types[(query.X @ centred.T).argmax(axis=1)]
    return Prediction(labels, fitted - start, time.perf_counter() - fitted)


def _scaled(classifier: BaseEstimator, reference: AnnData, query: AnnData) -> Prediction:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return _fitted(make_pipeline(StandardScaler(), classifier), reference, query)


def _fitted(model: BaseEstimator, reference: AnnData, query: AnnData) -> Prediction:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lbfgs and liblinear may stop at their step limit
        start = time.perf_counter()
        model.fit(reference.X.toarray(), reference.obs[LABELS].to_numpy().astype(str))
        fitted = time.perf_counter()
        labels = model.predict(query.X.toarray())
    return Prediction(labels, fitted - start, time.perf_counter() - fitted)
