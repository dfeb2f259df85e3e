"""How well clusters agree with cell types: ARI, NMI, and the clusters they are taken of."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from plkd.errors import InputError
from plkd.metrics.codes import Values
from plkd.metrics.embedded import check_groups, check_points


def ari(types: Values, clusters: Values) -> float:
    r"""Say how well clusters agree with cell types, by pairs of cells (adjusted Rand index).

    Parameters
    ----------
    types
        Cell type of each cell, ``(n_cells,)``.
    clusters
        Cluster of each cell, ``(n_cells,)``; names do not matter.

    Returns
    -------
    A number in [-0.5, 1]: 1 where they are the same, about 0 where they agree by chance.

    Raises
    ------
    InputError
        The lengths differ, or a cell has no type or no cluster.

    Notes
    -----
    Hubert & Arabie 1985: the share R of pairs of cells that both put together or both put apart,
    less what chance gives, :math:`(R - E R) / (1 - E R)` with E over shuffled clusters.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(*_both(types, clusters)))


def nmi(types: Values, clusters: Values) -> float:
    r"""Say how well clusters agree with cell types, by information (normalised mutual information).

    Parameters
    ----------
    types
        Cell type of each cell, ``(n_cells,)``.
    clusters
        Cluster of each cell, ``(n_cells,)``; names do not matter.

    Returns
    -------
    A number in [0, 1]: 1 where they are the same, 0 where one says nothing of the other.

    Raises
    ------
    InputError
        The lengths differ, or a cell has no type or no cluster.

    Notes
    -----
    :math:`NMI = 2 I(T; C) / (H(T) + H(C))` with I mutual information and H entropy (the
    arithmetic mean, as in scIB).
    """
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(*_both(types, clusters)))


def kmeans_clusters(embedding: ArrayLike, n_clusters: int, *, seed: int = 0) -> np.ndarray:
    """Group cells into clusters by k-means, the best of ten starts.

    Parameters
    ----------
    embedding
        Where the cells stand, ``(n_cells, n_dimensions)``.
    n_clusters
        How many clusters.
    seed
        Where the starts lie.

    Returns
    -------
    Cluster of each cell, int32 ``(n_cells,)``.

    Raises
    ------
    InputError
        The embedding is no table of finite numbers, or there are fewer cells than clusters.
    """
    from sklearn.cluster import KMeans

    points = check_points(embedding)
    if not 1 <= n_clusters <= len(points):
        raise InputError(
            f"n_clusters from 1 to the number of cells, {len(points)}",
            f"{n_clusters}",
            "pass fewer",
        )
    return np.asarray(KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(points))


def _both(types: Values, clusters: Values) -> tuple[np.ndarray, np.ndarray]:
    n_cells = len(types)
    if n_cells == 0:
        raise InputError("at least one cell", "none", "pass the types of some cells")
    _, kinds = check_groups(types, "types", n_cells, least=1)
    return kinds, check_groups(clusters, "clusters", n_cells, least=1)[1]
