"""The benchmark of the audit from cells on disk to its page, and what the page says of its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from toy import toy_reference

SETTINGS = (
    "as they are",
    "10 % wrong, all believed",
    "10 % wrong, doubtful set aside",
    "10 % wrong, wrong ones left out",
    "20 % wrong, all believed",
    "20 % wrong, doubtful set aside",
    "20 % wrong, wrong ones left out",
)


def test_from_cells_to_page(
    script: Callable[[str], ModuleType], tasks_of_one_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = script("audit")
    command = [
        "--data",
        str(tasks_of_one_file),
        "--seeds",
        "0",
        "1",
        "--out",
        str(tasks_of_one_file / "out"),
    ]
    assert audit.main(command) == 0
    table = pd.read_csv(tasks_of_one_file / "out" / "audit.csv")
    planted = table[table["setting"] == "planted"]
    assert set(planted["task"]) == {"one", "two"}
    assert len(planted) == 2 * 2 * 5
    assert (planted["n_wrong"] == (0.1 * planted["n_cells"]).round()).all()
    mean = planted.groupby("method")["recall"].mean()
    assert mean["plkd"] > 0.9
    assert mean["chance"] < 0.4
    whole = table[table["setting"] == "as they are"]
    assert whole[["task", "method", "seed"]].values.tolist() == [
        ["one", "plkd", 0],
        ["two", "plkd", 0],
    ]
    assert (whole["n_doubtful"] < 0.05 * whole["n_cells"]).all()
    text = (tasks_of_one_file / "out" / "audit.md").read_text()
    assert "**Holds**: of 10 % planted wrong labels" in text
    assert "Training on wrong labels" not in text
    capsys.readouterr()

    audit.judged = None  # nothing is run again
    assert audit.main(command) == 0
    assert audit.main(["--page", "--out", str(tasks_of_one_file / "out")]) == 0
    assert (tasks_of_one_file / "out" / "audit.md").read_text() == text


def test_the_first_of_equals_are_drawn(script: Callable[[str], ModuleType]) -> None:
    audit = script("audit")
    wrong = np.arange(1000) < 100
    assert audit.found(np.arange(1000), wrong) == {"recall": 1.0, "auroc": 1.0}
    assert audit.found(-np.arange(1000), wrong) == {"recall": 0.0, "auroc": 0.0}
    tied = audit.found(np.zeros(1000), wrong)
    assert 0.03 < tied["recall"] < 0.25
    assert tied["auroc"] == 0.5
    assert audit.found(np.zeros(5), np.zeros(5, dtype=bool)) == {}


def test_the_recipe_has_not_seen_the_cell(script: Callable[[str], ModuleType]) -> None:
    """Labels that say nothing: whoever had seen a cell would find its label likelier."""
    audit = script("audit")
    rng = np.random.default_rng(0)
    points, codes = rng.normal(size=(90, 40)), rng.permutation(np.repeat([0, 1, 2], 30))
    found = audit.logistic_probabilities(points, codes, 3)
    np.testing.assert_allclose(found.sum(1), 1)
    assert found[np.arange(90), codes].mean() < 0.42


def test_fits_are_run_once_and_told_apart(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fits = script("study.audit_fits")
    asked: list[tuple[str, int]] = []

    def fit(whole: object, folder: Path, setting: str, seed: int) -> list[dict[str, object]]:
        asked.append((setting, seed))
        head = {"setting": setting, "seed": seed, "macro_f1": 0.5}
        return [{**head, "method": method} for method in ("plkd student", "plkd teacher")]

    task = SimpleNamespace(name="3tech:to_5p")
    monkeypatch.setattr(fits, "fit", fit)
    monkeypatch.setattr(fits, "read_tasks", lambda folder, names: [task] if names else [])
    monkeypatch.setattr(fits, "load_task", lambda folder, task: None)
    monkeypatch.setattr(fits, "sides_of", lambda cells: None)
    file = tmp_path / "fits.csv"
    wanted = {"tasks": ["3tech:to_5p", "another"], "seeds": [0, 1]}
    rows = fits.run_fits(tmp_path, file, **wanted)
    assert asked == [(setting, seed) for seed in (0, 1) for setting in SETTINGS]
    assert len(rows) == len(pd.read_csv(file)) == 28
    assert fits.run_fits(tmp_path, file, **wanted) == rows
    assert len(asked) == 14


def test_only_the_labels_and_what_is_believed_differ(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, methods = script("study.audit_fits"), script("study.methods")
    cells = toy_reference(60, 80)
    whole = methods.Sides(cells, cells)
    seen: list[tuple[int, float, dict[str, object]]] = []

    def annotated(sides: object, folder: Path, **options: object) -> list[object]:
        reference = sides.reference  # type: ignore[attr-defined]
        true = cells.obs.loc[reference.obs_names, "cell_type"].astype(str)
        changed = float((reference.obs["cell_type"].astype(str) != true).mean())
        seen.append((reference.n_obs, changed, dict(options["training"])))  # type: ignore[call-overload]
        return [methods.Found("plkd student", sides.truth, 1.0)]  # type: ignore[attr-defined]

    monkeypatch.setattr(fits, "annotated", annotated)
    rows = [row for setting in SETTINGS for row in fits.fit(whole, Path(), setting, 0)]
    believed: dict[str, object] = {"doubtful_labels": None}
    assert seen == [
        (60, 0.0, {}),
        (60, 0.1, believed),
        (60, 0.1, {}),
        (54, 0.0, {}),
        (60, 0.2, believed),
        (60, 0.2, {}),
        (48, 0.0, {}),
    ]
    assert [row["macro_f1"] for row in rows] == [1.0] * 7


def table_of(recall: dict[str, float]) -> pd.DataFrame:
    rows = [
        {
            "task": task,
            "setting": "planted",
            "seed": seed,
            "method": method,
            "n_cells": 100,
            "n_wrong": 10,
            "recall": value if task == "a" else value - 0.2,
            "auroc": value,
            "n_doubtful": 12,
            "n_doubtful_wrong": 9,
        }
        for task in ("a", "b")
        for seed in (0, 1)
        for method, value in recall.items()
    ]
    clean = {"task": "a", "setting": "as they are", "seed": 0, "method": "plkd", "n_cells": 100}
    return pd.DataFrame([*rows, {**clean, "n_wrong": 0, "n_doubtful": 3, "n_doubtful_wrong": 0}])


def test_sentences(script: Callable[[str], ModuleType]) -> None:
    page = script("audit_page")
    recall = {"plkd": 0.95, "neighbours": 0.9, "classifier": 0.8, "cleanlab's recipe": 0.7}
    fits = pd.DataFrame(
        [
            {"task": "a", "setting": setting, "method": method, "seed": 0, "macro_f1": value}
            for method, values in {
                "plkd student": (0.9, 0.7, 0.82, 0.86, 0.6, 0.8, 0.85),
                "plkd teacher": (0.9, 0.7, 0.75, 0.85, 0.6, 0.7, 0.85),
            }.items()
            for setting, value in zip(SETTINGS, values, strict=True)
        ]
    )
    text = page.page(table_of(recall), fits)
    assert "**Does not hold**: of 10 % planted" in text
    assert "It is 0.850. Below it: b (0.750)." in text
    assert "classifier (0.700, -0.150) and cleanlab's recipe (0.600, -0.250)" in text
    assert "calls 12.0% of the labels doubtful where 10 % were replaced, and 3.0% of" in text
    assert "| a | 0.120 ± 0.000 | 0.900 ± 0.000 | 0.750 ± 0.000 | 0.030 |" in text
    assert "| b | 0.120 ± 0.000 | 0.900 ± 0.000 | 0.750 ± 0.000 | – |" in text
    assert (
        "**holds** for the Student, 10 % wrong (0.900 with the labels as they are, 0.700 with all "
        "believed, 0.820 with doubtful ones set aside, 60% of what was lost; 0.860 with the wrong "
        "ones left out by hand)" in text
    )
    worse = fits.assign(seed=1)
    worse.loc[worse["setting"] == SETTINGS[2], "macro_f1"] = 0.72
    both = page.regained(pd.concat([fits, worse]))
    assert "0.770 with doubtful ones set aside, 35% of what was lost (by seed 60% and 10%);" in both
    assert "**does not hold** for the Teacher, 10 % wrong (0.900" in text
    assert "**holds** for the Student, 20 % wrong (0.900" in text
    assert "**does not hold** for the Teacher, 20 % wrong (0.900" in text
    assert "mean of task `a`; seed 0" in text
    assert "| 20 % wrong, all believed | 0.600 | 0.600 |" in text


def test_without_fits_nothing_is_said_of_them(script: Callable[[str], ModuleType]) -> None:
    page = script("audit_page")
    text = page.page(table_of({"plkd": 0.99, "chance": 0.12}), pd.DataFrame([]))
    assert "It is 0.890." in text
    assert "On the same labels" not in text
    assert "regained" not in text
    assert "## Training" not in text
