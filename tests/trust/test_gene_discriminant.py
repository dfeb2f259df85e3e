"""The discriminant beside the networks, against that of scikit-learn and by what it promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from plkd.trust.discriminant import LEAST_LOG_PROBABILITY
from plkd.trust.gene_discriminant import (
    FEWEST_CELLS,
    FEWEST_IN_SMALL,
    HEARD_UNTIL,
    MOST_CELLS,
    SHRINKAGE,
    SMALL_REFERENCE,
    GeneDiscriminant,
    gene_discriminant,
    is_small,
    mean_distance,
)


@pytest.fixture
def all_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plkd.trust.gene_discriminant.FEWEST_CELLS", 1)


def cells_of(sizes: tuple[int, ...], n_genes: int, seed: int = 0) -> tuple[csr_matrix, np.ndarray]:
    """Return cells with zeros, the genes hanging together, and the type of each."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    middle = np.random.default_rng(9).gamma(1.0, 1.0, size=(len(sizes), n_genes))
    together = np.random.default_rng(8).normal(size=(n_genes, n_genes))
    values = middle[codes] + rng.normal(size=(len(codes), n_genes)) @ together / 6
    return csr_matrix(np.maximum(values, 0).astype(np.float32)), codes


def says(found: GeneDiscriminant, cells: csr_matrix) -> np.ndarray:
    """Return its log-probabilities of cells that are like the reference."""
    heard, nothing = cells @ found.directions.T, np.zeros((cells.shape[0], len(found.offsets)))
    return found.heard_beside(
        nothing.astype(np.float32), heard, np.zeros(cells.shape[0]), middle=0.0
    )


@pytest.mark.usefixtures("all_take_part")
@pytest.mark.parametrize("sizes", [(60, 40), (80, 30, 12), (40, 30, 4, 9)])
def test_as_in_scikit_learn(sizes: tuple[int, ...]) -> None:
    cells, codes = cells_of(sizes, 30)
    new, _ = cells_of(sizes, 30, seed=1)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    units = np.sqrt(cells.toarray().astype(float).std(0))
    theirs.fit(cells.toarray() / units, codes)
    said = theirs.predict_log_proba(new.toarray() / units)
    expected = log_softmax(said - np.log(theirs.priors_), axis=1)  # without the types' shares
    found = gene_discriminant(cells, codes, len(sizes), weight=1.0)
    assert expected.min() < -1
    np.testing.assert_allclose(
        says(found, new), np.maximum(expected, LEAST_LOG_PROBABILITY), atol=2e-3
    )


def test_cells_without_a_label_say_nothing() -> None:
    cells, codes = cells_of((90, 90), 30)
    hidden = np.where(np.arange(180) % 3 == 0, -1, codes)
    whole = gene_discriminant(cells[hidden >= 0], codes[hidden >= 0], 2, weight=0.2)
    found = gene_discriminant(cells, hidden, 2, weight=0.2)
    np.testing.assert_array_equal(found.directions, whole.directions)


def test_nothing_speaks_for_or_against_a_type_of_few_cells() -> None:
    cells, codes = cells_of((FEWEST_CELLS, FEWEST_CELLS - 1, 80, 0), 30)
    found = gene_discriminant(cells, codes, 4, weight=1.0)
    others = GeneDiscriminant(found.directions[[0, 2]], found.offsets[[0, 2]], weight=1.0)
    assert np.isneginf(found.offsets).tolist() == [False, True, False, True]
    said, expected = says(found, cells), says(others, cells)
    assert expected.min() < -1
    best = expected.max(1)
    np.testing.assert_allclose(said[:, 1], best, atol=1e-5)
    np.testing.assert_allclose(said[:, 3], best, atol=1e-5)
    np.testing.assert_allclose(said[:, [0, 2]], expected, atol=1e-5)
    assert (said.max(1) - said[:, [0, 2]].max(1)).max() < 1e-5


