from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd.data.labels import balanced_weights, encode_labels, leave_batch_out, split_reference
from plkd.errors import InputError

# --- encoding --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, pd.Categorical])
def test_types_are_sorted_and_missing_ones_unlabelled(kind: type) -> None:
    labels = encode_labels(kind(["b", "a", "b", "a", None, "b"]))
    np.testing.assert_array_equal(labels.codes, [1, 0, 1, 0, -1, 1])
    assert labels.codes.dtype == np.int64
    assert labels.classes == ("a", "b")
    np.testing.assert_array_equal(labels.counts, [2, 3])


@pytest.mark.parametrize("missing", [None, np.nan, np.float32("nan"), "", pd.NA])
def test_every_kind_of_missing_label_is_unlabelled(missing: object) -> None:
    assert encode_labels(["a", "a", "b", "b", missing]).codes[-1] == -1


def test_no_label_at_all_is_refused() -> None:
    with pytest.raises(InputError, match=r"cell types in obs\['t'\]; found no label in any of 2"):
        encode_labels([None, ""], key="t")


def test_one_type_only_is_refused() -> None:
    with pytest.raises(InputError, match=r"at least two cell types.*only 'a' \(3 cells\)"):
        encode_labels(["a", "a", "a", None])


def test_a_type_with_one_cell_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"at least 2 cells of each type.*found 'b' \(1\)\."):
        encode_labels(["a", "a", "b"])
    many = [name for i in range(7) for name in [f"r{i}"]] + ["a"] * 3
    with pytest.raises(InputError, match=r"'r4' \(1\) and 2 more"):
        encode_labels(many)
    assert encode_labels(["a", "a", "b"], min_cells=1).classes == ("a", "b")


# --- names that look like a slip ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["nan", "NaN", "NA", "n/a", "None", "NULL", "<NA>", "unknown", " Unassigned ", " "]
)
def test_a_missing_label_as_text_is_warned_about(name: str) -> None:
    message = rf"obs\['ct'\] has {re.escape(repr(name))} \(2 cells\).*clear the labels"
    with pytest.warns(UserWarning, match=message):
        labels = encode_labels(["a", "a", name, name, "b", "b"], key="ct")
    assert name in labels.classes


def test_a_type_spelled_in_two_ways_is_warned_about() -> None:
    values = ["B cell"] * 3 + ["B  Cell "] + ["T cell"] * 2
    message = r"upper and lower case alone: 'B  Cell ' \(1 cell\) and 'B cell' \(3 cells\),"
    with pytest.warns(UserWarning, match=message):
        assert len(encode_labels(values, min_cells=1).classes) == 3


def test_types_that_only_sound_so_are_not_warned_about() -> None:
    names = ["unknown T cell", "NAÏVE", "NA+ cell", "T1", "T 1", "nanog+"]
    assert encode_labels(names * 2).classes == tuple(sorted(names))


# --- splitting -------------------------------------------------------------------------------

CODES = np.tile([0, 1, 2, -1], 100)


def check(split: object, n_cells: int) -> None:
    both = np.concatenate([split.train, split.held_out])  # type: ignore[attr-defined]
    np.testing.assert_array_equal(np.sort(both), np.arange(n_cells))


def test_whole_batches_are_held_out() -> None:
    batches = np.repeat(["a", "b", "c", "d"], [200, 120, 40, 40])
    split = split_reference(CODES, batches, share=0.2)
    check(split, 400)
    assert split.batches == ("c", "d")
    assert set(batches[split.held_out]) == {"c", "d"}
    assert not set(batches[split.train]) & {"c", "d"}


def test_one_batch_is_held_out_even_if_it_is_large() -> None:
    split = split_reference(CODES, np.repeat(["a", "b"], 200), share=0.1)
    assert len(split.batches) == 1
    assert len(split.held_out) == 200


