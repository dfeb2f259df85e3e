"""What a gene activity was made of, and its genes as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import scipy.sparse as sp

from plkd.data.atac.chromosomes import chromosome_key
from plkd.data.atac.gene_regions import GeneRegions
from plkd.data.atac.genome_build import BuildEvidence

_SIGNS = np.array([".", "+", "-"], dtype=object)  # 0, 1, -1 as positions


@dataclass(frozen=True)
class GeneActivitySummary:
    """What was done, in plain values.

    Parameters
    ----------
    source
        ``"peaks"`` or ``"fragments"``.
    annotation
        Name of the annotation's file.
    biotypes
        Biotypes of the genes; empty where the annotation says none.
    upstream, downstream
        Bases before and behind the gene body.
    n_cells, n_genes
        Size of the result.
    n_cells_without_counts, n_genes_without_counts
        How many of them have no count.
    n_regions, n_regions_in_genes
        Peaks, or fragments of the cells, and how many of them overlap a gene.
    on_known_chromosomes, beyond_last_gene, near_gene_start, crowding
        What speaks for the genome build; see :mod:`plkd.data.atac.genome_build`.
    unknown_chromosomes
        Chromosomes of the input that the annotation has not.
    chromosomes_respelt
        Input and annotation name the same chromosome differently, as ``1`` and ``chr1``, or one
        by its accession.
    plkd_version
        Version of plkd.
    """

    source: str
    annotation: str
    biotypes: tuple[str, ...]
    upstream: int
    downstream: int
    n_cells: int
    n_genes: int
    n_cells_without_counts: int
    n_genes_without_counts: int
    n_regions: int
    n_regions_in_genes: int
    on_known_chromosomes: float
    beyond_last_gene: float
    near_gene_start: float
    crowding: float | None
    unknown_chromosomes: tuple[str, ...]
    chromosomes_respelt: bool
    plkd_version: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def for_uns(self) -> dict[str, Any]:
        """Return values that an h5ad file can hold."""
        known = ((k, v) for k, v in asdict(self).items() if v is not None)
        return {k: np.array(v, dtype=object) if isinstance(v, tuple) else v for k, v in known}


class Totals:
    """Counts what passes, so that the result need not be looked at again."""

    def __init__(self, n_genes: int) -> None:
        self._seen = np.zeros(n_genes, dtype=np.bool_)
        self._n_empty = 0
        self._n_cells = 0

    def watch(self, chunks: Iterator[sp.csr_matrix]) -> Iterator[sp.csr_matrix]:
        """Hand the chunks on."""
        for chunk in chunks:
            self._seen[chunk.indices[chunk.data > 0]] = True
            self._n_empty += int(np.count_nonzero(np.asarray(chunk.sum(1)).ravel() == 0))
            self._n_cells += chunk.shape[0]
            yield chunk

    def summarise(
        self,
        evidence: BuildEvidence,
        genes: GeneRegions,
        chromosomes: tuple[str, ...],
        *,
        source: str,
        n_regions: int,
        n_in_genes: int,
    ) -> GeneActivitySummary:
        """Return what was done.

        Parameters
        ----------
        evidence, genes
            The genome build and the genes.
        chromosomes
            Those of the input, as it spells them.
        source, n_regions, n_in_genes
            ``"peaks"`` or ``"fragments"``, how many, and how many of them overlap a gene.

        Returns
        -------
        The summary.
        """
        return GeneActivitySummary(
            source=source,
            annotation=genes.annotation,
            biotypes=tuple(sorted({kind for kind in genes.biotypes if kind})),
            upstream=genes.upstream,
            downstream=genes.downstream,
            n_cells=self._n_cells,
            n_genes=len(genes),
            n_cells_without_counts=self._n_empty,
            n_genes_without_counts=int(np.count_nonzero(~self._seen)),
            n_regions=n_regions,
            n_regions_in_genes=n_in_genes,
            on_known_chromosomes=round(evidence.on_known, 4),
            beyond_last_gene=round(evidence.beyond, 4),
            near_gene_start=round(evidence.near_start, 4),
            crowding=None if evidence.crowding is None else round(evidence.crowding, 2),
            unknown_chromosomes=evidence.unknown,
            chromosomes_respelt=_respelt(chromosomes, genes),
            plkd_version=version("plkd"),
        )


def gene_table(genes: GeneRegions, n_peaks: np.ndarray | None) -> Any:
    """Lay the genes out as ``var`` of the result.

    Parameters
    ----------
    genes
        The genes.
    n_peaks
        Peaks of each gene, ``(n_genes,)``; None for fragments.

    Returns
    -------
    Data frame, one row a gene: ``chrom``, ``start``, ``end`` (gene body, 0-based and half-open, of
    the longest place of the gene), ``strand``, ``gene_id`` and ``biotype`` where the annotation
    says them, ``n_places``, ``n_peaks``.
    """
    import pandas as pd

    bodies = genes.bodies
    columns: dict[str, Any] = {
        "chrom": pd.Categorical.from_codes(bodies.code, categories=list(bodies.chromosomes)),
        "start": bodies.start,
        "end": bodies.end,
        "strand": pd.Categorical(_SIGNS[genes.strand], categories=["+", "-", "."]),
    }
    if any(genes.ids):
        columns["gene_id"] = np.array(genes.ids, dtype=object)
    if any(genes.biotypes):
        columns["biotype"] = pd.Categorical(genes.biotypes)
    columns["n_places"] = genes.n_places
    if n_peaks is not None:
        columns["n_peaks"] = n_peaks
    return pd.DataFrame(columns, index=pd.Index(genes.names, dtype=object))


def _respelt(ours: tuple[str, ...], genes: GeneRegions) -> bool:
    theirs = genes.places.chromosomes
    keys = {chromosome_key(name) for name in theirs}
    known = (name for name in ours if chromosome_key(genes.aliases.get(name, name)) in keys)
    return any(name not in theirs for name in known)
