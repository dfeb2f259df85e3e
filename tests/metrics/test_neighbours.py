"""MAP and neighbour conservation, against formulas written out; the search for neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plkd import metrics
from plkd.errors import InputError
from plkd.metrics.nearest import near_count, nearest_cells, nearest_table
from slow_measures import average_precision_of, conservation_of, nearest


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_cells_are_the_nearest(cells: Any, size: int, dtype: Any) -> None:
    points = cells.points.astype(dtype)
    found = np.concatenate([near for _, near in nearest_cells(points, 6, size=size)])
    expected = [nearest(points, cell, 6) for cell in range(len(points))]
    np.testing.assert_array_equal(found, expected)
    table = nearest_table(points, 6)
    np.testing.assert_array_equal(table, expected)
    assert table.dtype == np.int32


def test_no_cell_is_its_own_neighbour_among_many_at_one_place() -> None:
    points = np.zeros((40, 2))
    table = nearest_table(points, 5)
    assert not (table == np.arange(40)[:, None]).any()
    assert all(len(set(row)) == 5 for row in table)
    # and those that are taken do not lie together in the order of storage
    assert len(np.unique(np.sort(table[0])[1:] - np.sort(table[0])[:-1])) > 1


@given(st.integers(2, 10_000), st.floats(0.001, 0.5))
def test_near_count_is_a_share_within_bounds(n_cells: int, share: float) -> None:
    k = near_count(n_cells, share)
    assert 1 <= k < n_cells
    assert k == min(max(round(n_cells * share), 1), n_cells - 1)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_map_is_what_the_formula_says(cells: Any, share: float) -> None:
    k = max(round(share * len(cells.points)), 1)
    expected = average_precision_of(cells.points, cells.types, k)
    found = metrics.mean_average_precision(cells.points, cells.types, share=share)
    assert found == pytest.approx(expected, abs=1e-12)
    assert 0.2 < found < 1


def test_map_of_three_cells_by_hand() -> None:
    # near cells: of "0" 1 then 2, of "1" 0 then 2, of "2" 1 then 0
    points = np.array([[0.0], [1.0], [3.0]])
    found = metrics.mean_average_precision(points, ["a", "b", "a"], share=0.9)
    assert found == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)


def test_map_of_one_type_is_one(cells: Any) -> None:
    assert metrics.mean_average_precision(cells.points, ["T"] * len(cells.points)) == 1


@pytest.mark.parametrize("share", [0.01, 0.05, 0.15])
def test_nc_is_what_the_formula_says(cells: Any, share: float) -> None:
    found = metrics.neighbor_conservation(cells.points, cells.before, cells.batches, share=share)
    expected = conservation_of(cells.points, cells.before, cells.batches, share)
    assert found == pytest.approx(expected, abs=1e-12)
    assert 0.1 < found < 1


def test_nc_without_layers_takes_all_cells_as_one(cells: Any) -> None:
    found = metrics.neighbor_conservation(cells.points, cells.before, share=0.1)
    one = ["one"] * len(cells.points)
    assert found == pytest.approx(conservation_of(cells.points, cells.before, one, 0.1))


def test_nc_takes_layers_of_different_widths(cells: Any) -> None:
    wide = {
        name: np.hstack([cells.before[cells.batches == name], np.zeros((n, i))])
        for i, (name, n) in enumerate(pd.Series(cells.batches).value_counts().items(), start=1)
    }
    assert len({space.shape[1] for space in wide.values()}) == 3
    found = metrics.neighbor_conservation(cells.points, wide, cells.batches, share=0.1)
    expected = conservation_of(cells.points, cells.before, cells.batches, 0.1)
    assert found == pytest.approx(expected)


def test_nc_of_what_was_only_turned_and_moved_is_one(cells: Any) -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    moved = (cells.before @ turn) + 7
    assert metrics.neighbor_conservation(moved, cells.before, cells.batches) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"embedding": np.full((90, 4), np.nan)},
            "finite numbers.*90 cells .*0, 1, 2, 3, 4 and 85",
        ),
        ({"embedding": np.zeros(90)}, r"shape \(90,\)"),
        ({"embedding": np.zeros((1, 4))}, "two cells or more"),
        ({"embedding": np.full((90, 4), "x")}, "dense array of numbers"),
        ({"types": ["T"] * 89}, "'types' with a value for each of 90 cells; found 89"),
        ({"types": [None, "", *["T"] * 88]}, "none for 2 of 90"),
        ({"types": np.full((90, 2), "T")}, "2 dimensions"),
        ({"share": 0.0}, r"share of the cells in \(0, 1\)"),
        ({"share": 1.0}, r"share of the cells in \(0, 1\)"),
    ],
)
def test_bad_input_of_map_is_refused(cells: Any, change: dict[str, Any], message: str) -> None:
    given = {"embedding": cells.points, "types": cells.types, "share": 0.01, **change}
    with pytest.raises(InputError, match=message):
        metrics.mean_average_precision(given["embedding"], given["types"], share=given["share"])


def test_sparse_matrices_are_refused(cells: Any) -> None:
    from scipy.sparse import csr_matrix

    with pytest.raises(InputError, match="csr_matrix"):
        metrics.mean_average_precision(csr_matrix(cells.points), cells.types)


@pytest.mark.parametrize(
    ("original", "layers", "message"),
    [
        (np.zeros((89, 2)), None, "'original' with a row for each of 90 cells; found 89 rows"),
        (np.full((90, 2), np.inf), None, "finite numbers in 'original'"),
        ({"a": np.zeros((89, 2))}, ["a"] * 89 + ["b"], "more in each layer; found one in b"),
        ({"a": np.zeros((88, 2))}, ["a"] * 88 + ["b"] * 2, "in 'original'; found a; not b"),
        ({"a": np.zeros((90, 2))}, None, "pass layers"),
        ({"a": np.zeros((88, 2)), "b": np.zeros((3, 2))}, ["a"] * 88 + ["b"] * 2,
         r"original\['b'\]' with a row for each of 2"),
        (np.zeros((90, 2)), ["a"] * 89, "'layers' with a value for each of 90"),
    ],
)  # fmt: skip
def test_bad_input_of_nc_is_refused(cells: Any, original: Any, layers: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.neighbor_conservation(cells.points, original, layers)
