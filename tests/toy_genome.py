"""A small genome: genes whose places are known, in every file format, and peaks at their starts.

The slow references are double loops over all pairs, written from the definition and not from the
code: a gene's region is its body and what is upstream of it, and a peak counts when it shares a
base with it.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse

CHROMOSOMES = ("chr1", "chr2", "chrX")
LENGTH = 40_000_000


class Gene(NamedTuple):
    """A gene, 0-based and half-open."""

    name: str
    chromosome: str
    start: int
    end: int
    strand: str
    biotype: str = "protein_coding"


def toy_genes(n: int = 400, seed: int = 0) -> list[Gene]:
    """Genes all over the genome, both strands, one in five of them no protein's."""
    rng = np.random.default_rng([seed, 11])
    genes = []
    for i in range(n):
        start = int(rng.integers(300_000, LENGTH - 300_000))
        genes.append(
            Gene(
                name=f"GENE{i + 1}",
                chromosome=CHROMOSOMES[i % len(CHROMOSOMES)],
                start=start,
                end=start + int(rng.integers(500, 40_000)),
                strand="+-"[int(rng.integers(2))],
                biotype="lncRNA" if i % 5 == 4 else "protein_coding",
            )
        )
    return genes


def toy_peaks(genes: list[Gene], n: int = 600, seed: int = 0) -> list[tuple[str, int, int]]:
    """Peaks, two of three near the start of a gene, each once."""
    rng = np.random.default_rng([seed, 12])
    peaks: dict[tuple[str, int, int], None] = {}
    while len(peaks) < n:
        gene = genes[int(rng.integers(len(genes)))]
        if rng.random() < 2 / 3:
            middle = (gene.start if gene.strand == "+" else gene.end) + int(rng.integers(-400, 400))
        else:
            middle = int(rng.integers(1_000, LENGTH))
        half = int(rng.integers(50, 450))
        peaks[gene.chromosome, middle - half, middle + half] = None
    return list(peaks)


def peak_matrix(
    peaks: list[tuple[str, int, int]], n_cells: int = 30, *, sign: str = ":", seed: int = 0
) -> AnnData:
    """Counts of the peaks, CSR float32, with ``obs['batch']``."""
    rng = np.random.default_rng([seed, 13])
    second = "-" if sign == ":" else sign
    names = [f"{c}{sign}{start}{second}{end}" for c, start, end in peaks]
    counts = rng.poisson(0.4, (n_cells, len(peaks))).astype(np.float32)
    obs = pd.DataFrame(
        {"batch": pd.Categorical(["a", "b"] * (n_cells // 2))},
        index=[f"CELL{i:04d}-1" for i in range(n_cells)],
    )
    return AnnData(sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=names))


def slow_region(gene: Gene, upstream: int = 2000, downstream: int = 0) -> tuple[int, int]:
    """The bases of a gene with what is upstream: first, and the one after the last."""
    if gene.strand == "+":
        return max(gene.start - upstream, 0), gene.end + downstream
    return max(gene.start - downstream, 0), gene.end + upstream


def slow_overlaps(
    peaks: list[tuple[str, int, int]], genes: list[Gene], upstream: int = 2000, downstream: int = 0
) -> np.ndarray:
    """Which peak shares a base with which name of a gene, ``(n_peaks, n_names)``, in order."""
    names = list(dict.fromkeys(gene.name for gene in genes))
    table = np.zeros((len(peaks), len(names)), dtype=bool)
    for i, (chromosome, start, end) in enumerate(peaks):
        for gene in genes:
            first, behind = slow_region(gene, upstream, downstream)
            shared = min(end, behind) - max(start, first)
            if chromosome == gene.chromosome and shared >= 1:
                table[i, names.index(gene.name)] = True
    return table


def coding(genes: list[Gene]) -> list[Gene]:
    return [gene for gene in genes if gene.biotype == "protein_coding"]


# --- files --------------------------------------------------------------------------------------


def gtf_text(genes: list[Gene]) -> str:
    lines = ["#!genome-build toy"]
    for i, gene in enumerate(genes):
        said = f'gene_id "TOYG{i:05d}.1"; gene_type "{gene.biotype}"; gene_name "{gene.name}";'
        place = f"{gene.start + 1}\t{gene.end}\t.\t{gene.strand}\t."
        lines.append(f"{gene.chromosome}\ttoy\tgene\t{place}\t{said}")
        lines.append(
            f'{gene.chromosome}\ttoy\ttranscript\t{place}\t{said} transcript_id "TOYT{i:05d}";'
        )
    return "\n".join(lines) + "\n"


def gff3_text(genes: list[Gene]) -> str:
    lines = ["##gff-version 3"]
    lines += [f"##sequence-region {name} 1 {LENGTH}" for name in CHROMOSOMES]
    for i, gene in enumerate(genes):
        kind = "gene" if gene.biotype == "protein_coding" else "ncRNA_gene"
        said = f"ID=gene:TOYG{i:05d};Name={gene.name};biotype={gene.biotype}"
        place = f"{gene.start + 1}\t{gene.end}\t.\t{gene.strand}\t."
        lines.append(f"{gene.chromosome}\ttoy\t{kind}\t{place}\t{said}")
        lines.append(f"{gene.chromosome}\ttoy\tmRNA\t{place}\tID=TOYT{i:05d};Parent=TOYG{i:05d}")
    return "\n".join(lines) + "\n"


def bed_text(genes: list[Gene]) -> str:
    rows = [(g.chromosome, g.start, g.end, g.name, 0, g.strand) for g in genes]
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def write(path: Path, text: str) -> Path:
    """Write a text file, packed where its name ends in gz."""
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def fragments_text(
    genes: list[Gene], barcodes: list[str], n: int = 3000, seed: int = 0
) -> tuple[str, list[tuple[str, int, int, str]]]:
    """Fragments of the barcodes, sorted as Cell Ranger sorts them, as a file and as rows."""
    rng = np.random.default_rng([seed, 14])
    rows = []
    for chromosome, start, end in toy_peaks(genes, n, seed + 1):
        rows.append((chromosome, start, end, barcodes[int(rng.integers(len(barcodes)))]))
    rows.sort()
    head = "# id=toy\n# primary_contig=chr1\n"
    return head + "".join(f"{c}\t{s}\t{e}\t{b}\t{1 + s % 3}\n" for c, s, e, b in rows), rows
