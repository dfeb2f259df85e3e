"""What the peers that join cells give before any label is transferred: an embedding of all cells.

==============  =================================================================================
pca             30 principal components of genes standardised over all cells, clipped at 10
harmony         Harmony at its defaults on such components, or on others
lsi             Signac's: tf-idf of regions, log1p of 10,000 times it, 30 singular vectors after
                the first, which follows depth
scvi, scanvi    scvi-tools as its guides recommend; see :mod:`peers.adapting`
==============  =================================================================================

Each takes an AnnData of its own, which it changes.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from predictions import COUNTS, LABELS

if TYPE_CHECKING:
    from anndata import AnnData
    from scipy.sparse import csr_matrix

N_COMPONENTS = 30
N_LAYERS, N_LATENT, N_SAMPLES_PER_TYPE = 2, 30, 100
UNLABELLED = "not labelled"

BATCH_SIZES = (128, 120)
"""scANVI's default, and what is taken where that leaves a mini-batch of one cell, which fails."""


def principal_components(cells: AnnData, seed: int) -> np.ndarray:
    """Return principal components of log1p values in ``X``, ``(n_cells, 30)``."""
    import scanpy as sc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sc.pp.scale(cells, max_value=10)
        sc.pp.pca(cells, n_comps=min(N_COMPONENTS, min(cells.shape) - 1), random_state=seed)
    return np.asarray(cells.obsm["X_pca"])


def harmonised(points: np.ndarray, cells: AnnData, key: str, seed: int) -> np.ndarray:
    """Return the points after Harmony over the batches in ``obs[key]``, ``(n_cells, n)``."""
    import harmonypy

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        corrected = harmonypy.run_harmony(
            points, cells.obs[[key]], key, random_state=seed, verbose=False
        ).Z_corr
    return np.asarray(corrected if corrected.shape[0] == len(points) else corrected.T)


def latent_semantics(regions: csr_matrix, seed: int) -> np.ndarray:
    """Return singular vectors of tf-idf, scaled by singular values, ``(n_cells, 30)``.

    Parameters
    ----------
    regions
        Counts of regions, ``(n_cells, n_regions)``.
    """
    import scipy.sparse as sp
    from sklearn.decomposition import TruncatedSVD

    depth = np.asarray(regions.sum(axis=1)).ravel()
    found_in = np.asarray(regions.sum(axis=0)).ravel()
    share = sp.diags_array(1 / np.maximum(depth, 1)) @ regions
    weighted = sp.csr_array(share @ sp.diags_array(len(depth) / np.maximum(found_in, 1)))
    weighted.data = np.log1p(1e4 * weighted.data)
    n = min(N_COMPONENTS + 1, min(weighted.shape) - 1)
    return TruncatedSVD(n, random_state=seed).fit_transform(weighted)[:, 1:]


def beside_one_another(blocks: Sequence[np.ndarray]) -> np.ndarray:
    """Return blocks of the same cells side by side, each centred and of one total variance."""
    centred = [block - block.mean(axis=0) for block in blocks]
    return np.concatenate([each / np.sqrt((each**2).sum(1).mean()) for each in centred], axis=1)


def scvi_model(cells: AnnData, key: str, seed: int, *, max_epochs: int | None = None) -> Any:
    """Return scVI trained on the counts of all cells, ``obs[key]`` as its covariate.

    Parameters
    ----------
    max_epochs
        Epochs; ``None`` leaves them to scvi-tools.
    """
    import scvi

    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    scvi.settings.verbosity = logging.ERROR
    scvi.settings.seed = seed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scvi.model.SCVI.setup_anndata(cells, layer=COUNTS, batch_key=key)
        model = scvi.model.SCVI(cells, n_layers=N_LAYERS, n_latent=N_LATENT, gene_likelihood="nb")
        model.train(max_epochs=max_epochs, enable_progress_bar=False)
    return model


def scanvi_model(scvi_trained: Any, cells: AnnData, *, max_epochs: int | None = None) -> Any:
    """Return scANVI trained from scVI; types in ``obs[LABELS]``, ``UNLABELLED`` where hidden."""
    import scvi

    for batch_size in BATCH_SIZES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = scvi.model.SCANVI.from_scvi_model(
                scvi_trained, adata=cells, labels_key=LABELS, unlabeled_category=UNLABELLED
            )
            try:
                model.train(
                    n_samples_per_label=N_SAMPLES_PER_TYPE,
                    max_epochs=max_epochs,
                    batch_size=batch_size,
                    enable_progress_bar=False,
                )
            except ValueError as error:
                if "more than 1 value per channel" not in str(error):
                    raise
                continue
        return model
    raise RuntimeError(f"each of {BATCH_SIZES} leaves a mini-batch of one cell")


def latent(model: Any) -> np.ndarray:
    """Return where a trained scVI or scANVI puts the cells, ``(n_cells, 30)``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(model.get_latent_representation())
