"""Which regions share a base, found by nested containment lists (the ncls library).

ncls is the interval index beneath pyranges: one small compiled module on numpy arrays, MIT
licence, built once for the genes and asked block by block. It has no data frames to convert, and
its answers are held against a double loop by the tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
import scipy.sparse as sp

from plkd.data.atac.chromosomes import chromosome_key
from plkd.data.atac.gene_regions import GeneRegions
from plkd.data.atac.regions import Regions
from plkd.errors import InputError


class Overlaps:
    """Finds which regions overlap some known ones by at least one base.

    Parameters
    ----------
    known
        The regions to be found. Chromosomes may be spelt otherwise than in what is asked.
    """

    def __init__(self, known: Regions) -> None:
        ncls = _library()
        self._lists = {
            chromosome: ncls.NCLS(*map(_plain, (known.start[which], known.end[which], which)))
            for chromosome, which in _by_chromosome(known)
        }

    def pairs(self, regions: Regions) -> tuple[np.ndarray, np.ndarray]:
        """Find all pairs of overlapping regions.

        Parameters
        ----------
        regions
            The regions to ask for.

        Returns
        -------
        Positions in ``regions`` and in the known ones, ``(n_pairs,)`` int64 each.
        """
        asked, found = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for chromosome, which in _by_chromosome(regions):
            index = self._lists.get(chromosome)
            if index is None:
                continue
            bounds = regions.start[which], regions.end[which]
            ours, theirs = index.all_overlaps_both(*map(_plain, (*bounds, which)))
            asked.append(ours)
            found.append(theirs)
        return np.concatenate(asked), np.concatenate(found)

    def any(self, regions: Regions) -> np.ndarray:
        """Say which regions overlap one of the known ones.

        Parameters
        ----------
        regions
            The regions to ask for.

        Returns
        -------
        ``(n_regions,)`` bool.
        """
        hit = np.zeros(len(regions), dtype=np.bool_)
        hit[self.pairs(regions)[0]] = True
        return hit


def gene_overlaps(regions: Regions, genes: GeneRegions) -> sp.csr_matrix:
    """Say which regions overlap which genes.

    Parameters
    ----------
    regions
        The peaks.
    genes
        The genes with what is upstream of them.

    Returns
    -------
    CSR matrix ``(n_regions, n_genes)`` float32, 1 where a region shares a base with any place of
    a gene.
    """
    peak, place = Overlaps(genes.places).pairs(regions)
    ones = np.ones(len(peak), dtype=np.float32)
    pairs = sp.coo_matrix((ones, (peak, genes.place_gene[place])), (len(regions), len(genes)))
    overlap = pairs.tocsr()
    overlap.sum_duplicates()
    overlap.data[:] = 1.0
    return overlap


def _by_chromosome(regions: Regions) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each chromosome that has regions, by its key, and the positions of the regions."""
    keys, key_of = np.unique(
        np.asarray([chromosome_key(name) for name in regions.chromosomes], dtype=object),
        return_inverse=True,
    )
    if not len(regions):
        return
    code = key_of[regions.code]
    order = np.argsort(code, kind="stable")
    present, first = np.unique(code[order], return_index=True)
    for chromosome, which in zip(present, np.split(order, first[1:]), strict=True):
        yield str(keys[chromosome]), which


def _plain(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int64)


def _library() -> ModuleType:
    try:
        import ncls
    except ImportError as error:
        raise InputError(
            "the package ncls, to find which peaks overlap which genes",
            "that it is not installed",
            'pip install "plkd[atac]"',
        ) from error
    return ncls
