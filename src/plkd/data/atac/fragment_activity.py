"""Gene activity from a fragments file: cells chosen, fragments counted, build checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from plkd.data.atac.activity_results import GeneActivitySummary, Totals, gene_table
from plkd.data.atac.fragment_counts import MIN_FRAGMENTS, FragmentCounts, count_fragments
from plkd.data.atac.fragments import read_barcodes
from plkd.data.atac.gene_regions import GeneRegions
from plkd.data.atac.genome_build import look_at_build, refuse_other_build
from plkd.errors import InputError
from plkd.keys import GENE_ACTIVITY_KEY

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class FragmentActivity:
    """Counts of fragments with what was done.

    Parameters
    ----------
    counted
        The counts.
    genes
        The genes.
    summary
        What was done.
    """

    counted: FragmentCounts
    genes: GeneRegions
    summary: GeneActivitySummary

    def as_anndata(self) -> AnnData:
        """Lay the counts out as an AnnData.

        Returns
        -------
        AnnData ``(n_cells, n_genes)`` with ``obs['n_fragments']``.
        """
        import pandas as pd
        from anndata import AnnData

        index = pd.Index(self.counted.barcodes, dtype=object)
        return AnnData(
            X=self.counted.counts,
            obs=pd.DataFrame({"n_fragments": self.counted.n_fragments}, index=index),
            var=gene_table(self.genes, None),
            uns={GENE_ACTIVITY_KEY: self.summary.for_uns()},
        )


def count_cells(
    path: str | Path,
    genes: GeneRegions,
    *,
    barcodes: str | Path | Iterable[str] | None = None,
    min_fragments: int | None = None,
    check_build: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> FragmentActivity:
    """Count the fragments of each cell for each gene, and refuse those of another genome build.

    Parameters
    ----------
    path
        Fragments file.
    genes
        The genes.
    barcodes
        The cells, as names or a file of them.
    min_fragments
        Without ``barcodes``: barcodes with so many fragments are cells; None takes 1,000.
    check_build
        Refuse fragments of another genome build.
    progress
        Told the megabytes read and those to read in all.

    Returns
    -------
    The counts with what was done.

    Raises
    ------
    InputError
        Both barcodes and a number of fragments; a file cannot be read; no barcode is a cell; the
        fragments are of another genome build or organism.
    """
    if barcodes is not None and min_fragments is not None:
        raise InputError(
            "barcodes or min_fragments, not both", f"min_fragments={min_fragments}", "drop one"
        )
    counted = count_fragments(
        path,
        genes,
        barcodes=None if barcodes is None else read_barcodes(barcodes),
        min_fragments=MIN_FRAGMENTS if min_fragments is None else min_fragments,
        progress=progress,
    )
    n_fragments = int(counted.n_fragments.sum())
    evidence = replace(
        look_at_build(genes.respelt(counted.sample), genes, what="fragments"),
        in_genes=counted.n_in_genes / n_fragments,  # of them all: a sample may miss a few genes
        n_counted=n_fragments,
    )
    refuse_other_build(evidence, genes, what="fragments", check=check_build)
    totals = Totals(len(genes))
    for _ in totals.watch(iter([counted.counts])):
        pass
    summary = totals.summarise(
        evidence,
        genes,
        counted.sample.chromosomes,
        source="fragments",
        n_regions=n_fragments,
        n_in_genes=counted.n_in_genes,
    )
    return FragmentActivity(counted, genes, summary)
