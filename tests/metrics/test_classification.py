from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd import metrics
from plkd.errors import InputError
from plkd.metrics.scored_cells import NO_PREDICTION

TYPES = ["B", "T", "NK", "mono"]


def slow_scores(truth: list[str], predicted: list[str]) -> dict[str, tuple[float, float, float]]:
    """Precision, recall and F1 by counting, as the definitions read."""
    scores = {}
    pairs = list(zip(truth, predicted, strict=True))
    for name in set(truth):
        hits = sum(t == p == name for t, p in pairs)
        called = sum(p == name for _, p in pairs)
        precision = hits / called if called else 0.0
        recall = hits / sum(t == name for t, _ in pairs)
        f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
        scores[name] = (precision, recall, f1)
    return scores


cells = st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from([*TYPES, "unseen"])), min_size=1)


@settings(deadline=None, max_examples=60)
@given(cells)
def test_scores_are_those_of_counting(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = map(list, zip(*pairs, strict=True))
    expected = slow_scores(truth, predicted)
    found = {s.type: (s.precision, s.recall, s.f1) for s in metrics.per_type(truth, predicted)}
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == pytest.approx(expected[name])
    assert metrics.macro_f1(truth, predicted) == pytest.approx(
        np.mean([f1 for _, _, f1 in expected.values()])
    )
    assert metrics.accuracy(truth, predicted) == pytest.approx(np.mean([t == p for t, p in pairs]))


@settings(deadline=None, max_examples=30)
@given(cells)
def test_confusion_counts_every_cell_once(pairs: list[tuple[str, str]]) -> None:
    truth, predicted = map(list, zip(*pairs, strict=True))
    labels, counts = metrics.confusion(truth, predicted)
    assert list(labels) == sorted({*truth, *predicted})
    assert counts.dtype == np.int64
    for i, true in enumerate(labels):
        for j, guess in enumerate(labels):
            assert counts[i, j] == sum(pair == (true, guess) for pair in pairs)


@settings(deadline=None, max_examples=30)
@given(cells, st.randoms())
def test_report_does_not_depend_on_the_order_of_cells(pairs: list, random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        metrics.report(*map(list, zip(*each, strict=True))).as_dict() for each in (pairs, shuffled)
    )
    assert one == other


def test_types_come_sorted_with_their_number_of_cells() -> None:
    scores = metrics.per_type(["T", "B", "T", "NK"], ["T", "B", "B", "x"])
    assert [(s.type, s.support) for s in scores] == [("B", 1), ("NK", 1), ("T", 2)]
    assert scores[1].f1 == 0.0


def test_type_that_only_the_predictions_hold_does_not_enter_macro_f1() -> None:
    assert metrics.macro_f1(["B", "B", "T", "T"], ["B", "B", "T", "x"]) == pytest.approx(
        (1 + 2 / 3) / 2
    )


@pytest.mark.parametrize("missing", [None, np.nan, "", pd.NA])
def test_cells_without_truth_are_left_out_and_counted(missing: object) -> None:
    truth = np.array(["B", missing, "T", missing], dtype=object)
    report = metrics.report(truth, ["B", "ghost", "T", "T"])
    assert (report.n_cells, report.n_unlabelled, report.accuracy) == (2, 2, 1.0)
    assert report.labels == ("B", "T")


@pytest.mark.parametrize("missing", [None, np.nan, "", pd.NA])
def test_missing_prediction_is_wrong(missing: object) -> None:
    report = metrics.report(["B", "T"], np.array(["B", missing], dtype=object))
    assert (report.n_no_prediction, report.accuracy) == (1, 0.5)
    assert NO_PREDICTION in report.labels
    assert [s.type for s in report.per_type] == ["B", "T"]


def test_no_missing_prediction_is_counted_where_there_is_none() -> None:
    report = metrics.report(["B", "T"], ["T", "T"])
    assert report.n_no_prediction == 0
    assert NO_PREDICTION not in report.labels


@pytest.mark.parametrize("wrap", [list, np.array, pd.Series, pd.Categorical])
def test_containers_give_the_same(wrap: type) -> None:
    truth, predicted = wrap(["B", "T", "T"]), wrap(["B", "B", "T"])
    assert metrics.accuracy(truth, predicted) == pytest.approx(2 / 3)


def test_numbers_and_text_of_one_label_are_one_type() -> None:
    assert metrics.accuracy([1, 2], ["1", "2"]) == 1.0


def test_report_is_the_sum_of_its_parts() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.choice(TYPES, 300), rng.choice(TYPES, 300)
    report = metrics.report(truth, predicted)
    labels, counts = metrics.confusion(truth, predicted)
    assert report.accuracy == metrics.accuracy(truth, predicted)
    assert report.macro_f1 == metrics.macro_f1(truth, predicted)
    assert report.per_type == metrics.per_type(truth, predicted)
    assert report.abundance == metrics.abundance_groups(truth, predicted)
    assert report.labels == labels
    np.testing.assert_array_equal(report.confusion, counts)


def test_dictionary_survives_json() -> None:
    whole = metrics.report(["B", "T", None], ["B", "B", "T"]).as_dict()
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    assert whole["confusion"] == {"labels": ["B", "T"], "counts": [[1, 0], [1, 0]]}
    assert whole["per_type"][0] == {
        "type": "B", "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3), "support": 1
    }  # fmt: skip


def test_abundance_groups_take_types_by_their_number_of_cells() -> None:
    sizes = {"a": 999, "b": 1000, "c": 5000, "d": 5001}
    truth = np.repeat(list(sizes), list(sizes.values()))
    predicted = np.where(truth == "c", "b", truth)
    rare, middling, abundant = metrics.abundance_groups(truth, predicted)
    assert [g.name for g in (rare, middling, abundant)] == ["<1000", "1000-5000", ">5000"]
    assert [(g.n_types, g.n_cells) for g in (rare, middling, abundant)] == [
        (1, 999),
        (2, 6000),
        (1, 5001),
    ]
    assert rare.f1 == abundant.f1 == 1.0
    assert middling.recall == pytest.approx(0.5)
    assert middling.precision == pytest.approx((1000 / 6000) / 2)


def test_empty_abundance_group_has_no_score() -> None:
    rare, middling, abundant = metrics.abundance_groups(["B"], ["B"])
    assert rare.f1 == 1.0
    assert (middling.n_types, middling.f1, abundant.recall) == (0, None, None)


def test_one_edge_makes_two_groups() -> None:
    groups = metrics.abundance_groups(["B", "T", "T"], ["B", "T", "T"], edges=(2,))
    assert [(g.name, g.n_types) for g in groups] == [("<2", 1), (">=2", 1)]


@pytest.mark.parametrize("edges", [(), (5, 5), (5, 1)])
def test_edges_must_increase(edges: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="increasing edges"):
        metrics.abundance_groups(["B"], ["B"], edges=edges)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        (["B"], ["B", "T"], "1 true and 2 predicted"),
        ([None, ""], ["B", "T"], "2 cells, none with one"),
        ([], [], "0 cells"),
        (np.array([["B"]]), ["B"], "'truth' with one value a cell"),
        (["B"], np.array([["B"]]), "'predicted' with one value a cell"),
    ],
)
def test_bad_input_is_refused(truth: list, predicted: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.report(truth, predicted)


def test_unknown_measure_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = metrics.no_such_name
