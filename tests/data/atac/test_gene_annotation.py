from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from plkd.data.atac.annotation_lines import attributes
from plkd.data.atac.gene_annotation import GeneAnnotation, read_gene_annotation
from plkd.errors import InputError
from toy_genome import bed_text, gff3_text, gtf_text, toy_genes, write

SIGNS = {1: "+", -1: "-", 0: "."}


def as_rows(annotation: GeneAnnotation) -> list[tuple]:
    columns = annotation.chromosomes, annotation.start, annotation.end, annotation.strand
    return [
        (name, chromosome, int(start), int(end), SIGNS[int(strand)])
        for name, chromosome, start, end, strand in zip(annotation.names, *columns, strict=True)
    ]


def read(tmp_path: Path, text: str, name: str = "genes.gtf") -> GeneAnnotation:
    return read_gene_annotation(write(tmp_path / name, text))


def line(kind: str, start: int, end: int, said: str, *, chromosome: str = "1") -> str:
    return f"{chromosome}\tx\t{kind}\t{start}\t{end}\t.\t+\t.\t{said}\n"


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize(
    ("name", "text"), [("a.gtf", gtf_text), ("a.gff3", gff3_text), ("a.bed", bed_text)]
)
def test_every_format_gives_the_same_genes(tmp_path: Path, name: str, text, packed: str) -> None:
    genes = toy_genes(60)
    found = read(tmp_path, text(genes), name + packed)
    assert as_rows(found) == [(g.name, g.chromosome, g.start, g.end, g.strand) for g in genes]
    assert found.source == name + packed
    if "bed" not in name:
        assert found.biotypes == tuple(gene.biotype for gene in genes)
        assert found.ids[3].startswith("TOYG00003")
    else:
        assert not any(found.biotypes)
        assert not any(found.ids)


def test_the_first_base_is_1_in_gtf_and_0_in_bed(tmp_path: Path) -> None:
    gtf = read(tmp_path, line("gene", 1, 10, 'gene_name "A";'))
    bed = read(tmp_path, "1\t0\t10\tA\t0\t+\n", "a.bed")
    assert as_rows(gtf) == as_rows(bed) == [("A", "1", 0, 10, "+")]


def test_lengths_of_chromosomes_are_kept(tmp_path: Path) -> None:
    found = read(tmp_path, gff3_text(toy_genes(3)), "a.gff3")
    assert found.chromosome_ends == {"chr1": 40_000_000, "chr2": 40_000_000, "chrX": 40_000_000}


def test_accessions_of_ncbi_become_chromosomes(tmp_path: Path) -> None:
    region = "ID=NC_000067.6:1..900;Name=1;chromosome=1;genome=chromosome"
    gene = "ID=gene-Xkr4;Name=Xkr4;gbkey=Gene;gene=Xkr4;gene_biotype=protein_coding"
    other = "ID=NT_1:1..50;Name=Unknown;genome=genomic"
    found = read(
        tmp_path,
        line("region", 1, 900, region, chromosome="NC_000067.6")
        + line("gene", 5, 90, gene, chromosome="NC_000067.6")
        + line("region", 1, 50, other, chromosome="NT_1")
        + line("gene", 5, 9, "ID=gene-B;Name=B", chromosome="NT_1"),
    )
    assert as_rows(found) == [("Xkr4", "1", 4, 90, "+"), ("B", "NT_1", 4, 9, "+")]
    assert found.chromosome_ends == {"1": 900}
    assert found.ids == ("Xkr4", "B")


def test_without_gene_lines_transcripts_are_taken(tmp_path: Path) -> None:
    said = 'gene_id "A"; transcript_id "T{}";'
    found = read(
        tmp_path,
        line("exon", 1, 5, said.format(1))
        + line("transcript", 1, 50, said.format(1))
        + line("transcript", 30, 80, said.format(2)),
    )
    assert as_rows(found) == [("A", "1", 0, 50, "+"), ("A", "1", 29, 80, "+")]


def test_without_transcripts_exons_span_them(tmp_path: Path) -> None:
    said = 'gene_id "A"; transcript_id "T{}";'
    found = read(
        tmp_path,
        line("exon", 11, 20, said.format(1))
        + line("exon", 41, 50, said.format(1))
        + line("CDS", 12, 18, said.format(1))
        + line("exon", 90, 95, said.format(2)),
    )
    assert as_rows(found) == [("A", "1", 10, 50, "+"), ("A", "1", 89, 95, "+")]


