"""Fit, save, load: what users hold."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import plkd
from plkd.config import TeacherConfig, TrainConfig
from plkd.data.expression import recognise
from plkd.errors import InputError, NotFittedError, TrainingError
from plkd.model.annotator import CellAnnotator
from plkd.model.predict import Predictor
from plkd.training.loop import NonFiniteLossError
from toy import toy_gene_sets, toy_query, toy_reference

QUICK = TrainConfig(
    teacher_epochs=6,
    student_epochs=6,
    min_steps=120,
    teacher_shift_genes=0.2,
    student_shift_genes=0.2,
    teacher_drop_genes=0.0,
)
SMALL = TeacherConfig(n_patterns=16, free_share=0.4, width=16)


def fit(reference=None, *, sets=None, training=QUICK, seed=0, batch_key="batch", **options):
    annotator = CellAnnotator(sets, teacher=SMALL, training=training, seed=seed, device="cpu")
    reference = toy_reference() if reference is None else reference
    return annotator.fit(reference, labels_key="cell_type", batch_key=batch_key, **options)


@pytest.fixture(scope="module")
def model():
    return fit(sets=toy_gene_sets())


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_a_new_batch_is_annotated_well(model, network):
    query = toy_query()
    plkd.tl.annotate(query, model, with_=network)
    right = query.obs["plkd_label"].astype(str) == query.obs["cell_type"].astype(str)
    assert right.mean() > 0.9


def test_profiles_of_the_reference_stand_beside_both_networks(model):
    reference = toy_reference()
    genes = list(model.genes_.names)
    values = reference[:, genes].X.toarray().astype(float)
    values = np.log1p(1e4 * values / np.asarray(reference.X.sum(1)).reshape(-1, 1))
    types = reference.obs["cell_type"].to_numpy().astype(str)
    said = values @ model.student_.profiles.numpy().T
    means = np.stack([values[types == name].mean(0) for name in model.classes_])
    nearest = np.corrcoef(np.concatenate([values, means]))[: len(values), len(values) :].argmax(1)
    assert (said.argmax(1) == nearest).mean() > 0.9
    assert torch.equal(model.teacher_.profiles, model.student_.profiles)


def test_without_profile_weight_there_are_none(tmp_path):
    brief = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=1, profile_weight=0)
    without = fit(toy_reference(200), training=brief)
    assert without.student_.profiles is None
    without.save(tmp_path / "model")
    loaded = CellAnnotator.load(tmp_path / "model")
    assert (loaded.student_.profiles, loaded.teacher_.profiles) == (None, None)
    assert loaded.fingerprint() == without.fingerprint()


def test_fit_does_not_change_the_reference():
    reference = toy_reference(200)
    before = reference.copy()
    fit(reference, training=TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=1))
    assert (reference.X != before.X).nnz == 0
    assert list(reference.obs) == list(before.obs)
    assert not reference.uns
    assert not reference.obsm


def test_one_seed_is_bitwise_repeatable_and_another_differs():
    quick = TrainConfig(teacher_epochs=2, student_epochs=2, min_steps=4, thin_to=0.3)
    state = torch.random.get_rng_state()
    first, second, other = (fit(training=quick, seed=seed) for seed in (7, 7, 8))
    assert torch.equal(torch.random.get_rng_state(), state)  # the user's randomness is untouched
    for name in ("teacher_", "student_"):
        ours, again, theirs = (getattr(m, name).state_dict() for m in (first, second, other))
        assert all(torch.equal(ours[key], again[key]) for key in ours)
        assert not all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert first.fingerprint() == second.fingerprint() != other.fingerprint()
    assert first.summary_ == second.summary_


def test_the_number_of_genes_is_chosen_and_kept(tmp_path, monkeypatch):
    numbers = import_module("plkd.data.number_of_genes")
    monkeypatch.setattr(numbers, "FEWER", 40)
    monkeypatch.setattr(numbers, "MORE", 90)
    brief = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=1)
    for least_gain, n_genes in ((1.0, 40), (-1.0, 90)):
        monkeypatch.setattr(numbers, "LEAST_GAIN", least_gain)
        annotator = fit(toy_reference(200), training=brief)
        assert (annotator.n_genes, len(annotator.genes_)) == (None, n_genes)
        assert set(annotator.summary_["macro_f1_by_n_genes"]) == {"40", "90"}
        annotator.save(tmp_path / "model", overwrite=True)
        loaded = CellAnnotator.load(tmp_path / "model")
        assert (loaded.n_genes, len(loaded.genes_)) == (None, n_genes)
        assert loaded.summary_ == annotator.summary_


@pytest.mark.parametrize("with_sets", [True, False])
def test_a_saved_model_gives_identical_answers(tmp_path, with_sets):
    quick = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=2)
    saved = fit(sets=toy_gene_sets() if with_sets else None, training=quick)
    saved.save(tmp_path / "model")
    loaded = CellAnnotator.load(tmp_path / "model")
    assert loaded.fingerprint() == saved.fingerprint()
    assert loaded.classes_ == saved.classes_
    assert loaded.genes_ == saved.genes_
    assert loaded.training == saved.training
    assert loaded.summary_ == saved.summary_
    assert loaded.patterns_.pattern_names == saved.patterns_.pattern_names
    for network in ("student", "teacher"):
        answers = []
        for annotator in (saved, loaded):
            query = toy_query(50)
            plkd.tl.annotate(query, annotator, with_=network, probabilities=True)
            answers.append(query)
        assert np.array_equal(answers[0].obsm["plkd_proba"], answers[1].obsm["plkd_proba"])
        assert np.array_equal(answers[0].obsm["X_plkd"], answers[1].obsm["X_plkd"])


def test_the_student_loads_alone(tmp_path, model):
    model.save(tmp_path / "model")
    (tmp_path / "model" / "teacher.safetensors").unlink()
    alone = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    query = toy_query(30)
    plkd.tl.annotate(query, alone)
    assert alone.teacher_ is None
    with pytest.raises(InputError, match="loaded without it"):
        plkd.tl.annotate(query, alone, with_="teacher")


def test_gene_sets_become_patterns(model):
    assert model.patterns_.n_free == 6
    assert "B cell programme" in model.patterns_.pattern_names
    heard = model.teacher_.navigator.dense_weight().detach().abs().sum(-1) > 0
    assert np.array_equal(heard.numpy(), model.patterns_.dense())


def test_the_summary_says_how_training_went(model):
    held_out = model.summary_["held_out"]
    assert len(held_out["batches"]) == 1
    assert 0.8 < held_out["teacher_macro_f1"] <= 1
    losses = model.summary_["teacher"]["losses"]
    assert losses[-1] < losses[0]
    assert sum(model.summary_["cells_of_type"].values()) == 600
    assert model.gene_weights_.sum() == pytest.approx(1, abs=1e-4)


def test_refit_forgets():
    annotator = CellAnnotator(teacher=SMALL, training=QUICK, device="cpu")
    quick = {"labels_key": "cell_type", "batch_key": "batch"}
    annotator.fit(toy_reference(200), **quick)
    annotator.marker_ = "left over"
    annotator.fit(toy_reference(200, n_types=3), **quick)
    assert len(annotator.classes_) == 3
    assert not hasattr(annotator, "marker_")


def test_cells_without_a_label_take_part():
    reference = toy_reference()
    labels = reference.obs["cell_type"].astype(object)
    labels.iloc[::3] = None
    reference.obs["cell_type"] = labels
    annotator = fit(reference)
    query = toy_query()
    plkd.tl.annotate(query, annotator)
    right = query.obs["plkd_label"].astype(str) == query.obs["cell_type"].astype(str)
    assert right.mean() > 0.9


def test_without_batches_cells_are_held_out():
    annotator = fit(batch_key=None, training=TrainConfig(teacher_epochs=1, min_steps=1))
    assert annotator.summary_["held_out"]["batches"] == []
    assert annotator.summary_["held_out"]["n_cells"] > 50


def test_the_papers_training_runs():
    training = TrainConfig.paper()
    annotator = fit(toy_reference(150), training=training)
    assert len(annotator.summary_["teacher"]["losses"]) <= training.teacher_epochs


def test_an_unfitted_annotator_says_so(tmp_path):
    for use in (
        lambda m: m.save(tmp_path / "m"),
        lambda m: plkd.tl.annotate(toy_query(10), m),
        lambda m: m.fingerprint(),
    ):
        with pytest.raises(NotFittedError, match="call fit"):
            use(CellAnnotator())


def test_a_loss_that_is_not_finite_keeps_the_last_good_teacher():
    training = TrainConfig(optimizer="sgd", teacher_lr=1e3, clip=None, teacher_epochs=3, hold_out=0)
    annotator = CellAnnotator(teacher=SMALL, training=training, device="cpu")
    with pytest.raises(TrainingError, match="lower the learning rate") as caught:
        annotator.fit(toy_reference(300), labels_key="cell_type")
    assert isinstance(caught.value, NonFiniteLossError)
    assert not annotator.is_fitted
    assert all(bool(p.isfinite().all()) for p in annotator.teacher_.parameters())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a: a.obs.drop(columns="cell_type", inplace=True), "columns batch"),
        (lambda a: a.obs.__setitem__("cell_type", "T cell"), "at least two cell types"),
        (lambda a: a.X.data.__setitem__(3, np.nan), "NaN"),
        (lambda a: a.X.data.__setitem__(3, np.inf), "infinite"),
        (lambda a: a.X.data.__setitem__(3, -1), "negative"),
        (lambda a: setattr(a, "var_names", ["SAME", "SAME", *a.var_names[2:]]), "SAME"),
    ],
)
@pytest.mark.filterwarnings("ignore:Variable names are not unique")
def test_a_bad_reference_is_refused_in_one_line(spoil, message):
    reference = toy_reference(60)
    spoil(reference)
    with pytest.raises(InputError, match=f"(?i){message}") as caught:
        fit(reference)
    assert "\n" not in str(caught.value)


def test_cells_without_a_batch_are_refused():
    reference = toy_reference(60)
    reference.obs["lane"] = reference.obs["batch"].astype(object).where(np.arange(60) > 1)
    with pytest.raises(InputError, match=r"each of 60 cells .*'lane'; found none for 2"):
        fit(reference, batch_key="lane")


def test_antibodies_beside_genes_are_refused():
    reference = toy_reference(60)
    n_genes = reference.n_vars - 5
    reference.var["feature_types"] = ["Gene Expression"] * n_genes + ["Antibody Capture"] * 5
    with pytest.raises(
        InputError, match=r"take the genes: adata\[:, adata\.var\['feature_types'\]"
    ):
        fit(reference)


def test_labels_that_look_like_missing_ones_are_warned_about():
    reference = toy_reference(60)
    labels = reference.obs["cell_type"].astype(object).where(np.arange(60) > 3)
    reference.obs["cell_type"] = labels.astype(str)
    with (
        pytest.warns(UserWarning, match=r"obs\['cell_type'\] has 'nan' \(4 cells\)"),
        pytest.raises(InputError, match="column 'none' in obs"),
    ):
        fit(reference, batch_key="none")


@pytest.mark.parametrize("use", ["fit", "adapt"])
def test_a_path_is_no_anndata(model, use):
    with pytest.raises(InputError, match=r"the path 'ref\.h5ad'.*read_h5ad"):
        fit("ref.h5ad") if use == "fit" else model.adapt("ref.h5ad")


def test_a_type_with_one_cell_is_refused_by_name():
    reference = toy_reference(60)
    labels = reference.obs["cell_type"].astype(str)
    labels.iloc[0] = "Lonely"
    reference.obs["cell_type"] = labels
    with pytest.raises(InputError, match="Lonely"):
        fit(reference)


def test_scaled_values_are_refused():
    reference = toy_reference(60)
    dense = reference.X.toarray()
    reference.X = (dense - dense.mean(0)) / (dense.std(0) + 1)
    with pytest.raises(InputError, match="scaled"):
        fit(reference)


def test_bad_choices_are_refused():
    with pytest.raises(InputError, match="device"):
        CellAnnotator(device="tpu").fit(toy_reference(60), labels_key="cell_type")
    with pytest.raises(InputError, match=r"TrainConfig\.balance"):
        TrainConfig(balance=2)
    with pytest.raises(InputError, match="divisible by heads"):
        TeacherConfig(width=50)
    with pytest.raises(InputError, match="batch_key"):
        CellAnnotator().fit(toy_reference(60), labels_key="cell_type", batch_key="no")


def test_sparse_and_dense_cells_get_the_same_answer(model):
    query = sp.random(50, len(model.genes_), density=0.1, format="csr", random_state=0)
    query = sp.csr_matrix(query, dtype=np.float32)
    predictor = Predictor(model)
    assert predictor.is_faster_sparse(query)
    assert not predictor.is_faster_sparse(sp.csr_matrix(query.toarray() + 1))
    assert not Predictor(model, "teacher").is_faster_sparse(query)
    sparse, dense = predictor.sparse(query), predictor(query.toarray())
    assert np.allclose(sparse.probabilities, dense.probabilities, atol=1e-5)
    assert np.allclose(sparse.embedding, dense.embedding, atol=1e-4)


@pytest.mark.parametrize("are_directions", [True, False])
def test_scores_are_the_same_whether_or_not_profiles_are_heard_twice(model, are_directions):
    from copy import deepcopy

    changed, n_types = deepcopy(model), len(model.classes_)
    if not are_directions:
        changed.student_.profiles[0] *= 1.01
    query = sp.random(50, len(model.genes_), density=0.1, format="csr", random_state=0)
    query = sp.csr_matrix(query, dtype=np.float32)
    predictor = Predictor(changed)
    heard = predictor._weight_by_gene.shape[1] - 256
    assert heard == len(predictor._directions) + (0 if are_directions else n_types)
    sparse, dense = predictor.sparse(query), predictor(query.toarray())
    assert np.allclose(sparse.probabilities, dense.probabilities, atol=1e-5)
    assert np.allclose(sparse.scores, dense.scores, atol=1e-3)


def test_profiles_that_say_nothing_are_no_directions(model):
    from copy import deepcopy
    from dataclasses import replace

    silent, n_types = deepcopy(model), len(model.classes_)
    silent.student_.profiles.zero_()
    directions = model.trust_.space.directions.copy()
    directions[:n_types] = 0
    silent.trust_ = replace(model.trust_, space=replace(model.trust_.space, directions=directions))
    query = sp.random(50, len(model.genes_), density=0.1, format="csr", random_state=0)
    query = sp.csr_matrix(query, dtype=np.float32)
    predictor = Predictor(silent)
    assert np.allclose(predictor.sparse(query).scores, predictor(query.toarray()).scores, atol=1e-3)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "NaN"), (-3.0, "negative"), (0.5, "whole")]
)
def test_every_cell_of_a_reference_is_looked_at(value, message, monkeypatch):
    """Only some cells tell what the values are; one that was not asked may hold anything."""
    monkeypatch.setattr(
        "plkd.model.reference.recognise_source",
        lambda source, declared: recognise(source.rows(0, 40), declared=declared),
    )
    reference = toy_reference(90)
    reference.X = reference.X.astype(np.float32)
    reference.X[80, np.flatnonzero(reference.X[80].toarray()[0])[0]] = value
    with pytest.raises(InputError, match=message):
        fit(reference)
