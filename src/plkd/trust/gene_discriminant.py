"""What a linear discriminant of the reference's cells adds to what a network says of a cell.

A network that learns under made-up batch effects does not learn the finest differences between
types. Where a cell is like the reference they can be believed, and a linear classifier, which is
there in closed form, knows them; where a cell is strange it is not heard. Beyond the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import LinearOperator, cg

from plkd.data.rows import largest_in_row
from plkd.data.type_means import member_weights, weighted_means
from plkd.trust.discriminant import LEAST_LOG_PROBABILITY

SHRINKAGE = 0.7
"""How far the common covariance of the genes is drawn towards a ball."""

HEARD_UNTIL = 6.0
"""By so much a cell's novelty score exceeds that of the median held-out cell, and the discriminant
is not heard any more."""

MOST_CELLS = 10_000
"""Cells that decide about the covariance, at most; about the means of the types all do."""

FEWEST_CELLS = 50
"""Cells that a type must have to take part. The mean of n cells lies off the true one by noise that
the offset counts against its type: by 500 to 800 nats over n in 2,000 genes, more than the floor of
12 where there are fewer."""

TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class GeneDiscriminant:
    """A linear function of a cell for each type, all types as likely beforehand.

    Attributes
    ----------
    directions
        What a cell is multiplied by, float32 ``(n_types, n_genes)``.
    offsets
        What is added then, float32 ``(n_types,)``; minus infinity for a type that is left out,
        having had fewer than 50 cells.
    weight
        How much its log-probabilities count beside those of a network.
    """

    directions: NDArray[np.float32]
    offsets: NDArray[np.float32]
    weight: float

    def heard_beside(
        self,
        logits: NDArray[np.float32],
        heard: NDArray[np.float32],
        scores: NDArray[np.floating],
        middle: float,
    ) -> NDArray[np.float32]:
        """Return what a network and the discriminant say together, as logits.

        Parameters
        ----------
        logits
            What the network says, ``(n_cells, n_types)``.
        heard
            The cells times ``directions``, ``(n_cells, n_types)``.
        scores
            Novelty scores of the cells by themselves, ``(n_cells,)``.
        middle
            Median score of held-out cells.

        Returns
        -------
        ``(n_cells, n_types)``: the logits and, w being ``weight`` and s a cell's score,
        w min(max(1 - (s - middle) / 6, 0), 1) times the log-probabilities of the discriminant. Of
        these none is less than -12: a straight line through all types is not to be believed
        further than that, and what a network is very sure of stays. A type that is left out has
        what the best of the others has, so that nothing speaks for or against it.
        """
        says = heard + self.offsets
        says -= largest_in_row(says)[:, None]
        total = np.log(np.exp(says) @ np.ones(says.shape[1], dtype=np.float32))
        says = np.maximum(says - total[:, None], np.float32(LEAST_LOG_PROBABILITY))
        says[:, np.isneginf(self.offsets)] = -total[:, None]
        part = self.weight * np.clip(1 - (scores - middle) / HEARD_UNTIL, 0, 1)
        return logits + part.astype(np.float32)[:, None] * says

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, for the model file."""
        return {
            "directions": self.directions,
            "offsets": self.offsets,
            "weight": np.asarray(self.weight),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the discriminant that ``as_arrays`` wrote."""
        return cls(arrays["directions"], arrays["offsets"], float(arrays["weight"]))


def gene_discriminant(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int, *, weight: float
) -> GeneDiscriminant | None:
    r"""Learn the discriminant of the cells of a reference that have a label.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Type of each cell, -1 where it has none, ``(n_cells,)``.
    n_types
        Number of types, those that are left out included.
    weight
        How much it will count beside a network.

    Returns
    -------
    ``None`` where fewer than two types have 50 cells or more: there is nothing to tell apart.

    Notes
    -----
    Linear discriminant analysis without the types' shares: with :math:`m_t` the mean of type t and
    S the covariance of the genes around the means, common to all types, the logit of t at x is
    :math:`x^T S^{-1} m_t - m_t^T S^{-1} m_t / 2`. S is 0.3 of what was measured and 0.7 of a ball
    of the same mean variance: with thousands of genes its shape is known badly. S is never written
    out: :math:`S^{-1} m_t` is found by conjugate gradients, in some twenty steps.
    """
    labelled = np.flatnonzero(codes >= 0)
    means = weighted_means(expression, member_weights(codes, n_types))
    taking_part = np.flatnonzero(np.bincount(codes[labelled], minlength=n_types) >= FEWEST_CELLS)
    if len(taking_part) < 2:
        return None
    if len(labelled) > MOST_CELLS:
        labelled = np.sort(np.random.default_rng(0).permutation(labelled)[:MOST_CELLS])
    covariance = _covariance(expression[labelled], codes[labelled], means)
    directions, offsets = np.zeros(means.shape), np.full(n_types, -np.inf)
    for code in taking_part:
        directions[code] = cg(covariance, means[code], rtol=TOLERANCE)[0]
        offsets[code] = -0.5 * means[code] @ directions[code]
    return GeneDiscriminant(directions.astype(np.float32), offsets.astype(np.float32), weight)


def _covariance(
    expression: csr_matrix, codes: NDArray[np.int64], means: NDArray[np.float64]
) -> LinearOperator:
    """Return the shrunken covariance of cells around the means of their types, not written out."""
    cells = csr_matrix(expression, dtype=np.float64)
    n_cells, n_genes = cells.shape
    members = member_weights(codes, len(means))
    squares = cells.multiply(cells).sum() - 2 * (members.T @ cells).multiply(means).sum()
    squares += np.square(means).sum(1)[codes].sum()
    ball = max(float(squares) / (n_cells * n_genes), 1e-12)

    def times(gene: NDArray[np.float64]) -> NDArray[np.float64]:
        gene = gene.ravel()
        apart = cells @ gene - (means @ gene)[codes]
        within = (apart @ cells - (apart @ members) @ means) / n_cells
        return np.asarray((1 - SHRINKAGE) * within + SHRINKAGE * ball * gene)

    return LinearOperator((n_genes, n_genes), matvec=times, dtype=np.float64)
