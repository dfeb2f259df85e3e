"""Counts of peaks become counts of genes, some cells at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from plkd.data.atac.activity_results import GeneActivitySummary, Totals
from plkd.data.atac.gene_regions import GeneRegions
from plkd.data.atac.genome_build import BuildEvidence, look_at_build, refuse_other_build
from plkd.data.atac.overlaps import gene_overlaps
from plkd.data.atac.regions import Regions, peak_regions
from plkd.data.expression import check_values
from plkd.data.expression_errors import all_zero
from plkd.data.gene_names import duplicated, examples
from plkd.data.reading import ExpressionSource
from plkd.errors import InputError


@dataclass(frozen=True)
class PeakGenes:
    """Which peaks count for which genes.

    Parameters
    ----------
    peaks
        The peaks, ``(n_peaks,)``.
    overlap
        CSR ``(n_peaks, n_genes)`` float32, 1 where a peak counts for a gene.
    evidence
        What speaks for the genome build.
    """

    peaks: Regions
    overlap: sp.csr_matrix
    evidence: BuildEvidence

    @property
    def n_peaks(self) -> np.ndarray:
        """Peaks that count for each gene, ``(n_genes,)`` int64."""
        return np.bincount(self.overlap.indices, minlength=self.overlap.shape[1])

    @property
    def n_in_genes(self) -> int:
        """Peaks that count for any gene."""
        return int(np.count_nonzero(np.diff(self.overlap.indptr)))

    def summary(self, totals: Totals, genes: GeneRegions) -> GeneActivitySummary:
        """Return what was done, once all cells have passed."""
        return totals.summarise(
            self.evidence,
            genes,
            self.peaks.chromosomes,
            source="peaks",
            n_regions=len(self.peaks),
            n_in_genes=self.n_in_genes,
        )


def peaks_of_genes(var: Any, genes: GeneRegions, *, check_build: bool = True) -> PeakGenes:
    """Find the peaks of each gene: those that share a base with it or what is upstream of it.

    Parameters
    ----------
    var
        Data frame of the peaks.
    genes
        The genes.
    check_build
        Refuse peaks of another genome build.

    Returns
    -------
    The overlaps. A peak that overlaps several genes counts for each of them.

    Raises
    ------
    InputError
        Peaks have no proper coordinates, or are of another genome build or organism.
    """
    peaks = peak_regions(var)
    placed = genes.respelt(peaks)
    evidence = look_at_build(placed, genes)
    refuse_other_build(evidence, genes, what="peaks", check=check_build)
    return PeakGenes(peaks, gene_overlaps(placed, genes), evidence)


def refuse_duplicated_cells(names: Sequence[str]) -> None:
    """Refuse cells of one name: nobody could tell which of them an activity belongs to.

    Raises
    ------
    InputError
        A name stands twice.
    """
    import pandas as pd

    index = pd.Index(names, dtype=object)
    if not index.is_unique:
        twice = duplicated(list(map(str, index)))
        raise InputError(
            "each barcode once in obs_names",
            f"{len(twice)} duplicated barcode(s): {examples(twice)}",
            "make them unique, with adata.obs_names_make_unique() or a prefix for each sample",
        )


def activity_chunks(
    source: ExpressionSource,
    overlap: sp.csr_matrix,
    *,
    chunk_size: int,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[sp.csr_matrix]:
    """Sum the counts of each gene's peaks, some cells at a time.

    Parameters
    ----------
    source
        Counts, ``(n_cells, n_peaks)``.
    overlap
        Which peak counts for which gene, ``(n_peaks, n_genes)``.
    chunk_size
        Cells taken at a time.
    progress
        Told the cells done and the cells in all.

    Yields
    ------
    CSR ``(chunk, n_genes)`` float32, cells in order.

    Raises
    ------
    InputError
        A value is negative, NaN, infinite or no whole number; all are 0; ``chunk_size`` is below 1.
    """
    if chunk_size < 1:
        raise InputError("a chunk of at least one cell", str(chunk_size), "raise chunk_size")
    any_count = False
    for start, stop, rows in source.chunks(chunk_size):
        check_values(rows, slot=source.slot, first_cell=start)
        _check_whole(rows, source.slot)
        any_count = any_count or bool(rows.data.any())
        activity = (rows @ overlap).astype(np.float32)
        activity.sort_indices()
        yield activity
        if progress is not None:
            progress(stop, source.n_cells)
    if not any_count:
        raise all_zero(source.slot, source.n_cells, source.n_genes)


def _check_whole(rows: sp.csr_matrix, slot: str) -> None:
    bad = rows.data[np.rint(rows.data) != rows.data]
    if len(bad):
        raise InputError(
            f"counts in {slot}, whole numbers, of which gene activity is a sum",
            f"{len(bad)} other value(s), such as {float(bad[0]):.4g}",
            "name the layer that holds the counts with layer=...",
        )