def test_cells_of_a_type_that_is_left_out_hardly_move_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for the units of the genes, which are of all cells."""
    monkeypatch.setattr(
        "plkd.trust.shrunken_covariance.gene_scale",
        lambda cells, power: np.ones(cells.shape[1]),
    )
    cells, codes = cells_of((FEWEST_CELLS, FEWEST_CELLS - 1, 80, 0), 30)
    found = gene_discriminant(cells, codes, 4, weight=1.0)
    whole = gene_discriminant(cells[codes != 1], codes[codes != 1] // 2, 2, weight=1.0)
    said, best = says(found, cells), says(whole, cells).max(1)
    np.testing.assert_allclose(said[:, 1], best, atol=0.05)
    np.testing.assert_allclose(said[:, 3], best, atol=0.05)


@pytest.mark.parametrize("sizes", [(20, 30), (FEWEST_CELLS, 30)])
def test_there_is_none_where_fewer_than_two_types_take_part(sizes: tuple[int, int]) -> None:
    cells, codes = cells_of(sizes, 30)
    assert gene_discriminant(cells, codes, 2, weight=1.0) is None


def test_it_is_heard_less_the_stranger_a_cell_is() -> None:
    rng = np.random.default_rng(0)
    beside = GeneDiscriminant(
        np.zeros((3, 2), dtype=np.float32), np.zeros(3, dtype=np.float32), 0.2
    )
    logits, heard = rng.normal(size=(2, 4, 3)).astype(np.float32)
    middle = 1.5
    scores = middle + np.array([-4.0, 0.0, HEARD_UNTIL / 4, HEARD_UNTIL])
    together = beside.heard_beside(logits, heard, scores, middle)
    part = np.array([1.0, 1.0, 0.75, 0.0])[:, None]
    expected = logits + 0.2 * part * log_softmax(heard, axis=1)
    np.testing.assert_allclose(together, expected, atol=1e-5)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together[3], logits[3])


def test_what_a_network_is_very_sure_of_stays() -> None:
    beside = GeneDiscriminant(
        np.zeros((2, 1), dtype=np.float32), np.zeros(2, dtype=np.float32), 0.2
    )
    heard = np.array([[0.0, 1e4]], dtype=np.float32)
    sure, unsure = np.array([[2.5, 0.0]], dtype=np.float32), np.array([[2.3, 0.0]], np.float32)
    scores = np.zeros(1)
    assert beside.heard_beside(sure, heard, scores, 0.0).argmax() == 0
    assert beside.heard_beside(unsure, heard, scores, 0.0).argmax() == 1


def test_of_very_many_cells_some_are_asked_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, MOST_CELLS + 500)
    cells = csr_matrix((rng.poisson(1.0 + codes[:, None], (len(codes), 3))).astype(np.float32))
    found = [gene_discriminant(cells, codes, 2, weight=0.2) for _ in range(2)]
    np.testing.assert_array_equal(found[0].directions, found[1].directions)
    assert says(found[0], cells).argmax(1).tolist() != [0] * len(codes)
    assert (says(found[0], cells).argmax(1) == codes).mean() > 0.7


@pytest.mark.usefixtures("all_take_part")
def test_a_rare_type_has_the_mean_of_all_its_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    cells, codes = cells_of((300, 200, 4), 30)
    whole = gene_discriminant(cells, codes, 3, weight=0.2)
    monkeypatch.setattr("plkd.trust.gene_discriminant.MOST_CELLS", 200)
    some = gene_discriminant(cells, codes, 3, weight=0.2)
    new, expected = cells_of((30, 30, 30), 30, seed=1)
    assert not np.array_equal(some.directions, whole.directions)
    for found in (whole, some):
        assert (says(found, new).argmax(1) == expected).mean() > 0.9


@pytest.mark.usefixtures("all_take_part")
def test_types_that_are_points_are_told_apart() -> None:
    cells = csr_matrix(np.repeat(np.eye(2, 5, dtype=np.float32), 3, axis=0))
    codes = np.repeat([0, 1], 3)
    found = says(gene_discriminant(cells, codes, 2, weight=1.0), cells)
    assert np.isfinite(found).all()
    assert found.argmax(1).tolist() == codes.tolist()


def test_it_is_the_same_from_its_arrays() -> None:
    cells, codes = cells_of((60, 70), 30)
    found = gene_discriminant(cells, codes, 2, weight=0.2)
    again = GeneDiscriminant.from_arrays(found.as_arrays())
    np.testing.assert_array_equal(says(again, cells), says(found, cells))
    assert again.weight == 0.2


@pytest.mark.parametrize("n_cells", [150, 600])
def test_mean_distance_is_that_to_means_and_covariance_of_other_cells(n_cells: int) -> None:
    n_genes, rng = 400, np.random.default_rng(0)
    together = rng.normal(size=(n_genes, 30)) / 2
    true = together @ together.T + np.eye(n_genes) / 2
    codes = np.arange(n_cells) % 4
    values = rng.multivariate_normal(np.zeros(n_genes), true, n_cells)
    values += rng.normal(size=(4, n_genes))[codes] / 3
    apart = values - np.stack([values[codes == code].mean(0) for code in range(4)])[codes]
    units = np.sqrt(values.std(0))
    true /= np.outer(units, units)
    measured = apart.T @ apart / n_cells / np.outer(units, units)
    ball = np.trace(measured) / n_genes * np.eye(n_genes)
    shrunk = (1 - SHRINKAGE) * measured + SHRINKAGE * ball
    expected = np.trace(np.linalg.solve(shrunk, true))
    found = mean_distance(csr_matrix(values), codes, 4)
    assert found == pytest.approx(expected, rel=0.08)
    assert np.trace(np.linalg.solve(shrunk, measured)) < 0.97 * found  # by the same cells


@pytest.mark.usefixtures("all_take_part")
@pytest.mark.parametrize(("small", "chance"), [(True, 0.5), (False, 0.03)])
def test_a_rare_type_has_as_good_a_chance_in_a_small_reference(small: bool, chance: float) -> None:
    """Two types that do not differ: what is left of a difference is noise and what it costs."""
    shares = []
    for seed in range(12):
        cells, _ = cells_of((230,), 300, seed=seed)
        new, _ = cells_of((200,), 300, seed=100 + seed)
        codes = (np.arange(230) < 12).astype(np.int64)
        found = gene_discriminant(cells, codes, 2, weight=1.0, small=small)
        shares.append((says(found, new).argmax(1) == 1).mean())
    assert np.mean(shares) == pytest.approx(chance, abs=0.08)


def test_in_a_small_reference_types_of_five_cells_take_part() -> None:
    cells, codes = cells_of((FEWEST_IN_SMALL, FEWEST_IN_SMALL - 1, 40), 30)
    found = gene_discriminant(cells, codes, 3, weight=1.0, small=True)
    assert np.isneginf(found.offsets).tolist() == [False, True, False]
    assert gene_discriminant(cells, codes, 3, weight=1.0) is None
    few = codes != 0
    assert gene_discriminant(cells[few], codes[few], 3, weight=1.0, small=True) is None


def test_a_reference_is_small_by_its_cells_with_a_label() -> None:
    codes = np.zeros(SMALL_REFERENCE + 1, dtype=np.int64)
    assert not is_small(codes)
    codes[7] = -1
    assert is_small(codes)


def test_points_in_a_small_reference_are_told_apart() -> None:
    cells = csr_matrix(np.repeat(np.eye(2, 5, dtype=np.float32), 5, axis=0))
    codes = np.repeat([0, 1], 5)
    found = says(gene_discriminant(cells, codes, 2, weight=1.0, small=True), cells)
    assert np.isfinite(found).all()
    assert found.argmax(1).tolist() == codes.tolist()
