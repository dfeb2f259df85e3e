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

from plkd.data.rows import largest_in_row
from plkd.data.type_means import member_weights, weighted_means
from plkd.trust.discriminant import LEAST_LOG_PROBABILITY
from plkd.trust.gene_scale import gene_scale, scaled
from plkd.trust.shrunken_covariance import POWER, SHRINKAGE, linear_functions

HEARD_UNTIL = 6.0
"""By so much a cell's novelty score exceeds that of the median held-out cell, and the discriminant
is not heard any more."""

MOST_CELLS = 10_000
"""Cells that decide about the covariance, at most; about the means of the types all do."""

FEWEST_CELLS = 50
"""Cells that a type must have to take part. The mean of n cells lies off the true one by noise that
the offset counts against its type: by some 800 nats over n in 2,000 genes, more than the floor of
12 where there are fewer."""

SMALL_REFERENCE = 1500
"""Labelled cells up to which that is given back to each type, and types of few cells take part: in
a small reference hardly a type has more. In a large one it would take from common types."""

FEWEST_IN_SMALL = 5
FOLDS = 5


@dataclass(frozen=True, eq=False)
class GeneDiscriminant:
    """A linear function of a cell for each type, all types as likely beforehand.

    Attributes
    ----------
    directions
        What a cell is multiplied by, float32 ``(n_types, n_genes)``.
    offsets
        What is added then, float32 ``(n_types,)``; minus infinity for a type that is left out,
        having had too few cells.
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
        part = self.weight * np.clip(1 - (scores - middle) / HEARD_UNTIL, 0, 1)
        return logits + part.astype(np.float32)[:, None] * self.log_probabilities(heard)

    def heard_of_all(
        self, logits: NDArray[np.float32], heard: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the same where it is wholly heard of every cell, however strange."""
        return logits + np.float32(self.weight) * self.log_probabilities(heard)

    def log_probabilities(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the discriminant alone says, ``(n_cells, n_types)``, -12 at least.

        Parameters
        ----------
        heard
            The cells times ``directions``, ``(n_cells, n_types)``.
        """
        says = heard + self.offsets
        says -= largest_in_row(says)[:, None]
        total = np.log(np.exp(says) @ np.ones(says.shape[1], dtype=np.float32))
        says = np.maximum(says - total[:, None], np.float32(LEAST_LOG_PROBABILITY))
        says[:, np.isneginf(self.offsets)] = -total[:, None]
        return np.asarray(says)

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
    expression: csr_matrix,
    codes: NDArray[np.int64],
    n_types: int,
    *,
    weight: float,
    small: bool = False,
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
    small
        Whether they are of a small reference (:func:`is_small`): each type is given back what the
        noise of its mean holds against it, and types take part from 5 cells on.

    Returns
    -------
    ``None`` where fewer than two types have 50 cells or more (5 of a small reference): there is
    nothing to tell apart.

    Notes
    -----
    Linear discriminant analysis without the types' shares: with :math:`m_t` the mean of type t and
    S the covariance of the genes around the means, common to all types, the logit of t at x is
    :math:`x^T S^{-1} m_t - m_t^T S^{-1} m_t / 2`. S is 0.3 of what was measured and 0.7 of a ball
    of the same mean variance, genes being in units of the root of their standard deviation
    (:mod:`plkd.trust.shrunken_covariance`): with thousands of genes its shape is known badly. Of a
    small reference :func:`mean_distance` over :math:`2 n_t` is added, :math:`n_t` being the cells
    of the type (Moran & Murphy 1979).
    """
    labelled = np.flatnonzero(codes >= 0)
    means = weighted_means(expression, member_weights(codes, n_types))
    n_cells = np.bincount(codes[labelled], minlength=n_types)
    taking_part = np.flatnonzero(n_cells >= (FEWEST_IN_SMALL if small else FEWEST_CELLS))
    if len(taking_part) < 2:
        return None
    if len(labelled) > MOST_CELLS:
        labelled = np.sort(np.random.default_rng(0).permutation(labelled)[:MOST_CELLS])
    members = member_weights(codes[labelled], n_types)
    directions, offsets = linear_functions(expression[labelled], members, means, taking_part)
    if small:
        held_against = mean_distance(expression[labelled], codes[labelled], n_types) / 2
        offsets[taking_part] += held_against / n_cells[taking_part]
    return GeneDiscriminant(directions.astype(np.float32), offsets.astype(np.float32), weight)


def is_small(codes: NDArray[np.int64]) -> bool:
    """Say whether a reference is small: has 1,500 cells with a label or fewer."""
    return int(np.count_nonzero(codes >= 0)) <= SMALL_REFERENCE


def mean_distance(expression: csr_matrix, codes: NDArray[np.int64], n_types: int) -> float:
    r"""Return the mean squared Mahalanobis distance of cells to the means of their types.

    Parameters
    ----------
    expression
        log1p counts per 10,000 of a small reference, ``(n_cells, n_genes)``.
    codes
        Type of each cell, ``(n_cells,)``.
    n_types
        Number of types.

    Returns
    -------
    The trace of :math:`S^{-1} C`, C being the true covariance and S the one that
    :func:`gene_discriminant` takes for it; 0 where no cell can be asked.

    Notes
    -----
    Means and S are learned from four fifths of the cells, and the other fifth is asked, five times.
    The noise of a mean has nothing to do with the S of the same cells, while the cells by which S
    was measured are closer by it than others are. A mean of n cells is off by 1 / n of what a cell
    is, which is taken off. S is inverted by way of the cells, which are fewer than the genes.
    """
    expression = scaled(expression, gene_scale(expression, power=POWER))
    cells = np.asarray(expression.todense())
    fold = np.random.default_rng(0).permutation(len(codes)) % FOLDS
    found = []
    for each in range(FOLDS):
        learning = fold != each
        weights = member_weights(codes[learning], n_types)
        means = weighted_means(expression[learning], weights)
        n_cells = np.bincount(codes[learning], minlength=n_types)[codes]
        asked = ~learning & (n_cells > 0)
        apart, other = (cells[rows] - means[codes[rows]] for rows in (learning, asked))
        ball = max(float(np.square(apart).mean()), 1e-12)
        inner = apart @ apart.T
        inner[np.diag_indices_from(inner)] += len(inner) * ball * SHRINKAGE / (1 - SHRINKAGE)
        across = apart @ other.T
        along = (across * np.linalg.solve(inner, across)).sum(0)
        distance = (np.square(other).sum(1) - along) / (SHRINKAGE * ball)
        found.append(distance / (1 + 1 / n_cells[asked]))
    distances = np.concatenate(found)
    return float(distances.mean()) if len(distances) else 0.0
