"""The peers, each a function ``fit_predict(reference, query, seed)`` in its recommended setting.

All are offered the same: log1p of counts per 10,000 (counted over every gene of the file), and
of these genes the most variable of the reference (scanpy, flavour "seurat", by batch where there
are two or more), as many as plkd has of it (2,000; of the slices of cortex all 3,851), and the
counts of these genes in a layer.

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
centroid            the type whose mean over the reference (of log1p values) has the highest
                    Pearson correlation with the cell; it has nothing to set
singler, symphony   see :mod:`peers.mapping`
mlp                 see :mod:`peers.networks`
harmony + knn,      see :mod:`peers.adapting`: the two that see the query while they learn
scanvi
tosica-like         see :mod:`peers.tosica_like`: it needs plkd, not these packages
==================  =============================================================================

They need celltypist, singler, symphonypy, harmonypy and scvi-tools beside scanpy, and torch;
CellTypist's default training needs scikit-learn < 1.8. Peers that need what cannot be had from a
package index are in :mod:`peers.elsewhere`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from predictions import FitPredict

from peers.adapting import harmony_and_neighbours, scanvi
from peers.mapping import singler, symphony
from peers.networks import actinn_like
from peers.offered import prepared
from peers.simple import (
    celltypist,
    linear_svm,
    logistic_regression,
    nearest_centroid,
    unscaled_logistic_regression,
)

__all__ = ["PEERS", "prepared"]

PEERS: Mapping[str, FitPredict] = MappingProxyType(
    {
        "logistic": logistic_regression,
        "logistic unscaled": unscaled_logistic_regression,
        "svm": linear_svm,
        "celltypist": celltypist,
        "centroid": nearest_centroid,
        "singler": singler,
        "mlp": actinn_like,
        "symphony": symphony,
        "harmony + knn": harmony_and_neighbours,
        "scanvi": scanvi,
    }
)
