"""Every cell is visited once an epoch, on one device or several, and none is copied."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.training.cells import Batches, Cells


@pytest.mark.parametrize("n_cells", [1, 5, 127, 128, 129, 1000])
def test_an_epoch_visits_each_cell_once(n_cells):
    batches = Batches(n_cells, 128, seed=0)
    parts = list(batches.epoch(0))
    assert len(parts) == len(batches)
    assert sorted(np.concatenate(parts)) == list(range(n_cells))
    sizes = {len(part) for part in parts}
    assert max(sizes) - min(sizes) <= 1  # no tiny batch at the end


def test_epochs_differ_and_a_seed_repeats_them():
    batches = Batches(50, 10, seed=3)
    first, second = (np.concatenate(list(batches.epoch(e))) for e in (0, 1))
    assert not np.array_equal(first, second)
    again = np.concatenate(list(Batches(50, 10, seed=3).epoch(0)))
    assert np.array_equal(first, again)


def test_devices_share_an_epoch():
    ranks = [Batches(101, 10, seed=1, rank=r, world_size=2) for r in range(2)]
    seen = [np.concatenate(list(batches.epoch(4))) for batches in ranks]
    assert sorted(np.concatenate(seen)) == list(range(101))
    assert len(list(ranks[0].epoch(0))) == len(list(ranks[1].epoch(0)))


def test_weights_set_how_often_a_cell_is_drawn():
    weights = np.array([0.5, 0.5, 0, 0])
    drawn = np.concatenate(list(Batches(4, 2, seed=0, weights=weights).epoch(0)))
    assert set(drawn) <= {0, 1}
    assert len(drawn) == 4


def test_a_large_reference_is_visited_in_parts():
    batches = Batches(1000, 10, seed=0, max_per_epoch=100)
    drawn = np.concatenate(list(batches.epoch(0)))
    assert len(drawn) == len(set(drawn.tolist())) == 100
    assert len(batches) == 10


def test_the_spread_is_that_of_a_typical_gene():
    dense = np.random.default_rng(0).poisson(0.7, (200, 6)).astype(np.float32)
    dense[:, 5] = 0
    cells = Cells(csr_matrix(dense), np.zeros(200, np.int64), dense.sum(1), 1)
    np.testing.assert_allclose(cells.spread, np.sqrt(np.square(dense.std(0)).mean()), rtol=1e-5)
