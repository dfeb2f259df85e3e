"""Confidence against accuracy: a reliability diagram with the numbers of cells beneath."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from plkd.errors import InputError
from plkd.plots.figure import INK, finish, new_figure
from plkd.plots.types import GREY, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from plkd.metrics.results import ClassificationReport
    from plkd.metrics.trust_results import CalibrationReport, ReliabilityBin

SIZE = (3.9, 4.7)  # inches
HEIGHTS = (3.2, 1.0)  # of the two panels, against each other
Z = 1.96  # of 95 % intervals


def reliability(
    report: ClassificationReport | CalibrationReport,
    *,
    axes: Sequence[Axes] | None = None,
    colour: str = PALETTE[0],
    show: bool | None = None,
    save: str | Path | None = None,
    return_fig: bool = False,
) -> list[Axes] | Figure | None:
    """Draw how often cells of each confidence are labelled right.

    Parameters
    ----------
    report
        What ``tl.evaluate`` or ``metrics.calibration_report`` returned.
    axes
        Two axes to draw in, for the diagram and the numbers of cells, instead of a new figure.
    colour
        Colour of matplotlib for the bars.
    show
        Show the figure. By default yes in a notebook or with a window, unless ``save``, ``axes`` or
        ``return_fig`` is given.
    save
        File to write, 200 dots an inch, fewer where it is huge; its ending chooses the format.
    return_fig
        Return the figure.

    Returns
    -------
    The figure with ``return_fig``; the two axes with ``show=False`` or ``axes``; otherwise None.

    Raises
    ------
    InputError
        ``report`` is something else, or it has no confidence; the number of axes is not two.

    Notes
    -----
    A bar is a bin of confidence, its height the accuracy of the cells in it, its dot stands at
    their mean confidence, with a 95 % interval (Wilson's) of the accuracy for cells drawn one by
    one. On the dashed line confidence is accuracy; below it cells are less often right than they
    claim. The title has the expected calibration error over these bins.
    """
    measured = _calibration(report)
    own = axes is None
    fig: Any
    if axes is None:
        fig, drawn = new_figure(SIZE, 2, window=save is None or bool(show), n_columns=1)
        spec: Any = drawn[0].get_gridspec()
        spec.set_height_ratios(HEIGHTS)
    else:
        drawn = list(np.ravel(np.asarray(axes, dtype=object)))
        if len(drawn) != 2:
            raise InputError("2 axes", f"{len(drawn)}", "pass one for each panel")
        fig = drawn[0].figure
    filled = [each for each in measured.curve if each.n_cells]
    _draw_accuracy(drawn[0], filled, colour)
    _draw_numbers(drawn[1], filled, colour)
    title = f"ECE {measured.ece:.3f} ({measured.n_cells:,} cells)"
    drawn[0].set_title(title, fontsize=11, loc="left", color=INK)
    return finish(fig, drawn, own=own, show=show, save=save, return_fig=return_fig)


def _calibration(report: object) -> CalibrationReport:
    from plkd.metrics.results import ClassificationReport
    from plkd.metrics.trust_results import CalibrationReport

    if isinstance(report, CalibrationReport):
        return report
    if not isinstance(report, ClassificationReport):
        raise InputError(
            "what plkd.tl.evaluate or plkd.metrics.calibration_report returned",
            f"a {type(report).__name__}",
            "pass that",
        )
    if report.trust is None or report.trust.calibration is None:
        raise InputError(
            "an evaluation with a confidence",
            "one without, or without a cell that has a label",
            "name its column, as in plkd.tl.evaluate(..., confidence_key='plkd_confidence')",
        )
    return report.trust.calibration


def _draw_accuracy(ax: Axes, filled: Sequence[ReliabilityBin], colour: str) -> None:
    low, width = _ends(filled)
    accuracy = np.array([each.accuracy for each in filled], dtype=float)
    sure = np.array([each.confidence for each in filled], dtype=float)
    n = np.array([each.n_cells for each in filled], dtype=float)
    ax.bar(low, accuracy, width, align="edge", color=colour, alpha=0.35, linewidth=0)
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.2, zorder=1)
    middle = (accuracy + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(accuracy * (1 - accuracy) / n + Z**2 / (4 * n**2))
    ax.vlines(sure, middle - half, middle + half, color=INK, linewidth=1)
    ax.plot(sure, accuracy, color=INK, marker="o", markersize=4, linewidth=1)
    ax.set_ylim(0, 1.02)
    ax.set_ylabel("Accuracy", fontsize=10, color=INK)
    _bare(ax)
    ax.set_xticklabels([])


def _draw_numbers(ax: Axes, filled: Sequence[ReliabilityBin], colour: str) -> None:
    low, width = _ends(filled)
    n = [each.n_cells for each in filled]
    ax.bar(low, n, width, align="edge", color=colour, edgecolor="white", linewidth=0.8)
    ax.set_ylim(0, 1.05 * max(n))
    ax.set_ylabel("Cells", fontsize=10, color=INK)
    ax.set_xlabel("Confidence", fontsize=10, color=INK)
    _bare(ax)
    ax.yaxis.set_major_formatter("{x:,.0f}")


def _ends(filled: Sequence[ReliabilityBin]) -> tuple[np.ndarray, np.ndarray]:
    low = np.array([each.low for each in filled])
    return low, np.array([each.high for each in filled]) - low


def _bare(ax: Axes) -> None:
    """Leave two thin lines with few numbers."""
    ax.set_xlim(0, 1.02)
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(INK)
    ax.tick_params(labelsize=9, labelcolor=INK, color=INK)
