"""Regions of a genome, and the peaks of a matrix as regions.

Coordinates are 0-based and half-open as in BED files, from which the names of peaks come: the
region ``chr1:10-20`` holds the ten bases 10 to 19, and touches ``chr1:20-30`` without a shared
base.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plkd.data.feature_types import COLUMN, GENES
from plkd.data.gene_names import MISSING, duplicated, examples
from plkd.errors import InputError

# R writes round numbers as 1e+05, and so do names of peaks that R made.
_NUMBER = r"(\d+(?:\.\d+)?[eE]\+?\d+|\d+)"
_NAME = re.compile(rf"^(.+?)(?::{_NUMBER}-{_NUMBER}|-{_NUMBER}-{_NUMBER}|_{_NUMBER}_{_NUMBER})$")

_COLUMNS = {
    "chromosome": ("chrom", "chr", "chromosome", "seqname", "seqnames", "contig"),
    "start": ("start", "chromstart", "chrom_start"),
    "end": ("end", "chromend", "chrom_end", "stop"),
}
INTERVAL = "interval"
PEAKS = "Peaks"
"""What 10x calls peaks in ``var['feature_types']``."""
PEAK_NAMES = "chr:start-end, chr-start-end or chr_start_end"


@dataclass(frozen=True)
class Regions:
    """Regions of a genome, 0-based and half-open.

    Parameters
    ----------
    chromosomes
        Names of the chromosomes, each once.
    code
        Chromosome of each region, a position in ``chromosomes``, ``(n_regions,)`` int.
    start, end
        First base, and the one after the last, ``(n_regions,)`` int64.
    """

    chromosomes: tuple[str, ...]
    code: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.start)

    def names(self, which: np.ndarray | Sequence[int]) -> list[str]:
        """Write some of the regions as ``chr:start-end``.

        Parameters
        ----------
        which
            Their positions.

        Returns
        -------
        One name each.
        """
        return [
            f"{self.chromosomes[self.code[i]]}:{self.start[i]}-{self.end[i]}"
            for i in map(int, which)
        ]


def peak_regions(var: Any) -> Regions:
    """Say which region of the genome each peak is.

    Parameters
    ----------
    var
        Data frame of the peaks. The index names them as ``chr:start-end``, ``chr-start-end`` or
        ``chr_start_end``; where it does not, columns such as ``chrom``, ``chromStart``,
        ``chromEnd``, or a column ``interval`` that holds such names. Of 10x data the peaks alone.

    Returns
    -------
    The regions, in the order of ``var``.

    Raises
    ------
    InputError
        Peaks have no coordinates, no base (start not below end), start below 0, or stand twice;
        genes stand beside them or in their place.
    """
    names = [str(name) for name in var.index]
    regions, without = _named(names)
    if without:
        _refuse_genes(var, names)
        regions = _from_columns(var, names) or _from_interval(var) or regions
    if regions is None:
        raise _no_coordinates([names[i] for i in without], len(names))
    bad = np.flatnonzero((regions.start < 0) | (regions.start >= regions.end))
    if len(bad):
        raise InputError(
            "peaks that start at 0 or later and before they end",
            f"{len(bad)} that do not: {examples(regions.names(bad))}",
            "set their coordinates right or leave the peaks out",
        )
    keys = regions.names(range(len(regions)))
    twice = duplicated(keys)
    if twice:
        raise InputError(
            "each peak once",
            f"{len(twice)} region(s) that stand more than once: {examples(twice)}",
            "leave out the second of each, or its counts are taken twice",
        )
    return regions


def _named(names: Sequence[str]) -> tuple[Regions | None, list[int]]:
    """Return the regions that all names are, or None and the positions of those that are none."""
    chromosomes: dict[str, int] = {}
    code = np.empty(len(names), dtype=np.int64)
    bounds = np.empty((2, len(names)), dtype=np.int64)
    without: list[int] = []
    for i, name in enumerate(names):
        match = _NAME.match(name)
        if match is None:
            without.append(i)
            continue
        chromosome, *numbers = (text for text in match.groups() if text is not None)
        code[i] = chromosomes.setdefault(chromosome, len(chromosomes))
        bounds[:, i] = [_whole(text) for text in numbers]
    if without:
        return None, without
    return Regions(tuple(chromosomes), code, bounds[0], bounds[1]), without


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else round(float(text))


def _from_columns(var: Any, names: Sequence[str]) -> Regions | None:
    """Return the regions that columns of coordinates give, or None where there are no such."""
    import pandas as pd

    there = {str(column).casefold(): column for column in var.columns}
    found = {
        part: next((there[name] for name in known if name in there), None)
        for part, known in _COLUMNS.items()
    }
    if any(column is None for column in found.values()):
        return None
    numbers = [pd.to_numeric(var[found[part]], errors="coerce") for part in ("start", "end")]
    table = np.array([np.asarray(number, dtype=np.float64) for number in numbers])
    chromosome = var[found["chromosome"]]
    bad = np.flatnonzero((~(np.rint(table) == table)).any(0) | chromosome.isna().to_numpy())
    if len(bad):
        shown = [names[i] for i in bad.tolist()]
        raise InputError(
            f"whole numbers in var columns {found['start']!r} and {found['end']!r} and a name in "
            f"{found['chromosome']!r}",
            f"{len(bad)} peak(s) without: {examples(shown)}",
            "give these peaks coordinates or leave them out",
        )
    code, levels = pd.factorize(chromosome.astype(str))
    start, end = table.astype(np.int64)
    return Regions(tuple(map(str, levels)), code.astype(np.int64), start, end)


def _from_interval(var: Any) -> Regions | None:
    column = next((name for name in var.columns if str(name).casefold() == INTERVAL), None)
    if column is None:
        return None
    return _named([str(text) for text in var[column]])[0]


def _refuse_genes(var: Any, names: Sequence[str]) -> None:
    """Refuse genes beside peaks, or in their place: scanpy gives genes an interval as well."""
    if COLUMN not in var.columns:
        return
    kinds = [str(kind) for kind in var[COLUMN]]
    genes = [name for name, kind in zip(names, kinds, strict=True) if kind.casefold() in GENES]
    if not genes:
        return
    others = Counter(kind for kind in kinds if kind not in MISSING and kind.casefold() not in GENES)
    peaks = PEAKS if PEAKS in others or not others else others.most_common(1)[0][0]
    raise InputError(
        f"peaks alone, {peaks!r} in var[{COLUMN!r}]",
        f"{len(genes)} of {len(names)} features of another type: {examples(genes)}",
        f"take the peaks, as adata[:, adata.var[{COLUMN!r}] == {peaks!r}].copy() "
        "(scanpy.read_10x_h5 reads them with gex_only=False)",
    )


def _no_coordinates(without: list[str], n_peaks: int) -> InputError:
    return InputError(
        f"peaks with coordinates, named {PEAK_NAMES}",
        f"{len(without)} of {n_peaks} peaks without: {examples(without)}",
        "name the peaks so, or give var the columns chrom, start and end",
    )
