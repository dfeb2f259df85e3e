"""``plkd evaluate`` on real files: what it says of confidence, sets and unknown cells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import CliRunner, Result

from plkd.cli import app
from plkd.cli.trust_text import trust_text
from plkd.tools.evaluate import evaluate_file


def invoke(*args: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, args), "--labels", "truth"])


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    truth = ["B"] * 4 + ["T"] * 4 + ["new 1", "new 2", "new 3", "new 4"]
    label = ["B"] * 4 + ["T", "T", "B", "unknown", "unknown", "unknown", "unknown", "T"]
    obs = pd.DataFrame(
        {
            "truth": truth,
            "plkd_label": label,
            "plkd_confidence": np.linspace(0.42, 0.97, 12),
            "plkd_best_label": ["B"] * 4 + ["T"] * 8,
            "plkd_novelty": np.arange(12) / 12,
            "plkd_set": ["B"] * 4 + ["B|T"] * 4 + ["T"] * 4,
            "donor": ["one", "two"] * 6,
        },
        index=[f"cell{i}" for i in range(12)],
    )
    adata = AnnData(np.zeros((12, 1), dtype=np.float32), obs=obs)
    adata.uns["plkd"] = {"classes": np.array(["B", "T"], dtype=object)}
    adata.write_h5ad(tmp_path / "a.h5ad")
    return tmp_path / "a.h5ad"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    obs = pd.DataFrame({"truth": ["B", "T"], "plkd_label": ["B", "B"]}, index=["a", "b"])
    AnnData(np.zeros((2, 1), dtype=np.float32), obs=obs).write_h5ad(tmp_path / "plain.h5ad")
    return tmp_path / "plain.h5ad"


def test_it_says_what_can_be_trusted(annotated: Path) -> None:
    result = invoke(annotated, "--batch", "donor")
    assert result.exit_code == 0, result.output
    said = result.stdout
    assert "Unknown: 4 cells (33.3%); accuracy of the others 0.750.\n" in said
    assert "Best known type, unknown cells included: accuracy 0.667.\n" in said
    assert (
        "Of types that the model lacks (new 1, new 2, new 3 and 1 more): 4 cells; "
        "75.0% are called unknown; of all others 12.5%; AUROC of the novelty 1.000.\n"
    ) in said
    measured = evaluate_file(annotated, labels_key="truth").trust
    assert measured is not None
    assert measured.calibration is not None
    assert f"expected calibration error {measured.calibration.ece:.3f}" in said
    assert f"accuracy {measured.calibration.accuracy:.3f}:" in said
    assert re.search(r"\n +cells +confidence +accuracy +between\n", said)
    assert re.search(r"\n +1 +0\.420 +1\.000  0\.40 to 0\.47\n", said)
    assert re.search(r"\n +12 +0\.667 +1\.33  all cells\n +6 +0\.667 +1\.33  one\n", said)


@pytest.mark.filterwarnings("default")
def test_near_misses_are_told(annotated: Path, tmp_path: Path) -> None:
    table = tmp_path / "parents.csv"
    table.write_text("child,parent\nB,lymphocyte\nT,lymphocyte\n")
    result = invoke(annotated, "--hierarchy", table, "--json", tmp_path / "scores.json")
    assert result.exit_code == 0, result.output
    assert "4 of the 6 types are not in" in result.stderr
    near = json.loads((tmp_path / "scores.json").read_text())["hierarchical"]
    said = "With near misses counted for what they share with the truth: F1 {f1:.3f} "
    assert said.format(**near) in result.stdout
    assert near["f1"] > 0.5


def test_plain_annotations_are_told_as_before(plain: Path) -> None:
    result = invoke(plain)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Accuracy 0.500")
    for word in ("Unknown", "calibration", "Sets", "model lacks", "Best known"):
        assert word not in result.stdout
    assert trust_text(None) == ""


def test_numbers_go_to_json(annotated: Path) -> None:
    result = invoke(annotated, "--batch", "donor", "--json", "-")
    assert result.exit_code == 0, result.output
    numbers = json.loads(result.stdout)
    expected = evaluate_file(annotated, labels_key="truth", batch_key="donor").as_dict()
    assert numbers == expected
    assert [each["batch"] for each in numbers["trust"]["sets"]] == [None, "one", "two"]
    assert len(numbers["trust"]["calibration"]["curve"]) == 15


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_figure_is_written(annotated: Path, tmp_path: Path, ending: str, magic: bytes) -> None:
    figure = tmp_path / f"reliability.{ending}"
    result = invoke(annotated, "--figure", figure)
    assert result.exit_code == 0, result.output
    assert figure.read_bytes().startswith(magic)
    assert f"Written: {figure}" in result.stdout
    again = invoke(annotated, "--figure", figure)
    assert again.exit_code == 1
    assert str(figure) in again.stderr
    assert invoke(annotated, "--figure", figure, "--overwrite", "--quiet").output == ""


def test_confidence_of_another_column(annotated: Path) -> None:
    result = invoke(annotated, "--confidence-key", "plkd_novelty")
    assert "Confidence 0.333 on average" in result.stdout
    refused = invoke(annotated, "--confidence-key", "nothing")
    assert refused.exit_code == 1
    assert "a column 'nothing' in obs" in refused.stderr


def test_the_best_label_has_a_figure_and_sets(annotated: Path, tmp_path: Path) -> None:
    options = ("--prediction-key", "plkd_best_label", "--batch", "donor")
    result = invoke(annotated, *options, "--figure", tmp_path / "r.png")
    assert result.exit_code == 0, result.output
    assert "accuracy 0.667: expected calibration error" in result.stdout
    assert re.search(r"\n +12 +0\.667 +1\.33  all cells\n +6 +0\.667 +1\.33  one\n", result.stdout)
    assert (tmp_path / "r.png").exists()


@pytest.mark.filterwarnings("default")
def test_names_that_differ_in_case_are_said(annotated: Path, tmp_path: Path) -> None:
    adata = anndata.read_h5ad(annotated)
    adata.obs["truth"] = adata.obs["truth"].astype(str).replace("T", "t ")
    adata.write_h5ad(tmp_path / "case.h5ad")
    result = invoke(tmp_path / "case.h5ad", "--quiet")
    assert result.exit_code == 0, result.output
    assert "warning: 'truth' writes 't ' for 'T': only case or white space" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_no_figure_without_a_confidence(plain: Path, tmp_path: Path) -> None:
    result = invoke(plain, "--figure", tmp_path / "r.png")
    assert result.exit_code == 1
    assert "an evaluation with a confidence" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.h5ad"]


def test_figure_must_be_named_like_one(annotated: Path) -> None:
    before = annotated.read_bytes()
    result = invoke(annotated, "--figure", annotated, "--overwrite")
    assert result.exit_code == 2
    assert ".png" in result.stderr
    assert annotated.read_bytes() == before
