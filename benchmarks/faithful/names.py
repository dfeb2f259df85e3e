"""Methods as the page and the figure call and draw them; what is held against what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Look:
    """Name of a method in a text, and its colour (of Okabe and Ito) and line."""

    name: str
    colour: str
    line: str = "-"


LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "shap": Look("SHAP", "#0072B2"),
        "consensus": Look("consensus", "#56B4E9"),
        "shap, signed": Look("SHAP, signed", "#56B4E9", "--"),
        "own shap": Look("each cell's own SHAP", "#333333", ":"),
        "wilcoxon": Look("Wilcoxon", "#D55E00"),
        "wilcoxon, resampled": Look("Wilcoxon, cells resampled", "#D55E00"),
        "attention": Look("attention", "#009E73"),
        "expression": Look("expression", "#CC79A7"),
        "random": Look("random", "#999999"),
        "logistic": Look("logistic regression", "#E69F00"),
        "celltypist": Look("CellTypist", "#009E73"),
        "pattern score": Look("pattern score", "#0072B2"),
        "drawn weights": Look("pattern score, weights drawn at random", "#999999"),
        "enrichment": Look("enrichment, learned patterns", "#56B4E9"),
        "set mean": Look("mean of the set's genes", "#D55E00"),
    }
)


def called(method: str) -> str:
    """Return the name of a method in a text."""
    return LOOKS[method].name


def in_order(methods: Iterable[str]) -> list[str]:
    """Return methods without repetition, plkd's first."""
    there = set(methods)
    return [method for method in LOOKS if method in there]
