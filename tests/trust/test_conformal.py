from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd.errors import InputError
from plkd.trust.conformal import HeldOutScores, held_out_scores, prediction_sets
from plkd.trust.set_names import set_names, types_of_set

SHARES = np.array([0.6, 0.3, 0.09, 0.01])


def cells(n: int, seed: int, *, steps: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Exchangeable cells of types of unequal size, some easy and some hard; types of many ties."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(len(SHARES), n, p=SHARES)
    logits = rng.normal(size=(n, len(SHARES))) + np.log(SHARES)
    logits[np.arange(n), codes] += rng.choice([0.5, 2.0, 5.0], n)
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    if steps is not None:
        shares = np.round(shares * steps) / steps
    return shares.astype(np.float32), codes


def slow_sets(
    held: tuple[np.ndarray, np.ndarray], new: np.ndarray, alpha: float, *, by_type: bool
) -> np.ndarray:
    """A type is in the set when its conformal p-value is above alpha, counted cell by cell.

    The p-value is the share of held-out cells, the new one with them, whose true type is no more
    probable. Where the cells of a type cannot make it small enough, all cells are counted.
    """
    shares, codes = held
    true = [float(row[code]) for row, code in zip(shares, codes, strict=True)]
    members = np.zeros(new.shape, dtype=bool)
    for t in range(new.shape[1]):
        own = [p for p, code in zip(true, codes, strict=True) if code == t]
        compared = own if by_type and round(1 / (len(own) + 1), 12) <= alpha else true
        for i, row in enumerate(new):
            p_value = (1 + sum(p <= float(row[t]) for p in compared)) / (len(compared) + 1)
            members[i, t] = p_value > alpha + 1e-12
    return members


TOO_FEW = "ignore:an error rate of .* held-out cells:UserWarning"


@pytest.mark.filterwarnings(TOO_FEW)
@pytest.mark.parametrize("by_type", [False, True])
@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("n", [1, 8, 9, 10, 99, 150])
def test_sets_are_those_of_p_values(n: int, alpha: float, by_type: bool) -> None:
    held, (new, _) = cells(n, n), cells(30, 1000 + n)
    thresholds = held_out_scores(*held).thresholds(alpha, by_type=by_type)
    found = prediction_sets(new, thresholds, never_empty=False)
    np.testing.assert_array_equal(found, slow_sets(held, new, alpha, by_type=by_type))


@pytest.mark.filterwarnings(TOO_FEW)
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([0.05, 0.1, 0.2, 1 / 3, 0.6]))
def test_ties_do_not_matter(seed: int, n: int, alpha: float) -> None:
    held, (new, _) = cells(n, seed, steps=4), cells(10, seed + 1, steps=4)
    for by_type in (False, True):
        thresholds = held_out_scores(*held).thresholds(alpha, by_type=by_type)
        found = prediction_sets(new, thresholds, never_empty=False)
        np.testing.assert_array_equal(found, slow_sets(held, new, alpha, by_type=by_type))


def mean_coverage(
    alpha: float, n: int, of: Callable[[np.ndarray], np.ndarray], **options: bool
) -> float:
    """Coverage over many draws of held-out and new cells, of those that ``of`` chooses."""
    hits = []
    for seed in range(150):
        thresholds = held_out_scores(*cells(n, seed)).thresholds(alpha, **options)
        shares, codes = cells(400, 10_000 + seed)
        members = prediction_sets(shares, thresholds, never_empty=False)
        hits.append(members[np.arange(len(codes)), codes][of(codes)])
    return float(np.concatenate(hits).mean())


@pytest.mark.parametrize(("alpha", "n"), [(0.1, 9), (0.1, 300), (0.2, 49), (0.05, 250)])
def test_coverage_of_exchangeable_cells_is_what_was_asked_for(alpha: float, n: int) -> None:
    found = mean_coverage(alpha, n, lambda codes: codes >= 0)
    exact = 1 - np.floor(alpha * (n + 1) + 1e-9) / (n + 1)  # without ties it is this, on average
    draws = np.sqrt(exact * (1 - exact) / (n + 1) / 150)  # spread of the held-out cells' part
    assert abs(found - exact) < 4 * draws + 0.004


@pytest.mark.parametrize("code", range(3))
def test_coverage_within_types_is_what_was_asked_for(code: int) -> None:
    found = mean_coverage(0.1, 400, lambda codes: codes == code, by_type=True)
    assert 0.885 < found < 0.945


def test_rare_types_lose_without_thresholds_of_their_own() -> None:
    """What the option is for; otherwise the test above would tell nothing."""
    assert mean_coverage(0.1, 400, lambda codes: codes == 2) < 0.85


