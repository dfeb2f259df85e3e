"""Labels of a batch that the other batches contradict, on points whose types are known."""

from __future__ import annotations

import numpy as np
import pytest

from plkd.trust.discriminant import fit_discriminant
from plkd.trust.other_batches import ContradictedLabel, contradicted_labels

TYPES = ("B", "DC", "Mono", "NK", "T")
B, DC, MONO, NK, T = range(5)
N_TYPES = len(TYPES)
BATCHES = ("one", "other", "third")


def cells(seed: int = 0, spread: float = 1.0):
    """Return points, types and batches; DC and Mono are near each other, each batch lies apart.

    In each batch are 40 Mono and 60 cells of every other type.
    """
    rng = np.random.default_rng(seed)
    centres = 12 * rng.normal(size=(N_TYPES, 8))
    centres[DC] = centres[MONO] + 8 * rng.normal(size=8) / np.sqrt(8)
    codes = np.tile(np.repeat(np.arange(N_TYPES), [60, 60, 40, 60, 60]), len(BATCHES))
    batches = np.repeat(BATCHES, len(codes) // len(BATCHES))
    offset = dict(zip(BATCHES, 4 * rng.normal(size=(len(BATCHES), 8)), strict=True))
    points = centres[codes] + spread * rng.normal(size=(len(codes), 8))
    points += np.stack([offset[name] for name in batches])
    return points, codes, batches


def test_nothing_is_contradicted_where_all_name_cells_alike():
    assert contradicted_labels(*cells(), N_TYPES) == []


def test_cells_of_an_unnamed_type_are_found():
    points, codes, batches = cells()
    dc = (codes == DC) & (batches == "one")
    mono = (codes == MONO) & (batches == "one")
    given = np.where(dc, MONO, codes)
    (found,) = contradicted_labels(points, given, batches, N_TYPES)
    assert (found.batch, found.label, found.looks_like) == ("one", MONO, DC)
    assert found.n_labelled == dc.sum() + mono.sum()
    assert dc[found.cells].mean() > 0.95
    assert len(found.cells) > 0.9 * dc.sum()
    assert np.all(np.diff(found.cells) > 0)
    assert found.named(TYPES) == ContradictedLabel(
        "one", "Mono", "DC", len(found.cells), found.n_labelled
    )


def test_all_cells_of_a_label_may_be_of_another_type():
    points, codes, batches = cells()
    ours = batches == "one"
    kept = ~(ours & (codes == MONO))
    given = np.where(ours & (codes == DC), MONO, codes)
    (found,) = contradicted_labels(points[kept], given[kept], batches[kept], N_TYPES)
    assert found.n_labelled == 60
    assert len(found.cells) >= 57


def test_a_small_part_of_a_label_is_found_if_it_lies_together():
    points, codes, batches = cells()
    ours = batches == "one"
    dc = np.flatnonzero(ours & (codes == DC))
    kept = np.ones(len(codes), dtype=bool)
    kept[dc[12:]] = False
    given = np.where(ours & (codes == DC), MONO, codes)
    (found,) = contradicted_labels(points[kept], given[kept], batches[kept], N_TYPES)
    assert found.n_labelled == 52
    assert np.array_equal(np.flatnonzero(kept)[found.cells], dc[:12])
    kept[dc[9:]] = False
    assert contradicted_labels(points[kept], given[kept], batches[kept], N_TYPES) == []


def test_cells_of_a_type_that_blends_into_another_are_scattered(monkeypatch):
    """Of many monocytes some are called dendritic, and those nearest to them are not."""
    rng = np.random.default_rng(0)
    centres = 12 * rng.normal(size=(N_TYPES, 8))
    centres[DC] = centres[MONO] + 3 * rng.normal(size=8) / np.sqrt(8)
    codes = np.tile(np.repeat(np.arange(N_TYPES), [60, 60, 2000, 60, 60]), 2)
    batches = np.repeat(["one", "other"], len(codes) // 2)
    points = centres[codes] + rng.normal(size=(len(codes), 8))
    kept = (batches == "other") | (codes != DC)
    asked = points[kept], codes[kept], batches[kept], N_TYPES
    assert contradicted_labels(*asked) == []
    monkeypatch.setattr("plkd.trust.other_batches.TOGETHER", 0.0)
    (found,) = contradicted_labels(*asked)
    assert (found.label, found.looks_like) == (MONO, DC)


@pytest.mark.parametrize("lacking", range(N_TYPES))
def test_a_type_that_is_truly_not_there_is_not_missed(lacking):
    points, codes, batches = cells()
    kept = ~((batches == "one") & (codes == lacking))
    assert contradicted_labels(points[kept], codes[kept], batches[kept], N_TYPES) == []


def test_a_batch_that_has_the_name_is_believed():
    points, codes, batches = cells()
    dc = np.flatnonzero((codes == DC) & (batches == "one"))
    given = codes.copy()
    given[dc[5:]] = MONO
    assert contradicted_labels(points, given, batches, N_TYPES) == []
    given[dc[4]] = MONO
    assert len(contradicted_labels(points, given, batches, N_TYPES)) == 1


def test_a_batch_that_the_others_do_not_understand_is_believed():
    points, codes, batches = cells()
    ours = batches == "one"
    given = np.where((codes == DC) & ours, MONO, codes)
    turned = np.array([T, DC, MONO, B, NK])  # names of three types that it uses otherwise
    given[ours] = turned[given[ours]]
    assert contradicted_labels(points, given, batches, N_TYPES) == []


def test_few_cells_are_not_judged():
    points, codes, batches = cells()
    ours = batches == "one"
    given = np.where((codes == DC) & ours, MONO, codes)
    rng = np.random.default_rng(0)
    few = ours & (given == MONO)
    keep = ~few
    keep[rng.permutation(np.flatnonzero(few & (codes == DC)))[:19]] = True
    assert contradicted_labels(points[keep], given[keep], batches[keep], N_TYPES) == []
    keep[rng.permutation(np.flatnonzero(few & (codes == DC) & ~keep))[:1]] = True
    assert len(contradicted_labels(points[keep], given[keep], batches[keep], N_TYPES)) == 1


def test_one_batch_and_cells_without_a_label():
    points, codes, batches = cells()
    given = np.where((codes == DC) & (batches == "one"), MONO, codes)
    assert contradicted_labels(points, given, np.full(len(codes), "one"), N_TYPES) == []
    assert contradicted_labels(points, np.full(len(codes), -1), batches, N_TYPES) == []
    given[::7] = -1
    (found,) = contradicted_labels(points, given, batches, N_TYPES)
    assert np.all(given[found.cells] == MONO)


def test_order_and_names_of_the_cells_do_not_matter():
    points, codes, batches = cells()
    given = np.where((codes == DC) & (batches == "one"), MONO, codes)
    (first,) = contradicted_labels(points, given, batches, N_TYPES)
    order = np.random.default_rng(1).permutation(len(codes))
    (again,) = contradicted_labels(points[order], given[order], batches[order], N_TYPES)
    assert np.array_equal(np.sort(order[again.cells]), first.cells)
    as_numbers = np.unique(batches, return_inverse=True)[1]
    (numbered,) = contradicted_labels(points, given, as_numbers, N_TYPES)
    assert numbered.batch == "0"
    assert np.array_equal(numbered.cells, first.cells)


def test_it_is_the_discriminant_of_the_other_batches():
    """The sums of all cells less those of a batch are those of the others."""
    points, codes, batches = cells(spread=1.6)
    given = np.where((codes == DC) & (batches == "one"), MONO, codes)
    (found,) = contradicted_labels(points, given, batches, N_TYPES)
    ours = batches == "one"
    classifier = fit_discriminant(points[~ours], given[~ours], N_TYPES)
    shared = [t for t in range(N_TYPES) if t != DC]
    off = [
        points[ours & (given == t)].mean(0) - points[~ours & (given == t)].mean(0) for t in shared
    ]
    own = np.flatnonzero(ours & (given == MONO))
    says = classifier.log_probabilities(points[own] - np.mean(off, axis=0))
    says -= np.log(np.bincount(given[~ours]))  # all types as likely beforehand
    surely = (says.argmax(1) == DC) & (says[:, DC] - says[:, MONO] > np.log(10))
    assert np.array_equal(found.cells, own[surely])
