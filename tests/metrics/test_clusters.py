"""ARI and NMI by counting pairs and cells; k-means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plkd import metrics
from plkd.errors import InputError
from slow_measures import information_of, rand_of

NAMES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=4, max_size=40)


@given(NAMES)
def test_ari_and_nmi_are_what_the_formulas_say(pairs: list[tuple[str, str]]) -> None:
    one, other = (list(names) for names in zip(*pairs, strict=True))
    if len(set(one)) == 1 or len(set(other)) == 1:
        return  # one group on a side: nothing to agree on, both formulas divide by zero
    assert metrics.ari(one, other) == pytest.approx(rand_of(one, other), abs=1e-9)
    assert metrics.nmi(one, other) == pytest.approx(information_of(one, other), abs=1e-9)


def test_names_of_clusters_do_not_matter(cells: Any) -> None:
    renamed = np.unique(cells.types, return_inverse=True)[1]
    assert metrics.ari(cells.types, renamed) == metrics.nmi(cells.types, renamed) == 1


def test_kmeans_finds_clouds_that_are_apart(cells: Any) -> None:
    places = {"B": [0, 0], "NK": [50, 0], "T": [0, 50]}
    points = np.array([places[kind] for kind in cells.types]) + cells.points[:, :2]
    found = metrics.kmeans_clusters(points, 3, seed=1)
    assert metrics.ari(cells.types, found) == 1
    np.testing.assert_array_equal(found, metrics.kmeans_clusters(points, 3, seed=1))


@pytest.mark.parametrize(
    ("types", "clusters", "message"),
    [
        (["a", "b"], [0], "'clusters' with a value for each of 2 cells; found 1"),
        (["a", None], [0, 1], "'types' with a value for every cell; found none for 1 of 2"),
        (["a", "b"], [0, np.nan], "'clusters' with a value for every cell"),
        ([], [], "at least one cell"),
    ],
)
def test_bad_input_is_refused(types: Any, clusters: Any, message: str) -> None:
    for measure in (metrics.ari, metrics.nmi):
        with pytest.raises(InputError, match=message):
            measure(types, clusters)


@pytest.mark.parametrize("n_clusters", [0, 91])
def test_bad_numbers_of_clusters_are_refused(cells: Any, n_clusters: int) -> None:
    with pytest.raises(InputError, match="n_clusters from 1 to the number of cells, 90"):
        metrics.kmeans_clusters(cells.points, n_clusters)
