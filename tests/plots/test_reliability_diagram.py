from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import plkd
from plkd.errors import InputError
from plkd.metrics import CalibrationReport, ClassificationReport


@pytest.fixture
def measured() -> CalibrationReport:
    confidence = np.repeat([0.55, 0.95], [40, 60])
    correct = np.arange(100) % 40 < np.where(confidence < 0.9, 10, 36)
    return plkd.metrics.calibration_report(confidence, correct)


@pytest.fixture
def evaluated() -> ClassificationReport:
    obs = pd.DataFrame(
        {"truth": ["a", "b"] * 5, "plkd_label": "a", "plkd_confidence": np.linspace(0.1, 1, 10)},
        index=[str(i) for i in range(10)],
    )
    return plkd.tl.evaluate(AnnData(np.zeros((10, 1)), obs=obs), labels_key="truth")


def test_bars_and_dots_stand_where_the_bins_say(measured: CalibrationReport) -> None:
    diagram, numbers = plkd.pl.reliability(measured, show=False)
    filled = [each for each in measured.curve if each.n_cells]
    assert len(filled) == 2
    for ax, heights in (
        (diagram, [each.accuracy for each in filled]),
        (numbers, [each.n_cells for each in filled]),
    ):
        assert [bar.get_height() for bar in ax.patches] == heights
        assert [bar.get_x() for bar in ax.patches] == pytest.approx([e.low for e in filled])
        ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
        assert ends == pytest.approx([e.high for e in filled])
    _, dots = diagram.lines
    np.testing.assert_allclose(dots.get_xdata(), [0.55, 0.95])
    np.testing.assert_allclose(dots.get_ydata(), [0.25, filled[1].accuracy])
    assert diagram.get_title(loc="left") == f"ECE {measured.ece:.3f} (100 cells)"
    assert diagram.get_xlim() == numbers.get_xlim()


def test_intervals_are_those_of_wilson(measured: CalibrationReport) -> None:
    diagram, _ = plkd.pl.reliability(measured, show=False)
    [lines] = diagram.collections
    (x, low), (_, high) = lines.get_segments()[0]
    assert x == pytest.approx(0.55)
    # 10 of 40: the roots of (p - 0.25)^2 = 1.96^2 p (1 - p) / 40
    a, b, c = 1 + 1.96**2 / 40, -(2 * 0.25 + 1.96**2 / 40), 0.25**2
    roots = np.sort(np.roots([a, b, c]))
    assert (low, high) == pytest.approx(tuple(roots))


def test_an_evaluation_is_drawn_by_its_confidence(evaluated: ClassificationReport) -> None:
    diagram, _ = plkd.pl.reliability(evaluated, show=False)
    assert evaluated.trust is not None
    assert evaluated.trust.calibration is not None
    expected = plkd.pl.reliability(evaluated.trust.calibration, show=False)[0]
    assert diagram.get_title(loc="left") == expected.get_title(loc="left")


def test_figure_saved_returned_or_drawn_in_given_axes(
    measured: CalibrationReport, tmp_path: Path
) -> None:
    assert plkd.pl.reliability(measured, save=tmp_path / "new" / "r.png") is None
    assert (tmp_path / "new" / "r.png").read_bytes().startswith(b"\x89PNG")
    assert not plt.get_fignums()
    fig = plkd.pl.reliability(measured, return_fig=True)
    assert isinstance(fig, Figure)
    fig.canvas.draw()
    upper, lower = (ax.get_window_extent() for ax in fig.axes)
    assert upper.height > 2 * lower.height
    assert upper.y0 > lower.y1
    assert (upper.x0, upper.x1) == pytest.approx((lower.x0, lower.x1))
    _, axes = plt.subplots(2, 1)
    assert plkd.pl.reliability(measured, axes=axes) == list(axes)
    plt.close("all")


def test_what_has_no_confidence_is_refused(measured: CalibrationReport) -> None:
    with pytest.raises(InputError, match="an evaluation with a confidence"):
        plkd.pl.reliability(plkd.metrics.report(["a"], ["a"]))
    with pytest.raises(InputError, match="a float"):
        plkd.pl.reliability(0.5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected 2 axes; found 1"):
        plkd.pl.reliability(measured, axes=[plt.figure().subplots()])
    plt.close("all")
