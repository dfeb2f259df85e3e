"""Genes with what is upstream of them, and which peaks overlap them, against a double loop."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plkd.data.atac.gene_annotation import GeneAnnotation
from plkd.data.atac.gene_regions import GeneRegions, gene_regions
from plkd.data.atac.overlaps import Overlaps, gene_overlaps
from plkd.data.atac.regions import Regions
from plkd.errors import InputError
from toy_genome import Gene, slow_overlaps, slow_region

SIGN = {"+": 1, "-": -1, ".": 0}


def annotation_of(genes: list[Gene]) -> GeneAnnotation:
    return GeneAnnotation(
        names=tuple(gene.name for gene in genes),
        ids=tuple(f"id{i}" for i in range(len(genes))),
        biotypes=tuple(gene.biotype for gene in genes),
        chromosomes=tuple(gene.chromosome for gene in genes),
        start=np.array([gene.start for gene in genes], dtype=np.int64),
        end=np.array([gene.end for gene in genes], dtype=np.int64),
        strand=np.array([SIGN[gene.strand] for gene in genes], dtype=np.int8),
        chromosome_ends={},
        source="toy",
    )


def regions_of(peaks: list[tuple[str, int, int]]) -> Regions:
    names = sorted({chromosome for chromosome, _, _ in peaks})
    return Regions(
        tuple(names),
        np.array([names.index(chromosome) for chromosome, _, _ in peaks], dtype=np.int64),
        np.array([start for _, start, _ in peaks], dtype=np.int64),
        np.array([end for _, _, end in peaks], dtype=np.int64),
    )


def extended(gene: Gene, **options: int) -> tuple[int, int]:
    found = gene_regions(annotation_of([gene]), **options)
    return int(found.places.start[0]), int(found.places.end[0])


def overlap(peaks: list[tuple[str, int, int]], genes: list[Gene], **options: int) -> np.ndarray:
    return gene_overlaps(regions_of(peaks), gene_regions(annotation_of(genes), **options)).toarray()


def test_upstream_heeds_the_strand() -> None:
    forward, backward = Gene("A", "1", 5000, 9000, "+"), Gene("A", "1", 5000, 9000, "-")
    assert extended(forward) == (3000, 9000)
    assert extended(backward) == (5000, 11000)
    assert extended(forward, upstream=10, downstream=3) == (4990, 9003)
    assert extended(backward, upstream=10, downstream=3) == (4997, 9010)


def test_no_base_lies_before_the_first() -> None:
    assert extended(Gene("A", "1", 500, 900, "+")) == (0, 900)


@pytest.mark.parametrize(
    ("peak", "counts"),
    [((2999, 3000), 0), ((2999, 3001), 1), ((3000, 3001), 1), ((8999, 9000), 1), ((9000, 9001), 0)],
)
def test_borders_to_the_base_forward(peak: tuple[int, int], counts: int) -> None:
    assert overlap([("1", *peak)], [Gene("A", "1", 5000, 9000, "+")]) == counts


@pytest.mark.parametrize(
    ("peak", "counts"),
    [((4999, 5000), 0), ((4999, 5001), 1), ((10999, 11000), 1), ((11000, 11001), 0)],
)
def test_borders_to_the_base_backward(peak: tuple[int, int], counts: int) -> None:
    assert overlap([("1", *peak)], [Gene("A", "1", 5000, 9000, "-")]) == counts


def test_a_peak_counts_for_every_gene_and_once_for_each() -> None:
    genes = [
        Gene("A", "1", 5000, 9000, "+"),
        Gene("B", "1", 8000, 9500, "-"),
        Gene("A", "1", 9200, 9300, "+"),  # a second place of A under the same peak
        Gene("C", "2", 5000, 9000, "+"),
    ]
    assert overlap([("1", 8500, 9250)], genes).tolist() == [[1.0, 1.0, 0.0]]


def test_lines_of_one_name_that_overlap_are_one_place() -> None:
    genes = [
        Gene("A", "1", 5000, 6000, "+"),
        Gene("A", "1", 5500, 9000, "+"),
        Gene("A", "1", 5600, 5700, "+"),
        Gene("A", "1", 9000, 9100, "+"),  # touches without a shared base
        Gene("A", "1", 5100, 5200, "-"),
        Gene("A", "2", 1, 2, "+"),
    ]
    found = gene_regions(annotation_of(genes), upstream=0)
    places = found.places
    rows = zip(places.code, places.start, places.end, strict=True)
    assert {tuple(map(int, row)) for row in rows} == {
        (0, 5000, 9000), (0, 9000, 9100), (0, 5100, 5200), (1, 1, 2),
    }  # fmt: skip
    assert found.n_places.tolist() == [4]


def test_a_gene_is_shown_at_its_longest_place() -> None:
    genes = [Gene("A", "1", 10, 20, "+"), Gene("B", "1", 5, 9, "-"), Gene("A", "X", 30, 90, "-")]
    found = gene_regions(annotation_of(genes))
    assert found.names == ("A", "B")
    assert found.bodies.names([0, 1]) == ["X:30-90", "1:5-9"]
    assert (found.strand.tolist(), found.ids) == ([-1, -1], ("id2", "id1"))


def test_biotypes() -> None:
    genes = [Gene("A", "1", 10, 20, "+"), Gene("B", "1", 5, 9, "-", "lncRNA")]
    annotation = annotation_of(genes)
    assert gene_regions(annotation).names == ("A",)
    assert gene_regions(annotation, biotypes=["lncRNA"]).names == ("B",)
    assert gene_regions(annotation, biotypes="lncRNA").names == ("B",)
    assert gene_regions(annotation, biotypes=None).names == ("A", "B")


def test_a_pseudogene_of_the_same_name_is_not_merged_into_the_gene() -> None:
    genes = [Gene("A", "1", 10, 20, "+"), Gene("A", "2", 5, 900, "-", "pseudogene")]
    found = gene_regions(annotation_of(genes))
    assert (found.n_places.tolist(), found.bodies.names([0])) == ([1], ["1:10-20"])


def test_without_biotypes_all_genes_are_taken() -> None:
    genes = [Gene("A", "1", 10, 20, "+", ""), Gene("B", "1", 5, 9, "-", "")]
    assert gene_regions(annotation_of(genes)).names == ("A", "B")


def test_chromosomes_are_the_same_however_spelt() -> None:
    genes = [
        Gene("A", "chr1", 10, 20, "+"),
        Gene("B", "1", 30, 40, "+"),
        Gene("M", "MT", 5, 9, "+"),
    ]
    peaks = [("1", 12, 13), ("chr1", 30, 31), ("chrM", 5, 6), ("chr11", 12, 13)]
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert overlap(peaks, genes, upstream=0).tolist() == expected


# --- refused ------------------------------------------------------------------------------------


def test_biotypes_that_no_gene_has_are_refused_with_those_there_are() -> None:
    annotation = annotation_of([Gene("A", "1", 10, 20, "+", "lncRNA")])
    with pytest.raises(InputError, match="'protein_coding'; found genes of 'lncRNA' alone"):
        gene_regions(annotation)
    unsaid = annotation_of([Gene("A", "1", 10, 20, "+", "")])
    with pytest.raises(InputError, match="'lncRNA'; found an annotation without biotypes"):
        gene_regions(unsaid, biotypes=["lncRNA"])


def test_unknown_strands_are_refused_by_name() -> None:
    annotation = annotation_of([Gene(f"A{i}", "1", 10, 20, ".") for i in range(6)])
    with pytest.raises(InputError, match=r"6 gene\(s\) without: 'A0', .*'A4' and 1 more"):
        gene_regions(annotation)


def test_unknown_strands_do_where_both_sides_are_alike() -> None:
    annotation = annotation_of([Gene("A", "1", 100, 200, ".")])
    found = gene_regions(annotation, upstream=30, downstream=30)
    assert (int(found.places.start[0]), int(found.places.end[0])) == (70, 230)
    assert len(found.starts) == 0


@pytest.mark.parametrize("options", [{"upstream": -1}, {"downstream": -5}])
def test_negative_distances_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="0 or more bases upstream and downstream"):
        gene_regions(annotation_of([Gene("A", "1", 10, 20, "+")]), **options)


def test_a_missing_library_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ncls", None)
    with pytest.raises(InputError, match=r'the package ncls.*pip install "plkd\[atac\]"'):
        overlap([("1", 1, 2)], [Gene("A", "1", 10, 20, "+")])


# --- against a double loop ----------------------------------------------------------------------

chromosome = st.sampled_from(["chr1", "chr2", "chrX"])
start, length = st.integers(0, 120), st.integers(1, 40)
genes_drawn = st.lists(
    st.builds(
        lambda name, where, first, long, strand: Gene(name, where, first, first + long, strand),
        st.sampled_from("ABCDE"), chromosome, start, length, st.sampled_from("+-"),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
peaks_drawn = st.lists(
    st.tuples(chromosome, start, length).map(lambda p: (p[0], p[1], p[1] + p[2])),
    min_size=1, max_size=15,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(peaks_drawn, genes_drawn, st.integers(0, 25), st.integers(0, 10))
def test_overlaps_as_the_double_loop(peaks, genes, upstream: int, downstream: int) -> None:
    found = overlap(peaks, genes, upstream=upstream, downstream=downstream)
    expected = slow_overlaps(peaks, merged(genes), upstream, downstream)
    np.testing.assert_array_equal(found.astype(bool), expected)
    assert set(np.unique(found)) <= {0.0, 1.0}


def merged(genes: list[Gene]) -> list[Gene]:
    """The genes with lines of one name that overlap made one, pair by pair until none are left."""
    genes = list(genes)
    order = {gene.name: i for i, gene in reversed(list(enumerate(genes)))}
    while True:
        for i, a in enumerate(genes):
            for j, b in enumerate(genes[:i]):
                alike = (a.name, a.chromosome, a.strand) == (b.name, b.chromosome, b.strand)
                if alike and min(a.end, b.end) > max(a.start, b.start):
                    one = b._replace(start=min(a.start, b.start), end=max(a.end, b.end))
                    genes = [*genes[:j], one, *genes[j + 1 : i], *genes[i + 1 :]]
                    break
            else:
                continue
            break
        else:
            return sorted(genes, key=lambda gene: order[gene.name])


@settings(max_examples=100, deadline=None)
@given(peaks_drawn, peaks_drawn)
def test_pairs_as_the_double_loop(asked, known) -> None:
    found = set(zip(*map(list, Overlaps(regions_of(known)).pairs(regions_of(asked))), strict=True))
    expected = {
        (i, j)
        for i, a in enumerate(asked)
        for j, b in enumerate(known)
        if a[0] == b[0] and max(a[1], b[1]) < min(a[2], b[2])
    }
    assert found == expected


def test_no_regions_overlap_nothing() -> None:
    none = Regions((), *(np.zeros(0, dtype=np.int64) for _ in range(3)))
    some = regions_of([("chr1", 1, 5)])
    assert not len(Overlaps(none).pairs(some)[0])
    assert not len(Overlaps(some).pairs(none)[0])


def test_slow_reference_is_the_definition() -> None:
    assert slow_region(Gene("A", "1", 5000, 9000, "+")) == (3000, 9000)
    assert slow_region(Gene("A", "1", 5000, 9000, "-")) == (5000, 11000)


def test_gene_regions_is_a_record_of_equal_lengths() -> None:
    found = gene_regions(annotation_of([Gene("A", "1", 10, 20, "+"), Gene("B", "1", 5, 9, "-")]))
    assert isinstance(found, GeneRegions)
    assert len(found) == len(found.bodies) == len(found.ids) == len(found.strand) == 2
