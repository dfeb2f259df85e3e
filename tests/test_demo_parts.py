from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData, read_h5ad

from plkd import demo
from plkd.data.expression import ExpressionKind, recognise
from plkd.data.gene_sets import pattern_mask
from plkd.errors import OutputExistsError

OUTPUTS = [
    "evaluation.json",
    "explanation",
    "model",
    "query_annotated.h5ad",
    "report.html",
    "umap.png",
]
MARKERS = {"CD19+ B": tuple(f"GENE{i}" for i in range(20))}


@pytest.fixture(scope="module")
def cells() -> AnnData:
    return demo.demo_cells()


class FakeAnnotator:
    """Keeps what it was given; stands for the model that the demo trains."""

    def __init__(self, sets: Any, **options: Any) -> None:
        self.sets, self.options = sets, options
        self.reference: AnnData | None = None

    def fit(self, adata: AnnData, **options: Any) -> FakeAnnotator:
        self.reference, self.fit_options = adata, options
        return self

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        path.mkdir(exist_ok=overwrite)
        (path / "plkd.json").write_text(json.dumps({"cells": self.reference.n_obs}))


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[FakeAnnotator]:
    """Replace training and annotation; annotators made by the demo are collected."""
    made: list[FakeAnnotator] = []

    def make(sets: Any, **options: Any) -> FakeAnnotator:
        made.append(FakeAnnotator(sets, **options))
        return made[-1]

    def annotate(adata: AnnData, model: FakeAnnotator, **_: Any) -> None:
        truth = adata.obs[demo.LABELS_KEY].astype(str)
        guess = truth.where(np.arange(adata.n_obs) % 10 != 0, "CD19+ B")
        adata.obs["plkd_label"] = pd.Categorical(guess)
        adata.obs["plkd_confidence"] = np.linspace(0, 1, adata.n_obs, dtype=np.float32)
        adata.obsm["X_plkd"] = adata.X[:, :20].toarray()

    def marker_genes(adata: AnnData, model: FakeAnnotator, **options: Any) -> Any:
        model.explained, model.explain_options = adata, options
        return SimpleNamespace(
            top_genes=lambda n: {name: genes[:n] for name, genes in MARKERS.items()}
        )

    def write_report(adata: AnnData, out: Path, **options: Any) -> None:
        options["model"].reported = adata, options
        out.write_text("<!DOCTYPE html>")

    def write_explanation(markers: Any, out: Path, *, overwrite: bool) -> None:
        out.mkdir(exist_ok=overwrite)
        (out / "explanation.json").write_text('{"kind": "plkd explanation", "files": []}')

    monkeypatch.setattr(import_module("plkd.model.annotator"), "CellAnnotator", make)
    monkeypatch.setattr(import_module("plkd.tools.annotate"), "annotate", annotate)
    monkeypatch.setattr(import_module("plkd.tools.marker_genes"), "marker_genes", marker_genes)
    monkeypatch.setattr(import_module("plkd.report"), "write_report", write_report)
    monkeypatch.setattr(import_module("plkd.explanation"), "write_explanation", write_explanation)
    return made


def test_cells_are_clean_log_values_with_labels(cells: AnnData) -> None:
    assert cells.shape == (700, 765)
    assert list(cells.obs) == [demo.LABELS_KEY]
    assert cells.obs[demo.LABELS_KEY].value_counts().min() >= demo.MIN_CELLS
    assert not cells.uns
    assert not cells.obsm
    assert not cells.layers
    assert cells.raw is None
    assert recognise(cells.X).kind is ExpressionKind.LOG1P


def test_halves_are_stratified_and_repeatable(cells: AnnData) -> None:
    labels = cells.obs[demo.LABELS_KEY].to_numpy()
    chosen = demo.split_in_halves(labels, seed=0)
    for name, n in Counter(labels).items():
        assert np.count_nonzero(chosen[labels == name]) == (n + 1) // 2
    np.testing.assert_array_equal(chosen, demo.split_in_halves(labels, seed=0))
    assert (chosen != demo.split_in_halves(labels, seed=1)).any()


def test_demo_writes_what_it_returns(trained: list[FakeAnnotator], tmp_path: Path) -> None:
    out = tmp_path / "deep" / "demo"
    result = demo.run_demo(out, seed=4, device="cpu")
    assert sorted(path.name for path in out.iterdir()) == OUTPUTS
    assert (result.n_reference, result.n_query, result.n_types) == (353, 347, 10)
    assert json.loads(result.evaluation.read_text()) == result.report.as_dict()
    annotated = read_h5ad(result.annotated)
    assert annotated.n_obs == result.n_query
    assert np.mean(
        annotated.obs["plkd_label"].astype(str) == annotated.obs[demo.LABELS_KEY].astype(str)
    ) == pytest.approx(result.report.accuracy)
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads((result.model / "plkd.json").read_text()) == {"cells": 353}
    assert result.page.read_text() == "<!DOCTYPE html>"
    assert (result.explanation / "explanation.json").is_file()
    assert result.markers == {"CD19+ B": MARKERS["CD19+ B"][: demo.N_MARKERS]}
    assert result.seconds > 0


