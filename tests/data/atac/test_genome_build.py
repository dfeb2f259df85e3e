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


def test_ends_of_some_chromosomes_say_nothing_of_the_others() -> None:
    rows = toy_peaks(toy_genes(N_GENES), 600)
    start = np.array([start for _, start, _ in rows])
    code = np.array([CHROMOSOMES.index(chromosome) for chromosome, _, _ in rows])
    start[code == 1] += np.where(np.arange((code == 1).sum()) % 10 == 0, LENGTH, 0)
    peaks = Regions(CHROMOSOMES, code, start, start + 300)
    evidence = check(peaks, genes_of(ends={"chr1": LENGTH + 1000}))
    assert evidence.beyond > 0.02
    with pytest.raises(InputError, match=r"% of them behind the end of their chromosome"):
        check(peaks, genes_of(ends={"chr1": LENGTH + 1000, "chr2": LENGTH + 1000}))


def test_no_overlap_at_all_is_refused_and_can_be_forced() -> None:
    peaks, genes = peaks_of(20, shift=10 * LENGTH), genes_of()
    with pytest.raises(InputError, match=r"0.0% of 20 peaks overlap a gene.*check_build=False"):
        check(peaks, genes)
    assert check(peaks, genes, check=False).in_genes == 0


def three_genes(peaks: Regions, *, silent: bool) -> GeneRegions:
    """Genes of chr1 alone: each with a peak in it, or far from any."""
    start = 10 * LENGTH + np.arange(3) * 50_000 if silent else peaks.start[peaks.code == 0][:3]
    return gene_regions(
        GeneAnnotation(
            names=("A", "B", "C"),
            ids=("",) * 3,
            biotypes=("",) * 3,
            chromosomes=("chr1",) * 3,
            start=start,
            end=start + 5000,
            strand=np.ones(3, dtype=np.int8),
            chromosome_ends={},
        )
    )


def test_a_few_genes_of_one_chromosome_are_taken() -> None:
    peaks = peaks_of()
    evidence = check(peaks, three_genes(peaks, silent=False))
    assert 0 < evidence.on_known < 0.5
    assert evidence.in_genes > 0


def test_a_few_genes_without_a_peak_are_taken_unchecked() -> None:
    peaks = peaks_of()
    genes = three_genes(peaks, silent=True)
    with pytest.raises(InputError, match=r"0.0% of 600 .*genes few.*check_build=False, --no-build"):
        check(peaks, genes)
    assert check(peaks, genes, check=False).in_genes == 0


@pytest.mark.parametrize("checked", [True, False])
def test_other_chromosomes_are_refused_for_few_genes_even_unchecked(checked: bool) -> None:
    genes = three_genes(peaks_of(), silent=False)
    with pytest.raises(InputError, match=r"100.0% of 600 peaks on others: 'NC_1'") as error:
        check(peaks_of(names=("NC_1", "NC_2", "NC_3")), genes, check=checked)
    assert "check_build" not in str(error.value)


def test_a_few_silent_genes_tell_nothing_of_crowding() -> None:
    genes = three_genes(peaks_of(), silent=True)
    start = genes.starts.start[-1] + np.arange(10_000, 210_000, 100)  # behind the last of them
    peaks = Regions(("chr1",), np.zeros(len(start), dtype=np.int64), start, start + 9)
    evidence = check(peaks, genes, check=False)
    assert evidence.near_start == 0
    assert evidence.near_shifted * len(peaks) > 10
    assert evidence.crowding is None


def test_most_peaks_on_other_chromosomes_than_a_whole_genome_are_refused() -> None:
    peaks, genes = peaks_of(names=("chr1", "x_2", "x_3")), genes_of(6000)
    with pytest.raises(InputError, match=r"6.*% of 600 peaks on others: 'x_2', 'x_3'.*check_build"):
        check(peaks, genes)
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


def test_fragments_that_cover_a_genome_are_still_looked_at() -> None:
    peaks = peaks_of(shift=137_000)
    many = [np.repeat(part, 2000) for part in (peaks.code, peaks.start, peaks.end)]
    fragments = Regions(peaks.chromosomes, *many)
    assert look_at_build(fragments, genes_of()).crowding is None
    evidence = look_at_build(fragments, genes_of(), what="fragments")
    with pytest.raises(InputError, match="another build or organism"):
        refuse_other_build(evidence, genes_of(), what="fragments")


def test_genes_without_a_strand_tell_nothing_of_crowding() -> None:
    genes = genes_of()
    none = Regions(genes.starts.chromosomes, *(np.zeros(0, dtype=np.int64) for _ in range(3)))
    assert look_at_build(peaks_of(), replace(genes, starts=none)).crowding is None
