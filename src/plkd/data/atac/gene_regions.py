"""The region of each gene: its body and the bases upstream of its start."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plkd.data.atac.gene_annotation import GeneAnnotation, read_gene_annotation
from plkd.data.atac.regions import Regions
from plkd.data.gene_names import examples
from plkd.errors import InputError

PROTEIN_CODING = ("protein_coding",)


@dataclass(frozen=True)
class GeneRegions:
    """Genes by name, each with one place on the genome or several.

    Parameters
    ----------
    names
        Each name once, in the order of the annotation, ``(n_genes,)``.
    bodies
        Longest place of each gene, without what is upstream, ``(n_genes,)``.
    ids, biotypes
        Of that place; ``""`` where the annotation says nothing.
    strand
        Of that place: 1, -1, or 0 where it is not said, ``(n_genes,)`` int8.
    n_places
        Number of places, ``(n_genes,)`` int64.
    places
        All places with what is upstream and downstream, ``(n_places,)``.
    place_gene
        Gene of each place, ``(n_places,)`` int64.
    starts
        First base of each place whose strand is known, in the direction it is read.
    chromosome_ends
        Length of each chromosome of ``places.chromosomes``, -1 where the annotation does not say.
    annotation
        Name of the annotation's file.
    upstream, downstream
        Bases that were added before and behind each place.
    aliases
        Names of chromosomes by their accessions, where the annotation gives both.
    """

    names: tuple[str, ...]
    bodies: Regions
    ids: tuple[str, ...]
    biotypes: tuple[str, ...]
    strand: np.ndarray
    n_places: np.ndarray
    places: Regions
    place_gene: np.ndarray
    starts: Regions
    chromosome_ends: np.ndarray
    annotation: str
    upstream: int
    downstream: int
    aliases: Mapping[str, str]

    def __len__(self) -> int:
        """Return the number of genes."""
        return len(self.names)

    def respelt(self, regions: Regions) -> Regions:
        """Name the chromosomes of regions as the genes do, where the regions have accessions.

        Parameters
        ----------
        regions
            Peaks or fragments.

        Returns
        -------
        The same regions; chromosomes without an alias keep their names.
        """
        names = tuple(self.aliases.get(name, name) for name in regions.chromosomes)
        return replace(regions, chromosomes=names)


def gene_regions(
    annotation: GeneAnnotation | str | Path,
    *,
    upstream: int = 2000,
    downstream: int = 0,
    biotypes: Collection[str] | None = PROTEIN_CODING,
) -> GeneRegions:
    """Give each gene its body, the bases upstream of its start and those behind its end.

    Parameters
    ----------
    annotation
        The genes, or the path of a file with them.
    upstream, downstream
        Bases before the first and behind the last base of a gene, in the direction it is read.
    biotypes
        Kinds of gene to take; None takes all. An annotation that says nothing of biotypes, such
        as BED, gives all its genes.

    Returns
    -------
    The genes. Lines of one name that overlap on one strand of a chromosome become one place, from
    the first base of any to the last of any; lines of one name elsewhere are further places of
    that gene.

    Raises
    ------
    InputError
        ``upstream`` or ``downstream`` is below 0; no gene has one of the biotypes; the strand of
        a gene is not known although upstream and downstream differ; the file cannot be read.
    """
    if min(upstream, downstream) < 0:
        raise InputError(
            "0 or more bases upstream and downstream", f"{min(upstream, downstream)}", "raise it"
        )
    if not isinstance(annotation, GeneAnnotation):
        annotation = read_gene_annotation(annotation)
    taken = _of_biotypes(annotation, biotypes)
    lines = _Lines(annotation, taken)
    if upstream != downstream:
        _check_strands(annotation, taken)
    place_line, start, end = lines.places()
    gene, code = lines.gene[place_line], lines.code[place_line]
    strand = annotation.strand[taken[place_line]]
    before = np.where(strand < 0, downstream, upstream)
    after = np.where(strand < 0, upstream, downstream)
    places = Regions(lines.chromosomes, code, np.maximum(start - before, 0), end + after)
    known = strand != 0
    first = np.where(strand > 0, start, end - 1)[known]
    longest = _longest(gene, end - start, len(lines.names))
    line = taken[place_line[longest]]
    ends = [annotation.chromosome_ends.get(name, -1) for name in lines.chromosomes]
    return GeneRegions(
        names=lines.names,
        bodies=Regions(lines.chromosomes, code[longest], start[longest], end[longest]),
        ids=tuple(annotation.ids[i] for i in line),
        biotypes=tuple(annotation.biotypes[i] for i in line),
        strand=strand[longest],
        n_places=np.bincount(gene, minlength=len(lines.names)),
        places=places,
        place_gene=gene,
        starts=Regions(lines.chromosomes, code[known], first, first + 1),
        chromosome_ends=np.asarray(ends, dtype=np.int64),
        annotation=annotation.source,
        upstream=upstream,
        downstream=downstream,
        aliases=annotation.aliases,
    )


class _Lines:
    """The taken lines with names and chromosomes as numbers."""

    def __init__(self, annotation: GeneAnnotation, taken: np.ndarray) -> None:
        names: dict[str, int] = {}
        chromosomes: dict[str, int] = {}
        gene = [names.setdefault(annotation.names[i], len(names)) for i in taken]
        where = annotation.chromosomes
        code = [chromosomes.setdefault(where[i], len(chromosomes)) for i in taken]
        self.names, self.chromosomes = tuple(names), tuple(chromosomes)
        self.gene = np.asarray(gene, dtype=np.int64)
        self.code = np.asarray(code, dtype=np.int64)
        self.strand = annotation.strand[taken]
        self.start, self.end = annotation.start[taken], annotation.end[taken]

    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return, for each place, its longest line (a position), its start and its end."""
        order = np.lexsort((self.start, self.strand, self.code, self.gene))
        line: list[int] = []
        start: list[int] = []
        end: list[int] = []
        last: tuple[int, int, int] | None = None
        for i in map(int, order):
            key = int(self.gene[i]), int(self.code[i]), int(self.strand[i])
            first, behind = int(self.start[i]), int(self.end[i])
            if key == last and first < end[-1]:
                if behind - first > self.end[line[-1]] - self.start[line[-1]]:
                    line[-1] = i
                end[-1] = max(end[-1], behind)
                continue
            last = key
            line.append(i)
            start.append(first)
            end.append(behind)
        return np.asarray(line), np.asarray(start), np.asarray(end)