def test_demo_trains_on_the_reference_half_alone(
    trained: list[FakeAnnotator], tmp_path: Path
) -> None:
    watcher = object()
    result = demo.run_demo(tmp_path, seed=4, device="cpu", progress=watcher)  # type: ignore[arg-type]
    [model] = trained
    query = read_h5ad(result.annotated)
    assert not set(model.reference.obs_names) & set(query.obs_names)
    assert model.options == {"seed": 4, "device": "cpu"}
    assert model.fit_options == {"labels_key": demo.LABELS_KEY, "progress": watcher}
    assert len(model.sets) == 71
    assert model.explained is model.reference
    reported, options = model.reported
    assert list(reported.obs_names) == list(query.obs_names)
    assert options == {
        "model": model, "labels_key": demo.LABELS_KEY, "seed": 4, "overwrite": False
    }  # fmt: skip
    assert model.explain_options == {"labels_key": demo.LABELS_KEY, "seed": 4}


@pytest.mark.parametrize("name", OUTPUTS)
def test_earlier_output_is_not_overwritten(
    trained: list[FakeAnnotator], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputExistsError, match=re.escape(f"found {name}")):
        demo.run_demo(tmp_path)
    assert (tmp_path / name).read_text() == "mine"
    assert not trained, "nothing is computed in vain"


def test_overwrite_replaces_the_earlier_demo(trained: list[FakeAnnotator], tmp_path: Path) -> None:
    first = demo.run_demo(tmp_path, seed=0)
    first.picture.write_text("old")
    second = demo.run_demo(tmp_path, seed=0, overwrite=True)
    assert second.picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == OUTPUTS


def test_other_files_of_the_folder_are_left_alone(
    trained: list[FakeAnnotator], tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    demo.run_demo(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(OutputExistsError, match="found a file"):
        demo.run_demo(tmp_path / "demo")


def test_programmes_are_sound_gene_sets() -> None:
    sets = demo.demo_gene_sets()
    assert len(sets) == 71
    for name, genes in sets:
        assert re.fullmatch(r"[A-Z0-9_]+", name)
        assert 8 <= len(genes) <= 60
        assert len(set(genes)) == len(genes)
        for gene in genes:
            assert re.fullmatch(r"[A-Z][A-Z0-9-]*|C\d+orf\d+", gene), gene


def test_programmes_file_says_what_it_is() -> None:
    path = Path(demo.__file__).parent / demo.GENE_SETS
    descriptions = {line.split("\t")[1] for line in path.read_text("utf-8").splitlines()}
    assert descriptions == {"plkd immune programmes: textbook knowledge, written for the demo"}
    assert "71 gene programmes" in path.with_name("README.md").read_text("utf-8")


def test_programmes_cover_the_cells(cells: AnnData) -> None:
    mask = pattern_mask(list(cells.var_names), demo.demo_gene_sets())
    assert mask.n_patterns - mask.n_free >= 50
    assert len(set(mask.gene_index.tolist())) > cells.n_vars / 2


@pytest.mark.parametrize(
    ("programme", "cell_type"),
    [
        ("B_CELL_IDENTITY", "CD19+ B"),
        ("BCR_SIGNALLING", "CD19+ B"),
        ("NK_CYTOTOXICITY", "CD56+ NK"),
        ("HSC_AND_PROGENITORS_CD34", "CD34+"),
        ("MHC_CLASS_II", "Dendritic"),
        ("CD8_EFFECTOR_MEMORY_T", "CD8+ Cytotoxic T"),
    ],
)
def test_programme_is_strongest_in_its_cells(
    cells: AnnData, programme: str, cell_type: str
) -> None:
    genes = dict(iter(demo.demo_gene_sets()))[programme]
    present = [gene for gene in genes if gene in cells.var_names]
    score = np.asarray(cells[:, present].X.mean(axis=1)).ravel()
    means = pd.Series(score).groupby(cells.obs[demo.LABELS_KEY].astype(str).to_numpy()).mean()
    assert means.idxmax() == cell_type


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "demo --out plkd-demo --overwrite"),
        (["OUT=mine"], "demo --out mine"),
        (["OUT=mine", "DEMO_ARGS=--overwrite"], "demo --out mine --overwrite"),
    ],
)
def test_make_replaces_an_earlier_demo_in_its_own_folder_alone(given: list[str], said: str) -> None:
    root = Path(__file__).parents[1]
    command = ["make", "-n", "-o", ".venv/.installed", "VENV=.venv", *given, "demo"]
    not_kept = ("OUT", "DEMO_ARGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # make may run the tests
    kept = {name: value for name, value in os.environ.items() if name not in not_kept}
    done = subprocess.run(
        command, cwd=root, env=kept, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip().endswith(said)
