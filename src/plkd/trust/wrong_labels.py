"""Labels not to learn from, where many are wrong: what other cells say, and how many there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.trust.cell_points import FIRST, CellPoints, cell_points, directions
from plkd.trust.label_audit import discriminants_say
from plkd.trust.label_quality import neighbour_log_probabilities, shares_among
from plkd.trust.vouching import vouched_for

RIGHT = 0.5
"""Probability of being right up to which a label is set aside."""

NEIGHBOURS_COUNT = 0.7
"""Weight of what the neighbours say of a cell; the discriminants have the rest. Where types
blend it doubts many right labels, and the neighbours alone let wrong ones pass."""

NEIGHBOURS_HEARD_UNTIL = 1 / 6
"""Share of wrong labels, as the discriminants estimate it, up to which the neighbours are heard.
Where more are wrong it matters less that a right label is lost than that a wrong one stays."""

ALWAYS_KEPT = 0.5
"""Share of a type's labels that are expected to be right, which it keeps in any case."""

LEAST_CELLS = 2
"""A type of fewer cannot be learned."""

FEWEST_CELLS = 3
"""Of fewer, nothing can be said."""

FIRST_GUESS, LARGEST = 0.2, 0.75
"""Share of wrong labels that the estimate begins with, and its bound in units of (k - 1) / k, at
which labels of k types say nothing."""

N_ROUNDS = 30


@dataclass(frozen=True)
class LabelTrust:
    """How far each label is believed, and how many are wrong.

    Attributes
    ----------
    right
        Probability that the label is right, ``(n_cells,)`` in [0, 1].
    share_wrong
        Estimated share of wrong labels, in [0, 0.75].
    """

    right: NDArray[np.float64]
    share_wrong: float


