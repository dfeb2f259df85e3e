"""A model learns from a query's unlabelled cells, and stays what it was."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

import plkd
from plkd.config import AdaptConfig, TeacherConfig, TrainConfig
from plkd.data.marker_scale import marker_scale
from plkd.errors import GeneMatchError, InputError, NotFittedError
from plkd.model.adapting import compared_with_their_means
from plkd.model.annotator import CellAnnotator
from toy import toy_query, toy_reference

BRIEF = TrainConfig(teacher_epochs=4, student_epochs=4, min_steps=60, teacher_shift_genes=0.5)
FAST = AdaptConfig(steps=20)


@pytest.fixture(scope="module")
def model():
    small = TeacherConfig(n_patterns=8, width=16)
    annotator = CellAnnotator(teacher=small, training=BRIEF, device="cpu")
    return annotator.fit(toy_reference(400), labels_key="cell_type", batch_key="batch")


def far_query(seed=100, strength=1.5):
    """A batch whose every gene is measured many times better or worse than in the reference."""
    query = toy_query(400, seed=seed)
    factor = np.random.default_rng(seed).lognormal(0, strength, query.n_vars)
    query.X = csr_matrix(np.random.default_rng(1).poisson(query.X.toarray() * factor))
    return query


def right(query, model):
    cells = plkd.tl.annotate(query, model, copy=True)
    return float((cells.obs["plkd_label"].astype(str) == cells.obs["cell_type"]).mean())


def weights(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_a_far_batch_is_annotated_better(model):
    gained = [
        right(query, model.adapt(query)) - right(query, model)
        for query in (far_query(seed) for seed in (100, 101, 102))
    ]
    assert np.mean(gained) > 0.01
    assert min(gained) > -0.01


def test_the_model_stays_what_it_was(model):
    before, name = weights(model.student_), model.fingerprint()
    summary = copy.deepcopy(model.summary_)
    adapted = model.adapt(toy_query(), config=FAST)
    assert all(
        torch.equal(value, before[key]) for key, value in model.student_.state_dict().items()
    )
    assert (model.fingerprint(), model.summary_) == (name, summary)
    assert adapted.fingerprint() != name
    assert adapted.teacher_ is model.teacher_
    assert torch.equal(adapted.student_.profiles, model.student_.profiles)
    assert not adapted.student_.training
    assert adapted.gene_weights_ is model.gene_weights_


def test_it_can_be_saved_and_says_that_it_was_adapted(model, tmp_path):
    query = toy_query()
    adapted = model.adapt(query, config=FAST)
    adapted.save(tmp_path / "adapted")
    loaded = CellAnnotator.load(tmp_path / "adapted")
    said = loaded.summary_["adapted"]
    assert (said["from"], said["n_cells"]) == (model.fingerprint(), query.n_obs)
    assert (AdaptConfig.from_dict(said["config"]), said["seed"]) == (FAST, model.seed)
    assert 0 <= said["named_otherwise"] <= 1
    assert len(said["student"]["losses"]) > 0
    answers = [
        plkd.tl.annotate(query, each, copy=True, probabilities=True).obsm["plkd_proba"]
        for each in (adapted, loaded)
    ]
    np.testing.assert_array_equal(*answers)
    kept = loaded.student_.state_dict()
    assert all(torch.equal(kept[key], v) for key, v in adapted.student_.state_dict().items())


def confidence(query, model, **options):
    return plkd.tl.annotate(query, model, copy=True, **options).obs["plkd_confidence"].to_numpy()


def test_a_discriminant_of_the_query_is_heard_beside_the_student_alone(model):
    query = far_query()
    adapted = model.adapt(query, config=FAST)
    alone = model.adapt(query, config=replace(FAST, discriminant_weight=0))
    for key, value in weights(alone.student_).items():
        assert torch.equal(value, adapted.student_.state_dict()[key])
    assert alone.trust_ is model.trust_
    beside = adapted.trust_.networks["student"].query
    assert beside.weight == FAST.discriminant_weight
    assert adapted.trust_.networks["teacher"] is model.trust_.networks["teacher"]
    assert model.trust_.networks["student"].query is None
    proba = [
        plkd.tl.annotate(query, each, copy=True, probabilities=True).obsm["plkd_proba"]
        for each in (adapted, alone)
    ]
    assert np.abs(proba[0] - proba[1]).max() > 0.01
    by_teacher = [confidence(query, each, with_="teacher") for each in (adapted, model)]
    np.testing.assert_array_equal(*by_teacher)
    again = adapted.adapt(query, config=FAST)  # its discriminant takes the place of the first
    new = again.trust_.networks["student"].query
    assert new.directions.shape == beside.directions.shape
    assert not np.array_equal(new.directions, beside.directions)


def test_a_query_is_annotated_as_surely_as_before(model):
    query = far_query()
    adapted = model.adapt(query, config=FAST)
    before, after = (confidence(query, each).mean() for each in (model, adapted))
    assert after <= before + 0.02
    slopes = [each.trust_.networks["student"].calibration.slope for each in (model, adapted)]
    assert slopes[1] <= slopes[0]


def test_a_query_of_few_cells_has_no_discriminant(model):
    adapted = model.adapt(toy_query(30), config=FAST)
    assert adapted.trust_ is model.trust_


def test_a_model_that_does_not_know_when_to_be_believed_adapts_its_student(model, tmp_path):
    other = copy.copy(model)
    other.trust_ = None
    adapted = other.adapt(toy_query(), config=FAST)
    assert adapted.trust_ is None
    assert adapted.fingerprint() != other.fingerprint()
    adapted.save(tmp_path / "adapted")
    assert CellAnnotator.load(tmp_path / "adapted").trust_ is None


def test_labels_and_the_order_of_genes_play_no_part(model):
    query = toy_query()
    other = query[:, np.random.default_rng(0).permutation(query.n_vars)].copy()
    other.obs["cell_type"] = "B cell"
    first, second = (model.adapt(each, config=FAST).student_ for each in (query, other))
    for key, value in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[key], value, rtol=0, atol=1e-5)


def test_one_seed_is_repeatable_and_the_random_state_is_left_alone(model):
    query, state = toy_query(), torch.random.get_rng_state()
    names = [model.adapt(query, config=FAST, seed=seed).fingerprint() for seed in (3, 3, 4)]
    assert names[0] == names[1] != names[2]
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_weights_go_so_far_and_no_further(model, share):
    query = toy_query()
    whole = model.adapt(query, config=AdaptConfig(steps=20, share=1.0)).student_
    some = model.adapt(query, config=AdaptConfig(steps=20, share=share)).student_
    for old, new, between in zip(
        model.student_.parameters(), whole.parameters(), some.parameters(), strict=True
    ):
        torch.testing.assert_close(between, old + share * (new - old), rtol=0, atol=1e-6)


def test_without_its_teacher_a_model_adapts_too(model, tmp_path):
    model.save(tmp_path / "model")
    alone = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    adapted = alone.adapt(toy_query(), config=FAST)
    assert adapted.teacher_ is None
    assert right(toy_query(), adapted) > 0.9


def test_of_many_cells_some_are_drawn_and_empty_ones_are_left_out(model):
    query = toy_query()
    assert (
        model.adapt(query, config=AdaptConfig(steps=5, max_cells=50)).summary_["adapted"]["n_cells"]
        == 50
    )
    values = query.X.toarray()
    values[:30] = 0
    query.X = csr_matrix(values)
    assert model.adapt(query, config=FAST).summary_["adapted"]["n_cells"] == query.n_obs - 30


@pytest.mark.parametrize(
    ("batch_size", "per_epoch", "epochs"),
    [(128, 50_000, 20), (64, 50_000, 7), (16, 50, 7), (2, 50_000, 1)],
)
def test_it_learns_from_so_many_mini_batches_at_least(model, batch_size, per_epoch, epochs):
    """Of 200 cells an epoch has 1, 3, 3 (of 50 cells) and 100."""
    other = copy.copy(model)
    other.training = replace(model.training, max_cells_per_epoch=per_epoch)
    adapted = other.adapt(toy_query(200), config=AdaptConfig(steps=20, batch_size=batch_size))
    assert len(adapted.summary_["adapted"]["student"]["losses"]) == epochs


def slow_comparison(expression, said, config):
    """Rounds written out, type by type, cell by cell."""
    scale = marker_scale(csr_matrix(expression), said.argmax(1), said.shape[1], power=2.0)
    heard = expression.astype(np.float64) * scale
    length = np.sqrt(np.mean([np.sum((cell - cell.mean()) ** 2) for cell in heard]))
    answers = said.astype(np.float64)
    for _ in range(config.rounds):
        share = np.exp(answers)
        agreement = np.zeros(said.shape)
        there = [t for t in range(said.shape[1]) if share[:, t].sum() >= config.min_cells]
        for t in there:
            mean = (share[:, [t]] * heard).sum(0) / share[:, t].sum()
            mean = mean - mean.mean()
            mean = mean / np.sqrt((mean**2).sum())
            agreement[:, t] = [cell @ mean / length for cell in heard]
        for t in set(range(said.shape[1])) - set(there):
            for cell, first in enumerate(said.argmax(1)):
                others = agreement[cell, there]
                agreement[cell, t] = agreement[cell, first] if first in there else others.max()
        logits = said + config.profile_weight * agreement
        answers = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return answers


def test_the_comparison_is_its_definition():
    rng = np.random.default_rng(0)
    codes = np.arange(120) % 3
    expression = np.log1p(
        rng.poisson(0.5, (120, 20)) + 2.0 * (np.arange(20) // 7 == codes[:, None])
    )
    logits = rng.normal(0, 1, (120, 4)) + 2.0 * np.eye(4)[codes] - [0, 0, 0, 6]  # hardly a fourth
    said = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    config = AdaptConfig()
    found = compared_with_their_means(csr_matrix(expression.astype(np.float32)), said, config)
    expected = slow_comparison(expression, said, config)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    before, after = ((each.argmax(1) == codes).mean() for each in (said, found))
    assert after > before + 0.05


def test_a_type_of_few_cells_neither_loses_them_nor_gains_others():
    rng = np.random.default_rng(1)
    codes = np.where(np.arange(120) < 2, 3, np.arange(120) % 3)
    rates = 0.3 + 2.0 * (np.arange(20) // 5 == codes[:, None])
    expression = csr_matrix(np.log1p(rng.poisson(rates)).astype(np.float32))
    logits = 3.0 * np.eye(4)[codes] - [0, 0, 0, 2]
    said = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)
    assert np.exp(said).sum(0)[3] < AdaptConfig().min_cells
    found = compared_with_their_means(expression, said, AdaptConfig())
    np.testing.assert_array_equal(np.flatnonzero(found.argmax(1) == 3), [0, 1])
    others, named = np.arange(2, 120), codes[2:]
    before, after = (each[others, 3] - each[others, named] for each in (said, found))
    np.testing.assert_allclose(after, before, atol=1e-4)


def test_a_query_of_one_type_is_left_to_the_networks():
    said = np.log(np.tile(np.array([[0.999, 0.001]], dtype=np.float32), (50, 1)))
    expression = csr_matrix(np.random.default_rng(0).random((50, 8), dtype=np.float32))
    np.testing.assert_array_equal(compared_with_their_means(expression, said, AdaptConfig()), said)


def test_bad_queries_are_refused(model):
    with pytest.raises(NotFittedError):
        CellAnnotator().adapt(toy_query())
    query = toy_query()
    query.X = csr_matrix((np.arange(query.n_obs) == 0).astype(float)[:, None] * query.X.toarray())
    with pytest.raises(InputError, match="cells with counts"):
        model.adapt(query)
    query = toy_query()
    query.var_names = [f"gene{i}" for i in range(query.n_vars)]
    with pytest.raises(GeneMatchError):
        model.adapt(query)
    with pytest.raises(InputError, match="share between"):
        AdaptConfig(share=2)
