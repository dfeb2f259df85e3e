from __future__ import annotations

import gzip
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from plkd.data.atac import fragment_counts
from plkd.data.atac.fragment_counts import FragmentCounts, count_fragments
from plkd.data.atac.fragments import count_barcodes, fragment_blocks, read_barcodes
from plkd.data.atac.gene_annotation import read_gene_annotation
from plkd.data.atac.gene_regions import GeneRegions, gene_regions
from plkd.errors import InputError
from toy_genome import bed_text, fragments_text, slow_overlaps, toy_genes, write

BARCODES = [f"ACGT{i:03d}-1" for i in range(12)]
GENES = toy_genes(150)
TEXT, ROWS = fragments_text(GENES, BARCODES, 1500)


@pytest.fixture
def genes(tmp_path: Path) -> GeneRegions:
    path = write(tmp_path / "genes.bed", bed_text(GENES))
    return gene_regions(read_gene_annotation(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "fragments.tsv.gz", TEXT)


def slow_counts(rows: list, barcodes: list[str]) -> np.ndarray:
    """Fragments of each barcode that overlap each gene, one by one."""
    table = slow_overlaps([row[:3] for row in rows], GENES)
    counts = np.zeros((len(barcodes), table.shape[1]))
    for (_, _, _, barcode), overlapped in zip(rows, table, strict=True):
        if barcode in barcodes:
            counts[barcodes.index(barcode)] += overlapped
    return counts


def read_rows(path: Path, size: int) -> list[tuple[str, int, int, str]]:
    return [
        (block.regions.chromosomes[c], int(s), int(e), block.barcodes[b])
        for block in fragment_blocks(path, size=size)
        for c, s, e, b in zip(
            block.regions.code, block.regions.start, block.regions.end, block.barcode, strict=True
        )
    ]


@pytest.mark.parametrize(
    ("name", "size"), [("f.tsv", 200), ("f.tsv", 2**24), ("f.tsv.gz", 1000), ("f.tsv.gz", 2**24)]
)
def test_blocks_hold_every_line_once(tmp_path: Path, name: str, size: int) -> None:
    assert read_rows(write(tmp_path / name, TEXT), size) == ROWS


def test_members_of_a_gz_file_are_all_read(tmp_path: Path) -> None:
    lines = TEXT.encode().splitlines(keepends=True)
    path = tmp_path / "f.tsv.gz"
    path.write_bytes(
        b"".join(gzip.compress(b"".join(lines[i : i + 200])) for i in range(0, 2000, 200))
    )
    assert read_rows(path, 1000) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "chr1\t1\t5\tA\nchr1\t2\t6\tA\n",  # no counts
        "chr1\t1\t5\tA\t1\r\nchr1\t2\t6\tA\t1\r\n",
        "# a\nchr1\t1\t5\tA\t1\n# b\n\nchr1\t2\t6\tA\t1",  # comments between, no last line end
        "chr1\t1\t5\tA\t1\t+\nchr1\t2\t6\tA\t1\t-\n",
    ],
)
def test_other_forms_of_the_file(tmp_path: Path, text: str) -> None:
    rows = read_rows(write(tmp_path / "f.tsv", text), 2**20)
    assert rows == [("chr1", 1, 5, "A"), ("chr1", 2, 6, "A")]


def test_barcodes_keep_a_hash_and_what_looks_like_a_number(tmp_path: Path) -> None:
    text = "1\t1\t5\tS1#A-1\t1\n1\t2\t6\t0012\t1\n1\t2\t6\tNA\t1\n"
    rows = read_rows(write(tmp_path / "f.tsv", text), 2**20)
    assert [row[3] for row in rows] == ["S1#A-1", "0012", "NA"]
    assert {row[0] for row in rows} == {"1"}


def test_counts_are_those_of_a_double_loop(path: Path, genes: GeneRegions) -> None:
    chosen = [BARCODES[7], "not there", *BARCODES[:3]]
    found = count_fragments(path, genes, barcodes=chosen)
    assert found.barcodes == tuple(chosen)
    expected = slow_counts(ROWS, chosen)
    assert expected.sum() > 100
    np.testing.assert_array_equal(found.counts.toarray(), expected)
    assert found.counts.dtype == np.float32
    assert found.counts.has_sorted_indices
    of_barcode = Counter(row[3] for row in ROWS)
    assert found.n_fragments.tolist() == [of_barcode[name] for name in chosen]
    ours = [row for row in ROWS if row[3] in chosen]
    in_genes = slow_overlaps([row[:3] for row in ours], GENES).any(1).sum()
    assert found.n_in_genes == in_genes


def test_cells_are_barcodes_with_enough_fragments(path: Path, genes: GeneRegions) -> None:
    of_barcode = Counter(row[3] for row in ROWS)
    enough = sorted(of_barcode.values())[6]
    found = count_fragments(path, genes, min_fragments=enough)
    assert set(found.barcodes) == {name for name, n in of_barcode.items() if n >= enough}
    np.testing.assert_array_equal(found.counts.toarray(), slow_counts(ROWS, list(found.barcodes)))


def counted(path: Path, genes: GeneRegions) -> FragmentCounts:
    return count_fragments(path, genes, barcodes=BARCODES)


