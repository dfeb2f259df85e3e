"""Groups by abundance in the reference, their scores, and what the page says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def abundance(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("study.abundance")


@pytest.fixture
def pages(script: Callable[[str], ModuleType], abundance: ModuleType) -> ModuleType:
    return script("study.abundance_page")


def made_up() -> pd.DataFrame:
    """Two tasks (the second has no abundant type), two seeds, three methods."""
    types = {
        "a:one": [("B", 2000, 100, 0.9), ("NK", 500, 50, 0.8), ("DC", 20, 10, 0.4)],
        "b:two": [("T", 300, 30, 0.6), ("Mk", 10, 10, 0.2), ("DC", 12, 30, 0.5)],
    }
    shift = {"plkd student": 0.05, "plkd teacher": 0.0, "celltypist": 0.08}
    return pd.DataFrame(
        {
            "task": task,
            "setting": "standard",
            "method": method,
            "seed": seed,
            "cell_type": name,
            "reference_cells": taught,
            "query_cells": asked,
            "precision": score,
            "recall": score + more,
            "f1": score + (more if taught < 1000 else 0.0),
        }
        for method, more in shift.items()
        for task, lines in types.items()
        for name, taught, asked, score in lines
        for seed in (0, 1)
    )


@pytest.mark.parametrize(
    ("cells", "group"),
    [(5, "low"), (199, "low"), (200, "medium"), (1000, "medium"), (1001, "high")],
)
def test_groups(pages: ModuleType, cells: int, group: str) -> None:
    assert pages.group_of(cells) == group


def test_a_row_for_each_type_of_the_query(abundance: ModuleType) -> None:
    def cells(types: list[str]) -> anndata.AnnData:
        obs = pd.DataFrame({"cell_type": types}, index=[f"c{n}" for n in range(len(types))])
        return anndata.AnnData(np.ones((len(types), 1), np.float32), obs=obs)

    sides = abundance.Sides(cells(["B"] * 6 + ["NK"] * 3 + ["DC"]), cells(["B", "B", "NK", "NK"]))
    found = abundance.Found("svm", np.array(["B", "B", "B", "DC"]), 1.0)
    rows = abundance.measure(abundance.STUDY.settings[0], sides, found)
    assert [(row["cell_type"], row["reference_cells"], row["query_cells"]) for row in rows] == [
        ("B", 6, 2),
        ("NK", 3, 2),
    ]
    assert rows[0]["precision"] == pytest.approx(2 / 3, abs=1e-5)
    assert rows[0]["recall"] == 1
    assert rows[0]["f1"] == pytest.approx(0.8)
    assert (rows[1]["precision"], rows[1]["recall"], rows[1]["f1"]) == (0, 0, 0)


def test_scores_of_groups(pages: ModuleType) -> None:
    groups = pages.group_scores(made_up())
    low = groups[
        (groups["task"] == "b:two")
        & (groups["group"] == "low")
        & (groups["method"] == "plkd teacher")
        & (groups["seed"] == 0)
    ].iloc[0]
    assert (low["n_types"], low["n_cells"]) == (2, 40)
    assert low["f1"] == pytest.approx(0.35)
    assert low["accuracy"] == pytest.approx((0.2 * 10 + 0.5 * 30) / 40)
    assert not ((groups["task"] == "b:two") & (groups["group"] == "high")).any()


def test_the_page(abundance: ModuleType) -> None:
    text = abundance.page(made_up())
    means = "0.900 ± 0.000 in the high group, 0.750 ± 0.000 in the medium group and 0.425 ± 0.000"
    assert f"The Student's macro F1 is {means} in the low group" in text
    assert "(the paper's: 0.831, 0.888 and 0.848)" in text
    assert (
        "In the low group the Student's macro F1 is above that of the Teacher, not above "
        "that of CellTypist (the Teacher 0.375 and CellTypist 0.455)." in text
    )
    assert "In the high group the Student's macro F1 is not above any other (" in text
    assert "| low | < 200 | 3 | 50 |" in text
    assert "recall; the paper's: 1.000" in text


def test_pages_of_few_rows(abundance: ModuleType) -> None:
    table = made_up()
    peers = table[table["method"] == "celltypist"]
    text = abundance.page(peers)
    assert "The Student has not run yet" in text
    assert "## The Student" not in text
    alone = table[(table["method"] == "plkd student") & (table["seed"] == 0)]
    assert "The Student's macro F1 is 0.900 in the high group" in abundance.page(alone)


def test_the_figure(
    script: Callable[[str], ModuleType], abundance: ModuleType, tmp_path: Path
) -> None:
    script("study.figures").save(abundance.figure(made_up()), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
