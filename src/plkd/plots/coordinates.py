"""Where cells stand on the figure: a slot of ``obsm``, or a UMAP computed aside."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from plkd.errors import InputError
from plkd.keys import SlotNames

MIN_CELLS = 10
MAX_CELLS = 50_000
N_NEIGHBOURS = 15


def drawn_points(
    adata: Any, slots: SlotNames, coordinates: str | None, max_cells: int | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where each drawn cell stands, ``(n_drawn, 2)``, and which cells these are."""
    params = dict(adata.uns.get("neighbors", {})).get("params", {})
    if coordinates is None and "X_umap" in adata.obsm:
        coordinates = "X_umap" if params.get("use_rep") == slots.embedding else None
    slot = coordinates or slots.embedding
    if slot not in adata.obsm:
        there = ", ".join(f"'{name}'" for name in adata.obsm) or "none"
        mend = "run plkd.tl.annotate first, or pass coordinates or key_added as they are"
        raise InputError(f"'{slot}' in obsm", f"the slots {there}", mend)
    values = np.asarray(adata.obsm[slot])
    cells = np.arange(len(values))
    if coordinates is not None:
        return values[:, :2], cells
    if max_cells is not None and len(cells) > max_cells:
        chosen = np.random.default_rng(seed).choice(len(cells), max_cells, replace=False)
        cells = np.sort(chosen)
    return _umap(values[cells], seed), cells


def _umap(values: np.ndarray, seed: int) -> np.ndarray:
    if len(values) < MIN_CELLS:
        raise InputError(
            expected=f"at least {MIN_CELLS} cells to compute a UMAP from",
            found=f"{len(values)}",
            mend="pass more cells, or coordinates= that are already in obsm",
        )
    import scanpy as sc
    from anndata import AnnData

    aside = AnnData(np.ascontiguousarray(values, dtype=np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of umap and numba, about themselves
        n_neighbours = min(N_NEIGHBOURS, len(values) - 1)
        sc.pp.neighbors(aside, n_neighbors=n_neighbours, use_rep="X", random_state=seed)
        start = "spectral" if len(values) > 3 * N_NEIGHBOURS else "random"
        sc.tl.umap(aside, init_pos=start, random_state=seed)
    return np.asarray(aside.obsm["X_umap"])