def test_order_and_blocks_make_no_difference(
    tmp_path: Path, path: Path, genes: GeneRegions, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = counted(path, genes)
    lines = TEXT.splitlines(keepends=True)
    np.random.default_rng(0).shuffle(lines)
    shuffled = write(tmp_path / "shuffled.tsv", "".join(lines))
    monkeypatch.setattr(
        fragment_counts, "fragment_blocks", lambda p, progress: fragment_blocks(p, size=500)
    )
    monkeypatch.setattr(fragment_counts, "PENDING", 50)
    for other in (counted(path, genes), counted(shuffled, genes)):
        np.testing.assert_array_equal(other.counts.toarray(), whole.counts.toarray())
        assert other.n_fragments.tolist() == whole.n_fragments.tolist()
        assert other.n_in_genes == whole.n_in_genes


def test_a_fragment_over_two_places_of_a_gene_counts_once(tmp_path: Path) -> None:
    bed = write(tmp_path / "g.bed", "1\t5000\t5010\tA\t0\t+\n1\t5020\t5030\tA\t0\t+\n")
    fragments = write(tmp_path / "f.tsv", "1\t5000\t5100\tX\t7\n1\t5025\t5026\tX\t1\n")
    regions = gene_regions(bed, upstream=0)
    assert count_fragments(fragments, regions, barcodes=["X"]).counts.toarray() == 2


def test_progress_ends_at_the_whole(path: Path, genes: GeneRegions) -> None:
    told: list[tuple[int, int]] = []
    count_fragments(
        path, genes, min_fragments=1, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1][0] == told[-1][1] > 0
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({total for _, total in told}) == 1


def test_the_sample_is_of_all_barcodes(path: Path, genes: GeneRegions) -> None:
    sample = count_fragments(path, genes, barcodes=BARCODES[:1]).sample
    assert len(sample) == len(ROWS)
    assert set(sample.names(range(len(sample)))) == {f"{c}:{s}-{e}" for c, s, e, _ in ROWS}


def test_the_sample_does_not_grow_with_the_file(
    path: Path, genes: GeneRegions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        fragment_counts, "fragment_blocks", lambda p, progress: fragment_blocks(p, size=2000)
    )
    monkeypatch.setattr(fragment_counts, "LARGEST_SAMPLE", 200)
    found = counted(path, genes)
    assert 50 < len(found.sample) <= 200
    assert set(found.sample.chromosomes) == {row[0] for row in ROWS}
    kept = Counter(found.sample.code.tolist())
    assert max(kept.values()) < 2 * min(kept.values())  # evenly from the whole file
    np.testing.assert_array_equal(found.counts.toarray(), slow_counts(ROWS, BARCODES))


def test_a_missing_library_is_told_before_the_file_is_read(
    tmp_path: Path, genes: GeneRegions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ncls", None)
    with pytest.raises(InputError, match="the package ncls"):
        count_fragments(tmp_path / "none.tsv", genes)


def test_barcodes_from_a_file(tmp_path: Path) -> None:
    text = "AAA-1\textra\nCCC-1\n\n"
    assert read_barcodes(write(tmp_path / "b.tsv.gz", text)) == ("AAA-1", "CCC-1")
    assert read_barcodes(iter(["AAA-1", "CCC-1"])) == ("AAA-1", "CCC-1")


# --- refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("chr1\t5\t9", "chromosome, start, end and barcode"),
        ("chr1 5 9 A 1", "chromosome, start, end and barcode"),
        ("chr1\tx\t9\tA\t1", "whole numbers"),
        ("chr1\t5.5\t9\tA\t1", "whole numbers"),
        ("chr1\t9\t9\tA\t1", "below the end"),
        ("chr1\t-4\t9\tA\t1", "a start of 0 or more"),
        ("chr1\t4\t9\t\t1", "a barcode"),
    ],
)
def test_lines_that_cannot_be_read_are_refused_by_number(
    tmp_path: Path, bad: str, why: str
) -> None:
    good = "chr1\t1\t5\tA\t1\n"
    path = write(tmp_path / "f.tsv", "# comment\n" + good * 3 + bad + "\n" + good)
    with pytest.raises(InputError, match=f"{why}.* in line 5"):
        list(fragment_blocks(path))
    with pytest.raises(InputError, match=f"{why}.* in line 5"):
        list(fragment_blocks(path, size=20))


@pytest.mark.parametrize("cut", [30, 500])
def test_a_truncated_gz_is_refused(tmp_path: Path, path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"a fragments file.*, whole, .*a truncated or damaged gz"):
        count_barcodes(path)


def test_a_damaged_gz_is_refused(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="a truncated or damaged gz file"):
        count_barcodes(path)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="found no fragments in"):
        count_barcodes(write(tmp_path / "f.tsv.gz", text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a fragments file .* found nothing there"):
        count_barcodes(tmp_path / "none.tsv")


def test_barcodes_of_another_form_are_refused(path: Path, genes: GeneRegions) -> None:
    with pytest.raises(InputError, match=r"2 barcodes to keep, 'ACGT000', 'X'; found none.*-1'"):
        count_fragments(path, genes, barcodes=["ACGT000", "X"])


def test_too_few_fragments_everywhere_are_refused(path: Path, genes: GeneRegions) -> None:
    most = Counter(row[3] for row in ROWS).most_common(1)[0][1]
    with pytest.raises(InputError, match=f"at least 1,000 fragments .* has most, {most}"):
        count_fragments(path, genes)


def test_duplicated_barcodes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1 duplicated barcode\(s\): 'A'"):
        read_barcodes(["A", "B", "A"])
    with pytest.raises(InputError, match=r"once in .*b.tsv; found 1 duplicated"):
        read_barcodes(write(tmp_path / "b.tsv", "A\nA\n"))


def test_no_barcodes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="barcodes to keep; found none in"):
        read_barcodes(write(tmp_path / "b.tsv", ""))
