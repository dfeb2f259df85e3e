"""Silhouette widths of types and of layers, against formulas written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plkd import metrics
from plkd.errors import InputError
from plkd.metrics import silhouette
from slow_measures import layer_asw_of, silhouettes_of, type_asw_of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_type_asw_is_what_the_formula_says(cells: Any, dtype: Any) -> None:
    points = cells.points.astype(dtype)
    found = metrics.cell_type_asw(points, cells.types)
    assert found == pytest.approx(type_asw_of(points, cells.types), abs=1e-6)
    assert 0.5 < found < 1


def test_the_only_cell_of_a_type_has_width_zero(cells: Any) -> None:
    types = ["only", *cells.types[1:]]
    assert silhouettes_of(cells.points, types)[0] == 0
    found = metrics.cell_type_asw(cells.points, types)
    assert found == pytest.approx(type_asw_of(cells.points, types))


def test_layer_asw_is_what_the_formula_says(cells: Any) -> None:
    for points in (cells.points, cells.before):
        found = metrics.omics_layer_asw(points, cells.batches, cells.types)
        assert found == pytest.approx(layer_asw_of(points, cells.batches, cells.types))
    assert found < metrics.omics_layer_asw(cells.points, cells.batches, cells.types)


def test_a_type_in_one_layer_is_left_out(cells: Any) -> None:
    layers = np.where(cells.types == "B", "one", cells.batches)
    own = cells.types != "B"
    expected = metrics.omics_layer_asw(cells.points[own], layers[own], cells.types[own])
    assert metrics.omics_layer_asw(cells.points, layers, cells.types) == expected


def test_far_apart_and_far_from_apart() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    types, layers = np.repeat(["a", "b"], 200), np.resize(["x", "y"], 400)
    apart = points + 1000 * (types == "a")[:, None]
    assert metrics.cell_type_asw(apart, types) > 0.99
    assert metrics.cell_type_asw(points, types) == pytest.approx(0.5, abs=0.02)
    assert metrics.omics_layer_asw(apart, layers, types) > 0.9
    assert metrics.omics_layer_asw(apart, types, layers) < 0.01


def test_blocks_do_not_matter(cells: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = silhouette.widths(cells.points, np.unique(cells.types, return_inverse=True)[1])
    monkeypatch.setattr(silhouette, "MEBIBYTES_AT_A_TIME", 0.005)  # seven rows
    parts = silhouette.widths(cells.points, np.unique(cells.types, return_inverse=True)[1])
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_bad_input_is_refused(cells: Any) -> None:
    with pytest.raises(InputError, match="2 groups or more in 'types'"):
        metrics.cell_type_asw(cells.points, ["T"] * 90)
    with pytest.raises(InputError, match="a type of two cells or more; found 90 types"):
        metrics.cell_type_asw(cells.points, range(90))
    with pytest.raises(InputError, match="2 groups or more in 'layers'"):
        metrics.omics_layer_asw(cells.points, ["x"] * 90, cells.types)
    with pytest.raises(InputError, match="a type with cells in two of the layers"):
        metrics.omics_layer_asw(cells.points, cells.types, cells.types)
    with pytest.raises(InputError, match="finite"):
        metrics.cell_type_asw(np.full((90, 2), np.nan), cells.types)
