"""The probability that a label is right: what a network says, less where a cell is strange."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.data.rows import largest_in_row

FURTHEST = 4.0
"""Strangeness counts no further than this many units; nothing was learned beyond."""

UNIT = 3.0
EFFECTIVE_CELLS = 100.0
"""Held-out cells count as fewer than this, however many they are: those of a batch err together."""

LIKELY_SLOPE = 0.85
LIKELY_SLOPE_BESIDE = 0.55
SLOPE_DEVIATION = 0.3
"""The slope that is expected of a network alone and beside a linear discriminant before any cell
was seen, where many have been learned from, and how far its logarithm may well be from that: from
batch to batch they are surer than they should be, and two that agree are no more often right than
one."""

HALF_SLOPE_CELLS = 200.0
"""Half of that slope is expected of a network that has learned from so few cells."""

INSISTENCE = 2.0
"""How many cells' worth of evidence held-out cells must have that all labels are less often right
than said, before anything is taken off the confidence of all."""

LEAST_OFFSET = 0.01
"""What is less than this is none: the search ends near 0, not at it."""

STEEPEST = 5.0

HALVINGS = 30
"""Of the range in which a slope is sought."""


@dataclass(frozen=True)
class Calibration:
    """How a network's probability becomes the probability that its label is right.

    Attributes
    ----------
    slope
        What the logit of the network's probability is multiplied by; 1 leaves it.
    strangeness
        What is taken off the logit for each unit by which a cell is stranger than the median
        held-out cell; a unit is 3 of the novelty's score.
    middle
        That median.
    offset
        What is taken off the logit of every cell; 0 unless held-out cells insist, and in models of
        format versions up to 7.

    Notes
    -----
    logit P(right) = slope * logit(p) - strangeness * min(max(score - middle, 0) / 3, 4) - offset, p
    the network's probability of the type that it names. Other types share the rest as before.
    """

    slope: float = 1.0
    strangeness: float = 0.0
    middle: float = 0.0
    offset: float = 0.0

    def confidence(
        self, probability: NDArray[np.float32], scores: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Return the probability that the label is right.

        Parameters
        ----------
        probability
            The network's probability of the type that it names, ``(n_cells,)``.
        scores
            Novelty scores of the cells, ``(n_cells,)``.
        """
        logit = self.slope * _logit(probability) - self.strangeness * _units(scores, self.middle)
        return (1 / (1 + np.exp(self.offset - logit))).astype(np.float32)

    def probabilities(
        self, probabilities: NDArray[np.float32], scores: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Return calibrated probabilities of all types, ``(n_cells, n_types)``; rows sum to 1.

        The named type has :meth:`confidence`; the others share the rest as the network said. The
        named type stays the first: it is never given less than the largest of the others. Where
        there is an offset, the others' shares are brought nearer to one another first, as far as
        that needs; otherwise a network that wavers between two types could not be doubted.
        """
        named = probabilities.argmax(1)
        rows = np.arange(len(named))
        first = probabilities[rows, named]
        rest = probabilities / np.maximum(1 - first, 1e-12)[:, None]
        rest[rows, named] = 0
        total = rest.sum(1)
        alone = total < 1e-6  # the network is all but certain: the others share the rest evenly
        rest[alone] = 1 / max(probabilities.shape[1] - 1, 1)
        rest[rows[alone], named[alone]] = 0
        rest[~alone] /= total[~alone, None]
        confidence = self.confidence(first, scores)
        largest = largest_in_row(rest)
        if self.offset > 0:
            even = np.float32(1 / max(probabilities.shape[1] - 1, 1))
            most = confidence / np.maximum(1 - confidence, 1e-12)  # share at which a type ties
            over = np.maximum(largest - most, 0)
            nearer = np.minimum(over / np.maximum(largest - even, 1e-12), 1)[:, None]
            rest += nearer * (even - rest)
            rest[rows, named] = 0
            largest = largest_in_row(rest)
        least = largest / (1 + largest) + 1e-6  # a tie might be broken the other way
        confidence = np.maximum(confidence, least)
        rest *= (1 - confidence)[:, None]
        rest[rows, named] = confidence
        return np.asarray(rest, dtype=np.float32)

    def as_sure_as(
        self, mean: float, probability: NDArray[np.float32], scores: NDArray[np.floating]
    ) -> Self:
        """Return it with the slope, no steeper, with which cells are so sure on average.

        Parameters
        ----------
        mean
            Mean confidence that they shall have.
        probability, scores
            As :meth:`confidence` takes them.
        """
        flat, steep = 0.0, self.slope
        found = self
        for _ in range(HALVINGS):
            if float(found.confidence(probability, scores).mean()) > mean:
                steep = found.slope
            else:
                flat = found.slope
            found = replace(self, slope=(flat + steep) / 2)
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for the model file."""
        return asdict(self)


def likely_slope(n_learned: int, *, beside: bool) -> float:
    """Return the slope that is expected before any held-out cell was seen.

    Parameters
    ----------
    n_learned
        Cells with a label that the network has learned from.
    beside
        Whether a linear discriminant is heard beside it.

    Notes
    -----
    0.85, or 0.55 beside a discriminant, times n / (n + 200): the fewer cells a network has learned
    from, the surer it is of what does not hold for another batch.
    """
    much = LIKELY_SLOPE_BESIDE if beside else LIKELY_SLOPE
    return much * n_learned / (n_learned + HALF_SLOPE_CELLS)


def fit_calibration(
    probability: NDArray[np.float32],
    right: NDArray[np.bool_],
    scores: NDArray[np.floating],
    *,
    middle: float,
    weights: NDArray[np.floating] | None = None,
    n_cells: int | None = None,
    likely: float = LIKELY_SLOPE,
) -> Calibration:
    """Learn the calibration on cells that the network has not seen.

    Parameters
    ----------
    probability
        The network's probability of the type that it names, ``(n_cells,)``.
    right
        Whether it is the cell's type, ``(n_cells,)``.
    scores
        Novelty scores, ``(n_cells,)``.
    middle
        Median score of held-out cells as they are.
    weights
        How much each cell counts beside the others, ``(n_cells,)``; ``None`` is one for all.
    n_cells
        How many cells they are, where each was looked at more than once.
    likely
        What :func:`likely_slope` returned.

    Notes
    -----
    The most probable slope, strangeness and offset (both at least 0) given the cells, of which n
    together count as 100 n / (100 + n); given that slopes near ``likely`` are likelier beforehand,
    and that an offset c is less likely by exp(-2 c). So it stays 0 but where labels are right far
    less often than said: a slope alone never takes a probability above a half below it. One that
    held-out batches ask for freely did harm on other batches more often than not (``docs/log.md``).
    """
    from scipy.optimize import minimize

    logits, units = _logit(probability).astype(np.float64), _units(scores, middle)
    each = np.ones(len(logits)) if weights is None else weights
    n_cells = len(logits) if n_cells is None else n_cells
    each = each * EFFECTIVE_CELLS * n_cells / (EFFECTIVE_CELLS + n_cells) / each.sum()
    expected = np.log(likely)

    def loss(given: NDArray[np.float64]) -> float:
        z = np.exp(given[0]) * logits - given[1] * units - given[2]
        fit = float((each * (np.logaddexp(0, z) - right * z)).sum())
        unlikely = float((given[0] - expected) ** 2) / (2 * SLOPE_DEVIATION**2)
        return fit + unlikely + INSISTENCE * given[2]

    steepest = np.log(STEEPEST)
    bounds = [(-steepest, steepest), (0.0, STEEPEST), (0.0, STEEPEST)]
    found = minimize(loss, np.array([expected, 0.05, 0.01]), bounds=bounds, method="L-BFGS-B").x
    offset = float(found[2]) if found[2] > LEAST_OFFSET else 0.0
    return Calibration(float(np.exp(found[0])), float(found[1]), float(middle), offset)


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


def _units(scores: NDArray[np.floating], middle: float) -> NDArray[np.float64]:
    return np.clip((scores - middle) / UNIT, 0, FURTHEST)
