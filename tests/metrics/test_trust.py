"""Sets, rejection and hierarchies: measures of whether an annotation can be trusted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd import metrics
from plkd.errors import InputError

LINEAGES = {
    "CD4": {"CD4", "T"},
    "CD8": {"CD8", "T"},
    "T": {"T"},
    "B": {"B"},
    "unknown": set(),
}
NAMES = [*LINEAGES, "stranger"]

pairs = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1)


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_hierarchical_scores_are_those_of_counting(cells: list[tuple[str, str]]) -> None:
    truth, predicted = map(list, zip(*cells, strict=True))
    shared = said = true = 0
    for t, p in cells:
        ancestors_t, ancestors_p = LINEAGES.get(t, {t}), LINEAGES.get(p, {p})
        shared += len([name for name in ancestors_t if name in ancestors_p])
        said += len(ancestors_p)
        true += len(ancestors_t)
    precision = shared / said if said else 0.0
    recall = shared / true if true else 0.0
    found = metrics.hierarchical_scores(truth, predicted, LINEAGES)
    assert found.n_cells == len(cells)
    assert (found.precision, found.recall) == pytest.approx((precision, recall))
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert found.f1 == pytest.approx(f1)


def test_a_known_case_of_a_hierarchy() -> None:
    found = metrics.hierarchical_scores(["CD4", "CD4", "CD4"], ["CD4", "T", "CD8"], LINEAGES)
    assert found.precision == pytest.approx((2 + 1 + 1) / (2 + 1 + 2))
    assert found.recall == pytest.approx((2 + 1 + 1) / 6)


def test_without_a_hierarchy_all_three_are_the_accuracy() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.choice(NAMES, 90), rng.choice(NAMES, 90)
    found = metrics.hierarchical_scores(truth, predicted, {})
    expected = metrics.accuracy(truth, predicted)
    assert (found.precision, found.recall, found.f1) == pytest.approx((expected,) * 3)


def test_saying_nothing_costs_recall_alone() -> None:
    found = metrics.hierarchical_scores(["CD4", "B"], ["unknown", "B"], LINEAGES)
    assert (found.precision, found.recall) == (1.0, pytest.approx(1 / 3))
    missing = np.array([None, "B"], dtype=object)
    assert metrics.hierarchical_scores(["CD4", "B"], missing, LINEAGES) == found
    alone = metrics.hierarchical_scores(["CD4"], ["unknown"], LINEAGES)
    assert (alone.precision, alone.recall, alone.f1) == (0.0, 0.0, 0.0)


# --- sets ---------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_coverage_is_that_of_counting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    types = ["a", "b", "c"]
    truth = [*rng.choice([*types, "", "new"], 30).tolist(), "a"]
    batches = rng.choice(["one", "two", ""], 31).tolist()
    sets = [tuple(t for t in types if rng.random() < 0.5) for _ in truth]
    found = metrics.set_coverage(truth, sets, batches=batches)
    present = {b for b, t in zip(batches, truth, strict=True) if b and t}
    assert [each.batch for each in found] == [None, *sorted(present)]
    for each in found:
        inside = [
            (t, s)
            for t, s, b in zip(truth, sets, batches, strict=True)
            if t and each.batch in (None, b)
        ]
        assert each.n_cells == len(inside)
        assert each.coverage == pytest.approx(np.mean([t in s for t, s in inside]))
        assert each.mean_size == pytest.approx(np.mean([len(s) for _, s in inside]))


def test_coverage_without_batches_is_one_line() -> None:
    [found] = metrics.set_coverage(["a", "b"], [["a", "b"], []])
    assert (found.batch, found.coverage, found.mean_size) == (None, 0.5, 1.0)


@pytest.mark.parametrize(
    ("truth", "sets", "batches", "message"),
    [
        (["a"], [], None, "1 true types and 0 sets"),
        (["", None], [["a"], ["a"]], None, "2 cells, none with one"),
        (["a"], [["a"]], ["x", "y"], "1 true types and 2 batches"),
    ],
)
def test_sets_that_do_not_fit_are_refused(
    truth: list, sets: list, batches: list | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        metrics.set_coverage(truth, sets, batches=batches)


# --- rejection ----------------------------------------------------------------------------------

TRUTH = ["B", "B", "T", "T", "new", "new", ""]
CALLED = ["B", "unknown", "T", "B", "unknown", "T", "unknown"]


def test_rejection_without_known_types() -> None:
    found = metrics.rejection_report(TRUTH, CALLED)
    assert (found.n_cells, found.n_unknown) == (6, 2)
    assert found.accuracy_of_named == pytest.approx(2 / 4)
    assert (found.new_types, found.n_new, found.auroc) == (None, 0, None)
    assert (found.unknown_of_new, found.unknown_of_known) == (None, None)


def test_rejection_with_known_types_and_novelty() -> None:
    novelty = np.array([0.1, 0.6, 0.2, 0.6, 0.9, 0.6, 0.0], dtype=np.float32)
    found = metrics.rejection_report(TRUTH, CALLED, known_types=("B", "T"), novelty=novelty)
    assert (found.new_types, found.n_new) == (("new",), 2)
    assert (found.unknown_of_new, found.unknown_of_known) == (0.5, 0.25)
    pairs = [(new, old) for new in (0.9, 0.6) for old in (0.1, 0.6, 0.2, 0.6)]
    wins = [1.0 if new > old else 0.5 if new == old else 0.0 for new, old in pairs]
    assert found.auroc == pytest.approx(np.mean(wins))
    whole = found.as_dict()
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole


def test_without_new_types_there_is_nothing_to_tell_apart() -> None:
    novelty = np.zeros(7)
    found = metrics.rejection_report(TRUTH, CALLED, known_types=("B", "T", "new"), novelty=novelty)
    assert (found.new_types, found.unknown_of_new, found.auroc) == ((), None, None)
    assert found.unknown_of_known == pytest.approx(2 / 6)
    assert metrics.rejection_report(TRUTH, CALLED, known_types=(), novelty=novelty).auroc is None


def test_all_unknown_has_no_accuracy() -> None:
    assert metrics.rejection_report(["B"], ["unknown"]).accuracy_of_named is None


def test_cells_without_a_prediction_are_not_named_wrongly() -> None:
    found = metrics.rejection_report(["B", "B", "T", "T"], ["B", "unknown", None, ""])
    assert (found.n_cells, found.n_unknown, found.accuracy_of_named) == (4, 1, 1.0)
    assert metrics.rejection_report(["B", "T"], ["unknown", None]).accuracy_of_named is None


@pytest.mark.parametrize(
    ("novelty", "message"),
    [
        (np.zeros(6), r"for each of 7 cells; found an array of shape \(6,\)"),
        (np.array(["a"] * 7), "type <U1"),
        (np.array([np.nan, np.inf, 0, 0, 0, 0, 0]), "NaN or infinite for 2 of 6"),
    ],
)
def test_bad_novelty_is_refused(novelty: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.rejection_report(TRUTH, CALLED, known_types=("B",), novelty=novelty)


def test_novelty_of_cells_without_a_truth_does_not_matter() -> None:
    novelty = np.array([0.0] * 6 + [np.nan])
    assert metrics.rejection_report(TRUTH, CALLED, known_types=("B", "T"), novelty=novelty).auroc


def test_novelty_of_cells_without_a_prediction_does_not_matter() -> None:
    called = [*CALLED[:3], None, *CALLED[4:]]
    novelty = np.array([0.1, 0.6, 0.2, np.nan, 0.9, 0.6, 0.0])
    found = metrics.rejection_report(TRUTH, called, known_types=("B", "T"), novelty=novelty)
    # of 3 known and 2 new cells the new ones are higher in 5 of 6 pairs, and as high in one
    assert found.auroc == pytest.approx(5.5 / 6)
    assert (found.n_cells, found.n_new) == (6, 2)


def test_novelty_is_not_heard_where_new_types_are_not_looked_for() -> None:
    plain = metrics.rejection_report(TRUTH, CALLED)
    assert metrics.rejection_report(TRUTH, CALLED, novelty=np.full(7, np.nan)) == plain