def test_the_seed_chooses_among_equal_batches() -> None:
    batches = np.repeat(["a", "b", "c", "d"], 100)
    chosen = {split_reference(CODES, batches, seed=seed).batches for seed in range(20)}
    assert len(chosen) == 4
    assert split_reference(CODES, batches, seed=3) is not None
    first, again = (split_reference(CODES, batches, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.held_out, again.held_out)


def test_a_batch_with_the_only_cells_of_a_type_stays() -> None:
    batches = np.repeat(["small", "large", "larger"], [40, 160, 200])
    codes = np.where(batches == "small", 3, CODES)
    split = split_reference(codes, batches)
    assert split.batches == ("large",)


def test_without_a_batch_to_spare_cells_of_all_are_held_out() -> None:
    batches = np.repeat(["a", "b"], 200)
    split = split_reference((batches == "b").astype(int), batches)
    assert split.batches == ()
    assert "drawn from all" in split.how
    assert len(split.held_out) == 40


def test_a_batch_with_nearly_all_cells_is_not_held_out() -> None:
    """The small batch has a type of its own, so the large one alone could be spared."""
    batches = np.repeat(["small", "large"], [150, 2000])
    codes = np.concatenate([np.arange(150) % 4, np.arange(2000) % 3])
    split = split_reference(codes, batches, share=0.2)
    assert split.batches == ()
    assert len(split.held_out) == pytest.approx(0.2 * 2150, abs=3)


def test_without_batches_every_type_is_held_out_in_its_share() -> None:
    codes = np.array([0] * 100 + [1] * 20 + [2] * 2 + [3])
    split = split_reference(codes, share=0.1, seed=1)
    check(split, 123)
    np.testing.assert_array_equal(np.bincount(codes[split.held_out], minlength=4), [10, 2, 1, 0])
    assert split.batches == ()


@given(
    cells=st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 4)), min_size=1, max_size=60),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_every_type_keeps_cells_to_train_on(
    cells: list[tuple[int, int]], share: float, seed: int
) -> None:
    codes, batches = (np.array(column) for column in zip(*cells, strict=True))
    split = split_reference(codes, batches, share=share, seed=seed)
    check(split, len(cells))
    assert set(codes[split.train]) | {-1} == set(codes) | {-1}
    if split.batches:
        assert not set(batches[split.train]) & set(batches[split.held_out])


def test_bad_shares_and_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="a share between 0 and 1; found 1"):
        split_reference(CODES, share=1.0)
    with pytest.raises(InputError, match="a batch for each of 400 cells; found 2"):
        split_reference(CODES, ["a", "b"])


def test_each_batch_is_left_out_once() -> None:
    batches = np.repeat([f"b{i}" for i in range(8)], 50)
    splits = leave_batch_out(CODES, batches)
    assert len(splits) == 5
    assert sorted(name for split in splits for name in split.batches) == sorted(set(batches))
    held = np.concatenate([split.held_out for split in splits])
    np.testing.assert_array_equal(np.sort(held), np.arange(400))
    for split in splits:
        check(split, 400)
        assert set(batches[split.held_out]) == set(split.batches)


def test_one_batch_cannot_be_left_out() -> None:
    with pytest.raises(InputError, match=r"at least two batches and two folds; found 1 batch"):
        leave_batch_out(CODES, ["a"] * 400)


# --- balancing -------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_weights_follow_the_size_of_the_type(power: float) -> None:
    codes = np.array([0] * 8 + [1] * 2)
    weights = balanced_weights(codes, power)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[-1] / weights[0] == pytest.approx(4.0**power)


def test_power_one_draws_types_alike() -> None:
    codes = np.array([0] * 8 + [1] * 2 + [2])
    sums = np.bincount(codes, weights=balanced_weights(codes, 1.0))
    np.testing.assert_allclose(sums, 1 / 3)


def test_cells_without_a_label_have_the_mean_weight() -> None:
    weights = balanced_weights(np.array([0, 0, 0, 1, -1]), 1.0)
    assert weights[4] == pytest.approx(weights[:4].mean())
    np.testing.assert_allclose(balanced_weights(np.array([-1, -1]), 1.0), 0.5)


def test_cells_without_a_label_do_not_count_towards_the_held_out() -> None:
    """One batch of 800 cells has a single label: nothing could be measured on it."""
    codes = np.concatenate([np.arange(900) % 3, [0], np.full(799, -1)])
    batches = np.repeat(["A", "B"], [900, 800])
    for seed in range(5):
        split = split_reference(codes, batches, share=0.2, seed=seed)
        assert split.batches == ()
        assert (codes[split.held_out] >= 0).all()
        assert len(split.held_out) == 180


def test_a_few_labels_in_many_batches_are_held_out_whole() -> None:
    rng = np.random.default_rng(0)
    codes = np.where(rng.random(5000) < 0.1, rng.integers(0, 3, 5000), -1)
    batches = rng.choice(list("abcdefghij"), 5000)
    split = split_reference(codes, batches, share=0.2, seed=0)
    labelled = (codes[split.held_out] >= 0).sum()
    assert 1 <= len(split.batches) <= 3
    assert 0.05 < labelled / (codes >= 0).sum() <= 0.2
