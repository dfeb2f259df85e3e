"""Groups where few cells were held out: each half of the reference is compared with the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

import plkd
from plkd.config import TeacherConfig, TrainConfig
from plkd.model.annotator import CellAnnotator
from plkd.model.halves import N_DRAWS, Halves, halves, halves_are_asked
from plkd.training.cells import Cells
from plkd.trust.group_space import group_space
from plkd.trust.lone_scale import lone_scale
from plkd.trust.type_space import type_space
from toy import toy_query, toy_reference

N_GENES = 120


def expressed(types: np.ndarray, seed: int = 0) -> csr_matrix:
    """Noisy cells; each type has twenty genes of its own a little up."""
    rng = np.random.default_rng(seed)
    mean = np.full((len(types), N_GENES), 0.3)
    for place, kind in enumerate(types):
        mean[place, 20 * kind : 20 * kind + 20] += 0.7
    return csr_matrix(np.log1p(rng.poisson(mean)).astype(np.float32))


def of_types(codes: np.ndarray, seed: int = 0) -> Cells:
    expression = expressed(np.maximum(codes, 0), seed)
    return Cells(expression, codes, np.full(len(codes), 100, dtype=np.float32), 3)


@pytest.fixture(scope="module")
def reference() -> Cells:
    return of_types(np.repeat([0, 1, 2], 140))


@pytest.fixture(scope="module")
def seen(reference: Cells) -> Halves:
    return halves(reference, expressed(reference.codes, seed=9))


@pytest.mark.parametrize(
    ("held_out", "labelled", "asked"),
    [(199, 300, True), (200, 1000, False), (60, 299, False), (60, 300, True)],
)
def test_halves_are_asked_where_few_are_held_out_and_enough_are_there(held_out, labelled, asked):
    assert halves_are_asked(held_out, labelled) is asked


def test_every_cell_is_asked_about_once_a_draw(reference, seen):
    counts = np.bincount(seen.codes)
    assert counts.tolist() == [140 * N_DRAWS] * 3
    assert seen.groups.shape == seen.shifted_groups.shape == (420 * N_DRAWS, 2)
    assert len(seen.distance) == len(seen.shifted_distance) == 420 * N_DRAWS
    again = halves(reference, expressed(reference.codes, seed=9))
    assert np.array_equal(again.groups, seen.groups)
    assert np.array_equal(again.distance, seen.distance)


def test_cells_without_a_label_and_the_only_cell_of_a_type_are_not_asked_about():
    codes = np.concatenate([np.repeat([0, 1], 150), [2], np.full(100, -1)])
    found = halves(of_types(codes), expressed(np.maximum(codes, 0), seed=9))
    assert np.bincount(found.codes).tolist() == [150 * N_DRAWS, 150 * N_DRAWS]


def test_a_half_does_not_know_the_cells_that_it_is_asked_about():
    """Of noise alone a cell that was learned from is nearer to its type than one that was not."""
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 20)
    noise = csr_matrix(rng.gamma(1, size=(60, N_GENES)).astype(np.float32))
    cells = Cells(noise, codes, np.ones(60, dtype=np.float32), 3)
    space = type_space(noise, codes, 3)
    known = space.agreement.distance(np.asarray(noise @ space.directions[:3].T))
    assert np.median(halves(cells, noise).distance) > 1.2 * np.median(known)


def test_energies_are_of_held_out_cells_of_the_type(reference, seen):
    rng = np.random.default_rng(0)
    held = np.repeat([0, 1], 40)  # the third type has none: any will do
    readings = rng.normal(size=(80, 4)).astype(np.float32)
    readings[:, 2] = held + rng.normal(scale=0.01, size=80)
    lone = lone_scale(readings, readings)
    found = seen.scale(lone, held, (readings, readings))
    drawn = seen._energies(held, readings[:, 2])
    assert np.isin(drawn, readings[:, 2]).all()
    for code in (0, 1):
        assert np.abs(drawn[seen.codes == code] - code).max() < 0.1
    assert np.unique(drawn[seen.codes == 2].round()).tolist() == [0, 1]
    assert found.middle.shape == found.spread.shape == (2,)
    assert not found.heeds_doubt


def test_shares_are_of_groups_and_not_of_cells(seen):
    rng = np.random.default_rng(0)
    readings = rng.normal(size=(80, 4)).astype(np.float32)
    lone = lone_scale(readings, readings)
    scale = seen.scale(lone, np.repeat([0, 1], 40), (readings, readings))
    alone = lone.scores(np.column_stack([seen.distance, *np.zeros((3, len(seen.distance)))]))
    scores = scale.scores(alone, seen.groups)
    assert 0.002 < (scale.usual.strangeness(scores) > 0.95).mean() < 0.045
    assert (scale.usual.strangeness(scores * 0 + 1e6) <= 0.99).all()  # 42 groups tell no more


def test_a_new_type_shows_in_groups_of_a_small_reference(reference, seen):
    rng = np.random.default_rng(0)
    readings = rng.normal(size=(80, 4)).astype(np.float32)
    readings[:, 0] = rng.choice(seen.distance, 80)
    lone = lone_scale(readings, readings)
    scale = seen.scale(lone, np.repeat([0, 1], 40), (readings, readings))
    kinds = np.repeat([0, 1, 2, 4], 120)
    query, known = expressed(kinds, seed=3), (reference.expression, reference.codes, 3)
    among, space = group_space(*known).of_query(query), type_space(*known)
    of_groups = among.readings(among.groups(among.points(query)), np.zeros(480))
    by_itself = np.zeros((480, 4), dtype=np.float32)
    by_itself[:, 0] = space.agreement.distance(np.asarray(query @ space.directions[:3].T))
    by_itself[:, 2] = rng.normal(size=480)
    scores, is_new = scale.scores(lone.scores(by_itself), of_groups), kinds == 4
    assert roc_auc_score(is_new, scores) > 0.95
    strange = scale.usual.strangeness(scores, scale.usual.shift(scores)) > 0.95
    assert strange[is_new].mean() > 0.5
    assert strange[~is_new].mean() < 0.05


def test_a_model_of_a_small_reference_asks_groups(monkeypatch, tmp_path):
    brief = TrainConfig(teacher_epochs=2, student_epochs=4, min_steps=20)
    reference, query = toy_reference(450), toy_query(300)
    made = {}
    for asked in (True, False):
        if not asked:
            monkeypatch.setattr("plkd.model.trusting.halves_are_asked", lambda *_: False)
        made[asked] = CellAnnotator(
            teacher=TeacherConfig(n_patterns=6, width=16), training=brief, device="cpu"
        ).fit(reference, labels_key="cell_type")
    model, alone = made[True], made[False]
    assert alone.trust_.groups is None
    for name in ("student", "teacher"):
        grouped = model.trust_.networks[name].grouped
        assert grouped.middle.shape == (2,)
        assert replace(model.trust_.networks[name], grouped=None).as_arrays().keys() == (
            alone.trust_.networks[name].as_arrays().keys()
        )
    model.save(tmp_path / "model")
    again = CellAnnotator.load(tmp_path / "model")
    plkd.tl.annotate(query, model)
    found = query.obs["plkd_novelty"].to_numpy()
    for other, same in ((again, True), (alone, False)):
        copy = toy_query(300)
        plkd.tl.annotate(copy, other)
        assert np.array_equal(copy.obs["plkd_novelty"].to_numpy(), found) is same
        assert (copy.obs["plkd_best_label"] == query.obs["plkd_best_label"]).all()