def test_a_type_of_too_few_cells_takes_the_threshold_of_all() -> None:
    shares, codes = cells(600, 3)
    codes[codes == 3] = 0
    codes[:8] = 3
    scores = held_out_scores(shares, codes)
    assert scores.n_cells.tolist()[0] == 600
    assert scores.n_cells[4] == 8
    common, own = scores.thresholds(0.1), scores.thresholds(0.1, by_type=True)
    assert scores.has_own(0.1).tolist() == [True, True, True, False]
    assert own[3] == common[3]
    assert np.all(own[:3] != common[:3])
    assert scores.has_own(1 / 9).tolist() == [True] * 4
    assert scores.thresholds(1 / 9, by_type=True)[3] == shares[:8, 3].min()


@pytest.mark.parametrize("by_type", [False, True])
def test_too_few_cells_altogether_give_every_type(by_type: bool) -> None:
    shares, codes = cells(8, 0)
    said = "rate of 0.1 needs 9 held-out cells, the model has 8: .* rate possible is 0.1112$"
    with pytest.warns(UserWarning, match=said) as caught:
        thresholds = held_out_scores(shares, codes).thresholds(0.1, by_type=by_type)
    assert [each.filename for each in caught] == [__file__]
    held_out_scores(shares, codes).thresholds(0.1112, by_type=by_type)
    assert thresholds.tolist() == [0.0] * 4
    assert prediction_sets(np.zeros((2, 4)), thresholds).all()


def test_a_type_without_held_out_cells_is_allowed() -> None:
    shares, codes = cells(200, 1)
    scores = held_out_scores(shares, np.where(codes == 3, 2, codes))
    assert scores.n_cells[4] == 0
    assert scores.thresholds(0.1, by_type=True)[3] == scores.thresholds(0.1)[3]


def test_cells_without_a_true_type_are_left_out() -> None:
    shares, codes = cells(100, 2)
    known = np.where(np.arange(100) < 40, codes, -1)
    expected = held_out_scores(shares[:40], codes[:40]).as_arrays()
    for name, array in held_out_scores(shares, known).as_arrays().items():
        np.testing.assert_array_equal(array, expected[name])


def test_sets_are_never_empty_unless_asked() -> None:
    thresholds = np.full(4, 0.9, dtype=np.float32)
    new = np.array([[0.4, 0.3, 0.2, 0.1], [0.95, 0.05, 0.0, 0.0]])
    assert prediction_sets(new, thresholds).tolist() == [[True, False, False, False]] * 2
    assert prediction_sets(new, thresholds, never_empty=False).sum(axis=1).tolist() == [0, 1]
    assert prediction_sets(new[:0], thresholds).shape == (0, 4)


def test_double_and_single_precision_give_one_answer() -> None:
    shares, codes = cells(99, 5)
    fine = shares.astype(np.float64) + 1e-10
    thresholds = held_out_scores(fine, codes).thresholds(0.1)
    np.testing.assert_array_equal(
        prediction_sets(fine, thresholds), prediction_sets(shares, thresholds)
    )
    assert thresholds[0] in shares[np.arange(99), codes]


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.1, 0.3])
def test_kept_statistics_are_near_and_on_the_safe_side(alpha: float) -> None:
    held, (new, _) = cells(30_000, 7), cells(2000, 8)
    few, all_ = held_out_scores(*held), held_out_scores(*held, n_kept=30_000)
    assert np.diff(few.starts).max() <= 1000
    assert np.diff(all_.starts)[0] == 30_000
    for by_type in (False, True):
        small, exact = (each.thresholds(alpha, by_type=by_type) for each in (few, all_))
        assert np.all(small <= exact)
    true = np.sort(held[0][np.arange(30_000), held[1]])
    missed = np.count_nonzero(true < few.thresholds(alpha)[0]) / 30_000
    assert alpha * 0.98 - 2 / 30_000 <= missed <= alpha
    assert not np.any(
        prediction_sets(new, all_.thresholds(alpha)) & ~prediction_sets(new, few.thresholds(alpha))
    )


def test_scores_survive_json_and_arrays() -> None:
    scores = held_out_scores(*cells(1500, 4))
    lists = {name: array.tolist() for name, array in scores.as_arrays().items()}
    whole = json.loads(json.dumps(lists, allow_nan=False))
    for again in (HeldOutScores.from_dict(whole), HeldOutScores.from_dict(scores.as_arrays())):
        for name, array in scores.as_arrays().items():
            np.testing.assert_array_equal(again.as_arrays()[name], array)
            assert again.as_arrays()[name].dtype == array.dtype
    assert {name: str(array.dtype) for name, array in scores.as_arrays().items()} == {
        "values": "float32",
        "ranks": "int64",
        "starts": "int64",
        "n_cells": "int64",
    }


