"""Running the studies: what is missing is run, what is there is kept, all files are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from plkd.config import TrainConfig
from toy import toy_programmes, toy_query, toy_reference, write_gmt

Calls = list[tuple[str, int, tuple[str, ...]]]


@pytest.fixture
def runs(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("study.runs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "gene_sets").mkdir(parents=True)
    toy_reference(150).write_h5ad(data / "reference.h5ad")
    toy_query(60).write_h5ad(data / "query.h5ad")
    write_gmt(data / "gene_sets" / "reactome.gmt", toy_programmes())
    task = {
        "name": "toy",
        "reference": "reference.h5ad",
        "reference_batches": ["donor 1", "donor 2", "donor 3"],
        "query": "query.h5ad",
        "query_batches": ["query"],
        "labels": "cell_type",
        "batch": "batch",
    }
    (data / "tasks.json").write_text(json.dumps([task]))
    return data


@pytest.fixture
def calls(runs: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Methods answer at once; what was asked of them is written down here."""
    asked: Calls = []

    def annotated(sides: object, folder: Path, **how: object) -> Iterator[object]:
        asked.append(("run", how["seed"], tuple(how["methods"])))
        for method in how["methods"]:
            yield SimpleNamespace(method=method, labels=sides.truth, fit_seconds=1.0)

    monkeypatch.setattr(runs, "annotated", annotated)
    return asked


def study_of(runs: ModuleType) -> object:
    return runs.Study(
        name="toy",
        tasks=("toy",),
        settings=(
            runs.Setting("standard", ("plkd student", "svm")),
            runs.Setting("noise 0.2", ("plkd student",), columns={"ratio": 7}),
        ),
        measure=lambda setting, sides, found: [{"score": 0.5}, {"score": 0.25}],
        page=lambda table: f"{len(table)} rows\n",
        figure=lambda table: None,
    )


def test_a_run_goes_on_where_it_stopped(
    runs: ModuleType, calls: Calls, folder: Path, tmp_path: Path
) -> None:
    file, study = tmp_path / "out" / "toy.csv", study_of(runs)
    rows = runs.run(study, folder, file, runs.Choice(seeds=[0], methods=["svm"]))
    assert [(row["method"], row["score"]) for row in rows] == [("svm", 0.5), ("svm", 0.25)]
    rows = runs.run(study, folder, file, runs.Choice(seeds=[0, 1]))
    assert [call[1:] for call in calls] == [
        (0, ("svm",)),
        (0, ("plkd student",)),
        (0, ("plkd student",)),
        (1, ("plkd student", "svm")),
        (1, ("plkd student",)),
    ]
    assert len(rows) == 2 * 6
    assert [row["method"] for row in rows[:2]] == ["svm", "svm"]
    before = file.read_text()
    runs.run(study, folder, file, runs.Choice(seeds=[0, 1]))
    assert len(calls) == 5  # nothing was left to do
    assert file.read_text() == before
    assert not list(file.parent.glob("*.part"))


def test_again_drops_the_rows_of_plkd_that_are_asked_for(
    runs: ModuleType, calls: Calls, folder: Path, tmp_path: Path
) -> None:
    file, study = tmp_path / "toy.csv", study_of(runs)
    runs.run(study, folder, file, runs.Choice(seeds=[0, 1]))
    calls.clear()
    runs.run(study, folder, file, runs.Choice(seeds=[1], settings=["stand*"], again=True))
    assert [call[1:] for call in calls] == [(1, ("plkd student",))]
    assert len(runs.read_rows(file)) == 2 * 6


