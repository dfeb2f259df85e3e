"""What a line of a GTF or GFF3 file says of a gene."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from plkd.errors import InputError

_GTF = re.compile(r'([\w.-]+)\s+(?:"([^"]*)"|([^\s;"]+))\s*(?:;|$)')
_NAME = ("gene_name", "Name", "gene", "gene_id", "ID")
_OF_GENE = ("gene_name", "gene", "gene_id", "geneID", "Parent")
_BIOTYPE = ("gene_type", "gene_biotype", "biotype")
_ID_PREFIX = re.compile(r"^gene[:-]")
_TRANSCRIPTS = frozenset({"transcript", "mRNA", "primary_transcript", "lnc_RNA", "ncRNA"})


class Strand(IntEnum):
    """Which way a gene is read."""

    FORWARD = 1
    BACKWARD = -1
    UNKNOWN = 0

    @classmethod
    def of(cls, text: bytes) -> Strand:
        """Return the strand that a file writes as ``+`` or ``-``; all else is unknown."""
        return {b"+": cls.FORWARD, b"-": cls.BACKWARD}.get(text.strip(), cls.UNKNOWN)


class GeneLine(NamedTuple):
    """One gene of an annotation, 0-based and half-open."""

    name: str
    id: str
    biotype: str
    chromosome: str
    start: int
    end: int
    strand: Strand


class GeneLines:
    """The genes of a GTF or GFF3 file, gathered line by line."""

    def __init__(self) -> None:
        self.genes: list[GeneLine] = []
        self.ends: dict[str, int] = {}
        self.aliases: dict[str, str] = {}
        self._transcripts: list[GeneLine] = []
        self._exons: dict[tuple[str, str, int], GeneLine] = {}
        self._kinds: dict[str, None] = {}

    def pragma(self, line: bytes) -> None:
        """Keep the length of a chromosome (``##sequence-region chr1 1 1000``)."""
        fields = line.decode("utf-8", "replace").split()
        if fields[0] == "##sequence-region" and len(fields) >= 4 and fields[3].isdigit():
            self.ends[fields[1]] = int(fields[3])

    def take(self, line: bytes, path: Path, number: int) -> None:
        """Keep what a line says of a gene, if anything.

        Raises
        ------
        InputError
            The line has fewer than nine columns, its coordinates are no whole numbers, or it
            starts below 1 or behind its end.
        """
        fields = line.split(b"\t")
        if len(fields) < 9:
            raise bad_line(path, number, "nine columns with tabs between, as GTF and GFF3", line)
        kind = fields[2].decode("utf-8", "replace")
        self._kinds.setdefault(kind, None)
        is_gene = kind == "gene" or kind.endswith("_gene") or kind == "pseudogene"
        if not is_gene and kind != "region" and (self.genes or kind not in _NEEDED):
            return
        start, end = whole_numbers(fields[3], fields[4], path, number, line)
        if not 1 <= start <= end:
            raise bad_line(path, number, "a start of 1 or more, not behind the end", line)
        said = attributes(fields[8])
        chromosome = fields[0].decode("utf-8", "replace")
        if kind == "region":
            self._region(chromosome, end, said)
            return
        name = _first(said, _NAME if is_gene else _OF_GENE)
        if not name:
            return
        gene = GeneLine(
            name,
            _ID_PREFIX.sub("", said.get("gene_id", "") or (said.get("ID", "") if is_gene else "")),
            _first(said, _BIOTYPE),
            chromosome,
            start - 1,
            end,
            Strand.of(fields[6]),
        )
        if is_gene:
            self.genes.append(gene)
        elif kind in _TRANSCRIPTS:
            self._transcripts.append(gene)
        else:
            self._exon(said.get("transcript_id") or said.get("Parent") or name, gene)

    def found(self) -> list[GeneLine]:
        """Return the genes; without gene lines the transcripts, else the spans of exons."""
        return self.genes or self._transcripts or list(self._exons.values())

    def kinds(self) -> list[str]:
        """Return the kinds of line that were seen (column 3)."""
        return list(self._kinds)

    def _region(self, chromosome: str, end: int, said: dict[str, str]) -> None:
        """Keep name and length of a chromosome that NCBI writes as an accession."""
        if said.get("genome") in ("chromosome", "mitochondrion") and "Name" in said:
            self.aliases[chromosome] = said["Name"]
            self.ends[chromosome] = end

    def _exon(self, transcript: str, exon: GeneLine) -> None:
        key = (transcript, exon.chromosome, int(exon.strand))
        known = self._exons.get(key, exon)
        self._exons[key] = exon._replace(
            start=min(known.start, exon.start), end=max(known.end, exon.end)
        )


_NEEDED = _TRANSCRIPTS | {"exon", "CDS"}
"""Kinds of line that are read where there are no gene lines."""


def attributes(field: bytes) -> dict[str, str]:
    """Return what column 9 of GTF (``key "value";``) or GFF3 (``key=value;``) says.

    Parameters
    ----------
    field
        The column. Of a key that stands several times the first value counts.

    Returns
    -------
    Values by key.
    """
    text = field.decode("utf-8", "replace").strip()
    said: dict[str, str] = {}
    if re.match(r"^[^\s\"=;]+=", text):
        for part in text.split(";"):
            key, equals, value = part.strip().partition("=")
            if equals:
                said.setdefault(key, unquote(value))
        return said
    for key, quoted, plain in _GTF.findall(text):
        said.setdefault(key, quoted or plain)
    return said


def whole_numbers(
    start: bytes, end: bytes, path: Path, number: int, line: bytes
) -> tuple[int, int]:
    """Return both coordinates of a line.

    Raises
    ------
    InputError
        One is no whole number.
    """
    try:
        return int(start), int(end)
    except ValueError:
        raise bad_line(path, number, "whole numbers for start and end", line) from None


def bad_line(path: Path, number: int, expected: str, line: bytes) -> InputError:
    """Return the error for a line that cannot be read."""
    shown = line[:80].decode("utf-8", "replace")
    return InputError(
        f"{expected} in each line of {path}", f"{shown!r} in line {number}", "mend the line"
    )


def _first(said: dict[str, str], keys: tuple[str, ...]) -> str:
    text = next((said[key] for key in keys if said.get(key)), "")
    return _ID_PREFIX.sub("", text)
