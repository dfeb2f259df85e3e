"""One joint embedding judged: what it keeps of biology and what it removes of batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError
from plkd.metrics.batch_effect_test import (
    ALPHA,
    accepted,
    accepted_by_type,
    neighbourhood_size,
    with_itself,
)
from plkd.metrics.clusters import ari, kmeans_clusters, nmi
from plkd.metrics.codes import Values, label_codes
from plkd.metrics.embedded import check_groups, check_points
from plkd.metrics.mixing import (
    N_NEIGHBORS,
    can_be_aligned,
    connectivity,
    seurat_alignment_score,
)
from plkd.metrics.nearest import SHARE, near_count, nearest_cells
from plkd.metrics.neighbours import Original, average_precision, by_layer, conserved
from plkd.metrics.overall import batch_removal, biology_conservation, overall_score
from plkd.metrics.results import IntegrationReport
from plkd.metrics.silhouette import cell_type_asw, layer_overlaps


def integration_report(
    embedding: ArrayLike,
    types: Values,
    batches: Values | None = None,
    *,
    original: Original | list[Original] | None = None,
    clusters: Values | None = None,
    share: float = SHARE,
    max_cells: int | None = None,
    seed: int = 0,
) -> IntegrationReport:
    """Measure one joint embedding in every way that the input allows.

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    types
        Cell type of each cell, ``(n_cells,)``; cells with None, NaN or "" are left out of every
        measure and counted.
    batches
        Batch or omics layer of each cell, ``(n_cells,)``: what is to be mixed.
    original
        Where the cells stood before, for NC: see :func:`neighbor_conservation`, whose layers are
        the batches here. A list has one such space for each modality of the same cells; NC is then
        the mean over them.
    clusters
        Cluster of each cell, ``(n_cells,)``, for ARI and NMI; by default k-means with as many
        clusters as types.
    share
        Share of the cells that count as near in MAP, NC and SAS.
    max_cells
        Draw so many of the cells with a type and measure these; the default measures all. Time
        grows with the square of the cells: 20,000 in 128 dimensions take about a minute and a
        half on one core.
    seed
        Which cells are drawn here and in SAS, and where k-means starts.

    Returns
    -------
    An ``IntegrationReport``; its ``as_dict()`` is ready for JSON.

    Raises
    ------
    InputError
        The embedding or ``original`` is no table of finite numbers, lengths differ, there is one
        type or batch only, no type has two cells, a cell has no batch or cluster, ``share`` is not
        in (0, 1), or ``max_cells`` is below 2.

    Notes
    -----
    The measures of Table 3 (kBET, cell type ASW), Table 5 (ARI) and Figure 6 (the others). Each
    has its formula, its source and its deviations in the function of its name.
    """
    points = check_points(embedding)
    cells, n_unlabelled = _measured_cells(types, len(points), max_cells, seed)
    names, kinds = check_groups(np.asarray(types, dtype=object)[cells], "types", len(cells))
    own = None if batches is None else _batches(batches, len(points), cells)
    spaces = [] if original is None else _spaces(original, batches, len(points), cells)
    found = None
    if clusters is not None:
        found = check_groups(clusters, "clusters", len(points), least=1)[1][cells]
    n_left_out, points = len(points) - len(cells), points[cells]
    if found is None:
        found = kmeans_clusters(points, len(names), seed=seed)
    asw = cell_type_asw(points, kinds)
    near = _near_measures(points, kinds, own, share)
    nc = float(np.mean([conserved(points, space, share) for space in spaces])) if spaces else None
    biology = None if nc is None else biology_conservation(near.precision, asw, nc)
    mixed = None if own is None else _mixing_measures(points, kinds, own, share, seed)
    removal = None
    if mixed is not None and mixed.alignment is not None and mixed.overlap is not None:
        removal = batch_removal(mixed.alignment, mixed.overlap, near.connectivity)
    return IntegrationReport(
        n_cells=len(cells),
        n_unlabelled=n_unlabelled,
        n_not_drawn=n_left_out - n_unlabelled,
        n_types=len(names),
        n_batches=0 if own is None else len(np.unique(own)),
        mean_average_precision=near.precision,
        cell_type_asw=asw,
        neighbor_conservation=nc,
        seurat_alignment_score=None if mixed is None else mixed.alignment,
        omics_layer_asw=None if mixed is None else mixed.overlap,
        graph_connectivity=near.connectivity,
        biology_conservation=biology,
        batch_removal=removal,
        overall=None if biology is None or removal is None else overall_score(biology, removal),
        kbet=near.acceptance,
        kbet_per_type=None if mixed is None else mixed.acceptance,
        ari=ari(kinds, found),
        nmi=nmi(kinds, found),
    )


class _Near(NamedTuple):
    """What one search for the nearest cells of all cells gives."""

    precision: float
    connectivity: float
    acceptance: float | None


class _Mixing(NamedTuple):
    """What is measured among the cells of each type, or of a draw."""

    alignment: float | None
    overlap: float | None
    acceptance: float | None


def _measured_cells(
    types: Values, n_cells: int, max_cells: int | None, seed: int
) -> tuple[np.ndarray, int]:
    """Return the positions of the cells to measure, ascending, and how many have no type."""
    _, codes = label_codes(types, "types")
    if len(codes) != n_cells:
        raise InputError(
            f"'types' with a value for each of {n_cells} cells",
            f"{len(codes)}",
            "pass the column of the same cells, in the same order",
        )
    cells = np.flatnonzero(codes >= 0)
    n_unlabelled = n_cells - len(cells)
    if len(cells) < 2:
        raise InputError(
            "two cells or more with a type",
            f"{len(cells)} of {n_cells}",
            "pass the column with the cell types",
        )
    if max_cells is not None and max_cells < 2:
        raise InputError("max_cells of 2 or more", f"{max_cells}", "leave it out to measure all")
    if max_cells is not None and max_cells < len(cells):
        rng = np.random.default_rng(seed)
        cells = np.sort(rng.choice(cells, max_cells, replace=False))
    return cells, n_unlabelled


def _batches(batches: Values, n_cells: int, cells: np.ndarray) -> np.ndarray:
    """Return the batch of each measured cell; they must be of several."""
    names, codes = check_groups(batches, "batches", n_cells)
    own = codes[cells]
    if len(np.unique(own)) < 2:
        raise InputError(
            "measured cells of two batches or more",
            f"cells with a type in {names[own[0]]!r} only",
            "pass types for the other batches too, or leave batches out",
        )
    return own


def _spaces(
    original: Original | list[Original], batches: Values | None, n_cells: int, cells: np.ndarray
) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """Return, for each space of before, the measured cells of each batch and where they stood."""
    spaces = []
    for each in original if isinstance(original, list | tuple) else [original]:
        layers = []
        for positions, before in by_layer(each, batches, n_cells):
            kept = np.isin(positions, cells)
            if np.count_nonzero(kept) > 1:
                layers.append((np.searchsorted(cells, positions[kept]), before[kept]))
        spaces.append(layers)
    return spaces


def _near_measures(
    points: np.ndarray, kinds: np.ndarray, own: np.ndarray | None, share: float
) -> _Near:
    """Return MAP, GC and kBET, which all look at the nearest cells of every cell."""
    n_precise = near_count(len(points), share)
    n_joined = min(N_NEIGHBORS, len(points)) - 1
    n_tested = 0
    if own is not None:
        n_tested = neighbourhood_size(len(points), len(np.unique(own))) - 1
    table = np.empty((len(points), max(n_joined, n_tested)), dtype=np.int32)
    precision = np.empty(len(points))
    for cells, near in nearest_cells(points, max(n_precise, table.shape[1])):
        precision[cells] = average_precision(kinds[near[:, :n_precise]] == kinds[cells, None])
        table[cells] = near[:, : table.shape[1]]
    acceptance = None
    if own is not None:
        acceptance = accepted(with_itself(table[:, :n_tested]), own, alpha=ALPHA)
    return _Near(float(precision.mean()), connectivity(table[:, :n_joined], kinds), acceptance)


def _mixing_measures(
    points: np.ndarray, kinds: np.ndarray, own: np.ndarray, share: float, seed: int
) -> _Mixing:
    """Return SAS, and what is measured within types: None where no batch or type allows it."""

    def mean(scores: list[float]) -> float | None:
        return float(np.mean(scores)) if scores else None

    aligned = can_be_aligned(own)
    return _Mixing(
        seurat_alignment_score(points, own, share=share, seed=seed) if aligned else None,
        mean(layer_overlaps(points, own, kinds)),
        mean(accepted_by_type(points, own, kinds)),
    )
