"""What users chose is checked before the reference is read, and before a model forgets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import plkd
from plkd.config import TeacherConfig, TrainConfig
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from toy import toy_gene_sets, toy_query, toy_reference

KEYS = {"labels_key": "cell_type", "batch_key": "batch"}
SMALL = TeacherConfig(n_patterns=12, free_share=0.4, width=16)
BRIEF = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=1, trust=False)
NOT_READ = None
"""In the place of a reference that is not looked at."""


@pytest.mark.parametrize("sets", ["reactome.gmt", Path("reactome.gmt"), {"a": ["CD3D"]}])
def test_gene_sets_that_were_not_read_are_refused(sets):
    with pytest.raises(InputError, match=r"pass plkd\.pp\.read_gene_sets\(path\)"):
        CellAnnotator(sets).fit(NOT_READ, **KEYS)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, np.int64(3), None])
def test_seeds_that_not_all_can_take_are_refused(seed):
    with pytest.raises(InputError, match="a seed between 0 and 4294967295"):
        CellAnnotator(seed=seed).fit(NOT_READ, **KEYS)


def test_one_gene_is_too_few():
    with pytest.raises(InputError, match="n_genes of 2 or more"):
        CellAnnotator(n_genes=1).fit(NOT_READ, **KEYS)


def fit(sets=None, seed=0):
    annotator = CellAnnotator(sets, teacher=SMALL, training=BRIEF, seed=seed, device="cpu")
    return annotator.fit(toy_reference(200), **KEYS)


def test_adapting_takes_the_same_seeds():
    model = fit(seed=2**32 - 1)
    for seed in (-1, 2**32):
        with pytest.raises(InputError, match="a seed between"):
            model.adapt(toy_query(50), seed=seed)


def test_a_loaded_model_does_not_learn_anew_without_its_gene_sets(tmp_path):
    fit(toy_gene_sets()).save(tmp_path / "model")
    model = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    name = model.fingerprint()
    with pytest.raises(InputError, match=r"set model\.sets = plkd\.pp\.read_gene_sets\(path\)"):
        model.fit(toy_reference(200), **KEYS)
    assert model.fingerprint() == name
    model.sets, model.device = toy_gene_sets(), "cpu"
    assert model.fit(toy_reference(200, seed=1), **KEYS).patterns_.n_free == 5


def test_a_loaded_model_of_learned_patterns_learns_anew(tmp_path):
    fit().save(tmp_path / "model")
    model = CellAnnotator.load(tmp_path / "model")
    model.device = "cpu"
    assert model.fit(toy_reference(200, n_types=3), **KEYS).patterns_.n_free == 12


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_tools_take_the_same_seeds(seed):
    model, cells = fit(), toy_query(20)
    for ask in (
        lambda: plkd.tl.audit_labels(cells, labels_key="cell_type", seed=seed),
        lambda: plkd.tl.marker_genes(cells, model, seed=seed),
        lambda: plkd.tl.patterns(cells, model, seed=seed),
        lambda: plkd.tl.attributions(cells, model, seed=seed),
        lambda: plkd.tl.integrate([cells], model, seed=seed),
    ):
        with pytest.raises(InputError, match="a seed between"):
            ask()
