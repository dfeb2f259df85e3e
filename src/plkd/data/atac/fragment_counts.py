"""Fragments of each cell counted for each gene that they overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from plkd.data.atac.fragments import Fragments, count_barcodes, fragment_blocks
from plkd.data.atac.gene_regions import GeneRegions
from plkd.data.atac.overlaps import Overlaps
from plkd.data.atac.regions import Regions
from plkd.data.gene_names import examples
from plkd.errors import InputError

MIN_FRAGMENTS = 1000
"""Barcodes with fewer are no cells, where nobody says which are."""

PENDING = 2**21
"""Pairs of cell and gene that wait before they are added up, at least."""

MEGABYTE = 10**6

SAMPLE_OF_BLOCK = 5000
"""Fragments of a block that are kept to look at the genome build."""

LARGEST_SAMPLE = 200_000
"""With more fragments kept than this, every second is let go."""


@dataclass(frozen=True)
class FragmentCounts:
    """Fragments in genes.

    Parameters
    ----------
    barcodes
        The cells, ``(n_cells,)``.
    counts
        Fragments of a cell that overlap a gene, CSR ``(n_cells, n_genes)`` float32.
    n_fragments
        Fragments of each cell, wherever they lie, ``(n_cells,)`` int64.
    n_in_genes
        Fragments of all cells that overlap a gene.
    sample
        Some fragments, evenly from the whole file, of any barcode.
    """

    barcodes: tuple[str, ...]
    counts: sp.csr_matrix
    n_fragments: np.ndarray
    n_in_genes: int
    sample: Regions


def count_fragments(
    path: str | Path,
    genes: GeneRegions,
    *,
    barcodes: Sequence[str] | None = None,
    min_fragments: int = MIN_FRAGMENTS,
    progress: Callable[[int, int], None] | None = None,
) -> FragmentCounts:
    """Count, for each cell and gene, the fragments that overlap the gene by a base or more.

    The file is read once when the barcodes are given, otherwise twice; memory grows with the
    result and not with the file.

    Parameters
    ----------
    path
        Fragments file.
    genes
        The genes with what is upstream of them.
    barcodes
        The cells, each once; all of them are in the result, in this order.
    min_fragments
        Without ``barcodes``: cells are the barcodes with so many fragments.
    progress
        Told the megabytes read and those to read in all.

    Returns
    -------
    The counts.

    Raises
    ------
    InputError
        The file cannot be read; none of the barcodes is in it, or none has enough fragments.
    """
    overlaps = Overlaps(genes.places)  # without ncls this fails: before the minutes, not after them
    passes = 1 if barcodes is not None else 2
    if barcodes is None:
        barcodes = _cells(path, min_fragments, _part(progress, 0, passes))
    counter = _Counter(barcodes, genes, overlaps)
    for block in fragment_blocks(path, progress=_part(progress, passes - 1, passes)):
        counter.add(block)
    if not counter.n_fragments.any():
        raise InputError(
            f"fragments of the {len(barcodes):,} barcodes to keep, {examples(barcodes)}",
            f"none in {path}, which has barcodes as {examples(counter.others)}",
            "name barcodes as the file does (mind suffixes such as -1)",
        )
    return counter.result()


class _Counter:
    """Adds up blocks of fragments."""

    def __init__(self, barcodes: Sequence[str], genes: GeneRegions, overlaps: Overlaps) -> None:
        self._barcodes = tuple(barcodes)
        self._cell_of = {barcode: i for i, barcode in enumerate(barcodes)}
        self._overlaps = overlaps
        self._genes = genes
        self._shape = len(barcodes), len(genes)
        self._total = sp.csr_matrix(self._shape, dtype=np.int32)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []
        self._n_pending = 0
        self._samples: list[tuple[np.ndarray, ...]] = []
        self._n_sampled = 0
        self._thinned = 1
        self._chromosomes: dict[str, int] = {}
        self.n_fragments = np.zeros(len(barcodes), dtype=np.int64)
        self.n_in_genes = 0
        self.others: list[str] = []

    def add(self, block: Fragments) -> None:
        """Count the fragments of a block."""
        self._keep_sample(block.regions)
        if not self.others:
            self.others = list(block.barcodes[:3])
        cell_of = [self._cell_of.get(barcode, -1) for barcode in block.barcodes]
        cell = np.asarray(cell_of, dtype=np.int64)[block.barcode]
        ours = np.flatnonzero(cell >= 0)
        self.n_fragments += np.bincount(cell[ours], minlength=self._shape[0])
        kept = Regions(
            block.regions.chromosomes,
            block.regions.code[ours],
            block.regions.start[ours],
            block.regions.end[ours],
        )
        fragment, place = self._overlaps.pairs(self._genes.respelt(kept))
        # Two places of one gene may lie within one fragment: it counts once.
        pairs = np.unique(fragment * self._shape[1] + self._genes.place_gene[place])
        fragment, gene = np.divmod(pairs, self._shape[1])
        self.n_in_genes += len(np.unique(fragment))
        self._pending.append((cell[ours[fragment]].astype(np.int32), gene.astype(np.int32)))
        self._n_pending += len(pairs)
        if self._n_pending > max(PENDING, self._total.nnz):
            self._add_up()

    def result(self) -> FragmentCounts:
        """Return what was counted."""
        self._add_up()
        code, start, end = (np.concatenate(part) for part in zip(*self._samples, strict=True))
        return FragmentCounts(
            barcodes=self._barcodes,
            counts=self._total.astype(np.float32),
            n_fragments=self.n_fragments,
            n_in_genes=self.n_in_genes,
            sample=Regions(tuple(self._chromosomes), code, start, end),
        )

    def _add_up(self) -> None:
        if not self._pending:
            return
        cell, gene = (np.concatenate(part) for part in zip(*self._pending, strict=True))
        ones = np.ones(len(cell), dtype=np.int32)
        self._pending, self._n_pending = [], 0
        self._total = self._total + sp.coo_matrix((ones, (cell, gene)), self._shape).tocsr()

    def _keep_sample(self, regions: Regions) -> None:
        code_of = np.array(
            [self._chromosomes.setdefault(n, len(self._chromosomes)) for n in regions.chromosomes]
        )
        step = self._thinned * max(1, len(regions) // SAMPLE_OF_BLOCK)
        kept = regions.code[::step], regions.start[::step].copy(), regions.end[::step].copy()
        self._samples.append((code_of[kept[0]], *kept[1:]))  # copies: a view keeps the whole block
        self._n_sampled += len(kept[0])
        if self._n_sampled > LARGEST_SAMPLE:
            self._samples = [tuple(part[::2].copy() for part in each) for each in self._samples]
            self._n_sampled = sum(len(each[0]) for each in self._samples)
            self._thinned *= 2


def _cells(
    path: str | Path, min_fragments: int, progress: Callable[[int, int], None] | None
) -> tuple[str, ...]:
    counts = count_barcodes(path, progress=progress)
    cells = tuple(barcode for barcode, count in counts.items() if count >= min_fragments)
    if not cells:
        most = counts.most_common(1)[0]
        raise InputError(
            f"barcodes with at least {min_fragments:,} fragments in {path}",
            f"none among {len(counts):,}; {most[0]!r} has most, {most[1]:,}",
            "lower min_fragments, or name the barcodes of the cells",
        )
    return cells


def _part(
    progress: Callable[[int, int], None] | None, done: int, passes: int
) -> Callable[[int, int], None] | None:
    """Return what tells of one pass over the file as part of them all."""
    if progress is None:
        return None

    def report(read: int, total: int) -> None:
        progress(-(-(done * total + read) // MEGABYTE), -(-passes * total // MEGABYTE))

    return report
