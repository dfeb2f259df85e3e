"""Measures of annotations and embeddings, statistics of genes, on arrays: ``plkd.metrics``.

Each name is loaded on its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.metrics.agreement import LabelAgreement, TypeAgreement, label_agreement
    from plkd.metrics.batch_effect_test import kbet, kbet_per_type
    from plkd.metrics.calibration import (
        brier_score,
        calibration_report,
        expected_calibration_error,
        reliability_curve,
    )
    from plkd.metrics.classification import (
        abundance_groups,
        accuracy,
        confusion,
        macro_f1,
        per_type,
        report,
    )
    from plkd.metrics.clusters import ari, kmeans_clusters, nmi
    from plkd.metrics.coverage import set_coverage
    from plkd.metrics.enrichment import Enrichment, enrich
    from plkd.metrics.hierarchical import hierarchical_scores
    from plkd.metrics.integration import integration_report
    from plkd.metrics.mixing import graph_connectivity, seurat_alignment_score
    from plkd.metrics.neighbours import mean_average_precision, neighbor_conservation
    from plkd.metrics.order_statistics import q_statistic, rank_ratios
    from plkd.metrics.overall import batch_removal, biology_conservation, overall_score
    from plkd.metrics.rejection import rejection_report
    from plkd.metrics.results import (
        AbundanceGroup,
        ClassificationReport,
        IntegrationReport,
        TypeScore,
    )
    from plkd.metrics.silhouette import cell_type_asw, omics_layer_asw
    from plkd.metrics.trust_results import (
        CalibrationReport,
        HierarchicalScores,
        RejectionReport,
        ReliabilityBin,
        SetCoverage,
        TrustReport,
    )

__all__ = [
    "AbundanceGroup",
    "CalibrationReport",
    "ClassificationReport",
    "Enrichment",
    "HierarchicalScores",
    "IntegrationReport",
    "LabelAgreement",
    "RejectionReport",
    "ReliabilityBin",
    "SetCoverage",
    "TrustReport",
    "TypeAgreement",
    "TypeScore",
    "abundance_groups",
    "accuracy",
    "ari",
    "batch_removal",
    "biology_conservation",
    "brier_score",
    "calibration_report",
    "cell_type_asw",
    "confusion",
    "enrich",
    "expected_calibration_error",
    "graph_connectivity",
    "hierarchical_scores",
    "integration_report",
    "kbet",
    "kbet_per_type",
    "kmeans_clusters",
    "label_agreement",
    "macro_f1",
    "mean_average_precision",
    "neighbor_conservation",
    "nmi",
    "omics_layer_asw",
    "overall_score",
    "per_type",
    "q_statistic",
    "rank_ratios",
    "rejection_report",
    "reliability_curve",
    "report",
    "set_coverage",
    "seurat_alignment_score",
]

_ELSEWHERE = {
    "CalibrationReport": "plkd.metrics.trust_results",
    "Enrichment": "plkd.metrics.enrichment",
    "HierarchicalScores": "plkd.metrics.trust_results",
    "IntegrationReport": "plkd.metrics.results",
    "LabelAgreement": "plkd.metrics.agreement",
    "RejectionReport": "plkd.metrics.trust_results",
    "ReliabilityBin": "plkd.metrics.trust_results",
    "SetCoverage": "plkd.metrics.trust_results",
    "TrustReport": "plkd.metrics.trust_results",
    "TypeAgreement": "plkd.metrics.agreement",
    "ari": "plkd.metrics.clusters",
    "batch_removal": "plkd.metrics.overall",
    "biology_conservation": "plkd.metrics.overall",
    "brier_score": "plkd.metrics.calibration",
    "calibration_report": "plkd.metrics.calibration",
    "cell_type_asw": "plkd.metrics.silhouette",
    "enrich": "plkd.metrics.enrichment",
    "expected_calibration_error": "plkd.metrics.calibration",
    "graph_connectivity": "plkd.metrics.mixing",
    "hierarchical_scores": "plkd.metrics.hierarchical",
    "integration_report": "plkd.metrics.integration",
    "kbet": "plkd.metrics.batch_effect_test",
    "kbet_per_type": "plkd.metrics.batch_effect_test",
    "kmeans_clusters": "plkd.metrics.clusters",
    "label_agreement": "plkd.metrics.agreement",
    "mean_average_precision": "plkd.metrics.neighbours",
    "neighbor_conservation": "plkd.metrics.neighbours",
    "nmi": "plkd.metrics.clusters",
    "omics_layer_asw": "plkd.metrics.silhouette",
    "overall_score": "plkd.metrics.overall",
    "q_statistic": "plkd.metrics.order_statistics",
    "rank_ratios": "plkd.metrics.order_statistics",
    "rejection_report": "plkd.metrics.rejection",
    "reliability_curve": "plkd.metrics.calibration",
    "set_coverage": "plkd.metrics.coverage",
    "seurat_alignment_score": "plkd.metrics.mixing",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'plkd.metrics' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "plkd.metrics.classification")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
