from __future__ import annotations

import pandas as pd
import pytest

from plkd.data.atac.chromosomes import chromosome_key
from plkd.data.atac.regions import Regions, peak_regions
from plkd.errors import InputError


def named(*names: str) -> pd.DataFrame:
    return pd.DataFrame(index=list(names))


def as_rows(regions: Regions) -> list[tuple[str, int, int]]:
    return [
        (regions.chromosomes[code], int(start), int(end))
        for code, start, end in zip(regions.code, regions.start, regions.end, strict=True)
    ]


@pytest.mark.parametrize(
    ("name", "chromosome", "start", "end"),
    [
        ("chr1:100-200", "chr1", 100, 200),
        ("chr1-100-200", "chr1", 100, 200),
        ("chr1_100_200", "chr1", 100, 200),
        ("1:0-1", "1", 0, 1),
        ("X-5-6", "X", 5, 6),
        ("chr1_GL456210_random:7-9", "chr1_GL456210_random", 7, 9),
        ("chr1_GL456210_random-7-9", "chr1_GL456210_random", 7, 9),
        ("chr1_GL456210_random_7_9", "chr1_GL456210_random", 7, 9),
        ("GL000195.1-12-34", "GL000195.1", 12, 34),
        ("HLA-A*01:01-3-4", "HLA-A*01:01", 3, 4),
        ("chr2-1e+05-100500", "chr2", 100_000, 100_500),
        ("chr2:99500-1e+05", "chr2", 99_500, 100_000),
        ("chr2_1.5e+07_15000001", "chr2", 15_000_000, 15_000_001),
    ],
)
def test_names_are_read(name: str, chromosome: str, start: int, end: int) -> None:
    assert as_rows(peak_regions(named(name))) == [(chromosome, start, end)]


def test_order_is_kept() -> None:
    rows = as_rows(peak_regions(named("chr2:5-6", "chr1-1-2", "chr2_3_4")))
    assert rows == [("chr2", 5, 6), ("chr1", 1, 2), ("chr2", 3, 4)]


@pytest.mark.parametrize(
    "columns",
    [
        ("chrom", "chromStart", "chromEnd"),
        ("seqnames", "start", "end"),
        ("Chromosome", "Start", "End"),
    ],
)
def test_columns_are_taken_where_names_are_no_regions(columns: tuple[str, ...]) -> None:
    values = dict(zip(columns, (["chr1", "chr2"], [1, 7], [5, 9]), strict=True))
    table = pd.DataFrame(values, index=["peak1", "peak2"])
    assert as_rows(peak_regions(table)) == [("chr1", 1, 5), ("chr2", 7, 9)]


def test_columns_of_text_and_categories_are_read() -> None:
    table = pd.DataFrame(
        {"chrom": pd.Categorical(["1", "2"]), "start": ["1", "7"], "end": [5.0, 9.0]},
        index=["a", "b"],
    )
    assert as_rows(peak_regions(table)) == [("1", 1, 5), ("2", 7, 9)]


def test_interval_column_is_taken_where_names_are_no_regions() -> None:
    table = pd.DataFrame({"interval": ["chr1:1-5", "chr2:7-9"]}, index=["a", "b"])
    assert as_rows(peak_regions(table)) == [("chr1", 1, 5), ("chr2", 7, 9)]


def test_names_come_before_columns() -> None:
    table = pd.DataFrame({"chrom": ["chr9"], "start": [1], "end": [2]}, index=["chr1:3-4"])
    assert as_rows(peak_regions(table)) == [("chr1", 3, 4)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "chr1"), ("chrX", "X"), ("MT", "chrM"), ("chrMT", "M"), ("Chr2", "chr2"), ("CHR3", "3")],
)
def test_spellings_of_a_chromosome(one: str, other: str) -> None:
    assert chromosome_key(one) == chromosome_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1", "chr10"), ("chrM", "chrX"), ("chr", ""), ("2", "12")]
)
def test_other_chromosomes_stay_apart(one: str, other: str) -> None:
    assert chromosome_key(one) != chromosome_key(other)


# --- refused ------------------------------------------------------------------------------------


def test_peaks_without_coordinates_are_refused_by_name() -> None:
    names = ["chr1:1-5", *(f"peak{i}" for i in range(7))]
    with pytest.raises(InputError, match=r"7 of 8 peaks without: 'peak0', .*'peak4' and 2 more"):
        peak_regions(named(*names))