def test_a_gene_without_a_name_is_called_by_its_id(tmp_path: Path) -> None:
    gtf = read(tmp_path, line("gene", 1, 9, 'gene_id "ENSG00000000003"; gene_name "";'))
    gff = read(tmp_path, line("gene", 1, 9, "ID=gene:ENSG00000000003;biotype=protein_coding"))
    assert gtf.names == gff.names == ("ENSG00000000003",)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('gene_id "G1"; gene_name "A B";', {"gene_id": "G1", "gene_name": "A B"}),
        ('gene_id "G;1"; level 2; tag "x"; tag "y"', {"gene_id": "G;1", "level": "2", "tag": "x"}),
        ("ID=gene:G1;Name=A%3BB; biotype=x;", {"ID": "gene:G1", "Name": "A;B", "biotype": "x"}),
        ("", {}),
    ],
)
def test_attributes(field: str, expected: dict) -> None:
    assert attributes(field.encode()) == expected


def test_headers_and_sequences_are_no_genes(tmp_path: Path) -> None:
    bed = 'track name="x"\nbrowser position chr1\n#c\n\n1\t0\t5\tA\t0\t+\r\n'
    assert as_rows(read(tmp_path, bed, "a.bed")) == [("A", "1", 0, 5, "+")]
    gff = line("gene", 1, 5, "Name=A") + "##FASTA\n>1\nACGT\n"
    assert read(tmp_path, gff, "a.gff3").names == ("A",)


def test_a_strand_that_is_not_said_is_unknown(tmp_path: Path) -> None:
    bed = "1\t0\t5\tA\n1\t0\t5\tB\t0\t.\n1\t0\t5\tC\t0\t-\n"
    assert read(tmp_path, bed, "a.bed").strand.tolist() == [0, 0, -1]


# --- refused ------------------------------------------------------------------------------------


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a gene annotation .*; found nothing there"):
        read_gene_annotation(tmp_path / "none.gtf")
    with pytest.raises(InputError, match="found a directory"):
        read_gene_annotation(tmp_path)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_annotation_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="found an empty file"):
        read(tmp_path, text)


def test_an_annotation_without_genes_is_refused_with_what_it_has(tmp_path: Path) -> None:
    text = line("start_codon", 1, 3, 'gene_id "A";') + line("CNV", 1, 3, "x=1")
    with pytest.raises(InputError, match=r"2 line\(s\) of 'start_codon', 'CNV', none of a gene"):
        read(tmp_path, text)


def test_genes_without_any_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1 line\(s\) of 'gene', none of a gene with a name"):
        read(tmp_path, line("gene", 1, 5, "note=x"))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("1 x gene 1 5 . + . Name=A\n", "nine columns"),
        (line("gene", 6, 5, "Name=A"), "not behind the end"),
        (line("gene", 0, 5, "Name=A"), "a start of 1 or more"),
        ("1\tx\tgene\tone\t5\t.\t+\t.\tName=A\n", "whole numbers"),
    ],
)
def test_lines_that_cannot_be_read_are_refused_by_number(
    tmp_path: Path, bad: str, why: str
) -> None:
    with pytest.raises(InputError, match=f"{why}.* in line 2"):
        read(tmp_path, line("gene", 1, 5, "Name=A") + bad)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("1\t5\t9\n", "at least four columns"),
        ("1\t5\t5\tA\n", "below the end"),
        ("1\t5\tx\tA\n", "whole numbers"),
        ("1\t5\t9\t\n", "at least four columns"),
    ],
)
def test_bed_lines_that_cannot_be_read_are_refused_by_number(
    tmp_path: Path, bad: str, why: str
) -> None:
    with pytest.raises(InputError, match=f"{why}.* in line 2"):
        read(tmp_path, "1\t0\t5\tA\n" + bad, "a.bed")


def test_a_truncated_gz_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gtf.gz", gtf_text(toy_genes(300)))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="a truncated or damaged gz file"):
        read_gene_annotation(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gtf"
    path.write_bytes(b"\0\1\2\n" * 50)
    with pytest.raises(InputError, match="a file that is not text"):
        read_gene_annotation(path)
    path.write_bytes(gzip.compress(b"\0\1\2\n" * 50))
    with pytest.raises(InputError, match="a file that is not text"):
        read_gene_annotation(path)
