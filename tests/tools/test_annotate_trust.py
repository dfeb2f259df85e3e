"""What annotation says of its own certainty, in memory and in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.sparse import csr_matrix

import plkd
from plkd.config import TeacherConfig, TrainConfig
from plkd.data.source import source_from_anndata
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.model.predict import Predictor
from plkd.model.query import open_query
from plkd.tools.annotate import annotate_file
from plkd.tools.annotating import Answers, annotate_chunks
from plkd.tools.judging import Doubt, judge
from plkd.trust.conformal import held_out_scores
from plkd.trust.novelty import MOST_RAISED, beside_the_query, novelty
from plkd.trust.set_names import types_of_set
from toy import toy_query, toy_reference

MODEL_FILES = Path(__file__).parents[1] / "model_files"
TRUST = ("plkd_best_label", "plkd_novelty", "plkd_set")


@pytest.fixture(scope="module")
def model() -> CellAnnotator:
    training = TrainConfig(teacher_epochs=4, student_epochs=8, min_steps=60)
    annotator = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    return annotator.fit(toy_reference(), labels_key="cell_type", batch_key="batch")


@pytest.fixture(scope="module")
def without_nk() -> CellAnnotator:
    reference = toy_reference()
    reference = reference[(reference.obs["cell_type"] != "NK cell").to_numpy()].copy()
    training = TrainConfig(teacher_epochs=4, student_epochs=8, min_steps=60)
    annotator = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    return annotator.fit(reference, labels_key="cell_type", batch_key="batch")


def annotated(model: CellAnnotator, query: AnnData, **options) -> AnnData:
    return plkd.tl.annotate(query, model, copy=True, probabilities=True, **options)


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_slots_are_as_documented(model, network):
    obs = (done := annotated(model, toy_query(200), with_=network)).obs
    assert tuple(obs["plkd_best_label"].cat.categories) == model.classes_
    assert obs["plkd_novelty"].dtype == np.float32
    assert obs["plkd_novelty"].between(0, 1).all()
    best = done.obsm["plkd_proba"].argmax(1)
    assert (obs["plkd_best_label"] == np.array(model.classes_)[best]).all()
    assert np.allclose(done.obsm["plkd_proba"].max(1), obs["plkd_confidence"], atol=1e-6)
    named = obs["plkd_label"] != "unknown"
    assert (obs["plkd_label"].astype(str) == obs["plkd_best_label"].astype(str))[named].all()
    assert all(
        best in types_of_set(text)
        for best, text in zip(obs["plkd_best_label"], obs["plkd_set"], strict=True)
    )
    said = done.uns["plkd"]
    assert (said["false_alarm"], said["error_rate"], said["drift"]) == (0.05, 0.1, "")


def test_unknown_is_what_exceeds_the_stated_share(model):
    query = toy_query(400, seed=5)
    found = annotated(model, query).obs["plkd_novelty"]
    for share in (0.01, 0.05, 0.3):
        obs = annotated(model, query, false_alarm=share).obs
        assert ((obs["plkd_label"] == "unknown") == (found > 1 - share)).all()
    never = annotated(model, query, false_alarm=0.0).obs
    assert "unknown" not in set(never["plkd_label"])
    assert (found > 0.7).any()


def test_a_type_that_the_reference_lacks_is_unknown(without_nk):
    obs = annotated(without_nk, toy_query(400, seed=5)).obs
    new = (obs["cell_type"] == "NK cell").to_numpy()
    unknown = (obs["plkd_label"] == "unknown").to_numpy()
    assert new.sum() > 10
    assert unknown[new].mean() > 0.8
    assert unknown[~new].mean() < 0.2
    assert set(obs["plkd_best_label"]) <= set(without_nk.classes_)


@pytest.mark.filterwarnings("ignore:an error rate of 0.003 needs 333 held-out cells")
def test_sets_grow_with_certainty(model):
    query = toy_query(300)
    sizes = [
        np.mean(
            [
                len(types_of_set(text))
                for text in annotated(model, query, error_rate=rate).obs["plkd_set"]
            ]
        )
        for rate in (0.5, 0.1, 0.003)
    ]
    assert 1 <= sizes[0] <= sizes[1] <= sizes[2]
    assert sizes[0] < sizes[2]


def test_sets_by_type_hold_the_rate_within_each_type(model, monkeypatch):
    """Cells of a rare type were given little of it: only a threshold of its own is low enough."""
    n_types, rare = len(model.classes_), 1
    codes = np.repeat(np.arange(n_types), [500, 20, *[500] * (n_types - 2)])
    shares = np.full((len(codes), n_types), 1e-9)
    shares[np.arange(len(codes)), codes] = np.where(codes == rare, 1e-9, 0.9)
    networks = {**model.trust_.networks}
    networks["student"] = replace(networks["student"], sets=held_out_scores(shares, codes))
    monkeypatch.setattr(model, "trust_", replace(model.trust_, networks=networks))
    query = toy_query(100)
    plain, own = (annotated(model, query, sets_by_type=asked) for asked in (False, True))
    for done, expected in ((plain, False), (own, True)):
        assert done.uns["plkd"]["sets_by_type"] is expected
    sets = [[*map(types_of_set, done.obs["plkd_set"])] for done in (plain, own)]
    assert all(model.classes_[rare] in each for each in sets[1])
    assert not all(model.classes_[rare] in each for each in sets[0])
    assert all(set(few) <= set(many) for few, many in zip(*sets, strict=True))


def test_too_small_an_error_rate_is_said_once(model):
    query = toy_query(40)
    with pytest.warns(UserWarning, match="error rate of 0.0001 needs 9,999 held-out") as caught:
        done = annotated(model, query, error_rate=0.0001, chunk_size=7)
    assert [each.filename for each in caught] == [__file__]
    assert set(done.obs["plkd_set"]) == {"|".join(model.classes_)}


@pytest.mark.parametrize("in_groups", [False, True])
def test_neither_order_nor_chunks_matter(model, grouping, in_groups):
    asked, query = (grouping, of_three_types(400)) if in_groups else (model, toy_query(150))
    order = np.random.default_rng(0).permutation(query.n_obs)
    one = annotated(asked, query).obs
    for options in ({}, {"chunk_size": 37}):
        other = annotated(asked, query[order].copy(), **options).obs.loc[one.index]
        assert np.allclose(one["plkd_novelty"], other["plkd_novelty"], atol=1e-4)
        assert (one["plkd_set"].astype(str) == other["plkd_set"].astype(str)).all()


def test_what_all_cells_share_is_a_batch_effect_unless_told_otherwise(model):
    query = toy_query(300)
    moved = query.copy()
    moved.X = moved.X.toarray() + np.random.default_rng(1).poisson(1.0, moved.n_vars)[None]
    within, against = (
        annotated(model, moved, batch_effect=which).obs["plkd_novelty"] for which in (True, False)
    )
    # What all share is taken off every cell; what is left may be raised, by so much at most.
    odds, odds_against = (each.clip(1e-6, 1 - 1e-6) for each in (within, against))
    odds, odds_against = odds / (1 - odds), odds_against / (1 - odds_against)
    assert (odds_against * np.exp(MOST_RAISED) >= odds * (1 - 1e-4)).all()
    assert against.median() > within.median() + 0.1
    assert (against > 0.95).mean() > (within > 0.95).mean()


def test_cells_without_counts_are_unknown_and_have_no_best_label(model):
    query = toy_query(80)
    query.X = query.X.toarray()
    query.X[3] = 0
    obs = annotated(model, query).obs
    assert obs["plkd_label"].iloc[3] == "unknown"
    assert pd.isna(obs["plkd_best_label"].iloc[3])
    assert (obs["plkd_novelty"].iloc[3], obs["plkd_confidence"].iloc[3]) == (1.0, 0.0)
    others = np.delete(np.arange(80), 3)
    alone = annotated(model, toy_query(80)[others].copy()).obs
    assert np.allclose(obs["plkd_novelty"].iloc[others], alone["plkd_novelty"], atol=1e-4)


def test_a_file_holds_the_same(model, tmp_path: Path):
    query = toy_query(120)
    query.write_h5ad(tmp_path / "q.h5ad")
    summary = annotate_file(tmp_path / "q.h5ad", model, tmp_path / "a.h5ad", chunk_size=50)
    found, expected = anndata.read_h5ad(tmp_path / "a.h5ad"), annotated(model, query)
    for name in ("plkd_label", "plkd_best_label", "plkd_set"):
        assert (found.obs[name].astype(str) == expected.obs[name].astype(str)).all()
    assert np.allclose(found.obs["plkd_novelty"], expected.obs["plkd_novelty"], atol=1e-4)
    assert summary.n_unknown == (expected.obs["plkd_label"] == "unknown").sum()


def test_a_model_that_held_nothing_out_removes_what_another_wrote(model, tmp_path: Path):
    training = TrainConfig(teacher_epochs=2, student_epochs=2, min_steps=20, hold_out=0.0)
    plain = CellAnnotator(teacher=TeacherConfig(n_patterns=6), training=training, device="cpu")
    plain.fit(toy_reference(), labels_key="cell_type")
    assert plain.trust_ is None
    query = annotated(model, toy_query(60))
    query.write_h5ad(tmp_path / "q.h5ad")
    annotate_file(tmp_path / "q.h5ad", plain, tmp_path / "a.h5ad")
    for done in (annotated(plain, query), anndata.read_h5ad(tmp_path / "a.h5ad")):
        assert not set(TRUST) & set(done.obs)
        assert "plkd_label" in done.obs
        assert "false_alarm" not in done.uns["plkd"]


def test_what_a_model_without_trust_cannot_do_is_said(tmp_path: Path):
    plain = CellAnnotator.load(MODEL_FILES / "v2")
    query = AnnData(
        np.ones((3, len(plain.genes_.names)), dtype=np.float32),
        var=pd.DataFrame(index=list(plain.genes_.names)),
    )
    plkd.tl.annotate(query, plain, copy=True)
    asked = {"false_alarm": 0.2, "error_rate": 0.2, "batch_effect": False, "sets_by_type": True}
    for name, value in asked.items():
        with pytest.warns(UserWarning, match=f"^{name} can have no effect: the model") as caught:
            plkd.tl.annotate(query, plain, copy=True, **{name: value})
        assert [each.filename for each in caught] == [__file__]
    query.write_h5ad(tmp_path / "q.h5ad")
    with pytest.warns(UserWarning, match="^false_alarm and error_rate and batch_effect and "):
        summary = annotate_file(tmp_path / "q.h5ad", plain, tmp_path / "a.h5ad", **asked)
    assert (summary.false_alarm, summary.error_rate) == (None, None)


def test_novelty_is_made_of_the_confidence_that_is_written(grouping):
    predictor = Predictor(grouping)
    known = predictor.trust
    predictor.trust = replace(known, calibration=replace(known.calibration, strangeness=2.0))
    query = open_query(source_from_anndata(of_three_types(150, seed=6)), grouping)
    answers = Answers.in_memory(150, predictor)
    annotate_chunks(query, predictor, answers, chunk_size=64)
    judged = judge(answers, predictor, Doubt(batch_effect=False))
    alone = predictor.trust.calibration.confidence(answers.said, answers.scores)
    assert (alone < answers.confidence - 0.01).any()  # held at the largest of the other types
    strange = known.scale.usual.strangeness(answers.scores.astype(np.float64))
    expected = novelty(strange, known.sets.credibility(answers.confidence))
    np.testing.assert_allclose(judged.novelty, expected, atol=1e-6)


@pytest.mark.parametrize("version", ["v6", "v10"])
@pytest.mark.parametrize("more", [-3.0, 1.0, 4.0])
def test_a_query_is_judged_by_what_its_batch_effect_spreads(version, more):
    model = CellAnnotator.load(MODEL_FILES / version)
    predictor = Predictor(model)
    known = predictor.trust
    query = open_query(source_from_anndata(of_three_types(400, seed=6)), model)
    answers = Answers.in_memory(400, predictor)
    annotate_chunks(query, predictor, answers, chunk_size=64, doubt=Doubt())
    answers.scores += more
    answers.lone += more
    judged = judge(answers, predictor, Doubt())
    readings = answers.among.readings(answers.groups, answers.doubts)
    scores = answers.scores.astype(np.float64)
    together = known.grouped.scores(answers.lone.astype(np.float64), readings)
    off, alone = known.grouped.usual.shift(together), known.scale.usual
    effect = alone.effect(alone.shift(scores))
    assert known.asks_groups(off, alone.shift(scores))
    strange = known.grouped.usual.strangeness(together, off, effect=effect).astype(np.float32)
    assert (off > 0) == (more > 0)
    assert (effect > 0) == (more > 0)
    expected = strange if off > 0 else beside_the_query(strange)
    np.testing.assert_allclose(judged.novelty, expected, atol=1e-6)
    assert (np.abs(expected - strange).max() > 0.01) == (more < 0)


def test_a_query_that_drifts_is_said_so(model):
    sparse = toy_query(200)
    counts = sparse.X.toarray()
    sparse.X = np.random.default_rng(0).binomial(counts.astype(int), 0.1).astype(np.float32)
    said = annotated(model, sparse).uns["plkd"]["drift"]
    assert "of the model's genes detected" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [("false_alarm", 1.0), ("false_alarm", -0.1), ("error_rate", 0.0), ("error_rate", 1.0)],
)
def test_rates_out_of_range_are_refused(model, option, value):
    with pytest.raises(InputError, match=option):
        annotated(model, toy_query(20), **{option: value})


def test_a_slot_of_the_users_is_not_written_over(model):
    query = toy_query(20)
    query.obs["plkd_novelty"] = 1.0
    with pytest.raises(InputError, match="plkd_novelty"):
        plkd.tl.annotate(query, model)


def test_a_file_gets_the_deepest_types_that_memory_gets(model, tmp_path: Path):
    query = toy_query(120)
    query.write_h5ad(tmp_path / "q.h5ad")
    parents = tmp_path / "parents.csv"
    lines = ["cell_type,parent", "B cell,lymphocyte", "NK cell,lymphocyte"]
    lines += ["Monocyte,myeloid", "Dendritic cell,myeloid"]
    parents.write_text("\n".join(lines))
    annotate_file(
        tmp_path / "q.h5ad",
        model,
        tmp_path / "a.h5ad",
        hierarchy=parents,
        min_confidence=0.999,
        chunk_size=50,
    )
    found, expected = anndata.read_h5ad(tmp_path / "a.h5ad"), annotated(model, query)
    plkd.tl.deepest_types(expected, parents, min_confidence=0.999)
    assert set(expected.obs["plkd_deepest"]) & {"lymphocyte", "myeloid"}
    assert (found.obs["plkd_deepest"].astype(str) == expected.obs["plkd_deepest"].astype(str)).all()
    confidences = (each.obs["plkd_deepest_confidence"] for each in (found, expected))
    assert np.allclose(*confidences, atol=1e-5)
    assert found.uns["plkd_hierarchy"]["min_confidence"] == 0.999


# --- groups of like cells ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def grouping() -> CellAnnotator:
    """A model that held enough cells out to know of groups."""
    return CellAnnotator.load(MODEL_FILES / "v5")


def of_three_types(n_cells: int, seed: int = 5) -> AnnData:
    return toy_query(n_cells, n_genes=60, n_types=3, seed=seed)


def test_cells_are_judged_among_their_like_where_there_are_enough(grouping):
    query = of_three_types(400)
    among = annotated(grouping, query).obs["plkd_novelty"]
    few = annotated(grouping, query[:150].copy(), batch_effect=False).obs["plkd_novelty"]
    alone = annotated(grouping, query[:120].copy(), batch_effect=False).obs["plkd_novelty"]
    np.testing.assert_allclose(alone, few[:120], atol=1e-5)  # too few for groups: each by itself
    whole = annotated(grouping, query, batch_effect=False).obs["plkd_novelty"]
    assert np.abs(whole[:120] - alone).max() > 0.05
    assert (among > 0.95).mean() < 0.1


def test_groups_do_not_depend_on_chunks_and_files(grouping, tmp_path):
    query = of_three_types(400)
    expected = annotated(grouping, query).obs["plkd_novelty"]
    query.write_h5ad(tmp_path / "query.h5ad")
    annotate_file(tmp_path / "query.h5ad", grouping, tmp_path / "out.h5ad", chunk_size=37)
    found = anndata.read_h5ad(tmp_path / "out.h5ad").obs["plkd_novelty"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_cells_without_counts_are_in_no_group(grouping):
    query = of_three_types(400)
    empty = query.copy()
    empty.X = np.concatenate([empty.X[:380].toarray(), np.zeros((20, 60), dtype=np.float32)])
    found = annotated(grouping, empty).obs["plkd_novelty"]
    expected = annotated(grouping, query[:380].copy()).obs["plkd_novelty"]
    np.testing.assert_allclose(found[:380], expected, atol=1e-4)
    assert (found[380:] == 1).all()


def test_a_model_that_knows_of_no_groups_answers_by_the_cell_alone(grouping):
    known = grouping.trust_
    networks = {n: replace(each, grouped=None) for n, each in known.networks.items()}
    grouping.trust_ = replace(known, networks=networks)
    try:
        query = of_three_types(400)
        whole = annotated(grouping, query, batch_effect=False).obs["plkd_novelty"]
        part = annotated(grouping, query[:100].copy(), batch_effect=False).obs["plkd_novelty"]
        np.testing.assert_allclose(whole[:100], part, atol=1e-5)
    finally:
        grouping.trust_ = known


def test_a_cell_without_counts_may_be_of_any_type(model, tmp_path):
    query = toy_query(120)
    values = query.X.toarray()
    values[5] = 0
    query.X = csr_matrix(values)
    done = annotated(model, query)
    assert types_of_set(done.obs["plkd_set"].iloc[5]) == model.classes_
    assert done.obs["plkd_best_label"].isna().tolist() == [cell == 5 for cell in range(120)]
    np.testing.assert_allclose(done.obsm["plkd_proba"][5], 1 / len(model.classes_))


def test_a_copy_of_cells_on_disk_lies_in_memory(model, tmp_path):
    query = toy_query(120)
    query.write_h5ad(tmp_path / "query.h5ad")
    backed = anndata.read_h5ad(tmp_path / "query.h5ad", backed="r")
    done = annotated(model, backed)
    assert not done.isbacked
    assert list(done.obs["plkd_label"]) == list(annotated(model, query).obs["plkd_label"])
    backed.file.close()


def test_deepest_types_of_the_user_are_not_overwritten(model, tmp_path):
    query = toy_query(120)
    query.obs["plkd_deepest"] = "mine"
    query.write_h5ad(tmp_path / "query.h5ad")
    (tmp_path / "parents.csv").write_text(
        "cell_type,parent\n" + "".join(f"{name},cell\n" for name in model.classes_)
    )
    with pytest.raises(InputError, match="plkd_deepest"):
        annotate_file(
            tmp_path / "query.h5ad",
            model,
            tmp_path / "out.h5ad",
            hierarchy=tmp_path / "parents.csv",
        )
    assert not (tmp_path / "out.h5ad").exists()
