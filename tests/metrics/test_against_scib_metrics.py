"""Our measures beside scib-metrics, where it is installed (366 MB; no other test needs it)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from plkd import metrics

scib = pytest.importorskip("scib_metrics", reason="scib-metrics is not installed: not compared")


def neighbours(points: np.ndarray, k: int) -> Any:
    """The k nearest cells in the form of scib-metrics, the cell itself first."""
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    distances, indices = search.kneighbors(points)
    return scib.nearest_neighbors.NeighborsResults(indices=indices, distances=distances)


@pytest.mark.parametrize("k", [10, 25])
def test_kbet_of_one_k(cells: Any, k: int) -> None:
    expected, _, _ = scib.kbet(neighbours(cells.points, k), cells.batches)
    assert metrics.kbet(cells.points, cells.batches, n_neighbors=k) == pytest.approx(expected)


def test_silhouettes(cells: Any) -> None:
    expected = scib.silhouette_label(cells.points, cells.types)
    assert metrics.cell_type_asw(cells.points, cells.types) == pytest.approx(expected, abs=1e-5)
    expected = scib.silhouette_batch(cells.points, cells.types, cells.batches)
    found = metrics.omics_layer_asw(cells.points, cells.batches, cells.types)
    assert found == pytest.approx(expected, abs=1e-5)


def test_connectivity_is_no_lower_than_along_directed_edges(cells: Any) -> None:
    expected = scib.graph_connectivity(neighbours(cells.points, 5), cells.types)
    assert metrics.graph_connectivity(cells.points, cells.types, n_neighbors=5) >= expected
    expected = scib.graph_connectivity(neighbours(cells.points, 90), cells.types)
    assert metrics.graph_connectivity(cells.points, cells.types, n_neighbors=90) == expected == 1
