"""The discriminant of a query's cells, against its formula written out and by what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import log_softmax, softmax

from plkd.trust.discriminant import LEAST_LOG_PROBABILITY
from plkd.trust.gene_discriminant import GeneDiscriminant, gene_discriminant
from plkd.trust.query_discriminant import query_discriminant
from plkd.trust.shrunken_covariance import SHRINKAGE


def cells_of(n_cells: int, n_types: int = 3, n_genes: int = 25, seed: int = 0):
    """Return cells, their types, and what somebody says who is right more often than not."""
    rng = np.random.default_rng(seed)
    falling = np.arange(n_types, 0, -1)
    codes = rng.choice(n_types, n_cells, p=falling / falling.sum())
    middle = np.random.default_rng(9).gamma(1.0, 1.0, size=(n_types, n_genes))
    together = np.random.default_rng(8).normal(size=(n_genes, n_genes)) / 5
    values = middle[codes] + rng.normal(size=(n_cells, n_genes)) @ together
    said = softmax(1.5 * np.eye(n_types)[codes] + rng.normal(size=(n_cells, n_types)), axis=1)
    return csr_matrix(np.maximum(values, 0).astype(np.float32)), codes, said


def written_out(cells: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return log-probabilities by the formula, cell by cell and with the whole covariance."""
    cells = cells / np.sqrt(cells.std(0))
    n_cells, n_genes = cells.shape
    n_types = share.shape[1]
    means = [share[:, t] @ cells / share[:, t].sum() for t in range(n_types)]
    within = np.zeros((n_genes, n_genes))
    for cell, its in zip(cells, share, strict=True):
        for t in range(n_types):
            within += its[t] * np.outer(cell - means[t], cell - means[t]) / n_cells
    ball = np.trace(within) / n_genes * np.eye(n_genes)
    inverse = np.linalg.inv((1 - SHRINKAGE) * within + SHRINKAGE * ball)
    logits = [
        cells @ inverse @ m - m @ inverse @ m / 2 + np.log(share[:, t].mean())
        for t, m in enumerate(means)
    ]
    return log_softmax(np.transpose(logits), axis=1)


def says(found: GeneDiscriminant, cells: csr_matrix) -> np.ndarray:
    return found.log_probabilities(cells @ found.directions.T)


def test_it_is_its_formula() -> None:
    cells, _, said = cells_of(150)
    found = query_discriminant(cells, said, weight=0.3, fewest=1.0)
    expected = written_out(cells.toarray().astype(float), said)
    assert found.weight == 0.3
    assert expected.min() < -2
    np.testing.assert_allclose(
        says(found, cells), np.maximum(expected, LEAST_LOG_PROBABILITY), atol=2e-3
    )


def test_of_certain_types_it_is_that_of_a_reference_and_their_shares() -> None:
    cells, codes, _ = cells_of(400)
    known = gene_discriminant(cells, codes, 3, weight=0.2)
    found = query_discriminant(cells, np.eye(3)[codes], weight=0.2, fewest=20.0)
    np.testing.assert_allclose(found.directions, known.directions, rtol=1e-3, atol=1e-3)
    shares = np.log(np.bincount(codes) / len(codes))
    np.testing.assert_allclose(found.offsets, known.offsets + shares, atol=1e-2)


def test_it_is_right_more_often_than_what_it_was_made_of() -> None:
    cells, codes, said = cells_of(600)
    found = says(query_discriminant(cells, said, weight=1.0, fewest=20.0), cells)
    before, after = ((each.argmax(1) == codes).mean() for each in (said, found))
    assert before < 0.8
    assert after > before + 0.1


def test_nothing_speaks_for_or_against_a_type_that_is_hardly_there() -> None:
    cells, _, said = cells_of(300)
    rare = np.column_stack([said * 0.98, np.full(300, 0.02)])  # six cells are expected
    found = query_discriminant(cells, rare, weight=1.0, fewest=20.0)
    assert np.isneginf(found.offsets).tolist() == [False, False, False, True]
    of_cells = says(found, cells)
    np.testing.assert_allclose(of_cells[:, 3], of_cells[:, :3].max(1), atol=1e-6)


@pytest.mark.parametrize("fewest", [101.0, 1000.0])
def test_there_is_none_where_fewer_than_two_types_are_there(fewest: float) -> None:
    cells, _, _ = cells_of(120)
    said = np.tile([0.9, 0.1], (120, 1))
    assert query_discriminant(cells, said, weight=0.2, fewest=fewest) is None


def test_it_is_heard_of_every_cell_by_its_weight() -> None:
    cells, _, said = cells_of(150)
    found = query_discriminant(cells, said, weight=0.3, fewest=1.0)
    logits = np.random.default_rng(0).normal(size=(150, 3)).astype(np.float32)
    together = found.heard_of_all(logits, cells @ found.directions.T)
    np.testing.assert_allclose(together, logits + 0.3 * says(found, cells), atol=1e-5)
    assert together.dtype == np.float32
