"""Genes in units of how much they vary."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from plkd.trust.gene_scale import gene_scale, scaled


@pytest.fixture
def expression() -> csr_matrix:
    """Return cells of three genes, the last one the same in all of them."""
    return csr_matrix(np.array([[0, 4, 2], [2, 0, 2], [0, 0, 2], [6, 8, 2]], dtype=np.float32))


def test_in_units_of_their_deviation_all_genes_vary_alike(expression: csr_matrix) -> None:
    cells = scaled(expression, gene_scale(expression)).toarray()

    np.testing.assert_allclose(cells.std(0), [1, 1, 0])
    np.testing.assert_allclose(cells[:, 0] / cells[3, 0], [0, 1 / 3, 0, 1])


def test_in_units_of_a_root_loud_genes_vary_more(expression: csr_matrix) -> None:
    scale = gene_scale(expression, power=0.5)

    np.testing.assert_allclose(scale[:2] ** -2, expression.toarray().std(0)[:2])
    assert scale[2] == 0


def test_the_expression_is_left_as_it_is(expression: csr_matrix) -> None:
    before = expression.copy()

    assert scaled(expression, gene_scale(expression)).dtype == np.float64
    assert (expression != before).nnz == 0
