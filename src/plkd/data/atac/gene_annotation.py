"""Where the genes of a genome are, from a GTF, GFF3 or BED file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plkd.data.atac.annotation_lines import GeneLine, GeneLines, Strand, bad_line, whole_numbers
from plkd.data.atac.packed_text import text_lines
from plkd.data.gene_names import examples
from plkd.errors import InputError

WHAT = "a gene annotation (GTF, GFF3 or BED)"
_SHOWN_WITHOUT = (b"track", b"browser", b"#")


@dataclass(frozen=True)
class GeneAnnotation:
    """Lines of an annotation that are genes, as they were read.

    Parameters
    ----------
    names, ids, biotypes
        One text a line; ``""`` where the file says nothing. A name may stand on several lines.
    chromosomes
        Chromosome of each line, as the file spells it or, where it gives accessions, names it.
    start, end
        Gene body, 0-based and half-open, ``(n_lines,)`` int64.
    strand
        1 forward, -1 backward, 0 not said, ``(n_lines,)`` int8.
    chromosome_ends
        Length of the chromosomes for which the file gives it.
    source
        Name of the file.
    aliases
        Names of chromosomes by what the file calls them, where it gives both, as NCBI's GFF3.
    """

    names: tuple[str, ...]
    ids: tuple[str, ...]
    biotypes: tuple[str, ...]
    chromosomes: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    strand: np.ndarray
    chromosome_ends: Mapping[str, int]
    source: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.names)


def read_gene_annotation(path: str | Path) -> GeneAnnotation:
    """Read where the genes are from a GTF, GFF3 or BED file.

    Parameters
    ----------
    path
        GTF or GFF3 (1-based, last base included), or BED (0-based, half-open: chromosome, start,
        end, name and, in column 6, strand), told apart by their lines; ``.gz`` is unpacked.

    Returns
    -------
    The genes in the order of the file. Of GTF and GFF3 the ``gene`` lines count, of NCBI's GFF3
    with the chromosomes' own names in place of accessions, which are kept beside them; where a file
    has none, as UCSC's GTF, each transcript is taken for its gene; and where it has no transcripts
    either, the span of the exons of each transcript is.

    Raises
    ------
    InputError
        There is no such file; it is empty, damaged or no text; a line has too few columns, no
        whole numbers for coordinates, or starts behind its end; there are no genes in it.
    """
    path = Path(path)
    gathered = GeneLines()
    n_lines, is_bed = 0, False
    for number, line in text_lines(path, what=WHAT):
        if line.startswith(b"##"):
            if line.startswith(b"##FASTA"):
                break
            gathered.pragma(line)
            continue
        if not line.strip() or line.startswith(_SHOWN_WITHOUT):
            continue
        if n_lines == 0:
            is_bed = _looks_like_bed(line)
        n_lines += 1
        if is_bed:
            gathered.genes.append(_bed_gene(line, path, number))
        else:
            gathered.take(line, path, number)
    if n_lines == 0:
        raise InputError(WHAT, f"an empty file, {path}", "pass the annotation of the genome")
    found = gathered.found()
    if not found:
        raise InputError(
            f"genes with names in {path}",
            f"{n_lines} line(s) of {examples(gathered.kinds())}, none of a gene with a name",
            "pass an annotation with gene, transcript or exon lines that name their genes",
        )
    return _columns(found, gathered, path)


def _looks_like_bed(line: bytes) -> bool:
    fields = line.split(b"\t", 3)
    return len(fields) > 2 and fields[1].strip().isdigit() and fields[2].strip().isdigit()


def _bed_gene(line: bytes, path: Path, number: int) -> GeneLine:
    fields = [field.strip() for field in line.split(b"\t")]
    if len(fields) < 4 or not fields[3]:
        raise bad_line(path, number, "at least four columns: chromosome, start, end, name", line)
    start, end = whole_numbers(fields[1], fields[2], path, number, line)
    if not 0 <= start < end:
        raise bad_line(path, number, "a start of 0 or more, below the end", line)
    strand = Strand.of(fields[5]) if len(fields) > 5 else Strand.UNKNOWN
    return GeneLine(fields[3].decode(), "", "", fields[0].decode(), start, end, strand)


def _columns(lines: list[GeneLine], gathered: GeneLines, path: Path) -> GeneAnnotation:
    def numbers(values: list[int], dtype: type) -> np.ndarray:
        return np.asarray(values, dtype=dtype)

    return GeneAnnotation(
        names=tuple(line.name for line in lines),
        ids=tuple(line.id for line in lines),
        biotypes=tuple(line.biotype for line in lines),
        chromosomes=tuple(gathered.aliases.get(line.chromosome, line.chromosome) for line in lines),
        start=numbers([line.start for line in lines], np.int64),
        end=numbers([line.end for line in lines], np.int64),
        strand=numbers([int(line.strand) for line in lines], np.int8),
        chromosome_ends={gathered.aliases.get(k, k): v for k, v in gathered.ends.items()},
        source=path.name,
        aliases=gathered.aliases,
    )
