"""Silhouette widths: cell types far apart, batches within a type not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError
from plkd.metrics.codes import Values
from plkd.metrics.embedded import check_groups, check_points

MEBIBYTES_AT_A_TIME = 128
"""Distances that are held at a time."""


def cell_type_asw(embedding: ArrayLike, types: Values) -> float:
    r"""Say how far apart cell types stand: their average silhouette width, brought to [0, 1].

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    types
        Cell type of each cell, ``(n_cells,)``.

    Returns
    -------
    A number in [0, 1]: 1 where types are dense and far apart, 0.5 where they overlap.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, a cell has no type, there is one type only, or
        no type has two cells.

    Notes
    -----
    Rousseeuw 1987; rescaled as in Luecken et al. 2022 and GLUE (Cao & Gao 2022). With a the mean
    distance of cell i to the others of its type and b that to the cells of the nearest other type,
    :math:`s_i = (b - a) / \max(a, b)`, 0 for the only cell of a type; ASW is
    :math:`(1 + \bar s) / 2` with :math:`\bar s` the mean over the cells.
    """
    points = check_points(embedding)
    names, codes = check_groups(types, "types", len(points))
    if len(names) == len(points):
        raise InputError(
            "a type of two cells or more",
            f"{len(names)} types for {len(points)} cells",
            "pass the column with the cell types",
        )
    return float((1 + widths(points, codes).mean()) / 2)


def omics_layer_asw(embedding: ArrayLike, layers: Values, types: Values) -> float:
    r"""Say how well batches, or omics layers, overlap within each cell type: one minus their ASW.

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    layers
        Batch or omics layer of each cell, ``(n_cells,)``.
    types
        Cell type of each cell, ``(n_cells,)``.

    Returns
    -------
    A number in [0, 1]: 1 where the layers of every type lie in one another.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, a cell has no layer or no type, there is one
        layer only, or no type can be measured.

    Notes
    -----
    Luecken et al. 2022, as used by GLUE (Cao & Gao 2022): with s the silhouette widths of the
    layers among the cells of one type, the mean over the types of :math:`\overline{1 - |s|}`.

    Deviations: a type in one layer only, or with one cell of each, is left out, as in scIB and
    scib-metrics; GLUE's program counts it as 1, as if it were mixed.
    """
    points = check_points(embedding)
    names, codes = check_groups(layers, "layers", len(points))
    _, kinds = check_groups(types, "types", len(points), least=1)
    scores = layer_overlaps(points, codes, kinds)
    if not scores:
        raise InputError(
            "a type with cells in two of the layers, two of them in one layer",
            f"none, with the layers {', '.join(names[:5])}",
            "check that types and layers are columns of the same cells",
        )
    return float(np.mean(scores))


def layer_overlaps(points: np.ndarray, codes: np.ndarray, kinds: np.ndarray) -> list[float]:
    """Return one minus the mean absolute width of the layers in each type that has several.

    Parameters
    ----------
    points
        Where the cells stand, ``(n_cells, n_dimensions)``.
    codes, kinds
        Layer and type of each cell, ``(n_cells,)``.
    """
    overlaps = []
    for kind in np.unique(kinds):
        cells = np.flatnonzero(kinds == kind)
        own = np.unique(codes[cells], return_inverse=True)[1]
        if 2 <= int(own.max()) + 1 < len(cells):
            overlaps.append(float(np.mean(1 - np.abs(widths(points[cells], own)))))
    return overlaps


def widths(points: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the silhouette width of each cell, float64 ``(n_cells,)`` in [-1, 1].

    Distances are computed some rows at a time, so that memory does not grow with their square.
    """
    from sklearn import config_context
    from sklearn.metrics import silhouette_samples

    with config_context(working_memory=MEBIBYTES_AT_A_TIME):
        return np.asarray(silhouette_samples(points, codes), dtype=np.float64)
