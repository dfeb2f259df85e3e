"""The trust benchmark from cells on disk to its files, on toy cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from plkd.config import TrainConfig
from toy import toy_programmes, toy_query, toy_reference, write_gmt

N_GENES = 120
QUICK = TrainConfig(teacher_epochs=3, student_epochs=4, min_steps=30)
LEFT_OUT = "Dendritic cell"
DISTANCES = ("distance to types", "nearest cells")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Toy cells of four types; by the rule the second most common one is left out."""
    data = tmp_path / "data"
    (data / "gene_sets").mkdir(parents=True)
    toy_reference(240, N_GENES).write_h5ad(data / "reference.h5ad")
    toy_query(120, N_GENES).write_h5ad(data / "query.h5ad")
    write_gmt(data / "gene_sets" / "reactome.gmt", toy_programmes(n_genes=N_GENES))
    task = {
        "name": "toy:blood",
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
def fits(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make fits of a moment, CellTypist absent; return what was asked to be fitted."""
    running = script("trusted.running")
    quick = partial(running.fitted, training=QUICK)
    asked: list[str] = []

    def fitted(*given: object, name: str, **more: object) -> object:
        asked.append(name)
        return quick(*given, name=name, **more)

    def absent(*_: object) -> None:
        raise ImportError("No module named 'celltypist'")

    monkeypatch.setattr(running, "fitted", fitted)
    monkeypatch.setattr(
        running, "PEER_ANSWERS", {**running.PEER_ANSWERS, "celltypist": absent, "scanvi": absent}
    )
    return asked


def command(folder: Path, *words: str) -> list[str]:
    out, models = folder.parent / "out", folder.parent / "models"
    return ["--data", str(folder), "--out", str(out), "--models", str(models), *words]


def kept(folder: Path, name: str = "trust.csv") -> pd.DataFrame:
    return pd.read_csv(folder.parent / "out" / name)


def test_one_fit_serves_both_parts(
    script: Callable[[str], ModuleType],
    folder: Path,
    fits: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    trust = script("trust")
    assert trust.main(command(folder, "--seeds", "0")) == 0
    said = capsys.readouterr()
    assert fits == [f"toy:blood-without-{LEFT_OUT}"]
    assert said.err.count("celltypist is skipped: No module named 'celltypist'") == 1
    own = kept(folder).set_index(["part", "method"])
    assert set(own.index) == {
        ("left out", "plkd"),
        ("left out", "max softmax"),
        ("left out", "entropy"),
        ("known", "plkd"),
        ("known", "max softmax"),
    }
    assert (own["left_out"] == LEFT_OUT).all()
    plkd = own.loc[("left out", "plkd")]
    assert plkd["n_new"] + plkd["n_known"] == 120
    assert plkd["auroc"] > 0.7  # its programme of markers is foreign to the other types
    assert own.loc[("known", "plkd"), "n_known"] == plkd["n_known"]
    assert own.loc[("known", "plkd"), "accuracy"] == plkd["accuracy"]
    assert 0.5 < own.loc[("known", "plkd"), "coverage"] <= 1
    assert pd.isna(own.loc[("known", "max softmax"), "coverage"])
    peers = kept(folder, "trust_peers.csv")
    assert set(zip(peers["left_out"], peers["part"], strict=True)) == {
        (LEFT_OUT, "left out"),
        (LEFT_OUT, "known"),
        ("(nothing)", "known"),
    }
    assert set(peers["method"]) == {"logistic unscaled"}
    out = folder.parent / "out"
    text = (out / "trust.md").read_text()
    assert said.out == text
    assert "Cells of known types of the fits above" in text
    assert "Not run on every task: CellTypist and scANVI." in text
    assert (out / "trust.png").read_bytes().startswith(b"\x89PNG")
    bins = kept(folder, "trust_bins.csv")
    cells = bins[bins["left_out"] == LEFT_OUT].groupby("method")["n_cells"].sum()
    assert cells.to_dict() == dict.fromkeys(
        ("plkd", "max softmax", "logistic unscaled"), plkd["n_known"]
    )


def test_what_is_kept_is_not_run_again(
    script: Callable[[str], ModuleType],
    folder: Path,
    fits: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust, running = script("trust"), script("trusted.running")
    runs: list[str] = []
    whole = running.answered

    def counted(bench: object, its: list, *more: object) -> object:
        runs.append(its[0].method)
        return whole(bench, its, *more)

    monkeypatch.setattr(running, "answered", counted)
    words = ("--seeds", "0", "--methods", "plkd", "max softmax", "logistic unscaled")
    trust.main(command(folder, *words, "--known-from-left-out"))
    assert runs == ["plkd", "logistic unscaled"]
    first = kept(folder)
    trust.main(command(folder, *words, "--known-from-left-out", "--resume"))
    assert runs == ["plkd", "logistic unscaled"]
    trust.main(command(folder, *words, "--known-from-left-out"))
    assert runs[2:] == ["plkd"]
    drop = ["fit_seconds", "predict_seconds"]
    pd.testing.assert_frame_equal(first.drop(columns=drop), kept(folder).drop(columns=drop))

    trust.main(command(folder, *words, "--resume", "--fit-full"))
    assert runs[3:] == ["plkd", "logistic unscaled"]
    assert fits[-1] == "toy:blood"
    table = kept(folder)
    assert ((table["part"] == "known") & (table["left_out"] == "(nothing)")).sum() == 2
    text = (folder.parent / "out" / "trust.md").read_text()
    assert "## Whole references" in text  # beside the fits without a type
    # the whole model is kept now, so it is taken without being asked for
    trust.main(command(folder, *words))
    assert fits[-1] == "toy:blood"


def test_every_type_in_turn(
    script: Callable[[str], ModuleType], folder: Path, fits: list[str]
) -> None:
    words = ("--seeds", "0", "--methods", "logistic unscaled", "--types", "all")
    script("trust").main(command(folder, *words, "--known-from-left-out"))
    assert fits == []
    peers = kept(folder, "trust_peers.csv")
    novel = peers[peers["part"] == "left out"].set_index("left_out")
    assert list(novel.index) == [LEFT_OUT, "B cell", "Monocyte", "NK cell"]
    assert novel["by_rule"].to_dict()[LEFT_OUT] == 1
    assert novel["by_rule"].sum() == 1
    assert not (folder.parent / "out" / "trust.md").exists()  # there is nothing of plkd to show


def test_answers_are_those_of_annotate_and_of_the_logits(
    script: Callable[[str], ModuleType], folder: Path
) -> None:
    import torch

    import plkd

    kept_models, answers = script("kept_models"), script("trusted.answers")
    tasks, leaving = script("tasks"), script("trusted.leaving")
    (task,) = tasks.read_tasks(folder)
    cells = tasks.load_task(folder, task)
    less = leaving.without_type(cells, LEFT_OUT)
    fit = kept_models.fitted(less.reference, folder, name="toy", seed=0, training=QUICK)
    assert set(fit.model.classes_) == {"B cell", "Monocyte", "NK cell"}
    found = answers.our_answers(cells.query, fit)
    query = plkd.tl.annotate(cells.query, fit.model, copy=True)
    np.testing.assert_array_equal(found["plkd"].novelty, query.obs["plkd_novelty"])
    np.testing.assert_array_equal(found["plkd"].unknown, query.obs["plkd_label"] == "unknown")
    assert ["|".join(names) for names in found["plkd"].sets] == list(query.obs["plkd_set"])

    counts = cells.query[:, list(fit.model.genes_.names)].X.toarray()
    depth = np.asarray(cells.query.X.sum(1))
    log1p = np.log1p(1e4 * counts / depth).astype(np.float32)
    with torch.inference_mode():
        logits = fit.model.student_(torch.from_numpy(log1p)).logits.double()
    soft = logits.softmax(1).numpy()
    np.testing.assert_allclose(found["max softmax"].confidence, soft.max(1), atol=1e-5)
    np.testing.assert_allclose(found["max softmax"].novelty, 1 - soft.max(1), atol=1e-5)
    entropy = -(soft * np.log(soft)).sum(1)
    np.testing.assert_allclose(found["entropy"].novelty, entropy, atol=1e-4)
    assert fit.model.trust_ is not None  # it was only taken off a copy


def test_a_model_without_trust_is_refused(
    script: Callable[[str], ModuleType], folder: Path
) -> None:
    kept_models, answers = script("kept_models"), script("trusted.answers")
    reference = toy_reference(120, N_GENES)
    training = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0, hold_out=0.0)
    fit = kept_models.fitted(reference, folder, name="toy", seed=0, training=training)
    with pytest.raises(SystemExit, match="has no trust"):
        answers.our_answers(toy_query(20, N_GENES), fit)


def test_other_readings_of_the_same_fit(
    script: Callable[[str], ModuleType],
    folder: Path,
    fits: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust, readings = script("trust"), script("trusted.readings")
    monkeypatch.setattr(readings, "fitted", script("trusted.running").fitted)
    words = ("--seeds", "0", "--methods", "plkd", "max softmax", "--known-from-left-out")
    trust.main(command(folder, *words))
    text = (folder.parent / "out" / "trust.md").read_text()
    assert "Other readings" not in text

    trust.main(command(folder, *words, "--readings"))
    assert fits == [f"toy:blood-without-{LEFT_OUT}"] * 2  # the second time it was on disk
    table = kept(folder, "trust_readings.csv").set_index("method")
    assert set(table["left_out"]) == {LEFT_OUT}
    spaces = ("Student", "Teacher", "tokens")
    assert {f"{what}, {space}" for what in DISTANCES for space in spaces} < set(table.index)
    assert table["auroc"].between(0, 1).all()
    assert table.loc["nearest cells, tokens", "auroc"] > 0.7  # its markers are foreign
    text = (folder.parent / "out" / "trust.md").read_text()
    shown = text.partition("### Other readings")[2].partition("##")[0]
    assert shown.count("\n| ") == 2 + len(table) + 2  # head, rule, plkd and max softmax
    lines = [line.split("|") for line in shown.splitlines() if line.startswith("| ")]
    means = [float(line[2]) for line in lines[2:]]
    assert means == sorted(means, reverse=True)

    rows = kept(folder, "trust_readings.csv")
    rows.assign(task="another").to_csv(folder.parent / "out" / "trust_readings.csv", index=False)
    trust.main(command(folder, *words, "--readings"))
    again = kept(folder, "trust_readings.csv")
    pd.testing.assert_frame_equal(again[again["task"] != "another"].reset_index(drop=True), rows)
    assert len(again) == 2 * len(rows)


def test_what_could_be_told_at_all(
    script: Callable[[str], ModuleType],
    folder: Path,
    fits: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust, limits = script("trust"), script("trusted.limits")
    monkeypatch.setattr(limits, "fitted", script("trusted.running").fitted)
    words = ("--seeds", "0", "--methods", "plkd", "--known-from-left-out")
    trust.main(command(folder, *words))
    out = folder.parent / "out"
    assert "What could be told" not in (out / "trust.md").read_text()
    trust.main(command(folder, *words, "--limits"))
    table = kept(folder, "trust_limits.csv")
    assert fits[-1] == "toy:blood"  # a model that has learned all types
    assert set(table["left_out"]) == {LEFT_OUT}
    of = table.set_index("method")["auroc"]
    assert set(of.index) == {limits.BY_QUERY, limits.BY_REFERENCE}
    assert of.min() > 0.9
    text = (out / "trust.md").read_text()
    shown = text.partition("### What could be told")[2].partition("##")[0]
    assert shown.count("\n| ") == 2 + 2  # head, rule, the task and the mean
    assert f"told the query's labels {of[limits.BY_QUERY]:.3f}" in text


def test_what_the_aim_would_take(script: Callable[[str], ModuleType]) -> None:
    limits = script("trusted.limits")
    scores = {
        ("plkd", "easy"): 0.95,
        ("plkd", "hard"): 0.5,
        (limits.BY_REFERENCE, "easy"): 0.98,
        (limits.BY_REFERENCE, "hard"): 0.7,
    }
    rows = pd.DataFrame(
        [(*key, seed, score) for key, score in scores.items() for seed in (0, 1)],
        columns=["method", "task", "seed", "auroc"],
    )
    said = limits.reach(rows)
    assert said.startswith("Of `hard` not even the reference tells more than 0.90.")
    assert said.endswith("the mean would be 0.740.")
    assert limits.reach(rows[rows["task"] == "easy"]) == ""
    assert limits.reach(rows[rows["method"] == "plkd"]) == ""


def test_adapted_models_stand_beside_whole_references(
    script: Callable[[str], ModuleType],
    folder: Path,
    fits: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust, adapted = script("trust"), script("trusted.adapted")
    monkeypatch.setattr(adapted, "fitted", script("trusted.running").fitted)
    words = ("--seeds", "0", "--methods", "plkd", "--fit-full")
    trust.main(command(folder, *words))
    trust.main(command(folder, *words, "--adapted"))
    assert fits[-2:] == ["toy:blood"] * 2  # the same model, the second time from disk
    (row,) = kept(folder, "trust_adapted.csv").to_dict("records")
    whole = kept(folder, "trust.csv").set_index(["part", "left_out"])
    assert row["n_known"] == whole.loc[("known", "(nothing)"), "n_known"]
    assert 0 <= row["ece"] <= 1
    text = (folder.parent / "out" / "trust.md").read_text()
    shown = text.partition("## Adapted to the query")[2].partition("##")[0]
    assert f"| {row['ece']:.3f} |" in shown


def test_the_query_tells_nothing_of_a_type_that_is_nothing(
    script: Callable[[str], ModuleType],
) -> None:
    limits = script("trusted.limits")
    query = toy_query(200, N_GENES)
    drawn = np.random.default_rng(0).random(200) < 0.3
    said = limits.by_query(query, drawn)
    assert abs(said[drawn].mean() - said[~drawn].mean()) < 0.1
    own = (query.obs["cell_type"] == LEFT_OUT).to_numpy()
    said = limits.by_query(query, own)
    assert said[own].min() > said[~own].max() - 0.2
    assert "log1p" not in query.uns


def test_readings_are_what_they_are_called(
    script: Callable[[str], ModuleType], folder: Path
) -> None:
    readings, kept_models = script("trusted.readings"), script("kept_models")
    reference = toy_reference(240, N_GENES)
    model = kept_models.fitted(reference, folder, name="toy", seed=0, training=QUICK).model
    query = toy_query(60, N_GENES)
    for cells in (reference, query):
        cells.obs[readings.LABELS] = cells.obs["cell_type"]
    found = readings.readings(reference, query, model, 0)
    assert all(values.shape == (60,) for values in found.values())
    np.testing.assert_array_equal(
        found["dropout"], readings.readings(reference, query, model, 0)["dropout"]
    )
    assert not model.student_.training

    agreeing = np.full((3, 2, 4), 0.25)
    np.testing.assert_allclose(readings.disagreement(agreeing), 0, atol=1e-12)
    opposed = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    np.testing.assert_allclose(readings.disagreement(opposed), np.log(2))
    reach = readings.distance_to_cells(np.zeros((1, 2)), np.array([[0.0, 1.0], [0.0, 3.0]]))
    np.testing.assert_allclose(reach, 2)


def test_cost_is_measured_in_turns(
    script: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust, cost = script("trust"), script("trusted.cost")
    monkeypatch.setattr(
        cost, "cost_rows", partial(cost.cost_rows, n_cells=60, rounds=2, n_genes=150)
    )
    trust.main(["--cost", "--out", str(tmp_path)])
    table = pd.read_csv(tmp_path / "trust_cost.csv")
    seen = table.groupby(["way", "trust"])["round"].apply(list).to_dict()
    assert seen == {
        (way, how): [1, 2] for way in ("in memory", "file to file") for how in ("on", "off")
    }
    assert (table["seconds"] > 0).all()
