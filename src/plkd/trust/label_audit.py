"""Which cells look mislabelled, by neighbours and classifiers that have not seen the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.trust.cell_points import FIRST, CellPoints, cell_points, directions
from plkd.trust.discriminant import fit_discriminant
from plkd.trust.label_quality import neighbour_log_probabilities, own_shares, shares_among

N_FOLDS = 5

TIMES_AS_LIKELY = 10.0
"""So many times as probable as the label is another type where the label is called doubtful."""


@dataclass(frozen=True)
class JudgedLabels:
    """What speaks for and against the label of each cell.

    Attributes
    ----------
    score
        Probability of the label by what the other cells say, ``(n_cells,)`` in [0, 1].
    suggestion
        Likeliest type, the label among them, as a code, ``(n_cells,)``.
    neighbour_share
        Share of the nearest cells that have the label, ``(n_cells,)`` in [0, 1].
    doubtful
        Whether another type is more than ten times as probable, ``(n_cells,)``.
    """

    score: NDArray[np.float64]
    suggestion: NDArray[np.int64]
    neighbour_share: NDArray[np.float64]
    doubtful: NDArray[np.bool_]

    def order(self) -> NDArray[np.int64]:
        """Return the cells, the most suspect first; equals as they came."""
        return np.lexsort((self.neighbour_share, self.score))


def judge_labels(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> JudgedLabels:
    r"""Judge each label by the other cells.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Label of each cell, ``(n_cells,)``, from 0.
    n_types
        Number of types.
    seed
        Decides the folds, and among which cells neighbours are sought where there are more than
        20,000.

    Returns
    -------
    Score, suggestion, support and doubt of each label.

    Notes
    -----
    No witness sees the label that it judges. The *neighbours*: shares :math:`s_t` of the labels
    among the n nearest cells, with one vote spread over the k types,
    :math:`p_t = (n s_t + 1 / k) / (n + 1)`; sought along the first 50 singular vectors of the
    expression, and along those of scaled genes, all cells at the length of one. The *classifiers*:
    a linear discriminant, learned from four fifths of each type along the first 200 of the same
    vectors, gives the other fifth :math:`q_t`. The score of a label l is its share in the geometric
    mean of all four,

    .. math:: score = g_l / \sum_t g_t, \quad g_t = (p_t p'_t q_t q'_t)^{1/4}.

    Neighbours know types of any shape, but not those that lie scattered among others; a classifier
    knows these as well, if a line divides them. Where genes are scaled, types of a few cells are
    seen, and types that quiet genes tell apart.
    """
    points = cell_points(expression, seed=seed)
    near = [
        shares_among(where, codes, n_types, seed=seed)
        for where in (points.plain[:, :FIRST], directions(points.scaled[:, :FIRST]))
    ]
    said = np.mean([neighbour_log_probabilities(shares) for shares in near], axis=0)
    said = (said + discriminants_say(points, codes, n_types, seed=seed)) / 2
    odds = np.exp(said - said.max(1, keepdims=True))
    own = odds[np.arange(len(codes)), codes]
    doubtful = TIMES_AS_LIKELY * own < 1
    return JudgedLabels(own / odds.sum(1), odds.argmax(1), own_shares(near[0], codes), doubtful)


def discriminants_say(
    points: CellPoints, codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return what linear discriminants say of cells that they have not learned from.

    Parameters
    ----------
    points
        Where the cells lie.
    codes, n_types, seed
        As :func:`held_out_log_probabilities`.

    Returns
    -------
    Mean of the log-probabilities by the expression and by scaled genes, ``(n_cells, n_types)``: the
    second knows types of a few cells, the first does not hear the noise of quiet genes.
    """
    said = [held_out_log_probabilities(where, codes, n_types, seed=seed) for where in points]
    return np.asarray(np.mean(said, axis=0))


def held_out_log_probabilities(
    points: NDArray[np.floating], codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> NDArray[np.float64]:
    """Return what a classifier says of each cell that has learned from four fifths of the others.

    Parameters
    ----------
    points
        ``(n_cells, n_components)``.
    codes
        Label of each cell, ``(n_cells,)``, from 0.
    n_types, seed
        As :func:`judge_labels`.

    Returns
    -------
    Log-probabilities, ``(n_cells, n_types)``.
    """
    fold = folds(codes, seed=seed)
    said = np.empty((len(codes), n_types))
    for number in range(N_FOLDS):
        held_out = fold == number
        if held_out.any():
            classifier = fit_discriminant(points[~held_out], codes[~held_out], n_types)
            said[held_out] = classifier.log_probabilities(points[held_out])
    return said


def folds(codes: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.int64]:
    """Deal the cells of each type out to five folds, ``(n_cells,)``; none gets all of a type."""
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    dealt = np.empty(len(codes), dtype=np.int64)
    dealt[order] = np.arange(len(codes)) % N_FOLDS
    return dealt
