"""Models that older versions of plkd saved load and answer as they always did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from anndata import AnnData

import plkd
from plkd.model.annotator import CellAnnotator
from plkd.model.files import FORMAT_VERSION, verify_model

FOLDER = Path(__file__).parents[1] / "model_files"
OLD_MODELS = sorted(f for f in FOLDER.iterdir() if f.is_dir() and not f.name.startswith("__"))


@pytest.fixture(params=OLD_MODELS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def said(folder: Path) -> dict:
    return json.loads(folder.with_suffix(".json").read_text(encoding="utf-8"))


def query_of(said: dict) -> AnnData:
    counts = np.array(said["counts"], dtype=np.float32)
    return AnnData(counts, var=pd.DataFrame(index=said["genes"]))


def test_every_version_of_the_format_is_here():
    versions = {
        json.loads((folder / "plkd.json").read_text(encoding="utf-8"))["format_version"]
        for folder in OLD_MODELS
    }
    assert versions == set(range(1, FORMAT_VERSION + 1))


def test_the_files_are_as_they_were_written(folder):
    assert all(part.ok for part in verify_model(folder))


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_it_answers_as_it_always_did(folder, said, network):
    model = CellAnnotator.load(folder)
    assert model.classes_ == tuple(said["classes"])
    query = query_of(said)
    plkd.tl.annotate(query, model, with_=network, probabilities=True)
    expected = np.array(said["probabilities"][network])
    assert len(set(expected.argmax(1))) > 1  # else a constant would pass
    np.testing.assert_allclose(query.obsm["plkd_proba"], expected, rtol=0, atol=1e-5)
    if "novelty" in said:
        novelty = np.array(said["novelty"][network])
        assert len(set(novelty)) > 1
        np.testing.assert_allclose(query.obs["plkd_novelty"], novelty, rtol=0, atol=1e-4)
        assert list(query.obs["plkd_set"].astype(str)) == said["sets"][network]
    else:  # before version 3 a model did not know when to be believed
        assert model.trust_ is None
        assert not {"plkd_novelty", "plkd_best_label", "plkd_set"} & set(query.obs)


def test_its_student_loads_alone_and_has_its_name(folder, said):
    model = CellAnnotator.load(folder, with_teacher=False)
    assert model.fingerprint() == said["fingerprint"]


def test_saved_again_it_is_the_same(folder, tmp_path):
    model = CellAnnotator.load(folder)
    model.save(tmp_path / "again")
    again = CellAnnotator.load(tmp_path / "again")
    for name in ("student_", "teacher_"):
        ours, theirs = (getattr(m, name).state_dict() for m in (model, again))
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert (again.genes_, again.summary_) == (model.genes_, model.summary_)
    assert (again.trust_ is None) == (model.trust_ is None)
    if model.trust_ is not None and again.trust_ is not None:
        ours, theirs = (m.trust_.as_arrays() for m in (model, again))
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
