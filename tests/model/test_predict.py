"""Networks of a model are asked where they are to be, and stay on the CPU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import plkd
from plkd.config import AdaptConfig, TeacherConfig, TrainConfig
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.model.predict import MANY, Predictor
from toy import toy_query, toy_reference

BRIEF = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=2)


@pytest.fixture
def model():
    small = TeacherConfig(n_patterns=6, width=16)
    annotator = CellAnnotator(teacher=small, training=BRIEF, device="cpu")
    return annotator.fit(toy_reference(500), labels_key="cell_type", batch_key="batch")


def devices_of(*networks):
    return {value.device.type for each in networks for value in each.state_dict().values()}


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_on_another_device_a_copy_is_asked(model, network, monkeypatch):
    monkeypatch.setattr("plkd.model.predict.torch_device", lambda _: torch.device("meta"))
    predictor = Predictor(model, network)
    assert devices_of(predictor.network) == {"meta"}
    assert devices_of(model.student_, model.teacher_) == {"cpu"}


def test_on_the_cpu_the_network_itself_is_asked(model):
    assert Predictor(model).network is model.student_
    assert Predictor(model, "teacher").network is model.teacher_


@pytest.mark.parametrize("device", ["cuda", "mps", "gpu"])
def test_a_device_that_is_not_here_is_refused(model, device, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    model.device = device
    with pytest.raises(InputError, match="device"):
        plkd.tl.annotate(toy_query(20), model)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_after_work_on_a_gpu_the_networks_are_on_the_cpu(model):
    model.device = "cuda"
    query = toy_query(60)
    adapted = model.adapt(query, config=AdaptConfig(steps=5))
    plkd.tl.annotate(query, adapted)
    plkd.tl.annotate(query, adapted, with_="teacher")
    assert devices_of(model.student_, adapted.student_, model.teacher_) == {"cpu"}


@pytest.mark.parametrize("along", [0, 3, 5])
def test_many_cells_few_cells_and_sparse_cells_are_answered_alike(model, along):
    """Lengths come of one more column of the product, of the cells, or of what is stored."""
    predictor = Predictor(model)
    rng = np.random.default_rng(0)
    cells = rng.gamma(0.5, size=(MANY, len(model.genes_))).astype(np.float32)
    cells[rng.random(cells.shape) < 0.3] = 0
    axes = rng.normal(size=(along, cells.shape[1])).astype(np.float32)
    predictor.listen_along(axes, np.zeros(along, dtype=np.float32))
    many, few = predictor(cells), predictor(cells[: MANY - 1])
    sparse = predictor.sparse(sp.csr_matrix(cells))
    assert many.scores is not None
    for other in (few, sparse):
        for found, expected in zip(other, many, strict=True):
            np.testing.assert_allclose(found, expected[: len(found)], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_the_discriminant_is_heard_beside_either_network(model, network):
    counts = toy_query(40)[:, list(model.genes_.names)].X.toarray()
    cells = np.log1p(1e4 * counts / counts.sum(1, keepdims=True)).astype(np.float32)
    asked = model.student_ if network == "student" else model.teacher_
    with torch.inference_mode():
        logits = asked(torch.from_numpy(cells)).logits.numpy()
    found, known = Predictor(model, network)(cells), model.trust_
    beside, middle = known.discriminant, known.networks[network].calibration.middle
    heard = cells @ beside.directions.T
    together = beside.heard_beside(logits, heard, found.scores, middle)
    assert np.abs(together - logits).max() > 0.1
    np.testing.assert_allclose(
        found.probabilities, torch.from_numpy(together).softmax(1), atol=1e-5
    )


@pytest.mark.parametrize(
    ("n_cells", "weight"), [(200, 0.0), (60, 0.2)], ids=["no weight", "few cells"]
)
def test_without_a_discriminant_the_networks_speak_alone(monkeypatch, n_cells, weight):
    monkeypatch.setattr("plkd.trust.gene_discriminant.FEWEST_IN_SMALL", 50)
    config = replace(BRIEF, discriminant_weight=weight)
    alone = CellAnnotator(
        teacher=TeacherConfig(n_patterns=6, width=16), training=config, device="cpu"
    ).fit(toy_reference(n_cells), labels_key="cell_type", batch_key="batch")
    cells = np.random.default_rng(0).gamma(0.5, size=(40, len(alone.genes_))).astype(np.float32)
    with torch.inference_mode():
        expected = alone.student_(torch.from_numpy(cells)).logits.softmax(1)
    assert alone.trust_.discriminant is None
    np.testing.assert_allclose(Predictor(alone)(cells).probabilities, expected, atol=1e-6)


def test_of_a_small_reference_types_of_few_cells_are_heard(monkeypatch):
    """Small is the whole reference, not what was left when some of it was held out."""
    few, made = toy_reference(60), {}
    for size in (60, 59):
        monkeypatch.setattr("plkd.trust.gene_discriminant.SMALL_REFERENCE", size)
        made[size] = CellAnnotator(
            teacher=TeacherConfig(n_patterns=6, width=16), training=BRIEF, device="cpu"
        ).fit(few, labels_key="cell_type", batch_key="batch")
    assert np.isfinite(made[60].trust_.discriminant.offsets).all()
    assert made[59].trust_.discriminant is None
