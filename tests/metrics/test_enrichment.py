"""Enrichment against a count of all draws, a plain correction, and another package."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest

from plkd.errors import InputError
from plkd.metrics.enrichment import enrich


def by_hand(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg: the least p x n / rank among those as large or larger."""
    ranks = [(p <= value).sum() for value in p]
    scaled = p * len(p) / ranks
    return np.array([min(1.0, scaled[p >= value].min()) for value in p])


def drawn(n_genes=400, n_sets=30, seed=0):
    """A list that holds half of the first set, and sets of all sizes."""
    rng = np.random.default_rng(seed)
    members = rng.random((n_sets, n_genes)) < rng.uniform(0.02, 0.3, (n_sets, 1))
    chosen = rng.random(n_genes) < 0.1
    chosen |= members[0] & (rng.random(n_genes) < 0.5)
    return chosen, members


def test_p_is_the_share_of_lists_that_overlap_as_much():
    members = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 1], [0] * 8], dtype=bool)
    chosen = np.array([1, 1, 0, 0, 0, 0, 0, 1], dtype=bool)
    found = enrich(chosen, members)
    lists = [list(genes) for genes in combinations(range(8), 3)]
    for row, overlap, p in zip(members, (2, 2, 0), found.p, strict=True):
        assert p == pytest.approx(np.mean([row[genes].sum() >= overlap for genes in lists]))
    assert found.overlap.tolist() == [2, 2, 0]
    assert found.size.tolist() == [4, 2, 0]
    np.testing.assert_allclose(found.expected, [1.5, 0.75, 0])


def test_p_is_corrected_over_all_sets():
    found = enrich(*drawn())
    np.testing.assert_allclose(found.p_adj, by_hand(found.p))
    assert found.p_adj.argmin() == 0
    assert found.p_adj[0] < 1e-4


def test_lists_without_a_gene_and_with_all_say_nothing():
    _, members = drawn()
    for chosen in (np.zeros(400, dtype=bool), np.ones(400, dtype=bool)):
        assert np.all(enrich(chosen, members).p == 1)


def test_another_package_finds_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gseapy = pytest.importorskip("gseapy", reason="gseapy is not installed: not compared")
        chosen, members = drawn()
        names = [f"G{i}" for i in range(len(chosen))]
        theirs = gseapy.enrich(
            gene_list=[name for name, is_in in zip(names, chosen, strict=True) if is_in],
            gene_sets={
                f"set {i}": [name for name, is_in in zip(names, row, strict=True) if is_in]
                for i, row in enumerate(members)
            },
            background=names,
            outdir=None,
            no_plot=True,
        ).results.set_index("Term")
    ours = enrich(chosen, members)
    assert np.all(ours.overlap > 0)  # it leaves other sets out of the correction
    for i in range(len(members)):
        row = theirs.loc[f"set {i}"]
        assert row["Overlap"] == f"{ours.overlap[i]}/{ours.size[i]}"
        assert row["P-value"] == pytest.approx(ours.p[i])
        assert row["Adjusted P-value"] == pytest.approx(ours.p_adj[i])


@pytest.mark.parametrize(
    ("chosen", "members"),
    [
        (np.ones(3, dtype=bool), np.ones((2, 4), dtype=bool)),
        (np.ones(3), np.ones((2, 3), dtype=bool)),
        (np.ones(3, dtype=bool), np.ones((2, 3))),
        (np.ones(3, dtype=bool), np.ones((0, 3), dtype=bool)),
        (np.ones((1, 3), dtype=bool), np.ones((2, 3), dtype=bool)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(chosen, members):
    with pytest.raises(InputError, match="bool arrays"):
        enrich(chosen, members)
