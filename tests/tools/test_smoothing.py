"""The core of smoothing against brute force: who is a neighbour, and what the pool comes to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.errors import InputError
from plkd.tools.smoothing import (
    LEAST_PROBABILITY,
    check_coordinates,
    check_neighbourhood,
    check_probabilities,
    neighbour_shares,
    pooled,
)


def hexagons(n_rows: int, n_columns: int) -> np.ndarray:
    """Visium's grid, with spots one unit apart."""
    return np.array(
        [
            (column + 0.5 * (row % 2), row * np.sqrt(3) / 2)
            for row in range(n_rows)
            for column in range(n_columns)
        ]
    )


def shares_of(points, slices, speaks, n_neighbors, radius) -> np.ndarray:
    """Slow and obvious: each cell looks at every other one."""
    n_cells = len(points)
    shares = np.zeros((n_cells, n_cells))
    for cell in range(n_cells):
        others = [
            other
            for other in range(n_cells)
            if other != cell and slices[other] == slices[cell] and speaks[other] and speaks[cell]
        ]
        others.sort(key=lambda other: np.linalg.norm(points[other] - points[cell]))
        if radius is not None:
            others = [o for o in others if np.linalg.norm(points[o] - points[cell]) <= radius]
        near = others if n_neighbors is None else others[:n_neighbors]
        for other in near:
            shares[cell, other] = 1 / len(near)
    return shares


def pool_of(probabilities: np.ndarray, shares: np.ndarray, weight: float) -> np.ndarray:
    """The same answer by solving the equations at once, one type after the other."""
    heard = weight * (shares.sum(axis=1) > 0)
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    matrix = np.eye(len(shares)) - heard[:, None] * shares
    solved = np.linalg.solve(matrix, (1 - heard)[:, None] * logs)
    answers = np.exp(solved)
    return answers / answers.sum(axis=1, keepdims=True)


@pytest.fixture
def cells() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places, slices, who has an answer, and the answers of sixty cells; one is alone."""
    rng = np.random.default_rng(0)
    slices = np.repeat([0, 1, 2], [30, 29, 1])
    probabilities = rng.dirichlet(np.full(4, 0.3), 60)
    probabilities[3] = [1, 0, 0, 0]
    return rng.normal(size=(60, 2)), slices, rng.random(60) < 0.8, probabilities


@pytest.mark.parametrize(("n", "radius"), [(6, None), (40, None), (None, 0.7), (3, 0.5)])
def test_neighbours_are_the_nearest_of_the_slice(cells, n, radius) -> None:
    points, slices, speaks, _ = cells
    found = neighbour_shares(points, slices, speaks, n_neighbors=n, radius=radius)
    expected = shares_of(points, slices, speaks, n, radius)
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-12)


def test_a_cell_is_no_neighbour_of_its_own_although_others_stand_there() -> None:
    points = np.zeros((4, 2))
    found = neighbour_shares(
        points, np.zeros(4, dtype=int), np.ones(4, dtype=bool), n_neighbors=3, radius=None
    ).toarray()
    np.testing.assert_allclose(found, (1 - np.eye(4)) / 3)


def test_six_neighbours_are_the_ring_of_a_hexagonal_grid() -> None:
    points = hexagons(7, 7)
    n = len(points)
    shares = neighbour_shares(
        points, np.zeros(n, dtype=int), np.ones(n, dtype=bool), n_neighbors=6, radius=None
    )
    middle = 3 * 7 + 3
    apart = np.linalg.norm(points[shares[middle].indices] - points[middle], axis=1)
    np.testing.assert_allclose(apart, 1)
    assert len(apart) == 6


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.6, 0.95])
def test_the_pool_solves_its_equations(cells, weight) -> None:
    points, slices, speaks, probabilities = cells
    shares = neighbour_shares(points, slices, speaks, n_neighbors=5, radius=None)
    found, _ = pooled(probabilities, shares, weight)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    expected = pool_of(probabilities, shares.toarray(), weight)
    np.testing.assert_allclose(found, expected, atol=3e-4)


def test_a_cell_without_neighbours_keeps_its_answer(cells) -> None:
    points, slices, speaks, probabilities = cells
    found, _ = pooled(
        probabilities, neighbour_shares(points, slices, speaks, n_neighbors=5, radius=None), 0.9
    )
    for cell in (59, *np.flatnonzero(~speaks)):
        np.testing.assert_allclose(found[cell], probabilities[cell], atol=1e-5)


def test_nobody_has_neighbours(cells) -> None:
    probabilities = cells[-1]
    found, rounds = pooled(probabilities, csr_matrix((60, 60)), 0.9)
    np.testing.assert_allclose(found, probabilities, atol=1e-5)
    assert rounds == 1


def test_how_sure_the_network_is_changes_no_label(cells) -> None:
    points, slices, _, probabilities = cells
    shares = neighbour_shares(points, slices, np.ones(60, dtype=bool), n_neighbors=6, radius=None)
    soft = np.maximum(probabilities, 0.02)
    sharp = soft**1.5
    sharp /= sharp.sum(axis=1, keepdims=True)
    soft /= soft.sum(axis=1, keepdims=True)
    one, other = (pooled(each, shares, 0.6)[0] for each in (soft, sharp))
    np.testing.assert_array_equal(one.argmax(axis=1), other.argmax(axis=1))
    assert (one.argmax(axis=1) != probabilities.argmax(axis=1)).any()


def test_agreeing_neighbours_do_not_raise_confidence() -> None:
    probabilities = np.tile([0.7, 0.2, 0.1], (5, 1))
    everyone = csr_matrix((1 - np.eye(5)) / 4)
    np.testing.assert_allclose(pooled(probabilities, everyone, 0.6)[0], probabilities, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 6, None), r"a weight of the neighbours in \[0, 1\); found 1.0"),
        ((-0.1, 6, None), "a weight of the neighbours"),
        ((float("nan"), 6, None), "a weight of the neighbours"),
        ((0.5, 0, None), "n_neighbors of 1 or more"),
        ((0.5, 6, 0.0), "a radius above 0"),
        ((0.5, None, float("inf")), "a radius above 0"),
        ((0.5, None, None), "n_neighbors or a radius; found neither"),
    ],
)
def test_nonsense_is_refused(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        check_neighbourhood(*arguments)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 1)), r"obsm\['xy'\] of shape \(4, 2\); found \(4, 1\)"),
        (np.zeros((3, 2)), r"found \(3, 2\)"),
        (np.array([[0, 0], [np.nan, 1], [2, np.inf], [3, 3]]), "NaN or infinite in 2 cells"),
        ([["a", "b"]] * 4, "numbers in obsm"),
    ],
)
def test_coordinates_are_checked(values, message) -> None:
    with pytest.raises(InputError, match=message):
        check_coordinates(values, "xy", 4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((4, 3)) / 3, r"a column for each of 2 classes; found \(4, 3\)"),
        (np.full((4, 2), 1.5), "outside of"),
        (np.full((4, 2), np.nan), "outside of"),
    ],
)
def test_probabilities_are_checked(values, message) -> None:
    with pytest.raises(InputError, match=message):
        check_probabilities(values, "plkd_proba", (4, 2))
