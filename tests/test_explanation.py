"""The folder of an explanation: what is in it, and that it is there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from plkd import explanation
from plkd.errors import InputError, OutputExistsError
from plkd.explanation import check_explanation, explain_file, write_explanation
from plkd.tools.gene_attributions import GeneAttributions
from plkd.tools.gene_network import GeneNetwork, NetworkGene
from plkd.tools.marker_results import MarkerGene, MarkerGenes
from plkd.tools.pattern_results import Patterns, TypePattern

TYPES = ("CD4 T", "CD4+ T", "NK/ILC", "nk ilc")
GENES = tuple(f"GENE{i}" for i in range(6))
PATTERNS = ("ONE", "TWO", "free 1")
FILES = [
    "explanation.json",
    "markers.csv",
    "markers.png",
    "networks/CD4_T.graphml",
    "networks/CD4_T.png",
    "networks/CD4_T_2.graphml",
    "networks/CD4_T_2.png",
    "networks/NK_ILC.graphml",
    "networks/NK_ILC.png",
    "patterns.csv",
    "patterns.png",
]


def shap_values(rng: np.random.Generator) -> GeneAttributions:
    values = rng.random((len(TYPES), len(GENES)))
    return GeneAttributions(
        types=TYPES,
        genes=GENES,
        n_cells=np.full(len(TYPES), 5),
        mean_abs=values,
        mean=values,
        difference=values,
        n_left_out=0,
        background=np.arange(4),
        logit_range=3.0,
        max_residual=2e-6,
        median_residual=1e-6,
    )


def patterns_of(rng: np.random.Generator) -> Patterns:
    shape = len(TYPES), len(PATTERNS)
    score = rng.random(shape) + 1
    return Patterns(
        top=tuple(
            TypePattern(name, pattern, float(score[i, j]), 0.01, GENES[:2], ())
            for i, name in enumerate(TYPES)
            for j, pattern in enumerate(PATTERNS)
        ),
        cell_types=TYPES,
        pattern_names=PATTERNS,
        gene_names=GENES,
        gene_weights=rng.random((len(GENES), len(PATTERNS))),
        held=np.ones((len(GENES), len(PATTERNS)), dtype=bool),
        score=score,
        p_adj=np.full(shape, 0.01),
        rollout_of_type=rng.random(shape),
        norm_of_type=rng.random(shape),
        cells=np.arange(20),
        codes=np.repeat(np.arange(4), 5),
        features=rng.random((20, len(PATTERNS))),
        rollout=rng.random((20, len(PATTERNS))),
        enriched={"free 1": ()},
        model="0123456789abcdef",
    )


def network_of(name: str) -> GeneNetwork:
    genes = tuple(
        NetworkGene(gene, PATTERNS[:1], 0.5, 0.1, 0.3, 0.3, 1.0, 0.1 * rank, rank)
        for rank, gene in enumerate(GENES[:3], start=1)
    )
    return GeneNetwork(name, genes, ((GENES[0], GENES[1], 0.9), (GENES[1], GENES[2], 0.4)))


@pytest.fixture
def markers() -> MarkerGenes:
    """Four types, the last without a network, two that file systems confuse."""
    rng = np.random.default_rng(0)
    shap = shap_values(rng)
    rows = [
        MarkerGene(
            cell_type=name,
            gene=gene,
            rank=rank,
            shap=float(shap.mean_abs[i, rank - 1]),
            q=0.1 * rank if rank < 4 and i < 3 else float("nan"),
            in_teacher=rank < 4 and i < 3,
            in_student=True,
            consensus=rank < 4 and i < 3,
            mean_in=2.25,
            mean_out=0.5,
            detected_in=0.9,
            detected_out=0.2,
        )
        for i, name in enumerate(TYPES)
        for rank, gene in enumerate(GENES, start=1)
    ]
    networks = tuple(network_of(name) for name in TYPES[:3])
    return MarkerGenes(tuple(rows), TYPES, (5,) * 4, 10, shap, patterns_of(rng), networks)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes its time; one test has real pictures."""
    monkeypatch.setattr(explanation, "_drawn", lambda draw: b"\x89PNG")


