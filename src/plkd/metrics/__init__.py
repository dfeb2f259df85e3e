"""Measures of annotation quality, and statistics of genes, on plain arrays: ``plkd.metrics``.

Each name is loaded on its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.metrics.classification import (
        abundance_groups,
        accuracy,
        confusion,
        macro_f1,
        per_type,
        report,
    )
    from plkd.metrics.enrichment import Enrichment, enrich
    from plkd.metrics.order_statistics import q_statistic, rank_ratios
    from plkd.metrics.results import AbundanceGroup, ClassificationReport, TypeScore

__all__ = [
    "AbundanceGroup",
    "ClassificationReport",
    "Enrichment",
    "TypeScore",
    "abundance_groups",
    "accuracy",
    "confusion",
    "enrich",
    "macro_f1",
    "per_type",
    "q_statistic",
    "rank_ratios",
    "report",
]

_ELSEWHERE = {
    "Enrichment": "plkd.metrics.enrichment",
    "enrich": "plkd.metrics.enrichment",
    "q_statistic": "plkd.metrics.order_statistics",
    "rank_ratios": "plkd.metrics.order_statistics",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'plkd.metrics' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "plkd.metrics.classification")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
