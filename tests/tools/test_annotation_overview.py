"""What an annotation says as a whole, against counting by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.tools.annotation_overview import N_BINS, annotation_overview, as_text

SLOTS = SlotNames()
UNS = {"plkd": {"plkd_version": "0", "classes": np.array(["A", "B|b", "C"], dtype=object)}}


def table(**columns: list[object]) -> pd.DataFrame:
    obs = {
        "plkd_label": ["A", "A", "unknown", "B|b", "unknown", "A"],
        "plkd_best_label": ["A", "A", "A", "B|b", None, "A"],
        "plkd_confidence": [0.9, 0.7, 0.6, 1.0, 0.0, 0.8],
        "plkd_novelty": [0.1, 0.2, 0.99, 0.5, 1.0, 0.0],
        "plkd_no_counts": [False, False, False, False, True, False],
        "plkd_set": ["A", "A|B\\|b", "A|C", "B\\|b", "A|B\\|b|C", "A"],
        "donor": ["d2", "d1", "d1", "d1", "d2", None],
    }
    return pd.DataFrame({**obs, **columns}).astype(
        dict.fromkeys(("plkd_label", "plkd_best_label", "plkd_set"), "category")
    )


def test_counts_are_those_of_the_table() -> None:
    found = annotation_overview(table(), UNS, SLOTS)
    assert (found.n_cells, found.n_unknown, found.n_no_counts) == (6, 2, 1)
    assert found.expected_right == pytest.approx((0.9 + 0.7 + 1.0 + 0.8) / 4)
    assert found.set_size == pytest.approx((1 + 2 + 1 + 1) / 4)
    assert [each.name for each in found.types] == ["A", "B|b"]
    assert found.absent == ("C",)
    assert found.batches == ()


def test_each_type_is_told_of_its_named_cells() -> None:
    first, second = annotation_overview(table(), UNS, SLOTS).types
    assert (first.n_cells, first.share, first.median_confidence) == (3, 0.5, 0.8)
    assert first.n_unknown == 1
    assert first.mixed_with == (("B|b", pytest.approx(1 / 3)),)
    assert {place: n for place, n in enumerate(first.confidences) if n} == {14: 1, 16: 1, 18: 1}
    assert (second.n_cells, second.n_unknown, second.mixed_with) == (1, 0, ())
    assert second.confidences[N_BINS - 1] == 1


def test_novelties_are_counted_without_cells_that_have_no_counts() -> None:
    found = annotation_overview(table(), UNS, SLOTS).novelties
    assert found is not None
    assert sum(found) == 5
    assert (found[0], found[2], found[4], found[10], found[19]) == (1, 1, 1, 1, 1)


def test_batches_are_told_one_by_one() -> None:
    nowhere, one, two = annotation_overview(table(), UNS, SLOTS, batch_key="donor").batches
    assert (nowhere.name, nowhere.n_cells, nowhere.unknown) == ("(none)", 1, 0.0)
    assert (one.name, one.n_cells, one.unknown) == ("d1", 3, pytest.approx(1 / 3))
    assert one.median_confidence == pytest.approx(0.85)
    assert one.commonest == (("A", pytest.approx(1 / 3)), ("B|b", pytest.approx(1 / 3)))
    assert (two.name, two.unknown) == ("d2", 0.5)


def test_a_type_that_is_called_unknown_is_one() -> None:
    uns = {"plkd": {**UNS["plkd"], "classes": np.array(["A", "B|b", "unknown"], dtype=object)}}
    obs = table(
        plkd_label=["A", "unknown", "unknown", "B|b", "unknown", "A"],
        plkd_best_label=["A", "unknown", "A", "B|b", None, "A"],
    )
    found = annotation_overview(obs, uns, SLOTS)
    assert {each.name: each.n_cells for each in found.types} == {"A": 2, "B|b": 1, "unknown": 1}
    assert found.n_unknown == 2


def test_models_that_know_no_doubt_call_none_unknown_but_cells_without_counts() -> None:
    absent = ["plkd_best_label", "plkd_novelty", "plkd_set"]
    obs = table(plkd_label=["A", "A", "C", "B|b", "unknown", "A"]).drop(columns=absent)
    found = annotation_overview(obs, UNS, SLOTS)
    assert (found.n_unknown, found.set_size, found.novelties, found.absent) == (1, None, None, ())
    assert [each.n_unknown for each in found.types] == [None, None, None]


def test_of_no_named_cell_nothing_is_said() -> None:
    obs = table(plkd_label=["unknown"] * 6, plkd_novelty=[0.99] * 6)
    found = annotation_overview(obs, UNS, SLOTS, batch_key="donor")
    assert (found.expected_right, found.set_size, found.types) == (None, None, ())
    assert [each.median_confidence for each in found.batches] == [None] * 3


@pytest.mark.parametrize(
    ("obs", "uns", "said"),
    [
        (table(), {}, "no uns|was lost"),
        (table().iloc[:0], UNS, "cells to tell of"),
        (table().drop(columns="plkd_confidence"), UNS, "plkd_confidence"),
    ],
)
def test_what_is_no_annotation_is_refused(obs, uns, said) -> None:
    with pytest.raises(InputError, match=said):
        annotation_overview(obs, uns, SLOTS)


def test_an_absent_batch_column_is_named() -> None:
    with pytest.raises(InputError, match="a column 'batch' in obs"):
        annotation_overview(table(), UNS, SLOTS, batch_key="batch")


def test_missing_values_are_empty_text() -> None:
    assert list(as_text(pd.Series(["a", None, float("nan")]))) == ["a", "", ""]