def snapshot(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


# --- what is written ------------------------------------------------------------------------------


def test_a_folder_of_tables_networks_and_pictures(markers, tmp_path):
    written = write_explanation(markers, tmp_path / "deep" / "why")
    folder = tmp_path / "deep" / "why"
    assert sorted(snapshot(folder)) == FILES == written.summary["files"]
    assert [path.name for path in folder.parent.iterdir()] == ["why"]
    assert (written.folder, written.markers) == (folder, markers)
    for name in FILES:
        if name.endswith(".png"):
            assert (folder / name).read_bytes().startswith(b"\x89PNG")
            assert (folder / name).stat().st_size > 5000


@pytest.mark.usefixtures("no_pictures")
def test_what_the_files_say(markers, tmp_path):
    written = write_explanation(markers, tmp_path / "why")
    table = pd.read_csv(tmp_path / "why" / "markers.csv")
    pd.testing.assert_frame_equal(table, markers.to_frame(), rtol=1e-5)
    listed = pd.read_csv(tmp_path / "why" / "patterns.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(listed, markers.patterns.to_frame(), rtol=1e-5)
    summary = json.loads((tmp_path / "why" / "explanation.json").read_text("utf-8"))
    assert summary == written.summary
    assert summary["model"] == "0123456789abcdef"
    for name, network in zip(TYPES, markers.networks, strict=False):
        graph_file, picture = summary["types"][name]["network"]
        graph = nx.read_graphml(tmp_path / "why" / graph_file)
        assert graph.graph["cell_type"] == name
        assert set(graph) == {gene.gene for gene in network.genes}
        assert (tmp_path / "why" / picture).is_file()
    assert summary["types"]["nk ilc"]["network"] == []
    assert summary["types"]["nk ilc"]["markers"] == []
    assert summary["types"]["CD4 T"]["markers"] == list(GENES[:3])


# --- whole or not at all ------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("step", ["tables", "graphml", "publish_folder"])
def test_a_failure_leaves_nothing(
    markers: MarkerGenes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: type[BaseException],
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(explanation, "_drawn", lambda draw: b"\x89PNG")
    monkeypatch.setattr(explanation, step, fail)
    with pytest.raises(error):
        write_explanation(markers, tmp_path / "why")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError("too large"), MemoryError()])
def test_a_picture_that_fails_costs_only_itself(markers, tmp_path, monkeypatch, error):
    from plkd import plots

    def draw(found: Any, *, save: Path) -> None:
        if isinstance(found, Patterns) or found.cell_type == "CD4 T":
            raise error
        save.write_bytes(b"\x89PNG")

    monkeypatch.setattr(plots, "patterns", draw)
    monkeypatch.setattr(plots, "gene_network", draw)
    says = str(error) or "MemoryError"
    with pytest.warns(UserWarning, match=f"could not be drawn and is left out: {says}") as told:
        written = write_explanation(markers, tmp_path / "why")
    assert [str(one.message).split()[0] for one in told] == ["patterns.png", "networks/CD4_T.png"]
    left = [name for name in FILES if name not in ("patterns.png", "networks/CD4_T.png")]
    assert sorted(snapshot(tmp_path / "why")) == left == written.summary["files"]
    assert written.summary["types"]["CD4 T"]["network"] == ["networks/CD4_T.graphml"]
    assert len(written.summary["types"]["NK/ILC"]["network"]) == 2


def test_an_interruption_while_drawing_leaves_nothing(markers, tmp_path, monkeypatch):
    def interrupted(draw: Any) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(explanation, "_drawn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_explanation(markers, tmp_path / "why")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("overwrite", [False, True])
def test_interrupted_writing_leaves_what_was_there(
    markers: MarkerGenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    from plkd.model import folders

    if overwrite:
        write_explanation(markers, tmp_path / "why")
    before, write, calls = snapshot(tmp_path), folders._write, []

    def interrupted(path: Path, content: bytes) -> None:
        write(path, content)
        calls.append(path)
        if path.suffix == ".graphml":
            raise KeyboardInterrupt

    monkeypatch.setattr(folders, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_explanation(markers, tmp_path / "why", overwrite=overwrite)
    assert len(calls) > 1
    assert snapshot(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} <= {"why"}


@pytest.mark.usefixtures("no_pictures")
def test_a_place_that_cannot_be_written(markers, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="a place to write to"):
        write_explanation(markers, tmp_path / "file" / "why")


# --- what is there already ----------------------------------------------------------------------


@pytest.mark.usefixtures("no_pictures")
def test_an_explanation_is_replaced_only_when_asked(markers, tmp_path):
    write_explanation(markers, tmp_path / "why")
    (tmp_path / "why" / "networks" / "CD4_T.png").write_bytes(b"old")
    before = snapshot(tmp_path)
    with pytest.raises(OutputExistsError, match=r"found a folder.*--overwrite"):
        write_explanation(markers, tmp_path / "why")
    assert snapshot(tmp_path) == before
    write_explanation(markers, tmp_path / "why", overwrite=True)
    assert sorted(snapshot(tmp_path / "why")) == FILES
    assert snapshot(tmp_path)["why/networks/CD4_T.png"] == b"\x89PNG"


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("name", ["notes.txt", "networks/mine.png", "networks/sub/x", "more/x"])
def test_files_of_others_are_never_deleted(markers, tmp_path, name):
    write_explanation(markers, tmp_path / "why")
    (tmp_path / "why" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "why" / name).write_text("mine")
    with pytest.raises(OutputExistsError, match=f"one together with .*{name}"):
        write_explanation(markers, tmp_path / "why", overwrite=True)
    assert (tmp_path / "why" / name).read_text() == "mine"


@pytest.mark.parametrize(
    "content", [None, "", "[]", '{"files": ["markers.csv"]}', '{"kind": "another", "files": []}']
)
def test_a_folder_that_is_no_explanation(tmp_path, content):
    (tmp_path / "markers.csv").write_text("mine")
    if content is not None:
        (tmp_path / "explanation.json").write_text(content)
    with pytest.raises(OutputExistsError, match="found a folder that is no explanation"):
        check_explanation(tmp_path, overwrite=True)


def test_a_file_in_its_place(tmp_path):
    (tmp_path / "why").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputExistsError, match="found a file"):
            check_explanation(tmp_path / "why", overwrite=overwrite)


@pytest.mark.usefixtures("no_pictures")
def test_an_empty_folder_and_what_macos_leaves_behind(markers, tmp_path):
    check_explanation(tmp_path, overwrite=True)
    write_explanation(markers, tmp_path / "why")
    (tmp_path / "why" / "networks" / ".DS_Store").write_text("")
    write_explanation(markers, tmp_path / "why", overwrite=True)
    assert sorted(snapshot(tmp_path / "why")) == FILES


def test_nothing_is_computed_in_vain(tmp_path, monkeypatch):
    def computed(*_: Any, **__: Any) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(explanation, "markers_of_file", computed)
    (tmp_path / "why").mkdir()
    with pytest.raises(OutputExistsError):
        explain_file("ref.h5ad", None, tmp_path / "why")  # type: ignore[arg-type]
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"a place to write to at .*found a file at"):
        explain_file("ref.h5ad", None, tmp_path / "file" / "a" / "why")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="computed"):
        explain_file("ref.h5ad", None, tmp_path / "other")  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_pictures")
def test_a_folder_that_may_not_be_written_to(markers, tmp_path, monkeypatch):
    from plkd import outputs

    write_explanation(markers, tmp_path / "why")
    monkeypatch.setattr(outputs.os, "access", lambda *_: False)
    for name, overwrite in (("why", True), ("deep/other", False)):
        with pytest.raises(InputError, match="found a folder that may not be written to at"):
            check_explanation(tmp_path / name, overwrite=overwrite)
