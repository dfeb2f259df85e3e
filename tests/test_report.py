"""The page on an annotation: what it says, and that it stands alone."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import anndata
import numpy as np
import pytest
from anndata import AnnData

import plkd
from plkd import report
from plkd.config import TeacherConfig, TrainConfig
from plkd.errors import InputError, OutputExistsError
from plkd.model.annotator import CellAnnotator
from plkd.report import check_report, write_report
from plkd.tools import annotated_cells as tools_cells
from toy import toy_query, toy_reference, toy_truth

VOID = {"meta", "img", "line", "rect", "br"}


@pytest.fixture(scope="module")
def model() -> CellAnnotator:
    reference = toy_reference()
    names = {"B cell": "<b>B & cell</b>"}
    reference.obs["cell_type"] = reference.obs["cell_type"].astype(str).replace(names)
    training = TrainConfig(teacher_epochs=4, student_epochs=8, min_steps=60)
    annotator = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    return annotator.fit(reference, labels_key="cell_type", batch_key="batch")


@pytest.fixture(scope="module")
def cells(model: CellAnnotator) -> AnnData:
    query = toy_query(300)
    query.obs["truth"] = query.obs["cell_type"].astype(str).replace({"B cell": "<b>B & cell</b>"})
    query.obs["donor"] = np.where(np.arange(300) < 200, "d1", "d2")
    plkd.tl.annotate(query, model)
    return query


class Tags(HTMLParser):
    """Follows tags that are opened and closed, and collects the text between."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.text.append(data)


def read(page: Path) -> tuple[str, Tags]:
    """Return the words of a page, and its tags, all of which have to be closed."""
    tags = Tags()
    tags.feed(page.read_text("utf-8"))
    assert tags.open == []
    return " ".join(" ".join(tags.text).split()), tags


def test_it_says_what_the_columns_say(cells, model, tmp_path) -> None:
    write_report(cells, page := tmp_path / "page.html", model=model, batch_key="donor")
    said, _ = read(page)
    unknown = (cells.obs["plkd_label"] == "unknown").to_numpy()
    assert "300 cells" in said
    assert f"{100 * unknown.mean():.1f} % called unknown 5 % expected" in said
    right = cells.obs["plkd_confidence"].to_numpy(dtype=float)[~unknown].mean()
    assert f"{100 * right:.1f} % of the labels should be right" in said
    taught = model.summary_["cells_of_type"]
    for name, n_cells in cells.obs["plkd_label"].value_counts().items():
        if name != "unknown" and n_cells:
            share = f"{100 * n_cells / 300:.1f} %"
            assert f"{name} {n_cells:,} {share} {taught[name]:,}" in said
    assert re.search(r"d1 200 .* d2 100 ", said)
    assert "are right" not in said


def test_with_the_truth_it_says_how_many_labels_are_right(cells, tmp_path) -> None:
    write_report(cells, page := tmp_path / "page.html", labels_key="truth")
    scores = plkd.tl.evaluate(cells, labels_key="truth")
    assert scores.trust is not None
    said, _ = read(page)
    assert f"{100 * scores.trust.rejection.accuracy_of_named:.1f} % of the labels are right" in said
    assert f"macro F1 {scores.macro_f1:.3f}" in said
    assert all(f"{each.f1:.3f}" in said for each in scores.per_type)


def test_it_stands_alone_and_runs_nothing(cells, tmp_path) -> None:
    write_report(cells, page := tmp_path / "page.html")
    text, (said, tags) = page.read_text("utf-8"), read(page)
    assert not tags.seen & {"script", "link", "iframe", "b&"}
    assert "http" not in text
    assert "<b>B &amp; cell" not in text
    assert "<b>B & cell</b>" in said  # the name of a type, as it is
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    assert picture is not None
    assert base64.b64decode(picture[1]).startswith(b"\x89PNG")


def test_a_file_gives_the_page_of_the_cells_in_memory(cells, tmp_path, monkeypatch) -> None:
    cells.write_h5ad(path := tmp_path / "cells.h5ad")
    before = path.read_bytes()
    monkeypatch.setattr(report, "MOST_DRAWN", 150)
    monkeypatch.setattr(tools_cells, "ROWS_AT_A_TIME", 64)
    write_report(path, one := tmp_path / "one.html", labels_key="truth", batch_key="donor")
    write_report(cells, two := tmp_path / "two.html", labels_key="truth", batch_key="donor")
    assert one.read_text("utf-8").replace(" of cells.h5ad", "") == two.read_text("utf-8")
    assert path.read_bytes() == before


def test_names_of_cells_may_be_there_twice(cells, tmp_path) -> None:
    twice = anndata.AnnData(obs=cells.obs.copy(), obsm=dict(cells.obsm), uns=dict(cells.uns))
    twice.obs.index = ["cell"] * 300
    write_report(twice, page := tmp_path / "page.html")  # a warning would be an error here
    assert "img" in read(page)[1].seen


