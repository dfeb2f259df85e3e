"""How many genes: as many as held-out cells are named better by."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp

from plkd.data import choose_genes, select_genes
from plkd.data.number_of_genes import five_folds, held_out_macro_f1

numbers = import_module("plkd.data.number_of_genes")

N_CELLS, N_TYPES = 240, 4
CODES = np.arange(N_CELLS) % N_TYPES
BATCHES = np.where(np.arange(N_CELLS) % 3 == 0, "a", "b")


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "FEWER", 20)
    monkeypatch.setattr(numbers, "MORE", 120)


def told_by_few(n_genes: int = 200) -> sp.csr_matrix:
    """Cells whose types have five loud marker genes each, the first of all; the rest is noise."""
    rng = np.random.default_rng(0)
    rates = np.full((N_CELLS, n_genes), 0.3)
    for code in range(N_TYPES):
        rates[code == CODES, 5 * code : 5 * code + 5] = 4
    return sp.csr_matrix(np.log1p(rng.poisson(rates)).astype(np.float32))


def told_by_many(n_genes: int = 200) -> sp.csr_matrix:
    """Cells whose types differ by little in every gene."""
    rng = np.random.default_rng(0)
    factors = rng.lognormal(0, 0.35, (N_TYPES, n_genes))
    return sp.csr_matrix(np.log1p(rng.poisson(0.6 * factors[CODES])).astype(np.float32))


def test_types_told_by_many_genes_get_more() -> None:
    cells = told_by_many()
    found = choose_genes(cells, CODES)
    assert set(found.macro_f1) == {20, 120}
    assert found.macro_f1[120] > found.macro_f1[20] + 0.1
    np.testing.assert_array_equal(found.positions, select_genes(cells, 120, types=CODES))


def test_types_told_by_few_genes_get_the_papers_number() -> None:
    cells = told_by_few()
    found = choose_genes(cells, CODES, batches=BATCHES)
    assert found.macro_f1[20] > 0.9
    assert found.macro_f1[120] < found.macro_f1[20] + numbers.LEAST_GAIN
    np.testing.assert_array_equal(found.positions, select_genes(cells, 20, BATCHES, types=CODES))


def test_a_gain_is_needed_and_no_more_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = told_by_many()
    f1 = choose_genes(cells, CODES).macro_f1
    gain = f1[120] - f1[20]
    for least, n_genes in ((gain - 1e-9, 120), (gain + 1e-9, 20)):
        monkeypatch.setattr(numbers, "LEAST_GAIN", least)
        assert len(choose_genes(cells, CODES).positions) == n_genes


def test_a_number_that_is_said_is_taken() -> None:
    found = choose_genes(told_by_many(), CODES, n_genes=33)
    assert (len(found.positions), found.macro_f1) == (33, {})


@pytest.mark.parametrize(("n_genes", "n_chosen"), [(20, {}), (12, {}), (90, {20, 90})])
def test_where_there_are_few_genes_all_are_the_other_choice(n_genes, n_chosen) -> None:
    found = choose_genes(told_by_many(n_genes), CODES)
    assert set(found.macro_f1) == set(n_chosen)
    assert len(found.positions) <= n_genes


def test_macro_f1_is_that_of_the_mean_with_the_best_correlation() -> None:
    from sklearn.metrics import f1_score
    from sklearn.model_selection import KFold

    cells = told_by_many(60)
    codes = CODES.copy()
    codes[CODES == 3] = np.where(np.arange((CODES == 3).sum()) < 5, 3, 2)  # five cells of the last
    dense, named = cells.toarray(), np.full(N_CELLS, -1)
    for learned, asked in KFold(5, shuffle=True, random_state=7).split(codes):
        there = [code for code in range(N_TYPES) if (codes[learned] == code).sum() >= 5]
        means = [dense[learned][codes[learned] == code].mean(0) for code in there]
        for cell in asked[np.isin(codes[asked], there)]:
            likeness = [np.corrcoef(mean, dense[cell])[0, 1] for mean in means]
            named[cell] = there[int(np.argmax(likeness))]
    judged = named >= 0
    expected = f1_score(
        codes[judged], named[judged], labels=np.unique(codes[judged]), average="macro"
    )
    assert held_out_macro_f1(cells, codes, five_folds(N_CELLS, 7)) == pytest.approx(expected)
    assert 0.3 < expected < 0.98


def test_cells_without_a_type_are_not_judged() -> None:
    cells, codes = told_by_many(), CODES.copy()
    codes[::2] = -1
    some = choose_genes(cells, codes)
    typed, types = cells[1::2], codes[1::2]
    fewer = typed[:, select_genes(typed, 20, types=types)]
    f1 = held_out_macro_f1(fewer, types, five_folds(N_CELLS // 2, 0))
    assert some.macro_f1[20] == pytest.approx(f1)
    of_all = select_genes(cells, len(some.positions), types=codes)  # they vary in these as well
    np.testing.assert_array_equal(some.positions, of_all)
    nobody = choose_genes(cells, np.full(N_CELLS, -1))
    assert (len(nobody.positions), nobody.macro_f1) == (20, {})


def test_types_of_a_cell_or_two_decide_nothing() -> None:
    cells = told_by_many()[:12]
    found = choose_genes(cells, np.arange(12) // 2)
    assert found.macro_f1 == {20: 0.0, 120: 0.0}
    assert len(found.positions) == 20


def test_of_many_cells_some_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MOST_CELLS", 100)
    judged: list[int] = []
    monkeypatch.setattr(
        numbers, "held_out_macro_f1", lambda x, codes, folds: judged.append(len(codes)) or 0.5
    )
    choose_genes(told_by_many(), CODES)
    assert judged == [100, 100]


def test_the_same_seed_says_the_same() -> None:
    cells = told_by_many()
    first, again, other = (choose_genes(cells, CODES, seed=s) for s in (1, 1, 2))
    assert first.macro_f1 == again.macro_f1 != other.macro_f1
