"""The probability that a label is right: what a network says, less where a cell is strange."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.rows import largest_in_row

FURTHEST = 4.0
"""Strangeness counts no further than this many units; nothing was learned beyond."""

UNIT = 3.0
EFFECTIVE_CELLS = 100.0
"""Held-out cells count as this many: those of a batch err together."""

LIKELY_SLOPE = 0.85
LIKELY_SLOPE_BESIDE = 0.55
SLOPE_DEVIATION = 0.3
"""The slope that is expected before any cell was seen, of a network alone and beside a linear
discriminant, and how far its logarithm may well be from that: from batch to batch they are surer
than they should be, and two that agree are no more often right than one."""

STEEPEST = 5.0


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

    Notes
    -----
    logit P(right) = slope * logit(p) - strangeness * min(max(score - middle, 0) / 3, 4), p the
    network's probability of the type that it names. Other types share the rest as before.
    """

    slope: float = 1.0
    strangeness: float = 0.0
    middle: float = 0.0

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
        return (1 / (1 + np.exp(-logit))).astype(np.float32)

    def probabilities(
        self, probabilities: NDArray[np.float32], scores: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Return calibrated probabilities of all types, ``(n_cells, n_types)``; rows sum to 1.

        The named type has :meth:`confidence`; the others share the rest as the network said. The
        named type stays the first: it is never given less than the largest of the others.
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
        largest = largest_in_row(rest)
        least = largest / (1 + largest) + 1e-6  # a tie might be broken the other way
        confidence = np.maximum(self.confidence(first, scores), least)
        rest *= (1 - confidence)[:, None]
        rest[rows, named] = confidence
        return np.asarray(rest, dtype=np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for the model file."""
        return asdict(self)


def fit_calibration(
    probability: NDArray[np.float32],
    right: NDArray[np.bool_],
    scores: NDArray[np.floating],
    *,
    middle: float,
    weights: NDArray[np.floating] | None = None,
    likely_slope: float = LIKELY_SLOPE,
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
    likely_slope
        The slope that is expected before any cell was seen.

    Notes
    -----
    The most probable slope and strangeness (at least 0) given the cells, which together count as
    100 at most, and given that slopes near ``likely_slope`` are likelier beforehand. There is no
    intercept: one that held-out batches ask for did harm on other batches more often than not
    (``docs/log.md``).
    """
    from scipy.optimize import minimize

    logits, units = _logit(probability).astype(np.float64), _units(scores, middle)
    each = np.ones(len(logits)) if weights is None else weights
    each = each * min(len(logits), EFFECTIVE_CELLS) / each.sum()
    likely = np.log(likely_slope)

    def loss(given: NDArray[np.float64]) -> float:
        z = np.exp(given[0]) * logits - given[1] * units
        fit = float((each * (np.logaddexp(0, z) - right * z)).sum())
        return fit + float((given[0] - likely) ** 2) / (2 * SLOPE_DEVIATION**2)

    bounds = [(-np.log(STEEPEST), np.log(STEEPEST)), (0.0, STEEPEST)]
    found = minimize(loss, np.array([likely, 0.05]), bounds=bounds, method="L-BFGS-B").x
    return Calibration(float(np.exp(found[0])), float(found[1]), float(middle))


def _logit(probability: NDArray[np.float32]) -> NDArray[np.float64]:
    p = np.clip(np.asarray(probability, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


def _units(scores: NDArray[np.floating], middle: float) -> NDArray[np.float64]:
    return np.clip((scores - middle) / UNIT, 0, FURTHEST)
