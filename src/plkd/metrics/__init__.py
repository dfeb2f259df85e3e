"""Measures of annotations and embeddings, statistics of genes, on arrays: ``plkd.metrics``.

Each name is loaded on its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.metrics.batch_effect_test import kbet, kbet_per_type
    from plkd.metrics.classification import (
        abundance_groups,
        accuracy,
        confusion,
        macro_f1,
        per_type,
        report,
    )
    from plkd.metrics.clusters import ari, kmeans_clusters, nmi
    from plkd.metrics.enrichment import Enrichment, enrich
    from plkd.metrics.integration import integration_report
    from plkd.metrics.mixing import graph_connectivity, seurat_alignment_score
    from plkd.metrics.neighbours import mean_average_precision, neighbor_conservation
    from plkd.metrics.order_statistics import q_statistic, rank_ratios
    from plkd.metrics.overall import batch_removal, biology_conservation, overall_score
    from plkd.metrics.results import (
        AbundanceGroup,
        ClassificationReport,
        IntegrationReport,
        TypeScore,
    )
    from plkd.metrics.silhouette import cell_type_asw, omics_layer_asw

__all__ = [
    "AbundanceGroup",
    "ClassificationReport",
    "Enrichment",
    "IntegrationReport",
    "TypeScore",
    "abundance_groups",
    "accuracy",
    "ari",
    "batch_removal",
    "biology_conservation",
    "cell_type_asw",
    "confusion",
    "enrich",
    "graph_connectivity",
    "integration_report",
    "kbet",
    "kbet_per_type",
    "kmeans_clusters",
    "macro_f1",
    "mean_average_precision",
    "neighbor_conservation",
    "nmi",
    "omics_layer_asw",
    "overall_score",
    "per_type",
    "q_statistic",
    "rank_ratios",
    "report",
    "seurat_alignment_score",
]

_ELSEWHERE = {
    "Enrichment": "plkd.metrics.enrichment",
    "IntegrationReport": "plkd.metrics.results",
    "ari": "plkd.metrics.clusters",
    "batch_removal": "plkd.metrics.overall",
    "biology_conservation": "plkd.metrics.overall",
    "cell_type_asw": "plkd.metrics.silhouette",
    "enrich": "plkd.metrics.enrichment",
    "graph_connectivity": "plkd.metrics.mixing",
    "integration_report": "plkd.metrics.integration",
    "kbet": "plkd.metrics.batch_effect_test",
    "kbet_per_type": "plkd.metrics.batch_effect_test",
    "kmeans_clusters": "plkd.metrics.clusters",
    "mean_average_precision": "plkd.metrics.neighbours",
    "neighbor_conservation": "plkd.metrics.neighbours",
    "nmi": "plkd.metrics.clusters",
    "omics_layer_asw": "plkd.metrics.silhouette",
    "overall_score": "plkd.metrics.overall",
    "q_statistic": "plkd.metrics.order_statistics",
    "rank_ratios": "plkd.metrics.order_statistics",
    "seurat_alignment_score": "plkd.metrics.mixing",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'plkd.metrics' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "plkd.metrics.classification")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