def test_genes_beside_peaks_are_refused_with_what_to_do() -> None:
    table = pd.DataFrame(
        {"feature_types": ["Gene Expression", "Peaks"]}, index=["CD3E", "chr1:1-5"]
    )
    with pytest.raises(InputError, match=r"1 of 2 features .*: 'CD3E'.*== 'Peaks'\]\.copy\(\)"):
        peak_regions(table)


@pytest.mark.parametrize("kinds", [("Gene Expression", "Peaks"), ("Gene Expression",) * 2])
def test_genes_are_no_peaks_although_they_have_an_interval(kinds: tuple[str, str]) -> None:
    table = pd.DataFrame(
        {"feature_types": pd.Categorical(kinds), "interval": ["chr1:7-90", "chr1:1-5"]},
        index=["CD3E", "chr1:1-5"],
    )
    with pytest.raises(InputError, match=r"peaks alone.*of another type: 'CD3E'.*== 'Peaks'"):
        peak_regions(table)


def test_peaks_alone_of_10x_data_are_taken() -> None:
    table = pd.DataFrame(
        {"feature_types": ["Peaks", "Peaks"], "interval": ["chr1:7-90", "chr1:1-5"]},
        index=["a", "b"],
    )
    assert as_rows(peak_regions(table)) == [("chr1", 7, 90), ("chr1", 1, 5)]


@pytest.mark.parametrize(
    "kinds", [("Peaks", None), (None, float("nan")), ("Promoter", "Peaks"), ("Peaks", "")]
)
def test_kinds_that_are_no_genes_or_are_missing_are_taken(kinds: tuple[object, object]) -> None:
    values = {"chrom": ["chr1", "chr2"], "start": [1, 7], "end": [5, 9]}
    table = pd.DataFrame({**values, "feature_types": kinds}, index=["peak1", "peak2"])
    expected = [("chr1", 1, 5), ("chr2", 7, 9)]
    assert as_rows(peak_regions(table)) == expected
    table["feature_types"] = pd.Categorical(kinds)
    assert as_rows(peak_regions(table)) == expected


@pytest.mark.parametrize(
    ("kinds", "peaks"),
    [
        (("GEX", "ATAC", "nan", None), "ATAC"),
        (("Gene Expression", "Promoter", "Promoter", "Peaks"), "Peaks"),
    ],
)
def test_genes_are_refused_with_the_kind_that_the_peaks_have(
    kinds: tuple[str | None, ...], peaks: str
) -> None:
    table = pd.DataFrame({"feature_types": kinds}, index=["CD3E", "chr1:1-5", "chr1:7-9", "x"])
    message = rf"peaks alone, '{peaks}' .*1 of 4 features .*: 'CD3E'.* == '{peaks}'\]\.copy\(\)"
    with pytest.raises(InputError, match=message):
        peak_regions(table)


@pytest.mark.parametrize("name", ["chr1:5-5", "chr1:6-5"])
def test_peaks_without_a_base_are_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match=f"before they end; found 1 that do not: '{name}'"):
        peak_regions(named("chr1:1-2", name))


def test_peaks_below_zero_are_refused() -> None:
    table = pd.DataFrame({"chrom": ["chr1"], "start": [-4], "end": [5]}, index=["a"])
    with pytest.raises(InputError, match=r"start at 0 or later.*'chr1:-4-5'"):
        peak_regions(table)


@pytest.mark.parametrize("start", [None, 1.5, "x"])
def test_columns_that_are_no_whole_numbers_are_refused_by_peak(start: object) -> None:
    table = pd.DataFrame(
        {"chrom": ["chr1", "chr1"], "start": [1, start], "end": [5, 6]}, index=["a", "b"]
    )
    with pytest.raises(InputError, match=r"whole numbers in var columns 'start' and 'end'.*: 'b'"):
        peak_regions(table)


def test_a_missing_chromosome_is_refused_by_peak() -> None:
    table = pd.DataFrame(
        {"chrom": ["chr1", None], "start": [1, 2], "end": [5, 6]}, index=["a", "b"]
    )
    with pytest.raises(InputError, match=r"1 peak\(s\) without: 'b'"):
        peak_regions(table)


def test_peaks_that_stand_twice_are_refused() -> None:
    with pytest.raises(InputError, match=r"1 region\(s\) that stand more than once: 'chr1:1-5'"):
        peak_regions(named("chr1:1-5", "chr1:7-8", "chr1_1_5"))