def _longest(gene: np.ndarray, length: np.ndarray, n_genes: int) -> np.ndarray:
    """Return the position of the longest place of each gene; of equals the first."""
    order = np.lexsort((np.arange(len(gene)), -length, gene))
    first = np.searchsorted(gene[order], np.arange(n_genes))
    return np.asarray(order[first])


def _of_biotypes(annotation: GeneAnnotation, biotypes: Collection[str] | None) -> np.ndarray:
    everything = np.arange(len(annotation))
    said = sorted({kind for kind in annotation.biotypes if kind})
    if biotypes is None or (not said and tuple(biotypes) == PROTEIN_CODING):
        return everything
    wanted = {biotypes} if isinstance(biotypes, str) else set(biotypes)
    taken = np.flatnonzero([kind in wanted for kind in annotation.biotypes])
    if len(taken):
        return taken
    found = f"genes of {examples(said)} alone" if said else "an annotation without biotypes"
    raise InputError(
        f"genes of the biotype(s) {examples(sorted(wanted))}", found, "name others, or take all"
    )


def _check_strands(annotation: GeneAnnotation, taken: np.ndarray) -> None:
    without = [annotation.names[i] for i in taken if annotation.strand[i] == 0]
    if without:
        raise InputError(
            "a strand, + or -, for each gene, since upstream depends on it",
            f"{len(without)} gene(s) without: {examples(without)}",
            "give the strand (column 6 of BED, 7 of GTF), or set upstream and downstream alike",
        )