def test_cells_beyond_the_most_are_not_drawn(cells, tmp_path, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr("plkd.plots.embedding", lambda adata, *_, **__: shown.append(adata.n_obs))
    monkeypatch.setattr(report, "MOST_DRAWN", 120)
    with pytest.warns(UserWarning, match="map of the cells could not be drawn"):
        write_report(cells, tmp_path / "page.html")
    assert shown == [120]


def test_a_map_that_fails_costs_only_itself(cells, tmp_path) -> None:
    with pytest.warns(UserWarning, match=r"left out .*at least 10 cells"):
        write_report(cells[:5].copy(), page := tmp_path / "page.html")
    said, tags = read(page)
    assert "img" not in tags.seen
    assert "5 cells" in said


def test_genes_that_speak_for_each_type_are_its_markers(cells, model, tmp_path) -> None:
    write_report(cells, page := tmp_path / "page.html", model=model)
    said = read(page)[0]
    told = said[said.index("What speaks for each type") : said.index("Genes that raise")]
    for name, programme in toy_truth().programmes.items():
        own = {"B cell": "<b>B & cell</b>"}.get(name, name)
        genes = re.search(rf"{re.escape(own)} ((?:\w+, )*\w+)", told)
        assert genes is not None
        assert len(set(genes[1].split(", ")) & set(programme)) >= 6, genes[1]
    write_report(cells, page, overwrite=True)
    assert "What speaks" not in read(page)[0]


def test_genes_are_read_as_the_user_says(cells, model, tmp_path) -> None:
    other = cells.copy()
    other.layers["counts"] = other.X.copy()
    other.X = other.X * -1.0
    with pytest.warns(UserWarning, match="genes that speak for each type could not be told"):
        write_report(other, page := tmp_path / "page.html", model=model)
    assert "What speaks" not in read(page)[0]
    other.write_h5ad(path := tmp_path / "other.h5ad")
    write_report(path, page, model=model, layer="counts", overwrite=True)
    write_report(cells, like := tmp_path / "like.html", model=model)
    assert page.read_text("utf-8").replace(" of other.h5ad", "") == like.read_text("utf-8")


def test_of_one_type_no_genes_are_told(cells, model, tmp_path) -> None:
    alone = cells[(cells.obs["plkd_label"] == "Monocyte").to_numpy()].copy()
    write_report(alone, page := tmp_path / "page.html", model=model)
    assert "What speaks" not in read(page)[0]


def test_another_model_is_refused(cells, model, tmp_path) -> None:
    other = cells.copy()
    other.uns["plkd"]["model"] = "0123"
    with pytest.raises(InputError, match="the model that annotated, 0123"):
        write_report(other, tmp_path / "page.html", model=model)
    assert not (tmp_path / "page.html").exists()


def test_what_stands_out_is_said(cells, tmp_path) -> None:
    odd = cells.copy()
    odd.uns["plkd"]["drift"] = "a cell has 12 of the model's genes detected"
    write_report(odd, page := tmp_path / "odd.html")
    assert "Look twice: a cell has 12 of the model's genes detected." in read(page)[0]
    odd.uns["plkd"]["drift"] = ""
    odd.obs["plkd_label"] = odd.obs["plkd_label"].cat.add_categories(
        [] if "unknown" in odd.obs["plkd_label"].cat.categories else ["unknown"]
    )
    odd.obs.loc[odd.obs_names[:90], "plkd_label"] = "unknown"
    write_report(odd, page, overwrite=True)
    assert re.search(r"Look twice: 3\d\.\d % of the cells are called unknown", read(page)[0])
    calm = cells[(cells.obs["plkd_label"] != "unknown").to_numpy()].copy()
    calm.uns["plkd"]["drift"] = ""
    write_report(calm, page, overwrite=True)
    assert "Nothing stands out" in read(page)[0]


def test_of_joined_slices_it_says_what_is_left(cells, tmp_path) -> None:
    halves = [cells[:100].copy(), cells[100:].copy()]
    for number, half in enumerate(halves):
        half.uns["plkd"] |= {"drift": str(number), "weight_share": number, "false_alarm": number}
    joined = anndata.concat(halves, uns_merge="same")
    write_report(joined, page := tmp_path / "page.html")
    said, _ = read(page)
    assert "300 cells" in said
    assert "called unknown" in said
    assert "Look twice" not in said
    assert "Nothing stands out" not in said
    for entry in set(cells.uns["plkd"]) - {"plkd_version", "classes"}:
        joined.uns["plkd"].pop(entry, None)
    write_report(joined, page, overwrite=True)


def test_models_that_know_no_doubt_are_said_to_be_so(tmp_path) -> None:
    training = TrainConfig(teacher_epochs=2, student_epochs=2, min_steps=20, trust=False)
    model = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    model.fit(toy_reference(), labels_key="cell_type", batch_key="batch")
    plkd.tl.annotate(query := toy_query(60), model, key_added="mine")
    write_report(query, page := tmp_path / "page.html", key_added="mine")
    said, _ = read(page)
    assert "has not learned when to be believed" in said
    assert "not calibrated" in said
    assert "novelty" not in said


def test_nothing_is_written_over_or_left_half(cells, tmp_path) -> None:
    (page := tmp_path / "page.html").write_text("mine")
    with pytest.raises(OutputExistsError, match="no file at"):
        write_report(cells, page)
    with pytest.raises(OutputExistsError, match="no file at"):
        check_report(page)
    with pytest.raises(InputError, match="a folder that exists"):
        check_report(tmp_path / "nowhere" / "page.html")
    with pytest.raises(InputError, match="the annotation of plkd under 'other'"):
        write_report(cells, page, key_added="other", overwrite=True)
    assert page.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_file_that_is_no_annotation_is_refused(tmp_path) -> None:
    toy_query(30).write_h5ad(path := tmp_path / "plain.h5ad")
    with pytest.raises(InputError, match="the annotation of plkd"):
        write_report(path, tmp_path / "page.html")
    with pytest.raises(InputError, match="nothing there"):
        write_report(tmp_path / "absent.h5ad", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
