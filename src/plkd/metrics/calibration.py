"""Whether a confidence can be read as the probability that the answer is right.

Bins of equal width are (0, 1/n], (1/n, 2/n], ..., the first with 0; bins of equal mass hold about
the same number of cells each, and cells of one confidence are never parted.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from plkd.errors import InputError
from plkd.metrics.trust_results import CalibrationReport, ReliabilityBin

N_BINS = 15
ROUNDING = 1e-6  # of probabilities in float32

Binning = Literal["width", "mass"]


def expected_calibration_error(
    confidence: Any, correct: Any, *, n_bins: int = N_BINS, binning: Binning = "width"
) -> float:
    """How far confidence and accuracy are apart, on average over the cells.

    Parameters
    ----------
    confidence
        Probability, in [0, 1], that the answer is right, ``(n_cells,)``.
    correct
        Whether it is, ``(n_cells,)``.
    n_bins
        Bins at most. The default, 15, is that of Guo et al. 2017.
    binning
        "width" for bins of equal width, as most others report; "mass" for bins of equal numbers of
        cells, in which no bin is nearly empty and surer cells are told apart more finely.

    Returns
    -------
    A number in [0, 1]; 0 is perfect.

    Raises
    ------
    InputError
        The lengths differ, there are no cells, a confidence is not in [0, 1], ``correct`` is
        anything but yes or no, or there is no bin.

    Notes
    -----
    ECE = Σ_b n_b / n · |acc_b − conf_b|, with the accuracy and the mean confidence of the n_b cells
    in bin b (Naeini, Cooper & Hauskrecht 2015; Guo, Pleiss, Sun & Weinberger 2017, On calibration
    of modern neural networks). In bins of equal mass: Nguyen & O'Connor 2015.
    """
    return _error(reliability_curve(confidence, correct, n_bins=n_bins, binning=binning))


def reliability_curve(
    confidence: Any, correct: Any, *, n_bins: int = N_BINS, binning: Binning = "width"
) -> tuple[ReliabilityBin, ...]:
    """Mean confidence and accuracy of the cells, from the least sure to the surest.

    Parameters
    ----------
    confidence
        Probability, in [0, 1], that the answer is right, ``(n_cells,)``.
    correct
        Whether it is, ``(n_cells,)``.
    n_bins
        Bins, at most with ``binning="mass"``.
    binning
        "width" or "mass"; see :func:`expected_calibration_error`.

    Returns
    -------
    One ``ReliabilityBin`` a bin, from low to high; with bins of equal width empty ones are
    included.

    Raises
    ------
    InputError
        As :func:`expected_calibration_error`.

    Notes
    -----
    The points of a reliability diagram (DeGroot & Fienberg 1983).
    """
    sure, right = _checked(confidence, correct)
    if n_bins < 1:
        raise InputError("n_bins of 1 or more", f"{n_bins}", "leave it out")
    edges = _edges(sure, n_bins, binning)
    place = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1)
    sums = np.bincount(place, weights=sure, minlength=len(counts))
    hits = np.bincount(place, weights=right, minlength=len(counts))
    return tuple(
        ReliabilityBin(
            low=float(edges[b]),
            high=float(edges[b + 1]),
            n_cells=int(n),
            confidence=float(sums[b] / n) if n else None,
            accuracy=float(hits[b] / n) if n else None,
        )
        for b, n in enumerate(counts)
    )


def brier_score(confidence: Any, correct: Any) -> float:
    """Mean squared distance of the confidence from what came true.

    Parameters
    ----------
    confidence
        Probability, in [0, 1], that the answer is right, ``(n_cells,)``.
    correct
        Whether it is, ``(n_cells,)``.

    Returns
    -------
    A number in [0, 1]; 0 is perfect. Unlike the calibration error it also asks that right and wrong
    answers are told apart.

    Raises
    ------
    InputError
        As :func:`expected_calibration_error`.

    Notes
    -----
    Σ (confidence − correct)² / n (Brier 1950), of the one answer that was given.
    """
    sure, right = _checked(confidence, correct)
    return float(np.mean((sure - right) ** 2))


def calibration_report(confidence: Any, correct: Any) -> CalibrationReport:
    """Every measure of a confidence at once.

    Parameters
    ----------
    confidence
        Probability, in [0, 1], that the answer is right, ``(n_cells,)``.
    correct
        Whether it is, ``(n_cells,)``.

    Returns
    -------
    A ``CalibrationReport``; its ``as_dict()`` is ready for JSON.

    Raises
    ------
    InputError
        As :func:`expected_calibration_error`.
    """
    sure, right = _checked(confidence, correct)
    curve = reliability_curve(sure, right)
    return CalibrationReport(
        n_cells=len(sure),
        mean_confidence=float(sure.mean()),
        accuracy=float(right.mean()),
        ece=_error(curve),
        adaptive_ece=expected_calibration_error(sure, right, binning="mass"),
        brier=brier_score(sure, right),
        curve=curve,
    )


def _error(curve: tuple[ReliabilityBin, ...]) -> float:
    apart = [
        each.n_cells * abs(each.accuracy - each.confidence)
        for each in curve
        if each.accuracy is not None and each.confidence is not None
    ]
    return float(sum(apart) / sum(each.n_cells for each in curve))


def _edges(sure: np.ndarray, n_bins: int, binning: str) -> np.ndarray:
    """Return the ends of the bins; each holds its upper end, the first its lower one as well."""
    if binning == "width":
        return np.linspace(0, 1, n_bins + 1)
    if binning != "mass":
        raise InputError("binning by 'width' or 'mass'", repr(binning), "choose one of them")
    upper = np.quantile(sure, np.arange(1, n_bins + 1) / n_bins, method="inverted_cdf")
    distinct = np.unique(upper)
    return np.array([min(sure.min(), distinct[0]), *distinct])


def _checked(confidence: Any, correct: Any) -> tuple[np.ndarray, np.ndarray]:
    sure, right = np.asarray(confidence), np.asarray(correct)
    if sure.ndim != 1 or sure.shape != right.shape or not len(sure):
        raise InputError(
            "a confidence and a right or wrong for each of one cell or more",
            f"arrays of shapes {sure.shape} and {right.shape}",
            "pass both for the same cells in the same order",
        )
    if sure.dtype.kind not in "biuf" or not np.all((sure >= 0) & (sure <= 1 + ROUNDING)):
        raise InputError(
            "confidences in [0, 1]", "others or NaN", "pass the probability of the answer given"
        )
    if right.dtype.kind not in "biuf" or not np.all((right == 0) | (right == 1)):
        raise InputError("right or wrong, as True or False", "other values", "compare the labels")
    return np.minimum(sure.astype(np.float64), 1), right.astype(np.float64)
