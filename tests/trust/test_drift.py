"""Drift: nothing is said of a usual query, and each thing that is off is said by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plkd.trust.drift import Condition, drift_warnings

USUAL = Condition(weight_share=1.0, genes_detected=200, confidence=0.9, shift=2.0, unknown=0.05)
QUERY = Condition(weight_share=0.95, genes_detected=150, confidence=0.85, shift=1.0, unknown=0.08)


def test_nothing_is_said_of_a_usual_query():
    assert drift_warnings(QUERY, USUAL) == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"weight_share": 0.7}, "70% of the model's weight"),
        ({"genes_detected": 90}, "90 of the model's genes detected (median), in the reference 200"),
        ({"genes_detected": 500}, "another depth or another modality"),
        ({"shift": 3.5}, "(shift 3.5, usual up to 2.0)"),
        ({"confidence": 0.7}, "mean confidence is 0.70, 0.90 on held-out"),
        ({"unknown": 0.4}, "40% of the cells are called unknown"),
    ],
)
def test_what_is_off_is_said(changed, words):
    (said,) = drift_warnings(replace(QUERY, **changed), USUAL)
    assert words in said


def test_all_of_it_can_be_off():
    query = Condition(weight_share=0.5, genes_detected=20, confidence=0.3, shift=9, unknown=0.9)
    assert len(drift_warnings(query, USUAL)) == 5


def test_unknown_cells_are_no_drift_where_the_user_allows_as_many() -> None:
    query = replace(QUERY, unknown=0.3)
    assert drift_warnings(query, USUAL) != ()
    assert drift_warnings(query, USUAL, false_alarm=0.25) == ()
