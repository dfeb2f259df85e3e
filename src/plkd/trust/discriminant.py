"""A linear classifier in closed form: types as clouds of one common shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.type_means import member_weights

SHRINKAGE = 0.1
"""How far the common covariance is drawn towards a ball; few cells tell its shape badly."""

ROWS_AT_A_TIME = 8192

LEAST_LOG_PROBABILITY = -12.0
"""Nats; a straight line through all types is not to be believed further than that."""


@dataclass(frozen=True)
class Discriminant:
    """How probable each type is for a point: a linear function for each, then a softmax.

    Attributes
    ----------
    weights
        ``(n_components, n_types)``.
    offsets
        ``(n_types,)``; minus infinity for a type that had no cell.
    """

    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]

    def log_probabilities(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the log-probability of each type, ``(n_cells, n_types)``, -12 at least."""
        logits = points @ self.weights + self.offsets
        logits -= logits.max(1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(1, keepdims=True))
        return np.asarray(np.maximum(logits, LEAST_LOG_PROBABILITY), dtype=np.float64)


def fit_discriminant(
    points: NDArray[np.floating], codes: NDArray[np.int64], n_types: int
) -> Discriminant:
    r"""Learn linear discriminants of labelled points.

    Parameters
    ----------
    points
        ``(n_cells, n_components)``.
    codes
        Type of each, ``(n_cells,)``, from 0.
    n_types
        Number of types, those without cells included.

    Returns
    -------
    A classifier of all types that have cells.

    Notes
    -----
    Linear discriminant analysis: with :math:`m_t` the mean of type t, :math:`\pi_t` its share of
    the cells and S the covariance around the means, common to all types, the logit of t at x is
    :math:`x^T S^{-1} m_t - m_t^T S^{-1} m_t / 2 + \log \pi_t`. S is 0.9 of what was measured and
    0.1 of a ball of the same mean variance. Means and one covariance of thousands of cells hardly
    notice that some labels are wrong; a logistic regression bends towards each of them.
    """
    counts = np.bincount(codes, minlength=n_types)
    means = np.asarray(member_weights(codes, n_types).T @ points, dtype=np.float64)
    means /= np.maximum(counts, 1)[:, None]
    spread = np.zeros((points.shape[1], points.shape[1]))
    for start in range(0, len(points), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        around = points[rows] - means[codes[rows]]
        spread += around.T @ around / len(points)
    return discriminant_of(means, counts, spread)


def discriminant_of(
    means: NDArray[np.float64], counts: NDArray[np.number[Any]], spread: NDArray[np.float64]
) -> Discriminant:
    """Return the linear discriminant of types whose means and common covariance are known.

    Parameters
    ----------
    means
        Of each type, ``(n_types, n_components)``.
    counts
        Cells of each type, ``(n_types,)``.
    spread
        Covariance of the cells around the means of their types, ``(n_components, n_components)``.

    Returns
    -------
    As :func:`fit_discriminant`.
    """
    present = counts > 0
    ball = max(float(np.trace(spread)) / len(spread), 1e-12)
    shape = (1 - SHRINKAGE) * spread + SHRINKAGE * ball * np.eye(len(spread))
    weights = np.asarray(np.linalg.solve(shape, means.T), dtype=np.float64)
    offsets = np.full(len(counts), -np.inf)
    heights = -0.5 * (means.T * weights).sum(0) + np.log(np.maximum(counts, 1) / counts.sum())
    offsets[present] = heights[present]
    return Discriminant(weights, offsets)
