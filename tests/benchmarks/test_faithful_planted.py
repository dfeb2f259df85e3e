"""Simulated cells have the truth they say, and scores are held against it rightly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from plkd.config import TrainConfig
from plkd.data.gene_sets import GeneSets
from plkd.model.annotator import CellAnnotator

N_SETS, SET_SIZE, N_WORLD = 16, 30, 260


@pytest.fixture
def simulation(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faithful.simulation")


@pytest.fixture
def planted(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faithful.planted")


def overlapping_sets() -> GeneSets:
    """Sixteen sets of 30 out of 260 genes: any two share three or four."""
    rng = np.random.default_rng(0)
    world = [f"G{number}A" for number in range(N_WORLD)]
    drawn = [tuple(rng.choice(world, SET_SIZE, replace=False).tolist()) for _ in range(N_SETS)]
    return GeneSets(tuple(f"set {n}" for n in range(N_SETS)), tuple(drawn), "made up")


def small(simulation: ModuleType, **changes: float) -> object:
    sizes = {"n_cells": 400, "n_genes": 200, "n_types": 3, "depth": 1500.0}
    return simulation.Design(**{**sizes, **changes})


def test_counts_are_those_of_a_sparse_experiment(simulation: ModuleType) -> None:
    found = simulation.simulate(overlapping_sets(), small(simulation), 0)
    counts = found.cells.X
    assert counts.shape == (400, 200)
    assert (counts.data == np.rint(counts.data)).all()
    assert counts.data.min() > 0
    assert np.median(np.asarray(counts.sum(1))) == pytest.approx(1500, rel=0.15)
    assert 0.2 < counts.nnz / (400 * 200) < 0.9
    assert found.cells.obs["batch"].nunique() == 2
    sizes = found.cells.obs["cell_type"].value_counts()
    assert sizes["type 1"] > 2 * sizes["type 3"] > 80


def test_a_seed_gives_the_same_cells(simulation: ModuleType) -> None:
    one, same, other = (
        simulation.simulate(overlapping_sets(), small(simulation), seed) for seed in (1, 1, 2)
    )
    assert (one.cells.X != same.cells.X).nnz == 0
    assert one.planted == same.planted
    assert one.planted != other.planted


def test_each_set_is_planted_once_and_the_state_in_no_type(simulation: ModuleType) -> None:
    found = simulation.simulate(overlapping_sets(), small(simulation), 0)
    on = [name for names in found.planted.values() for name in names]
    assert [len(names) for names in found.planted.values()] == [2, 2, 2]
    assert len(set(on)) == 6
    assert found.state not in on
    assert set(found.folds) == {*on, found.state}


def test_only_genes_of_a_set_respond_to_it(simulation: ModuleType) -> None:
    sets = overlapping_sets()
    found = simulation.simulate(sets, small(simulation), 0)
    genes = found.cells.var_names
    for name, folds in found.folds.items():
        held = genes.isin(sets.genes[sets.names.index(name)])
        assert (folds[~held] == 1).all()
        assert 0.2 < (folds[held] != 1).mean() < 0.8
        assert np.median(folds[folds != 1]) == pytest.approx(2.0, rel=0.3)


def test_what_is_planted_is_up_in_its_type(simulation: ModuleType) -> None:
    """Without noise of types and batches the fold changes come out of the counts again."""
    quiet = small(
        simulation,
        n_cells=6000,
        type_noise=0.0,
        batch_noise=0.0,
        gene_spread=0.5,
        activity_shape=1e6,
        state_share=0.0,
        sets_per_type=1,
    )
    found = simulation.simulate(overlapping_sets(), quiet, 0)
    counts, types = found.cells.X.toarray(), found.cells.obs["cell_type"].to_numpy()
    shares = counts / counts.sum(1, keepdims=True)
    here, there = (shares[types == name].mean(0) for name in ("type 1", "type 2"))
    fold = found.folds[found.planted["type 1"][0]] / found.folds[found.planted["type 2"][0]]
    ratio = here / there
    ratio /= np.median(ratio[fold == 1])  # what the other genes have less of the depth
    assert np.abs(np.log(ratio) - np.log(fold)).mean() < 0.1
    assert np.corrcoef(np.log(ratio), np.log(fold))[0, 1] > 0.95


def test_too_few_sets_are_refused(simulation: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"19 sets with 10 of the genes, found 1\d"):
        simulation.simulate(overlapping_sets(), small(simulation, n_types=9), 0)


def test_measures_of_a_score(planted: ModuleType) -> None:
    names = ("a", "b", "c", "d")
    members = np.zeros((4, 40), bool)
    for row, genes in enumerate((range(8), range(6, 14), range(20, 28), range(30, 38))):
        members[row, list(genes)] = True  # a and b share a quarter
    score = np.array([3.0, 4.0, 2.0, 1.0])
    found = dict(planted.measures(score, names, members, ("a",)))
    assert found == {
        "AUROC": pytest.approx(2 / 3),  # b, a near miss, stands above a
        "AUROC, apart": 1.0,
        "first": 0.0,
        "near misses": 1.0,
    }
    found = dict(planted.measures(score, names, members, ("a", "b")))
    assert found["AUROC"] == 1
    assert found["first"] == 1


def test_near_misses_share_genes_with_the_smaller_set(planted: ModuleType) -> None:
    members = np.zeros((3, 40), bool)
    members[0, :20] = True
    members[1, 19:23] = True  # one of its own four
    members[2, 18:28] = True  # two of ten
    near = planted.near_to(members, np.array([True, False, False]))
    np.testing.assert_array_equal(near, [True, True, False])


def test_learned_patterns_are_scored_by_their_best(planted: ModuleType) -> None:
    def tested(**p: float) -> tuple[object, ...]:
        return tuple(SimpleNamespace(name=name, p=value) for name, value in p.items())

    found = SimpleNamespace(
        cell_types=("B", "T"),
        enriched={"p1": tested(x=1e-5, y=0.1), "p2": tested(x=0.5, y=1e-3), "p3": tested(x=0, y=1)},
        of_type={
            "B": tuple(SimpleNamespace(pattern=name) for name in ("p1", "p2")),
            "T": (SimpleNamespace(pattern="p3"),),
        }.get,
    )
    scores = planted.learned_scores(found, ("y", "x"))
    np.testing.assert_allclose(scores, [[3, 5], [0, 300]])


@pytest.mark.parametrize(
    ("how", "methods"),
    [
        ("mask", {"pattern score", "drawn weights", "attention", "set mean"}),
        ("learned", {"enrichment"}),
    ],
)
def test_from_simulation_to_rows(
    planted: ModuleType, simulation: ModuleType, how: str, methods: set[str]
) -> None:
    training = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0, hold_out=0.0)
    design = small(simulation, n_cells=200)
    rows = planted.planted_rows(
        overlapping_sets(), how=how, seed=0, design=design, training=training
    )
    assert {row["method"] for row in rows} == methods
    assert {row["cell_type"] for row in rows} == {"type 1", "type 2", "type 3"}
    assert len(rows) == len(methods) * 3 * 4
    assert {(row["part"], row["task"], row["seed"]) for row in rows} == {("planted", how, 0)}
    auroc = {row["method"]: row["value"] for row in rows if row["measure"] == "AUROC"}
    assert all(0 <= value <= 1 for value in auroc.values())
    if how == "mask":
        assert auroc["set mean"] > 0.8


def test_a_kept_model_is_taken(
    planted: ModuleType,
    simulation: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0, hold_out=0.0)
    given = {
        "design": small(simulation, n_cells=200),
        "training": training,
        "models": tmp_path / "models",
    }
    sets = overlapping_sets()
    first = planted.planted_rows(sets, how="mask", seed=3, **given)
    monkeypatch.delattr(CellAnnotator, "fit")
    assert planted.planted_rows(sets, how="mask", seed=3, **given) == first
    with pytest.raises(AttributeError, match="fit"):
        planted.planted_rows(sets, how="mask", seed=4, **given)


def test_drawn_weights_are_of_the_same_genes(planted: ModuleType, simulation: ModuleType) -> None:
    training = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0, hold_out=0.0)
    cells = simulation.simulate(overlapping_sets(), small(simulation, n_cells=200), 0).cells
    model = CellAnnotator(overlapping_sets(), training=training)
    model.fit(cells, labels_key="cell_type", batch_key="batch")
    before = model.teacher_.navigator.dense_weight().detach().numpy().copy()
    one, same, other = (
        planted.with_drawn_weights(model, seed).teacher_.navigator.dense_weight().detach().numpy()
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(model.teacher_.navigator.dense_weight().detach(), before)
    np.testing.assert_array_equal(one.any(-1), before.any(-1))
    sets = slice(0, 16)
    assert abs(np.corrcoef(one[:, sets].ravel(), before[:, sets].ravel())[0, 1]) < 0.1
    assert (one != other).any()