def test_an_interrupted_run_keeps_its_finished_rows(
    runs: ModuleType, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(sides: object, folder: Path, **how: object) -> Iterator[object]:
        yield SimpleNamespace(method="svm", labels=sides.truth, fit_seconds=1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "annotated", stopped)
    file = tmp_path / "toy.csv"
    with pytest.raises(KeyboardInterrupt):
        runs.run(study_of(runs), folder, file, runs.Choice(seeds=[0]))
    assert [row["method"] for row in runs.read_rows(file)] == ["svm", "svm"]


def test_an_unknown_setting_is_said(runs: ModuleType) -> None:
    choice = runs.Choice(settings=["noise 0.3"])
    with pytest.raises(SystemExit, match=r"no such setting: noise 0\.3"):
        list(runs.runs(study_of(runs), "toy", choice))


def test_only_whole_tasks_and_common_seeds_are_compared(
    script: Callable[[str], ModuleType],
) -> None:
    rows = script("study.rows")
    table = rows.frame(
        {"task": task, "setting": setting, "method": method, "seed": seed, "score": 0.1 * seed}
        for task, seeds in {"a": (0, 1, 2), "b": (0, 1), "c": (0,)}.items()
        for seed in seeds
        for setting, method in (("s", "svm"), ("s", "mlp"), ("t", "mlp"))
        if (task, setting) != ("c", "t")
    )
    grid = rows.full_grid(table)
    assert set(zip(grid["task"], grid["seed"], strict=True)) == {
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
    }
    assert rows.extent(grid) == "tasks `a`, `b`; seeds 0, 1"
    scores = rows.over_seeds(grid, "score", ["method"])
    assert scores.loc["svm", "mean"] == pytest.approx(0.05)
    assert scores.loc["svm", "std"] == pytest.approx(np.std([0, 0.1], ddof=1))


def test_a_row_takes_the_place_of_the_one_of_its_key(
    script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    rows, file = script("study.rows"), tmp_path / "out" / "kept.csv"
    rows.RowsByKey(file, ("task", "seed")).keep(
        {"task": "a", "seed": seed, "ece": 0.5} for seed in (0, 1)
    )
    again = rows.RowsByKey(file, ("task", "seed"))
    again.keep([{"task": "a", "seed": 1, "ece": 0.25}, {"task": "b", "seed": 0, "ece": 0.75}])
    found = [(row["task"], row["seed"], row["ece"]) for row in rows.read_rows(file)]
    assert found == [("a", 0, 0.5), ("a", 1, 0.25), ("b", 0, 0.75)]


def test_words(script: Callable[[str], ModuleType]) -> None:
    words = script("study.words")
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.outcome(0.5, {"svm": 0.4}) == "above that of linear SVM"
    assert words.outcome(0.5, {"svm": 0.5}) == "not above that of linear SVM"
    assert words.outcome(0.5, {"svm": 0.1, "mlp": 0.2}) == "above all others"
    assert words.outcome(0.5, {"svm": 0.5, "mlp": 0.6}) == "not above any other"
    assert (
        words.outcome(0.5, {"plkd teacher": 0.4, "mlp": 0.6})
        == "above that of the Teacher, not above that of MLP in ACTINN's manner"
    )


def test_a_method_that_is_not_installed_is_left_out(
    runs: ModuleType,
    calls: Calls,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, study = tmp_path / "toy.csv", study_of(runs)
    runs.run(study, folder, file, runs.Choice(seeds=[0]))
    calls.clear()
    monkeypatch.setattr(runs, "is_installed", lambda method: method == "svm")
    rows = runs.run(study, folder, file, runs.Choice(seeds=[0, 1], again=True))
    assert [call[1:] for call in calls] == [(1, ("svm",))]
    assert len(rows) == 2 * 4  # rows of plkd are not dropped where it cannot run
    assert "plkd student left out: plkd is not installed here" in capsys.readouterr().err


def test_peers_need_their_packages(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = script("study.methods")
    monkeypatch.setattr(methods, "find_spec", lambda name: None)
    assert [methods.is_installed(name) for name in ("celltypist", "svm")] == [False, True]


def test_the_command_writes_rows_page_and_figure(
    script: Callable[[str], ModuleType],
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One small study for real: two peers, two settings, on the toy task."""
    studies, out = script("studies"), tmp_path / "out"
    command = ["ablation", "--data", str(folder), "--tasks", "toy", "--seeds", "0"]
    command += ["--methods", "logistic unscaled", "mlp", "--settings", "standard", "noise 0.2"]
    assert studies.main([*command, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "ablation.csv",
        "ablation.md",
        "ablation.png",
    ]
    assert (out / "ablation.png").read_bytes().startswith(b"\x89PNG")
    text = (out / "ablation.md").read_text()
    assert text == capsys.readouterr().out
    assert "## What the paper reports" in text
    assert str(tmp_path) not in text
    assert studies.main(["ablation", "--page", "--out", str(out)]) == 0
    with pytest.raises(SystemExit, match="no rows"):
        studies.main(["abundance", "--page", "--out", str(out)])


@pytest.mark.parametrize("mask", [True, False])
def test_networks_give_labels_and_embeddings(
    script: Callable[[str], ModuleType], folder: Path, mask: bool
) -> None:
    methods, tasks = script("study.methods"), script("tasks")
    sides = methods.sides_of(tasks.load_task(folder, tasks.read_tasks(folder)[0]))
    before = sides.query.copy()
    training = {"teacher_epochs": 1, "student_epochs": 1, "min_steps": 0}
    found = list(
        methods.annotated(
            sides,
            folder,
            methods=["plkd student", "plkd teacher"],
            training=training,
            mask=mask,
            seed=0,
        )
    )
    assert [one.method for one in found] == ["plkd student", "plkd teacher"]
    assert [one.embedding.shape for one in found] == [(60, 128), (60, 48)]
    assert all(set(one.labels) <= set(sides.truth) for one in found)
    assert list(sides.query.obs) == list(before.obs)
    assert not sides.query.obsm


def test_plain_fits_are_kept_and_taken_from_the_folder(
    script: Callable[[str], ModuleType],
    runs: ModuleType,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    methods = script("study.methods")
    quick = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0)
    monkeypatch.setattr(methods, "fitted", partial(methods.fitted, training=quick))
    settings = (
        runs.Setting("plain", ("plkd student",)),
        runs.Setting("louder", ("plkd student",), training={"teacher_epochs": 1, "min_steps": 0}),
    )
    assert [setting.is_plain for setting in settings] == [True, False]
    study = replace(
        study_of(runs),
        settings=settings,
        measure=lambda _, sides, found: [{"right": float((found.labels == sides.truth).mean())}],
    )
    choice = runs.Choice(seeds=[0], models=folder / "models")
    first = runs.run(study, folder, folder / "rows.csv", choice)
    made = [path.name for path in (folder / "models").iterdir()]
    assert sorted(made) == ["toy-seed0", "toy-seed0.seconds"]
    (folder / "models" / "toy-seed0.seconds").write_text("12.5")
    second = runs.run(study, folder, folder / "again.csv", choice)
    seconds = {row["setting"]: row["fit_seconds"] for row in second}
    assert seconds["plain"] == 12.5
    assert seconds["louder"] != 12.5
    assert [row["right"] for row in first] == [row["right"] for row in second]
