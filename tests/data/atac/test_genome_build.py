from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plkd.data.atac.gene_annotation import GeneAnnotation
from plkd.data.atac.gene_regions import GeneRegions, gene_regions
from plkd.data.atac.genome_build import BuildEvidence, look_at_build, refuse_other_build
from plkd.data.atac.regions import Regions
from plkd.errors import InputError
from toy_genome import CHROMOSOMES, LENGTH, toy_genes, toy_peaks

N_GENES = 1500


def genes_of(n: int = N_GENES, seed: int = 0, ends: dict[str, int] | None = None) -> GeneRegions:
    genes = toy_genes(n, seed)
    signs = {"+": 1, "-": -1}
    return gene_regions(
        GeneAnnotation(
            names=tuple(gene.name for gene in genes),
            ids=("",) * n,
            biotypes=("",) * n,
            chromosomes=tuple(gene.chromosome for gene in genes),
            start=np.array([gene.start for gene in genes]),
            end=np.array([gene.end for gene in genes]),
            strand=np.array([signs[gene.strand] for gene in genes], dtype=np.int8),
            chromosome_ends=ends or {},
        )
    )


def peaks_of(n: int = 600, *, shift: int = 0, names: tuple[str, ...] = CHROMOSOMES) -> Regions:
    rows = toy_peaks(toy_genes(N_GENES), n)
    return Regions(
        names,
        np.array([CHROMOSOMES.index(chromosome) for chromosome, _, _ in rows]),
        np.array([start + shift for _, start, _ in rows]),
        np.array([end + shift for _, _, end in rows]),
    )


def check(peaks: Regions, genes: GeneRegions, **options) -> BuildEvidence:
    evidence = look_at_build(peaks, genes)
    refuse_other_build(evidence, genes, what="peaks", **options)
    return evidence


def test_the_same_build_is_taken() -> None:
    evidence = check(peaks_of(), genes_of())
    assert evidence.crowding > 4
    assert evidence.on_known == 1
    assert evidence.beyond < 0.02
    assert evidence.near_start > 0.6


def test_shares_are_those_of_a_double_loop() -> None:
    peaks, genes = peaks_of(80), genes_of(300)
    evidence = look_at_build(peaks, genes)

    def share(known: Regions, margin: int, by: int) -> float:
        hits = 0
        for i in range(len(peaks)):
            start, end = max(int(peaks.start[i]) + by, 0), int(peaks.end[i]) + by
            hits += any(
                known.code[j] == peaks.code[i]
                and max(start, int(known.start[j]) - margin) < min(end, int(known.end[j]) + margin)
                for j in range(len(known))
            )
        return hits / len(peaks)

    assert evidence.in_genes == pytest.approx(share(genes.places, 0, 0))
    assert evidence.near_start == pytest.approx(share(genes.starts, 1000, 0))
    shifts = [sign * kb * 1000 for kb in (20, 50, 100, 200) for sign in (-1, 1)]
    mean = np.mean([share(genes.starts, 1000, by) for by in shifts])
    assert evidence.near_shifted == pytest.approx(mean)


def test_another_build_is_refused_although_its_peaks_overlap_genes() -> None:
    peaks, genes = peaks_of(shift=137_000), genes_of()
    assert look_at_build(peaks, genes).in_genes > 0.2
    with pytest.raises(InputError, match=r"within 1 kb of the start.*another build or organism"):
        check(peaks, genes)


def test_the_check_can_be_left_out() -> None:
    evidence = check(peaks_of(shift=137_000), genes_of(), check=False)
    assert evidence.crowding < 1.5


def test_fragments_may_crowd_less_than_peaks() -> None:
    genes = genes_of()
    evidence = replace(look_at_build(peaks_of(), genes), crowding=1.7)
    refuse_other_build(evidence, genes, what="fragments")
    with pytest.raises(InputError, match=r"1\.7 times"):
        refuse_other_build(evidence, genes, what="peaks")
    with pytest.raises(InputError, match=r"1\.3 times"):
        refuse_other_build(replace(evidence, crowding=1.3), genes, what="fragments")


def test_other_chromosomes_are_refused_by_name() -> None:
    names = ("NC_000067.6", "NC_000068.7", "NC_000086.7")
    with pytest.raises(InputError, match=r"100.0% of 600 peaks on others: 'NC_000067.6'"):
        check(peaks_of(names=names), genes_of())


def test_some_other_chromosomes_are_named_and_taken() -> None:
    evidence = check(peaks_of(names=("chr1", "2", "scaffold_7")), genes_of())
    assert evidence.unknown == ("scaffold_7",)
    assert 0.5 < evidence.on_known < 0.9


def test_chromosomes_spelt_otherwise_are_known() -> None:
    assert check(peaks_of(names=("1", "2", "X")), genes_of()).on_known == 1


def test_peaks_behind_the_end_of_a_chromosome_are_refused() -> None:
    ends = dict.fromkeys(CHROMOSOMES, LENGTH // 2)
    with pytest.raises(InputError, match=r"% of them behind the end of their chromosome"):
        check(peaks_of(), genes_of(ends=ends))
    check(peaks_of(), genes_of(ends=dict.fromkeys(CHROMOSOMES, LENGTH + 1000)))


def test_no_overlap_at_all_is_refused_even_unchecked() -> None:
    peaks, genes = peaks_of(20, shift=10 * LENGTH), genes_of()
    with pytest.raises(InputError, match=r"0.0% of 20 peaks overlap a gene"):
        check(peaks, genes, check=False)


def test_hardly_any_overlap_with_a_whole_genome_is_refused() -> None:
    genes, rng = genes_of(6000), np.random.default_rng(0)
    start = np.arange(300) * 1000 + 3 * LENGTH
    start[:3] = genes.bodies.start[genes.bodies.code == 0][:3]
    peaks = Regions(("chr1",), np.zeros(300, dtype=np.int64), start, start + rng.integers(1, 500))
    with pytest.raises(InputError, match=r"1.0% of 300 peaks overlap a gene .*over 80 %"):
        check(peaks, genes)


def test_few_peaks_or_genes_tell_nothing_of_crowding() -> None:
    assert look_at_build(peaks_of(20), genes_of()).crowding is None
    assert look_at_build(peaks_of(), genes_of(20)).crowding is None


def test_tiles_of_the_whole_genome_are_taken() -> None:
    start = np.arange(0, LENGTH, 5000)
    tiles = Regions(("chr1",), np.zeros(len(start), dtype=np.int64), start, start + 5000)
    assert check(tiles, genes_of()).crowding is None


def test_genes_without_a_strand_tell_nothing_of_crowding() -> None:
    genes = genes_of()
    none = Regions(genes.starts.chromosomes, *(np.zeros(0, dtype=np.int64) for _ in range(3)))
    assert look_at_build(peaks_of(), replace(genes, starts=none)).crowding is None
