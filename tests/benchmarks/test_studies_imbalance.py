"""References of two types at a ratio, the rare type's scores, and what the page says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from toy import cells_of_types


@pytest.fixture
def imbalance(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("study.imbalance")


@pytest.fixture
def sides(imbalance: ModuleType) -> object:
    return imbalance.Sides(
        cells_of_types({"B": 200, "DC": 85, "Mono": 1580}),
        cells_of_types({"B": 30, "DC": 20, "Mono": 100}),
    )


@pytest.mark.parametrize(
    ("ratio", "counts"),
    [(100, (1500, 15)), (200, (1400, 7)), (300, (1500, 5)), (400, (1200, 3)), (500, (1500, 3))],
)
def test_the_ratio_is_exact(
    imbalance: ModuleType, sides: object, ratio: int, counts: tuple[int, int]
) -> None:
    found = imbalance.imbalanced(sides, 0, major="Mono", rare="DC", ratio=ratio)
    taught = found.reference.obs["cell_type"].value_counts().to_dict()
    assert taught == {"Mono": counts[0], "DC": counts[1]}
    assert found.query.obs["cell_type"].value_counts().to_dict() == {"Mono": 100, "DC": 20}
    assert (sides.reference.n_obs, sides.query.n_obs) == (1865, 150)


def test_draws_are_nested_and_vary_with_the_seed(imbalance: ModuleType, sides: object) -> None:
    def drawn(ratio: int, seed: int) -> set[str]:
        found = imbalance.imbalanced(sides, seed, major="Mono", rare="DC", ratio=ratio)
        return set(found.reference.obs_names)

    assert drawn(500, 0) <= drawn(100, 0)
    assert drawn(500, 0) == drawn(500, 0)
    assert drawn(500, 0) != drawn(500, 1)


def test_too_few_cells_are_refused(imbalance: ModuleType, sides: object) -> None:
    with pytest.raises(SystemExit, match="600:1 needs 1800 cells of 'Mono' and 3 of 'DC'"):
        imbalance.imbalanced(sides, 0, major="Mono", rare="DC", ratio=600)


def test_scores_of_the_rare_type(imbalance: ModuleType) -> None:
    setting = next(s for s in imbalance.STUDY.settings if s.name == "CD14 Mono : DC, 500:1")
    sides = imbalance.Sides(
        cells_of_types({"CD14 Mono": 1500, "DC": 3}), cells_of_types({"CD14 Mono": 1000, "DC": 20})
    )
    labels = np.where(sides.truth == "DC", "DC", "CD14 Mono").astype(object)
    labels[1000:1005] = "CD14 Mono"  # 15 of 20 found
    labels[:2] = "DC"  # 2 of 1,000 wrongly
    labels[2] = "unknown"
    (row,) = imbalance.measure(setting, sides, imbalance.Found("svm", labels, 1.0))
    assert (row["reference_major"], row["reference_rare"]) == (1500, 3)
    assert (row["query_major"], row["query_rare"]) == (1000, 20)
    assert row["recall"] == 0.75
    assert row["precision"] == pytest.approx(15 / 17, abs=1e-5)
    assert row["f1"] == pytest.approx(2 * 15 / (20 + 17), abs=1e-5)
    # of 20 rare and 500 x 20 major cells: 15 right, 5 missed, 20 wrong
    assert row["f1_same_ratio"] == pytest.approx(2 * 15 / (20 + 15 + 20), abs=1e-5)


def test_no_rare_cell_found_is_zero(imbalance: ModuleType) -> None:
    setting = imbalance.STUDY.settings[0]
    sides = imbalance.Sides(
        cells_of_types({"CD14 Mono": 9, "DC": 3}), cells_of_types({"CD14 Mono": 9, "DC": 3})
    )
    found = imbalance.Found("svm", np.full(12, "CD14 Mono"), 1.0)
    (row,) = imbalance.measure(setting, sides, found)
    assert (row["f1"], row["f1_same_ratio"], row["precision"], row["recall"]) == (0, 0, 0, 0)


def made_up(scores: dict[str, float], pairs: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    """Rows of two seeds at 100:1 and 500:1, 0.1 lower at 500:1."""
    return pd.DataFrame(
        {
            "task": "kang8:donors",
            "setting": f"{major} : {rare}, {ratio}:1",
            "method": method,
            "seed": seed,
            "major": major,
            "rare": rare,
            "ratio": ratio,
            "reference_major": 1500,
            "reference_rare": 1500 // ratio,
            "recall": 0.5,
            "f1": score - (0.1 if ratio == 500 else 0.0),
            "f1_same_ratio": score - 0.3,
        }
        for major, rare in pairs
        for ratio in (100, 500)
        for method, score in scores.items()
        for seed in (0, 1)
    )


def test_the_page(imbalance: ModuleType) -> None:
    scores = {"plkd student": 0.7, "plkd teacher": 0.6, "celltypist": 0.65}
    text = imbalance.page(made_up(scores, imbalance.PAIRS[:2]))
    assert (
        "CD14 Mono : DC at 500:1, from 3 DC and 1,500 CD14 Mono cells: the Student's F1 of DC is "
        "0.600 ± 0.000 (above the paper's 0.46); were the query at 500:1 as well, 0.400 ± 0.000 "
        "(not above the paper's 0.46)." in text
    )
    assert (
        "On the same cells of CD14 Mono : DC the Student's F1 is above all others ("
        "the Teacher 0.500 ± 0.000 and CellTypist 0.550 ± 0.000)." in text
    )
    assert "of DC beside CD14 Mono goes from 0.700 ± 0.000 to 0.600 ± 0.000" in text
    assert text.count("the paper's 0.46") == 2  # the second pair is held against nothing
    assert "| 100:1 (1,500 : 15 cells) | 0.700 ± 0.000 |" in text


def test_a_pair_that_is_not_finished(imbalance: ModuleType) -> None:
    table = made_up({"plkd student": 0.7, "celltypist": 0.6}, imbalance.PAIRS[:2])
    rest = table["rare"] == "FCGR3A Mono"
    without = table[~(rest & (table["method"] == "celltypist") & (table["ratio"] == 500))]
    text = imbalance.page(without)
    assert "at 500:1, from 3 FCGR3A Mono" in text
    assert "On the same cells of CD14 Mono : FCGR3A Mono" not in text
    assert "(1,500 : 3 cells) | 0.600 ± 0.000 | – |" in text
    without = table[~(rest & (table["ratio"] == 500) & (table["seed"] == 1))]
    assert "CD14 Mono : FCGR3A Mono (task `kang8:donors`; seed 0)" in imbalance.page(without)
    peers = imbalance.page(table[table["method"] == "celltypist"])
    assert "## What the numbers show" not in peers
    assert "## CD14 Mono : DC" in peers


@pytest.mark.parametrize("n_pairs", [1, 3])
def test_the_figure(
    script: Callable[[str], ModuleType], imbalance: ModuleType, tmp_path: Path, n_pairs: int
) -> None:
    scores = {"plkd student": 0.7, "plkd teacher": 0.6, "celltypist": 0.65}
    table = made_up(scores, imbalance.PAIRS[:n_pairs])
    script("study.figures").save(imbalance.figure(table), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
