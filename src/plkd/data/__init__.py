"""Reading and preparing data; every name is imported when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.data.alignment import align, dense_align
    from plkd.data.atac.activity import gene_activity
    from plkd.data.atac.activity_files import gene_activity_file
    from plkd.data.atac.gene_annotation import GeneAnnotation, read_gene_annotation
    from plkd.data.expression import (
        ExpressionKind,
        Recognised,
        check_chunk,
        check_values,
        recognise,
        to_log1p,
    )
    from plkd.data.gene_sets import GeneSets, PatternMask, pattern_mask, read_gene_sets
    from plkd.data.genes import match_genes
    from plkd.data.h5ad_files import open_h5ad
    from plkd.data.highly_variable import select_genes
    from plkd.data.labels import (
        Labels,
        Split,
        balanced_weights,
        encode_labels,
        leave_batch_out,
        split_reference,
    )
    from plkd.data.number_of_genes import choose_genes
    from plkd.data.reference_genes import GeneList, GeneMatch, gene_list
    from plkd.data.rows import as_csr, row_sums
    from plkd.data.source import (
        ExpressionSource,
        recognise_source,
        source_from_anndata,
        source_from_file,
    )

_HOMES = {
    "atac.activity": ("gene_activity",),
    "atac.activity_files": ("gene_activity_file",),
    "alignment": ("align", "dense_align"),
    "reference_genes": ("GeneList", "GeneMatch", "gene_list"),
    "expression": (
        "ExpressionKind",
        "Recognised",
        "check_chunk",
        "check_values",
        "recognise",
        "to_log1p",
    ),
    "atac.gene_annotation": ("GeneAnnotation", "read_gene_annotation"),
    "gene_sets": ("GeneSets", "PatternMask", "pattern_mask", "read_gene_sets"),
    "genes": ("match_genes",),
    "h5ad_files": ("open_h5ad",),
    "highly_variable": ("select_genes",),
    "number_of_genes": ("choose_genes",),
    "labels": (
        "Labels",
        "Split",
        "balanced_weights",
        "encode_labels",
        "leave_batch_out",
        "split_reference",
    ),
    "rows": ("as_csr", "row_sums"),
    "source": (
        "ExpressionSource",
        "recognise_source",
        "source_from_anndata",
        "source_from_file",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ExpressionKind",
    "ExpressionSource",
    "GeneAnnotation",
    "GeneList",
    "GeneMatch",
    "GeneSets",
    "Labels",
    "PatternMask",
    "Recognised",
    "Split",
    "align",
    "as_csr",
    "balanced_weights",
    "check_chunk",
    "check_values",
    "choose_genes",
    "dense_align",
    "encode_labels",
    "gene_activity",
    "gene_activity_file",
    "gene_list",
    "leave_batch_out",
    "match_genes",
    "open_h5ad",
    "pattern_mask",
    "read_gene_annotation",
    "read_gene_sets",
    "recognise",
    "recognise_source",
    "row_sums",
    "select_genes",
    "source_from_anndata",
    "source_from_file",
    "split_reference",
    "to_log1p",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
