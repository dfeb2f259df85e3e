"""Methods that the studies compare: how they are called in a text and drawn in a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

TEACHER, STUDENT = "plkd teacher", "plkd student"
NETWORKS = (STUDENT, TEACHER)
PEERS = ("logistic unscaled", "svm", "celltypist", "mlp")


@dataclass(frozen=True)
class Look:
    """Name of a method in a sentence, and its colour (of Okabe and Ito) and marker."""

    name: str
    colour: str
    marker: str


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        STUDENT: Look("Student", "#0072B2", "o"),
        TEACHER: Look("Teacher", "#56B4E9", "s"),
        "logistic unscaled": Look("logistic regression", "#D55E00", "^"),
        "svm": Look("linear SVM", "#E69F00", "v"),
        "centroid": Look("nearest type mean", "#999999", "X"),
        "celltypist": Look("CellTypist", "#009E73", "D"),
        "mlp": Look("MLP in ACTINN's manner", "#CC79A7", "P"),
    }
)


def in_order(methods: Iterable[str]) -> list[str]:
    """Return methods without repetition, plkd's first, then the peers."""
    there = set(methods)
    return [method for method in LOOKS if method in there]
