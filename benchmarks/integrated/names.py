"""Parts, methods and measures of the integration benchmark: what they are called and look like."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ours import ADAPTED, OURS
from study.names import Look

BATCHES, PAIRED, UNPAIRED = "batches", "paired", "unpaired"
PARTS = (BATCHES, PAIRED, UNPAIRED)
ALL, UNSEEN = "all", "unseen"
"""Which cells a row is of: reference and query together, or those of the query alone."""

PCA, PCA_LSI, HARMONY, SCVI, SCANVI = "pca", "pca + lsi", "harmony", "scvi", "scanvi"
PEERS = (PCA, PCA_LSI, HARMONY, SCVI, SCANVI)
METHODS = (*PEERS, *OURS)
WITHOUT_RANDOMNESS = (PCA, PCA_LSI)
"""Methods on which the seed has no effect: they run once, and that row stands for every seed."""

SEES_TYPES = (SCANVI, *OURS)
"""Methods that are told the types of the reference."""
SEES_QUERY = (*PEERS, ADAPTED)
"""Methods that learn with the query's cells at hand."""

MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "kbet": "kBET",
        "cell_type_asw": "cell type ASW",
        "kbet_per_type": "kBET within types",
        "ari": "ARI",
        "nmi": "NMI",
        "mean_average_precision": "MAP",
        "neighbor_conservation": "NC",
        "seurat_alignment_score": "SAS",
        "omics_layer_asw": "layer ASW",
        "graph_connectivity": "GC",
        "biology_conservation": "biology",
        "batch_removal": "batch removal",
        "overall": "overall",
    }
)
TABLE_3 = ("kbet", "cell_type_asw", "kbet_per_type", "ari", "nmi")
FIGURE_6 = (
    "overall",
    "biology_conservation",
    "batch_removal",
    "mean_average_precision",
    "cell_type_asw",
    "neighbor_conservation",
    "seurat_alignment_score",
    "omics_layer_asw",
    "graph_connectivity",
)

LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "plkd student": Look("Student", "#0072B2", "o"),
        "plkd teacher": Look("Teacher", "#56B4E9", "s"),
        ADAPTED: Look("adapted Student", "#D55E00", "o"),
        PCA: Look("PCA", "#9A9A9A", "v"),
        PCA_LSI: Look("PCA + LSI", "#9A9A9A", "<"),
        HARMONY: Look("Harmony", "#C2A57C", "D"),
        SCVI: Look("scVI", "#B08FAE", "^"),
        SCANVI: Look("scANVI", "#8FAE8B", "P"),
    }
)

PAPER_TABLE_3 = {
    "BMMC": {"PCA": (0.32, 0.28), "the paper's own": (0.89, 0.81)},
    "pan-cancer": {"PCA": (0.15, 0.35), "the paper's own": (0.78, 0.64)},
}
"""kBET and cell type ASW."""
PAPER_FIGURE_6 = {"10x-Multiome": 0.889, "Chen-2019": 0.835, "Muto-2021": 0.866}
"""Overall score, as far as the text gives it."""


def data_set(task: str) -> str:
    """Return the data set that a task is of, by which its results are averaged."""
    names = {"pbmc": "pbmc_cross_study", "kang8": "kang8"}
    head = task.partition(":")[0]
    return names.get(head, head)