def labels_to_set_aside(
    expression: csr_matrix, codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> NDArray[np.bool_]:
    """Say which labels not to learn from in a reference in which many are known to be wrong.

    Parameters
    ----------
    expression
        log1p counts per 10,000, ``(n_cells, n_genes)``.
    codes
        Label of each cell, ``(n_cells,)``, -1 where it has none.
    n_types
        Number of types.
    seed
        Of the folds and of the singular vectors.

    Returns
    -------
    bool ``(n_cells,)``: labels that are more likely wrong than right by what the other cells say
    (:func:`trust_by_others`), unless the cell's neighbours vouch for them
    (:func:`plkd.trust.vouching.vouched_for`, along the first 50 components of scaled genes, all
    cells at the length of one). Of each type the most trusted are kept in any case: half as many
    as are expected to be right, two at least. Wrong labels that fall evenly on all types drown a
    rare one, of which a cell's own label then says little.
    """
    labelled = np.flatnonzero(codes >= 0)
    aside = np.zeros(len(codes), dtype=bool)
    if n_types < 2 or len(labelled) < FEWEST_CELLS:
        return aside
    given = codes[labelled]
    points = cell_points(expression[labelled], seed=seed)
    trust = trust_by_others(points, given, n_types, seed=seed)
    vouched = vouched_for(directions(points.scaled[:, :FIRST]), given, seed=seed)
    aside[labelled] = (trust.right <= RIGHT) & ~vouched
    expected = expected_right(np.bincount(given, minlength=n_types), trust.share_wrong)
    for code in range(n_types):
        own = np.flatnonzero(given == code)
        best = own[np.argsort(-(trust.right + vouched)[own], kind="stable")]
        n_kept = max(LEAST_CELLS, int(np.ceil(ALWAYS_KEPT * expected[code])))
        aside[labelled[best[:n_kept]]] = False
    return aside


def trust_by_others(
    points: CellPoints, codes: NDArray[np.int64], n_types: int, *, seed: int = 0
) -> LabelTrust:
    """Return how far each label is believed by witnesses that have not seen it.

    Parameters
    ----------
    points
        Where the cells lie.
    codes
        Label of each cell, ``(n_cells,)``, from 0.
    n_types, seed
        As :func:`labels_to_set_aside`.

    Returns
    -------
    What linear discriminants say that have learned from four fifths of the others
    (:func:`plkd.trust.label_audit.discriminants_say`, :func:`label_trust`). Where they find fewer
    than a sixth of the labels wrong, 0.3 of that and 0.7 of the log-probabilities by the 30 nearest
    cells along the first 50 components of the expression.
    """
    classifier = discriminants_say(points, codes, n_types, seed=seed)
    trust = label_trust(classifier, codes)
    if trust.share_wrong > NEIGHBOURS_HEARD_UNTIL:
        return trust
    shares = shares_among(points.plain[:, :FIRST], codes, n_types, seed=seed)
    near = neighbour_log_probabilities(shares)
    return label_trust(NEIGHBOURS_COUNT * near + (1 - NEIGHBOURS_COUNT) * classifier, codes)


def label_trust(log_probabilities: NDArray[np.float64], codes: NDArray[np.int64]) -> LabelTrust:
    r"""Return how probably each label is right, given what others say that have not seen it.

    Parameters
    ----------
    log_probabilities
        Log-probability of each type for each cell, ``(n_cells, n_types)``, by what has learned from
        other cells' labels, as common as they are.
    codes
        Label of each cell, ``(n_cells,)``, from 0.

    Returns
    -------
    Probability of each label, and the share of wrong ones.

    Notes
    -----
    Labels are taken to be wrong at random: right with probability :math:`1 - e`, else each of the
    other k - 1 types alike. With :math:`L_{it}` the likelihood of type t for cell i (what was
    said of it, divided by how common its labels are) and :math:`\pi_t` the share of cells that
    are of type t,

    .. math:: r_{it} \propto L_{it} \pi_t \begin{cases} 1 - e & t = l_i \\ e / (k - 1) & t \ne l_i.
        \end{cases}

    e and :math:`\pi` are found by expectation maximisation (30 rounds from e = 0.2 and the shares
    of the labels): e is the mean of :math:`1 - r_{i l_i}`, :math:`\pi_t` that of :math:`r_{it}`.

    The others' labels, of which it was learned, are wrong as often. With fewer than about six
    types the cells of each label then look like a mixture, e comes out too low, and fewer wrong
    labels are found.
    """
    n_cells, n_types = log_probabilities.shape
    own = (np.arange(n_cells), codes)
    share = np.bincount(codes, minlength=n_types) / n_cells
    said = log_probabilities - np.log(np.maximum(share, 1 / n_cells))
    likelihood = np.exp(said - said.max(1, keepdims=True))
    wrong = FIRST_GUESS
    right = np.ones(n_cells)
    for _ in range(N_ROUNDS):
        joint = likelihood * share * (wrong / (n_types - 1))
        joint[own] *= (1 - wrong) * (n_types - 1) / wrong
        joint /= joint.sum(1, keepdims=True)
        right = joint[own]
        wrong = float(np.clip(1 - right.mean(), 1e-4, LARGEST * (n_types - 1) / n_types))
        share = joint.mean(0) + 1e-6
    return LabelTrust(right, wrong)


def expected_right(counts: NDArray[np.int64], share_wrong: float) -> NDArray[np.float64]:
    """Return how many of each type's labels are expected to be right, ``(n_types,)``, 0 at least.

    Parameters
    ----------
    counts
        Cells that have each label, ``(n_types,)``.
    share_wrong
        Share of labels that are wrong, alike likely any of the other types.

    Returns
    -------
    A type of n cells has (1 - e) n right labels and e / (k - 1) of the other N - n cells'; this is
    solved for n.
    """
    stray = share_wrong / (len(counts) - 1)
    true = (counts - stray * counts.sum()) / max(1 - share_wrong - stray, 1e-9)
    return np.asarray(np.clip((1 - share_wrong) * true, 0.0, counts))
