"""``--report`` of ``plkd annotate`` and ``plkd evaluate``: a page, or a line that says why not."""

from __future__ import annotations

import json
from pathlib import Path

import anndata
import pytest
from typer.testing import CliRunner, Result

from plkd.cli import app
from plkd.config import TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator
from toy import toy_query, toy_reference


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    training = TrainConfig(teacher_epochs=4, student_epochs=8, min_steps=60)
    annotator = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    annotator.fit(toy_reference(), labels_key="cell_type", batch_key="batch").save(folder / "model")
    toy_query(100).write_h5ad(folder / "query.h5ad")
    return folder


def annotate(folder: Path, out: Path, *more: object) -> Result:
    given = ["annotate", folder / "query.h5ad", "--model", folder / "model", "--out", out, *more]
    return CliRunner().invoke(app, [str(each) for each in given])


def test_page_and_file_are_written(folder: Path, tmp_path: Path) -> None:
    out, page, numbers = (tmp_path / name for name in ("out.h5ad", "page.html", "numbers.json"))
    done = annotate(folder, out, "--report", page, "--key-added", "mine", "--json", numbers)
    assert done.exit_code == 0, done.output
    assert f"Report:  {page}" in done.stdout
    assert json.loads(numbers.read_text())["report"] == str(page)
    text = page.read_text("utf-8")
    assert "Annotation of out.h5ad" in text
    assert "in the reference" in text
    for name in anndata.read_h5ad(out).obs["mine_label"].unique():
        assert name in text


def test_without_it_there_is_none(folder: Path, tmp_path: Path) -> None:
    done = annotate(folder, tmp_path / "out.h5ad", "--json", "-")
    assert "report" not in json.loads(done.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["out.h5ad"]


@pytest.mark.parametrize(
    ("page", "code", "said"),
    [
        ("there.html", 1, "a file that exists"),
        ("nowhere/page.html", 1, "a folder that exists"),
        ("out.h5ad", 2, "ends in .html"),
    ],
)
def test_a_page_that_cannot_be_is_said_before_the_work(
    folder: Path, tmp_path: Path, page: str, code: int, said: str
) -> None:
    (tmp_path / "there.html").write_text("mine")
    done = annotate(folder, tmp_path / "out.h5ad", "--report", tmp_path / page)
    assert done.exit_code == code
    assert said.split()[-1] in done.stderr
    assert not (tmp_path / "out.h5ad").exists()
    assert (tmp_path / "there.html").read_text() == "mine"


def test_overwrite_is_for_the_page_as_well(folder: Path, tmp_path: Path) -> None:
    (page := tmp_path / "there.html").write_text("mine")
    done = annotate(folder, tmp_path / "out.h5ad", "--report", page, "--overwrite")
    assert done.exit_code == 0, done.output
    assert "Annotation of out.h5ad" in page.read_text("utf-8")


@pytest.fixture(scope="module")
def annotated(folder: Path) -> Path:
    out = folder / "annotated.h5ad"
    assert annotate(folder, out).exit_code == 0
    return out


def evaluate(annotated: Path, *more: object) -> Result:
    given = ["evaluate", annotated, "--labels", "cell_type", *more]
    return CliRunner().invoke(app, [str(each) for each in given])


def test_evaluation_writes_the_page_with_truth_batches_and_genes(
    folder: Path, annotated: Path, tmp_path: Path
) -> None:
    page, model = tmp_path / "page.html", folder / "model"
    before = annotated.read_bytes()
    done = evaluate(annotated, "--batch", "batch", "--report", page, "--model", model)
    assert done.exit_code == 0, done.output
    assert f"Written: {page}" in done.stdout
    text = page.read_text("utf-8")
    for told in ("macro F1", "in the reference", *anndata.read_h5ad(annotated).obs["batch"]):
        assert told in text
    assert annotated.read_bytes() == before
    plain = tmp_path / "plain.html"
    assert evaluate(annotated, "--report", plain).exit_code == 0
    assert "in the reference" not in plain.read_text("utf-8")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--report", "there.html"), 1, "exists"),
        (("--report", "page.html", "--prediction-key", "cell_type"), 1, "plkd_label"),
        (("--model", "model"), 2, "--report"),
        (("--report", "page.html", "--figure", "figure.png", "--model", "nowhere"), 1, "nowhere"),
    ],
)
def test_a_page_of_an_evaluation_that_cannot_be_is_said(
    annotated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.html").write_text("mine")
    done = evaluate(annotated, *more)
    assert done.exit_code == code
    assert said in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]
    assert (tmp_path / "there.html").read_text() == "mine"
