"""Small draws of a reference, what is measured on them, and what the page says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from toy import cells_of_types


@pytest.fixture
def size(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("study.size")


@pytest.fixture
def sides(size: ModuleType) -> object:
    return size.Sides(
        cells_of_types({"B": 300, "DC": 4, "Mono": 700}),
        cells_of_types({"B": 30, "DC": 9, "Mono": 9}),
    )


def test_draws_are_nested_and_leave_small_types_out_on_both_sides(size, sides):
    few, more = (size.drawn(sides, 0, n_cells=n_cells) for n_cells in (200, 600))
    assert set(few.reference.obs_names) < set(more.reference.obs_names)
    assert 195 <= few.reference.n_obs <= 200
    for found in (few, more):
        for side in (found.reference, found.query):
            assert list(side.obs["cell_type"].cat.categories) == ["B", "Mono"]
    assert few.query.n_obs == 39
    assert (sides.reference.n_obs, sides.query.n_obs) == (1004, 48)
    assert set(size.drawn(sides, 1, n_cells=200).reference.obs_names) != set(
        few.reference.obs_names
    )


def test_more_cells_than_there_are_cannot_be_drawn(size, sides):
    with pytest.raises(SystemExit, match="2,000 cells cannot be drawn from a reference of 1,004"):
        size.drawn(sides, 0, n_cells=2000)


def test_the_measures(size):
    sides = size.Sides(cells_of_types({"B": 50, "T": 50}), cells_of_types({"B": 8, "T": 2}))
    labels = np.array(["B"] * 9 + ["T"])
    sure = np.full(10, 0.8)
    found = size.Found("plkd student", labels, 1.0, None, sure, np.arange(10) < 3)
    (row,) = size.measure(size.STUDY.settings[0], sides, found)
    assert row["reference_cells"] == 100
    assert row["cell_types"] == 2
    assert row["accuracy"] == 0.9
    assert row["macro_f1"] == pytest.approx((16 / 17 + 2 / 3) / 2, abs=1e-5)
    assert row["ece"] == pytest.approx(0.1, abs=1e-5)
    assert row["unknown"] == 0.3
    (row,) = size.measure(size.STUDY.settings[0], sides, size.Found("svm", labels, 1.0))
    assert np.isnan(row["ece"])
    assert np.isnan(row["unknown"])


def made_up(scores: dict[str, float]) -> pd.DataFrame:
    """Rows of two tasks, seeds and sizes; 0.2 lower from 200 cells, where "b" is for the SVM."""
    return pd.DataFrame(
        {
            "task": task,
            "setting": setting,
            "method": method,
            "seed": seed,
            "reference_cells": 200,
            "cell_types": 4,
            "macro_f1": score
            - 0.2 * (setting == "200 cells")
            + 0.3 * (method == "svm" and (task, setting) == ("b", "200 cells")),
            "accuracy": 0.9,
            "ece": (0.03 if setting == "all cells" else 0.05) if "plkd" in method else np.nan,
            "unknown": 0.04 if "plkd" in method else np.nan,
        }
        for task in ("a", "b")
        for setting in ("200 cells", "all cells")
        for method, score in scores.items()
        for seed in (0, 1)
    )


SCORES = {"plkd student": 0.8, "plkd teacher": 0.75, "svm": 0.6, "celltypist": 0.55}


def test_the_page(size):
    text = size.page(made_up(SCORES))
    assert (
        "From 200 cells the Student's macro F1 is 0.600 ± 0.000, above all others (best: linear "
        "SVM, 0.550 ± 0.000); not the best on `b`." in text
    )
    assert (
        "From all cells the Student's macro F1 is 0.800 ± 0.000, above all others (best: linear "
        "SVM, 0.600 ± 0.000)." in text
    )
    assert "confidence is 0.050 ± 0.000 from 200 cells and 0.030 ± 0.000 from all cells." in text
    assert "| 200 cells | 0.050 ± 0.000 | 0.050 ± 0.000 |" in text
    assert "| b, 200 cells | 0.600 ± 0.000 |" in text


def test_a_page_without_anything_to_compare(size):
    table = made_up(SCORES)
    alone = size.page(table[table["method"] == "celltypist"])
    assert "What the numbers show" not in alone
    assert "## Macro F1 by task" in alone
    assert "calibration error\n" not in alone
    half = table[~((table["method"] == "svm") & (table["setting"] == "all cells"))]
    half = half[~((half["method"] == "celltypist") & (half["setting"] == "200 cells"))]
    text = size.page(half[half["task"] == "a"].head(3))
    assert text.startswith("# How many reference cells are enough")


def test_the_figure(script: Callable[[str], ModuleType], size: ModuleType, tmp_path: Path) -> None:
    script("study.figures").save(size.figure(made_up(SCORES)), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
