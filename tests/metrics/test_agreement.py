"""Agreement of two labellings, against counting by hand and scikit-learn's kappa."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from plkd import metrics
from plkd.errors import InputError

ONE = ["B", "B", "T", "T", "T", "NK", None, "T"]
OTHER = ["B", "T", "T", "T", "B", "NK", "B", ""]


def test_by_hand() -> None:
    found = metrics.label_agreement(ONE, OTHER)
    assert (found.n_cells, found.n_left_out) == (6, 2)
    assert found.agreement == pytest.approx(4 / 6)
    assert found.chance == pytest.approx((2 * 2 + 3 * 3 + 1) / 36)
    assert found.kappa == pytest.approx((4 / 6 - 14 / 36) / (1 - 14 / 36))
    by_type = {each.type: (each.n_first, each.n_second, each.n_both) for each in found.per_type}
    assert by_type == {"B": (2, 2, 1), "NK": (1, 1, 1), "T": (3, 3, 2)}
    assert [each.agreement for each in found.per_type] == pytest.approx([0.5, 1.0, 2 / 3])


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn_and_counting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.choice(["a", "b", "c", "d"], (2, 200), p=[0.6, 0.2, 0.15, 0.05])
    other = np.where(rng.random(200) < 0.5, one, other)
    found = metrics.label_agreement(one, other)
    assert found.kappa == pytest.approx(cohen_kappa_score(one, other))
    assert found.agreement == pytest.approx(np.mean(one == other))
    for each in found.per_type:
        both = sum(a == b == each.type for a, b in zip(one, other, strict=True))
        either = list(one).count(each.type) + list(other).count(each.type)
        assert each.agreement == pytest.approx(2 * both / either)
    swapped = metrics.label_agreement(other, one)
    assert (swapped.kappa, swapped.agreement) == pytest.approx((found.kappa, found.agreement))


def test_types_of_one_side_only() -> None:
    found = metrics.label_agreement(["a", "a"], ["b", "b"])
    assert (found.agreement, found.chance, found.kappa) == (0.0, 0.0, 0.0)
    assert [(t.type, t.n_first, t.n_second) for t in found.per_type] == [("a", 2, 0), ("b", 0, 2)]


def test_no_kappa_where_nothing_can_differ() -> None:
    found = metrics.label_agreement(["a", "a"], ["a", "a"])
    assert found.agreement == 1
    assert math.isnan(found.kappa)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["kappa"] is None


def test_a_type_of_cells_left_out_is_no_type() -> None:
    found = metrics.label_agreement(["a", "ghost"], ["a", None])
    assert [each.type for each in found.per_type] == ["a"]


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (["a"], ["a", "b"], "found 1 and 2 labels"),
        (["a", None], [None, "b"], "a cell with a label in both; found none of 2"),
        ([], [], "found none of 0"),
        ([["a"]], [["a"]], "one value a cell"),
    ],
)
def test_what_does_not_fit_is_refused(one: list, other: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        metrics.label_agreement(one, other)
