"""Peers that map the query onto the reference, each in its recommended setting.

==============  =================================================================================
singler         ``singler.train_single`` and ``classify_single`` at their defaults: rank
                correlation with reference cells over markers of pairs of types, then fine-tuning
symphony        symphonypy as its guide recommends: standardised genes clipped at 10, 30 principal
                components, Harmony over the reference's batches, the query mapped onto them,
                scikit-learn's 5 nearest neighbours. A reference of one batch has no Harmony; the
                query is then projected onto its components and not moved (moved, it was far
                worse: accuracy 0.54 against 0.97 on pbmcsca:drop_to_in)
==============  =================================================================================

They are offered what :mod:`peers` says, and the batches of both sides in ``obs["batch"]``.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
from predictions import BATCH, LABELS, Prediction

if TYPE_CHECKING:
    from anndata import AnnData

N_COMPONENTS = 30


def singler(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Train SingleR on the reference and label the query; it has no randomness."""
    import singler as sr

    del seed
    genes = reference.var_names.tolist()
    start = time.perf_counter()
    trained = sr.train_single(
        reference.X.T.toarray(), reference.obs[LABELS].astype(str).tolist(), genes, num_threads=2
    )
    fitted = time.perf_counter()
    found = sr.classify_single(query.X.T.toarray(), trained, num_threads=2)
    labels = np.asarray(found.column("best")).astype(str)
    return Prediction(labels, fitted - start, time.perf_counter() - fitted)


def symphony(reference: AnnData, query: AnnData, seed: int) -> Prediction:
    """Build a Symphony reference, map the query onto it and let neighbours vote."""
    import scanpy as sc
    import symphonypy as sp

    reference, query = reference.copy(), query.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        reference.var["highly_variable"] = True
        sc.pp.scale(reference, max_value=10)
        sc.pp.pca(reference, n_comps=N_COMPONENTS, zero_center=False, random_state=seed)
        bases = {"ref_basis": "X_pca", "query_basis": "X_pca_reference"}
        if reference.obs[BATCH].nunique() > 1:
            sp.pp.harmony_integrate(reference, key=BATCH, random_seed=seed)
            bases = {"ref_basis": "X_pca_harmony", "query_basis": "X_pca_harmony"}
        fitted = time.perf_counter()
        sp.tl.map_embedding(query, reference, key=BATCH)
        sp.tl.transfer_labels_kNN(query, reference, LABELS, query_labels="found", **bases)
    labels = query.obs["found"].to_numpy().astype(str)
    return Prediction(labels, fitted - start, time.perf_counter() - fitted)