@pytest.mark.parametrize("lost", ["values", "ranks", "starts", "n_cells"])
def test_damaged_scores_are_refused(lost: str) -> None:
    whole = held_out_scores(*cells(50, 4)).as_arrays()
    with pytest.raises(InputError, match="parts fit each other"):
        HeldOutScores.from_dict({**whole, lost: whole[lost][:-1]})


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, np.nan])
def test_rates_outside_of_0_and_1_are_refused(alpha: float) -> None:
    scores = held_out_scores(*cells(50, 4))
    with pytest.raises(InputError, match="alpha between 0 and 1"):
        scores.thresholds(alpha)
    with pytest.raises(InputError, match="alpha between 0 and 1"):
        scores.has_own(alpha)


@pytest.mark.parametrize(
    ("shares", "codes", "message"),
    [
        (np.ones((2, 2)) / 2, np.array([0]), r"shapes \(2, 2\) and \(1,\)"),
        (np.ones(2), np.array([0, 0]), "a type for each cell"),
        (np.ones((2, 0)), np.array([-1, -1]), "a type for each cell"),
        (np.array([[2.0, -1.0]]), np.array([0]), "not logits"),
        (np.array([[np.nan, 0.5]]), np.array([0]), "NaN"),
        (np.ones((1, 2)) / 2, np.array([2]), "from 0 to 1, or -1"),
        (np.ones((1, 2)) / 2, np.array([-2]), "from 0 to 1, or -1"),
        (np.ones((1, 2)) / 2, np.array([0.0]), "whole numbers"),
        (np.ones((2, 2)) / 2, np.array([-1, -1]), "none among 2"),
    ],
)
def test_bad_held_out_cells_are_refused(
    shares: np.ndarray, codes: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        held_out_scores(shares, codes)


def test_too_few_kept_statistics_are_refused() -> None:
    with pytest.raises(InputError, match="n_kept of 2"):
        held_out_scores(*cells(50, 4), n_kept=1)


def test_thresholds_of_another_model_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"3 types, one row a cell; found an array of shape \(5, 4\)"
    ):
        prediction_sets(np.ones((5, 4)), np.zeros(3, dtype=np.float32))


# --- sets as text -------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text(st.sampled_from("ab|\\ "), min_size=1), min_size=1, max_size=4, unique=True),
    st.integers(0, 1000),
)
def test_sets_are_read_as_they_were_written(classes: list[str], seed: int) -> None:
    members = np.random.default_rng(seed).random((20, len(classes))) < 0.5
    codes, texts = set_names(members, classes)
    assert codes.dtype == np.int32
    assert len(set(texts)) == len(texts)
    for row, code in zip(members, codes, strict=True):
        assert types_of_set(texts[code]) == tuple(np.array(classes, dtype=object)[row])


@pytest.mark.parametrize("n_types", [7, 8, 64, 65, 150])
def test_any_number_of_types_is_told_apart(n_types: int) -> None:
    classes = [f"type {t}" for t in range(n_types)]
    members = np.vstack([np.eye(n_types, dtype=bool), np.zeros((2, n_types), dtype=bool)])
    codes, texts = set_names(members, classes)
    assert [texts[code] for code in codes] == [*classes, "", ""]


def test_plain_names_stand_as_they_are() -> None:
    codes, texts = set_names(np.array([[True, True], [False, True]]), ["CD4 T", "NK"])
    assert [texts[code] for code in codes] == ["CD4 T|NK", "NK"]


def test_no_cells_have_no_sets() -> None:
    codes, texts = set_names(np.zeros((0, 2), dtype=bool), ["a", "b"])
    assert (codes.tolist(), texts) == ([], ())


def test_members_of_other_classes_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(n_cells, 3\)"):
        set_names(np.ones((2, 2), dtype=bool), ["a", "b", "c"])


def test_credibility_is_the_share_of_held_out_cells_that_are_no_surer():
    rng = np.random.default_rng(0)
    table = rng.dirichlet([0.5] * 4, 300).astype(np.float32)
    codes = rng.integers(0, 4, 300)
    scores = held_out_scores(table, codes)
    true = table[np.arange(300), codes]
    asked = np.concatenate([[0.0, 1.0], rng.random(50), np.sort(true)[:30]]).astype(np.float32)
    expected = [(1 + (true <= p).sum()) / 301 for p in asked]
    assert np.allclose(scores.credibility(asked), expected)
    few = held_out_scores(table, codes, n_kept=40).credibility(asked)
    assert (few <= np.array(expected) + 1e-12).all()  # the kept one below: on the safe side
    rare = np.array(expected) < 0.1
    assert rare.sum() > 5
    assert np.allclose(few[rare], np.array(expected)[rare], atol=0.015)
