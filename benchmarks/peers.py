"""The peers, each a function ``fit_predict(reference, query, seed)`` in its recommended setting.

All are offered the same: log1p of counts per 10,000 (counted over every gene of the file), and
of these genes the 2,000 most variable of the reference (scanpy, flavour "seurat", by batch where
there are two or more). None sees the query while it learns but ``harmony + knn``.

==================  =============================================================================
logistic            scikit-learn's LogisticRegression at its defaults (L2, C=1, lbfgs) on genes
                    standardised by the reference, as its guide recommends; up to 1,000 steps
logistic unscaled   the same on log1p values as they are, which is better on average here
svm                 scikit-learn's LinearSVC on log1p values as they are (as in the published
                    comparisons of single-cell annotators); C out of 0.0001, 0.001, 0.01 by
                    5-fold cross-validation inside the reference, as its guide recommends
                    (0.1 and 1 were tried on eight tasks and never chosen)
celltypist          ``celltypist.train`` at its defaults (it standardises and clips by itself) and
                    ``celltypist.annotate`` without majority voting
singler, symphony,  see :mod:`peers_mapping`
harmony + knn
mlp                 see :mod:`peers_networks`
==================  =============================================================================

They need celltypist, singler, symphonypy and harmonypy beside scanpy, and torch; CellTypist's
default training needs scikit-learn < 1.8.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from peers_mapping import harmony_and_neighbours, singler, symphony
from peers_networks import actinn_like
from predictions import BATCH, LABELS, FitPredict, Prediction

if TYPE_CHECKING:
    from anndata import AnnData
    from sklearn.base import BaseEstimator

N_GENES = 2000
SVM_C = (0.0001, 0.001, 0.01)


def prepared(reference: AnnData, query: AnnData) -> tuple[AnnData, AnnData]:
    """Return log1p copies of both sides in the 2,000 most variable genes of the reference.

    The query's genes are brought to the reference's by name; genes that it lacks are zero.
    """
    import scanpy as sc

    reference, query = reference.copy(), query.copy()
    for side in (reference, query):
        sc.pp.normalize_total(side, target_sum=1e4)
        sc.pp.log1p(side)
    if reference.n_vars > N_GENES:
        several = reference.obs[BATCH].nunique() > 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sc.pp.highly_variable_genes(
                reference,
                n_top_genes=N_GENES,
                flavor="seurat",
                batch_key=BATCH if several else None,
            )
        reference = reference[:, reference.var["highly_variable"].to_numpy()].copy()
    return reference, _with_genes_of(query, reference)


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


PEERS: Mapping[str, FitPredict] = MappingProxyType(
    {
        "logistic": logistic_regression,
        "logistic unscaled": unscaled_logistic_regression,
        "svm": linear_svm,
        "celltypist": celltypist,
        "singler": singler,
        "mlp": actinn_like,
        "symphony": symphony,
        "harmony + knn": harmony_and_neighbours,
    }
)


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


def _with_genes_of(query: AnnData, reference: AnnData) -> AnnData:
    import anndata
    import scipy.sparse as sp

    place = query.var_names.get_indexer(reference.var_names)
    held = query.X.tocsc()[:, np.where(place < 0, 0, place)]
    present = sp.diags_array((place >= 0).astype(held.dtype), format="csc")
    counts = sp.csr_matrix(held @ present)
    return anndata.AnnData(counts, obs=query.obs, var=reference.var[[]])
