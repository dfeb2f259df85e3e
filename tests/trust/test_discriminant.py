"""The linear discriminant, against that of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from plkd.trust.discriminant import LEAST_LOG_PROBABILITY, SHRINKAGE, fit_discriminant


def clouds(sizes: tuple[int, ...], width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    middle = rng.normal(size=(len(sizes), width))
    shape = rng.normal(size=(width, width))
    return middle[codes] + rng.normal(size=(len(codes), width)) @ shape / 3, codes


@pytest.mark.parametrize("sizes", [(50, 30), (60, 20, 5), (40, 30, 2, 9)])
def test_as_in_scikit_learn(sizes: tuple[int, ...]) -> None:
    points, codes = clouds(sizes, 6)
    new, _ = clouds((20, 20), 6, seed=1)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE).fit(points, codes)
    found = fit_discriminant(points, codes, len(sizes)).log_probabilities(new)
    expected = theirs.predict_log_proba(new)
    assert expected.min() < -1
    np.testing.assert_allclose(found, np.maximum(expected, LEAST_LOG_PROBABILITY), atol=1e-6)


def test_a_type_without_cells_is_as_improbable_as_can_be() -> None:
    points, codes = clouds((30, 20), 4)
    whole = fit_discriminant(points, codes, 2).log_probabilities(points)
    found = fit_discriminant(points, 2 * codes, 4).log_probabilities(points)
    np.testing.assert_allclose(found[:, [0, 2]], whole)
    assert (found[:, [1, 3]] == LEAST_LOG_PROBABILITY).all()


def test_single_precision_is_taken() -> None:
    points, codes = clouds((30, 20), 4)
    fine, coarse = (
        fit_discriminant(given, codes, 2).log_probabilities(given)
        for given in (points, points.astype(np.float32))
    )
    np.testing.assert_allclose(coarse, fine, atol=1e-4)


def test_types_that_are_points_are_told_apart() -> None:
    points = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    codes = np.array([0, 0, 1, 1])
    found = fit_discriminant(points, codes, 2).log_probabilities(points)
    assert found.argmax(1).tolist() == codes.tolist()
    assert np.isfinite(found).all()


def test_points_that_are_all_one_have_the_shares_of_their_types() -> None:
    found = fit_discriminant(np.ones((4, 3)), np.array([0, 0, 0, 1]), 2)
    said = np.exp(found.log_probabilities(np.ones((1, 3))))
    np.testing.assert_allclose(said, [[0.75, 0.25]], atol=1e-3)
