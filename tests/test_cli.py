"""The command line, with fakes in the place of training and annotation."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from plkd.cli import app
from plkd.cli.output import marker_table, table
from plkd.cli.progress_bars import cell_progress, training_progress
from plkd.data.cell_files import read_cells
from plkd.errors import InputError, ModelFileError, TrainingError
from plkd.metrics import report
from plkd.model.files import FORMAT_VERSION, ModelContents, write_model
from plkd.outputs import refuse_existing

ROOT = Path(__file__).parents[1]
ENV = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "100"}
COMMANDS = (
    "demo",
    "train",
    "annotate",
    "evaluate",
    "adapt",
    "audit",
    "explain",
    "integrate",
    "gene-activity",
    "info",
    "verify",
)
HEADER: dict[str, Any] = {
    "config": {"n_genes": None},
    "contract": {
        "expression": "log1p",
        "target_sum": 1e4,
        "reference_expression": "log1p",
        "reference_note": "some genes; 10,000 assumed",
    },
    "seed": 7,
    "summary": {
        "n_cells": 1200,
        "macro_f1_by_n_genes": {"2000": 0.6412, "3851": 0.6875},
        "held_out": {
            "batches": ["d1", "d2", "d3", "d4"],
            "n_cells": 300,
            "teacher_macro_f1": 0.95,
            "student_macro_f1": 0.9412,
        },
    },
    "classes": ["B cell", "T cell"],
    "patterns": {"names": ["one", "free"], "n_free": 1},
    "genes": {"names": ["CD19", "CD3D", "CD3E"], "ids": None},
}
EXPLAINED: dict[str, Any] = {
    "model": "0123abcd",
    "files": ["explanation.json", "markers.csv", "networks/B_cell.graphml", "networks/B_cell.png"],
    "n_cells": 1500,
    "n_cells_read": 900,
    "completeness_residual": {"max": 3e-7, "median": 1e-7},
    "types": {
        "B cell": {"cells": 500, "markers": ["CD79A", "MS4A1"]},
        "NK": {"cells": 400, "markers": []},
    },
}


def invoke(*args: object, **more: Any) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], **more)


def one_line_of_error(result: Result) -> str:
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def save(path: Path) -> None:
    arrays = {"weight": np.ones((2, 2), dtype=np.float32)}
    write_model(path, ModelContents(HEADER, arrays, arrays), overwrite=True)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(tmp_path / "model")
    return tmp_path / "model"


@dataclass
class Fakes:
    """What the commands were seen to ask for, and what the fakes are to do."""

    made: dict[str, Any] = field(default_factory=dict)
    fitted: dict[str, Any] = field(default_factory=dict)
    loaded: dict[str, Any] = field(default_factory=dict)
    annotated: dict[str, Any] = field(default_factory=dict)
    evaluated: dict[str, Any] = field(default_factory=dict)
    explained: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    on_work: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class FakeSummary:
    n_cells: int = 1500
    n_no_counts: int = 2
    network: str = "student"
    genes_found: int = 1900
    genes_of_model: int = 2000
    gene_share: float = 0.95
    weight_share: float = 0.985
    matched_by: str = "var_names"
    expression: str = "log1p"
    expression_note: str = "scaled to an unknown total; 10,000 assumed"
    n_unknown: int = 42
    false_alarm: float | None = 0.05
    error_rate: float | None = 0.1
    drift: tuple[str, ...] = ("20% of the cells are called unknown",)

    @property
    def labels(self) -> dict[str, dict[str, float]]:
        many = {f"type {i}": {"cells": 40 - i, "median_confidence": 0.5} for i in range(11)}
        return {"T cell": {"cells": 1000, "median_confidence": 0.973}, **many}

    def as_dict(self) -> dict[str, Any]:
        return {"n_cells": self.n_cells, "labels": self.labels}


def scores() -> Any:
    truth = np.array(["B cell"] * 4 + ["T cell"] * 6, dtype=object)
    predicted = np.array(["B cell"] * 3 + ["T cell"] * 7, dtype=object)
    return report(truth, predicted)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    seen = Fakes()

    class Annotator:
        device = "unset"
        is_first_ = True

        def __init__(self, sets: Any = None, **options: Any) -> None:
            seen.made = {"sets": sets, **options}

        def fit(self, adata: Any, *, progress: Any = None, **options: Any) -> Any:
            seen.fitted = {"adata": adata, "progress": progress, **options}
            seen.on_work()
            return self

        def save(self, path: Path, *, overwrite: bool = False) -> None:
            save(path)

        @classmethod
        def load(cls, path: Path, **options: Any) -> Any:
            seen.loaded = {"path": path, **options}
            return cls()

    def annotate_file(path: Path, model: Any, out: Path, **options: Any) -> FakeSummary:
        seen.annotated = {"path": path, "out": out, "device": model.device, **options}
        seen.on_work()
        return FakeSummary(network=options["with_"])

    def check_explanation(out: Path, *, overwrite: bool) -> None:
        refuse_existing(out, overwrite=overwrite)

    def evaluate_file(path: Path, **options: Any) -> Any:
        seen.evaluated = {"path": path, **options}
        seen.on_work()
        return scores()

    def explain_file(path: Path, model: Any, out: Path, **options: Any) -> Any:
        seen.explained = {"path": path, "out": out, "device": model.device, **options}
        seen.on_work()
        return SimpleNamespace(summary=EXPLAINED)

    @dataclass(frozen=True)
    class Demo:
        out: Path
        n_reference: int = 350
        n_query: int = 351
        seconds: float = 75.0

        def __getattr__(self, name: str) -> Any:
            known = {"report": scores(), "markers": {"B cell": ("CD79A",), "T cell": ("CD3D",)}}
            return known.get(name, self.out / name)

    def run_demo(out: Path, **options: Any) -> Demo:
        seen.shown = {"out": out, **options}
        seen.on_work()
        return Demo(out)

    def put(name: str, **members: Any) -> None:
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)

    put("plkd.model.annotator", CellAnnotator=Annotator)
    put("plkd.tools.annotate", annotate_file=annotate_file)
    put("plkd.tools.evaluate", evaluate_file=evaluate_file)
    put("plkd.demo", run_demo=run_demo)
    put("plkd.explanation", explain_file=explain_file, check_explanation=check_explanation)
    put("plkd.tools.marker_search", MarkerOptions=dict, N_CANDIDATES=50)
    monkeypatch.setattr("plkd.data.cell_files.read_cells", lambda path: f"data of {path}")
    return seen


def raises(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


# --- help -------------------------------------------------------------------------------------


def run_plkd(*args: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plkd", *args]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=ENV, timeout=60, **more
    )


def test_help_answers_at_once() -> None:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = run_plkd("--help")
        seconds.append(time.perf_counter() - began)
    assert done.returncode == 0
    assert "Usage: plkd" in done.stdout
    assert min(seconds) < 1


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom plkd.cli import main\nsys.argv = ['plkd', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {"
        "'numpy', 'torch', 'pandas', 'anndata', 'scanpy', 'lightning', 'h5py', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENV
    )
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?\s+plkd {command} ", result.output)
    listed = invoke("--help")
    assert f" {command} " in listed.output


def test_no_command_shows_the_help() -> None:
    result = invoke()
    assert result.exit_code == 2
    assert all(command in result.output for command in COMMANDS)


def test_version() -> None:
    result = invoke("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r"plkd \S+\n", result.stdout)


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["train", "ref.h5ad"],
        ["annotate", "q.h5ad", "--model", "m", "--out", "o", "--with", "nobody"],
        ["evaluate", "a.h5ad"],
        ["evaluate", "a.h5ad", "--labels", "k", "--json", "a.h5ad"],
        ["explain", "r.h5ad", "--model", "m"],
        ["explain", "r.h5ad", "--model", "m", "--out", "o", "--top", "0"],
        ["train", "r.h5ad", "--labels", "k", "--out", "m", "--n-genes", "1"],
        ["train", "r.h5ad", "--labels", "k", "--out", "m", "--seed", "-1"],
        ["train", "r.h5ad", "--labels", "k", "--out", "m", "--seed", str(2**32)],
        ["info"],
        ["info", "m", "--unheard-of"],
    ],
)
def test_wrong_usage_is_exit_code_2(args: list[str]) -> None:
    result = invoke(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage" in result.stderr


# --- train ------------------------------------------------------------------------------------


def test_train_with_defaults(fakes: Fakes, tmp_path: Path) -> None:
    from plkd.config import StudentConfig, TeacherConfig, TrainConfig

    result = invoke("train", "ref.h5ad", "--labels", "cell_type", "--out", tmp_path / "m")
    assert result.exit_code == 0, result.output
    assert fakes.made == {
        "sets": None,
        "n_genes": None,
        "teacher": TeacherConfig(),
        "student": StudentConfig(),
        "training": TrainConfig(),
        "seed": 0,
        "device": "auto",
        "devices": 1,
    }
    assert fakes.fitted == {
        "adata": "data of ref.h5ad",
        "labels_key": "cell_type",
        "batch_key": None,
        "layer": None,
        "use_raw": False,
        "gene_key": None,
        "expression": None,
        "progress": None,
    }
    said = " ".join(result.stdout.split())
    assert "Trained on 1,200 cells" in said
    assert "2 cell types, 3 genes, 2 patterns" in said
    assert "nearest type mean on held-out cells with 2,000 0.641, with 3,851 0.688" in said
    assert "batch d1, d2, d3 and 1 more): Teacher 0.950, Student 0.941" in said
    assert f"plkd annotate QUERY.h5ad --model {tmp_path / 'm'}" in result.stdout
    assert result.stderr == ""


def test_the_papers_preset_has_the_papers_genes(fakes: Fakes, tmp_path: Path) -> None:
    command = ("train", "r.h5ad", "--labels", "k", "--preset", "paper", "--out", tmp_path / "m")
    assert invoke(*command).exit_code == 0
    assert fakes.made["n_genes"] == 2000


def test_train_with_everything(fakes: Fakes, tmp_path: Path) -> None:
    gmt = tmp_path / "sets.gmt"
    gmt.write_text("one\tx\tCD19\tMS4A1\n")
    options = "--batch donor --layer counts --gene-key symbol --expression counts --n-genes 500"
    more = "--patterns 50 --preset paper --epochs 3 --student-epochs 4 --seed 9 --device cpu"
    result = invoke(
        "train", "r.h5ad", "--labels", "k", "--out", tmp_path / "m", "--gene-sets", gmt,
        *options.split(), *more.split(), "--quiet",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output == ""
    assert fakes.made["sets"].names == ("one",)
    training = fakes.made["training"]
    assert (training.optimizer, training.teacher_epochs, training.student_epochs) == ("sgd", 3, 4)
    assert training.min_steps == 0
    assert fakes.made["teacher"].n_patterns == 50
    assert fakes.made["student"].dropout == 0.1
    assert (fakes.made["n_genes"], fakes.made["seed"], fakes.made["device"]) == (500, 9, "cpu")
    asked = {key: fakes.fitted[key] for key in ("batch_key", "layer", "gene_key", "expression")}
    expected = {"batch_key": "donor", "layer": "counts", "gene_key": "symbol"}
    assert asked == {**expected, "expression": "counts"}


@pytest.mark.parametrize(
    ("options", "teacher", "student"),
    [
        ("", (12, 400), (12, 800)),
        ("--epochs 3", (3, 0), (12, 800)),
        ("--student-epochs 4", (12, 400), (4, 0)),
        ("--epochs 3 --student-epochs 4", (3, 0), (4, 0)),
        ("--epochs 3 --preset paper", (3, 0), (6, 0)),
    ],
)
def test_epochs_are_a_maximum_of_the_network_that_they_are_for(
    fakes: Fakes,
    tmp_path: Path,
    options: str,
    teacher: tuple[int, int],
    student: tuple[int, int],
) -> None:
    """Epochs, and the mini-batches that a small reference gets at least."""
    invoke("train", "r.h5ad", "--labels", "k", "--out", tmp_path / "m", *options.split())
    training = fakes.made["training"]
    assert (training.teacher_epochs, training.min_steps) == teacher
    assert (training.student_epochs, training.fewest_student_steps) == student


def test_train_asks_for_the_place_before_it_trains(fakes: Fakes, model: Path) -> None:
    result = invoke("train", "r.h5ad", "--labels", "k", "--out", model)
    assert result.exit_code == 1
    assert "--overwrite" in one_line_of_error(result)
    assert not fakes.made
    assert invoke("train", "r.h5ad", "--labels", "k", "-o", model, "--overwrite").exit_code == 0


@pytest.mark.parametrize("content", [None, b"no hdf5", b"\x89HDF\r\n\x1a\n" + b"\0" * 50])
def test_reference_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ref.h5ad"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"ref\.h5ad"):
        read_cells(path)


def test_reference_is_read(tmp_path: Path) -> None:
    from toy import toy_reference

    toy_reference(20).write_h5ad(tmp_path / "ref.h5ad")
    assert read_cells(tmp_path / "ref.h5ad").n_obs == 20


# --- annotate, evaluate, demo -------------------------------------------------------------------


def test_annotate_with_defaults(fakes: Fakes) -> None:
    result = invoke("annotate", "q.h5ad", "--model", "m", "--out", "a.h5ad")
    assert result.exit_code == 0, result.output
    assert fakes.loaded == {"path": Path("m"), "with_teacher": False}
    assert fakes.annotated == {
        "path": Path("q.h5ad"),
        "out": Path("a.h5ad"),
        "device": "auto",
        "with_": "student",
        "layer": None,
        "use_raw": False,
        "gene_key": None,
        "expression": None,
        "key_added": "plkd",
        "false_alarm": 0.05,
        "error_rate": 0.1,
        "sets_by_type": False,
        "batch_effect": True,
        "hierarchy": None,
        "min_confidence": 0.8,
        "probabilities": False,
        "chunk_size": 4096,
        "overwrite": False,
        "progress": None,
    }
    said = result.stdout
    assert "called unknown: 40 cells (5% expected of cells of known types)" in said
    assert "Look twice: 20% of the cells are called unknown." in said
    assert "obs['plkd_best_label'], obs['plkd_novelty'], obs['plkd_set']" in said
    assert "Annotated 1,500 cells with the Student" in said
    assert "1,900 of the model's 2,000 found (95%; 98% of its weight), by var_names" in said
    assert "Values: log1p (scaled to an unknown total; 10,000 assumed)." in said
    assert re.search(r"1,000 +66\.7% +0\.97  T cell\n", said)
    assert "type 8" in said
    assert "type 9" not in said
    assert "and 2 rarer types" in said
    assert "2 cells" in said
    assert "Written: a.h5ad" in said
    assert "use_rep='X_plkd'" in said
    assert "plkd evaluate a.h5ad --labels KEY   (" in said


def test_a_model_that_does_not_know_when_to_be_believed_says_so() -> None:
    from plkd.cli.annotation_text import annotation_text

    options = {"out": Path("a.h5ad"), "key_added": "plkd", "probabilities": False, "seconds": 1.0}
    plain = FakeSummary(false_alarm=None, error_rate=None, drift=())
    line = "The model has not learned when to be believed: no cell with counts is called unknown"
    assert line in annotation_text(plain, **options)  # type: ignore[arg-type]
    assert line not in annotation_text(FakeSummary(), **options)  # type: ignore[arg-type]


def test_annotate_with_everything(fakes: Fakes) -> None:
    options = "--with teacher --use-raw --gene-key s --expression log1p --key-added mine"
    options += " --false-alarm 0.01 --error-rate 0.2 --sets-by-type --against-reference"
    more = "--probabilities --chunk-size 10 --overwrite --device cpu"
    result = invoke("annotate", "q", "-m", "m", "-o", "a", *options.split(), *more.split())
    assert result.exit_code == 0, result.output
    assert fakes.loaded["with_teacher"] is True
    wanted = {
        "with_": "teacher",
        "use_raw": True,
        "gene_key": "s",
        "expression": "log1p",
        "key_added": "mine",
        "false_alarm": 0.01,
        "error_rate": 0.2,
        "sets_by_type": True,
        "batch_effect": False,
        "probabilities": True,
        "chunk_size": 10,
        "overwrite": True,
        "device": "cpu",
    }
    assert {key: fakes.annotated[key] for key in wanted} == wanted
    assert "with the Teacher" in result.stdout
    assert "obsm['mine_proba']" in result.stdout
    assert "--prediction-key mine_label" in result.stdout


def test_evaluate(fakes: Fakes) -> None:
    result = invoke("evaluate", "a.h5ad", "--labels", "truth")
    assert result.exit_code == 0, result.output
    expected = {"labels_key": "truth", "prediction_key": "plkd_label"}
    expected |= {"confidence_key": None, "batch_key": None, "hierarchy": None}
    assert fakes.evaluated == {"path": Path("a.h5ad"), **expected}
    assert "Accuracy 0.900, macro F1 0.890 (10 cells, 2 types)." in result.stdout
    assert re.search(r"6 +0\.857 +1\.000 +0\.923  T cell\n.*4 +1\.000", result.stdout)
    assert "1 cell of B cell called T cell" in result.stdout


def test_explain_with_defaults(fakes: Fakes) -> None:
    result = invoke("explain", "r.h5ad", "--model", "m", "--out", "why")
    assert result.exit_code == 0, result.output
    assert fakes.loaded == {"path": Path("m")}
    assert fakes.explained == {
        "path": Path("r.h5ad"),
        "out": Path("why"),
        "device": "auto",
        "options": {
            "labels_key": None,
            "n_genes": 10,
            "n_candidates": 50,
            "sets": None,
            "gene_key": None,
            "expression": None,
            "max_cells": 20_000,
            "chunk_size": 4096,
            "seed": 0,
        },
        "layer": None,
        "use_raw": False,
        "overwrite": False,
        "progress": None,
    }
    said = result.stdout
    assert "Explained 2 cell types on 900 cells" in said
    assert "add up to 3e-07 of the range of the logits" in said
    assert "  B cell  CD79A MS4A1\n  NK      (none that both networks name)\n" in said
    assert "Written: why\n" in said
    assert "networks/ (1 network, each a picture)" in said


def test_explain_with_everything(fakes: Fakes, tmp_path: Path) -> None:
    gmt = tmp_path / "sets.gmt"
    gmt.write_text("one\tx\tCD19\tMS4A1\n")
    options = "--labels k --layer counts --gene-key s --expression counts --top 80 --max-cells 9"
    more = "--chunk-size 10 --seed 4 --device cpu --overwrite --json - --quiet"
    result = invoke(
        "explain", "r", "-m", "m", "-o", "why", "--gene-sets", gmt, *options.split(), *more.split()
    )
    assert result.exit_code == 0, result.output
    asked = fakes.explained["options"]
    assert asked.pop("sets").names == ("one",)
    assert asked == {
        "labels_key": "k",
        "n_genes": 80,
        "n_candidates": 80,
        "gene_key": "s",
        "expression": "counts",
        "max_cells": 9,
        "chunk_size": 10,
        "seed": 4,
    }
    assert fakes.explained["overwrite"] is True
    assert fakes.explained["device"] == "cpu"
    assert fakes.explained["layer"] == "counts"
    assert json.loads(result.stdout) == {"out": "why", **EXPLAINED}
    result = invoke("explain", "r", "-m", "m", "-o", "why", "--use-raw", "--quiet")
    assert fakes.explained["use_raw"] is True
    assert result.output == ""


def test_explain_asks_for_the_place_before_it_loads(fakes: Fakes, tmp_path: Path) -> None:
    result = invoke("explain", "r", "-m", "m", "-o", tmp_path)
    assert result.exit_code == 1
    one_line_of_error(result)
    assert not fakes.loaded


def test_a_marker_table_without_a_marker() -> None:
    assert marker_table({"NK": ()}) == "  no gene is named by both Teacher and Student"


def test_demo(fakes: Fakes, tmp_path: Path) -> None:
    result = invoke("demo", "--out", tmp_path, "--seed", 3, "--overwrite")
    assert result.exit_code == 0, result.output
    wanted = {"seed": 3, "overwrite": True, "progress": None, "device": "auto"}
    assert fakes.shown == {"out": tmp_path, **wanted}
    assert "Trained on 350 cells, annotated 351 cells" in result.stdout
    assert "1 min 15 s" in result.stdout
    for name in ("model", "annotated", "picture", "evaluation", "explanation"):
        assert str(tmp_path / name) in result.stdout
    assert re.search(
        r"Teacher and Student agree.*\n  B cell  CD79A\n  T cell  CD3D\n", result.stdout
    )


def test_adapt_writes_a_model_for_a_query(tmp_path: Path) -> None:
    """The whole way, on a real if hasty model: nothing here is a fake."""
    from plkd.config import TeacherConfig, TrainConfig
    from plkd.model.annotator import CellAnnotator
    from toy import toy_query, toy_reference

    brief = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=5)
    trained = CellAnnotator(teacher=TeacherConfig(n_patterns=4, width=8), training=brief)
    trained.fit(toy_reference(120), labels_key="cell_type", batch_key="batch")
    trained.save(tmp_path / "m")
    toy_query(80).write_h5ad(tmp_path / "q.h5ad")
    paths = [str(tmp_path / name) for name in ("q.h5ad", "m", "m2")]
    result = invoke("adapt", paths[0], "-m", paths[1], "-o", paths[2])
    assert result.exit_code == 0, result.output
    assert "Adapted to 80 cells" in result.stdout
    assert f"plkd annotate QUERY.h5ad --model {paths[2]}" in result.stdout
    adapted = CellAnnotator.load(tmp_path / "m2")
    expected = trained.adapt(toy_query(80))
    assert adapted.fingerprint() == expected.fingerprint() != trained.fingerprint()
    numbers = json.loads(
        invoke("adapt", *paths[:1], "-m", paths[1], "-o", f"{paths[2]}b", "--json", "-").stdout
    )
    assert numbers["summary"]["adapted"]["n_cells"] == 80
    assert re.search(r"^adapted to +80 cells of a query$", invoke("info", paths[2]).stdout, re.M)

    refused = invoke("adapt", paths[0], "-m", paths[1], "-o", paths[1], "--overwrite")
    assert refused.exit_code == 1
    assert "another folder for the adapted model" in refused.output
    assert CellAnnotator.load(tmp_path / "m").fingerprint() == trained.fingerprint()
    assert invoke("adapt", "absent.h5ad", "-m", paths[1], "-o", "x").exit_code == 1


# --- info and verify ----------------------------------------------------------------------------


def test_info(model: Path) -> None:
    result = invoke("info", model)
    assert result.exit_code == 0
    for said in (
        "2: B cell, T cell",
        f"version {FORMAT_VERSION}",
        "log1p of counts per 10,000",
        "log1p (some genes; 10,000 assumed)",
        "1,200 cells",
        "Student 0.941",
        "3 (macro F1 of the nearest type mean on held-out cells with 2,000 0.641, with 3,851 0.688",
    ):
        assert said in result.stdout
    numbers = json.loads(invoke("info", model, "--json", "-").stdout)
    assert numbers["model_hash"][:12] in result.stdout
    assert numbers["n_genes"] == 3


def test_info_names_the_model_as_annotated_files_do(tmp_path: Path) -> None:
    arrays = {"weight": np.ones((2, 2), dtype=np.float32)}
    write_model(tmp_path / "m", ModelContents({**HEADER, "fingerprint": "0123abcd"}, arrays))
    assert "0123abcd" in invoke("info", tmp_path / "m").stdout


def test_verify(model: Path) -> None:
    result = invoke("verify", model)
    assert result.exit_code == 0
    assert result.stdout.count("ok ") == 3
    (model / "student.safetensors").write_bytes(b"x")
    result = invoke("verify", model)
    assert result.exit_code == 1
    assert re.search(r"DAMAGED +student\.safetensors: a truncated one", result.stdout)
    assert "student.safetensors" in one_line_of_error(result)
    result = invoke("verify", model, "--json", "-")
    assert result.exit_code == 1
    checks = json.loads(result.stdout)
    assert [name for name, check in checks.items() if not check["ok"]] == ["student.safetensors"]


@pytest.mark.parametrize("command", ["info", "verify"])
def test_no_model(command: str, tmp_path: Path) -> None:
    result = invoke(command, tmp_path / "absent")
    assert result.exit_code == 1
    assert "nothing there" in one_line_of_error(result)


# --- json ---------------------------------------------------------------------------------------


def test_json_to_standard_output_is_all_there_is(fakes: Fakes, tmp_path: Path) -> None:
    for args in (
        ["annotate", "q", "-m", "m", "-o", "a"],
        ["evaluate", "a", "--labels", "k"],
        ["train", "r", "--labels", "k", "-o", tmp_path / "m"],
        ["demo"],
    ):
        result = invoke(*args, "--json", "-")
        assert result.exit_code == 0, result.output
        assert isinstance(json.loads(result.stdout), dict)
        assert result.stderr == ""


def test_json_to_a_file(fakes: Fakes, tmp_path: Path) -> None:
    out = tmp_path / "scores.json"
    args = ["evaluate", "a", "--labels", "k", "--json", out]
    result = invoke(*args)
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text()) == scores().as_dict()
    assert "Accuracy" in result.stdout
    fakes.evaluated.clear()
    result = invoke(*args)
    assert result.exit_code == 1
    assert "scores.json" in one_line_of_error(result)
    assert not fakes.evaluated
    assert invoke(*args, "--overwrite").exit_code == 0


# --- errors -------------------------------------------------------------------------------------

RUNS = {
    "train": ["train", "r", "--labels", "k", "-o", "m"],
    "annotate": ["annotate", "q", "-m", "m", "-o", "a"],
    "evaluate": ["evaluate", "a", "--labels", "k"],
    "explain": ["explain", "r", "-m", "m", "-o", "why"],
    "demo": ["demo"],
}


@pytest.mark.parametrize("command", RUNS)
@pytest.mark.parametrize("kind", [InputError, ModelFileError, TrainingError])
def test_input_at_fault(
    fakes: Fakes, command: str, kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fakes.on_work = raises(kind("a thing", "another\nthing", "change it"))
    result = invoke(*RUNS[command])
    assert result.exit_code == 1
    expected = "error: expected a thing; found another thing. To mend it: change it"
    assert one_line_of_error(result) == expected
    assert result.stdout == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", RUNS)
def test_interrupted(
    fakes: Fakes, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fakes.on_work = raises(KeyboardInterrupt())
    result = invoke(*RUNS[command])
    assert result.exit_code == 130
    assert "interrupted" in one_line_of_error(result)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("error", "said"),
    [(MemoryError(), "out of memory"), (OSError(28, "No space left on device"), "No space left")],
)
def test_machine_at_fault(fakes: Fakes, error: BaseException, said: str) -> None:
    fakes.on_work = raises(error)
    result = invoke(*RUNS["annotate"])
    assert result.exit_code == 1
    assert said in one_line_of_error(result)


def test_defects_keep_their_traceback(fakes: Fakes) -> None:
    fakes.on_work = raises(ZeroDivisionError())
    assert isinstance(invoke(*RUNS["annotate"]).exception, ZeroDivisionError)


def test_warnings_are_one_line(fakes: Fakes) -> None:
    def warn() -> None:
        warnings.simplefilter("default")
        warnings.warn("few\ngenes found", UserWarning, stacklevel=2)
        warnings.warn("libraries among themselves", FutureWarning, stacklevel=2)

    fakes.on_work = warn
    result = invoke(*RUNS["annotate"], "--quiet")
    assert result.exit_code == 0
    assert result.stderr == "warning: few genes found\n"


def test_kill_leaves_as_an_exception_would(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from plkd.cli.errors import leave_on_sigterm
leave_on_sigterm()
try:
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()
finally:
    Path({str(tmp_path / "cleaned")!r}).touch()
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, env=ENV)
    assert done.returncode == 128 + signal.SIGTERM
    assert (tmp_path / "cleaned").exists()


def test_module_runs_the_command(model: Path) -> None:
    done = run_plkd("verify", str(model))
    assert (done.returncode, done.stderr) == (0, "")
    done = run_plkd("verify", str(model / "absent"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: expected a plkd model")
    assert done.stderr.count("\n") == 1


# --- threads, progress, tables ------------------------------------------------------------------


def test_threads_are_set_before_anything_heavy(model: Path) -> None:
    code = (
        "import sys\nfrom plkd.cli.steps import prepare\n"
        "prepare(threads=1, json_to=None, overwrite=False)\n"
        "assert 'torch' not in sys.modules\nimport torch\nprint(torch.get_num_threads())"
    )
    env = {key: value for key, value in ENV.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.strip() == "1"


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120)


def said_on(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


def test_training_bars() -> None:
    console = terminal()
    with training_progress(console=console) as bars:
        assert bars is not None
        bars.start("teacher, all cells", 10)
        bars.epoch("teacher, all cells", 1, 0.75, 0.5)
        bars.epoch("teacher, all cells", 4, 0.25, None)
        bars.finish("teacher, all cells")
        bars.start("student", 2)
        bars.epoch("student", 2, 0.125, 0.9375)
        bars.finish("student")
    said = said_on(console)
    assert "teacher, all cells" in said
    assert "4/4" in said
    assert "loss 0.250" in said
    assert "loss 0.125, held-out macro F1 0.938" in said


def test_cell_bar() -> None:
    console = terminal()
    with cell_progress("explaining", console=console) as progress:
        assert progress is not None
        progress(50, 200)
        progress(200, 200)
    assert "200/200" in said_on(console)
    assert "explaining" in said_on(console)


@pytest.mark.parametrize("bars", [training_progress, cell_progress])
def test_no_progress_where_nobody_watches(bars: Any) -> None:
    with bars(quiet=True, console=terminal()) as progress:
        assert progress is None
    with bars(console=Console(file=io.StringIO())) as progress:
        assert progress is None


def test_table_lays_out_columns() -> None:
    rows = [("1", "a"), ("1,000", "long name")]
    assert table(("cells", "type"), rows) == "  cells  type\n      1  a\n  1,000  long name"
    assert table(("cells", "type"), []) == "  cells  type"
