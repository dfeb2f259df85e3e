from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from plkd.data.gene_sets import GeneSets, pattern_mask, read_gene_sets
from plkd.errors import InputError
from toy import gene_symbols, toy_gene_sets, toy_programmes, write_gmt

GENES = gene_symbols(40)


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "a.gmt").write_text(text, encoding="utf-8")
    return tmp_path / "a.gmt"


def named_sets(**sets: tuple[str, ...]) -> GeneSets:
    return GeneSets(tuple(sets), tuple(sets.values()), "here")


# --- reading ---------------------------------------------------------------------------------


def test_what_was_written_is_read(tmp_path: Path) -> None:
    sets = toy_programmes()
    found = read_gene_sets(write_gmt(tmp_path / "toy.gmt", sets))
    assert dict(found) == sets
    assert len(found) == len(sets)
    assert found.source == "toy.gmt"


def test_names_with_spaces_survive(tmp_path: Path) -> None:
    found = read_gene_sets(written(tmp_path, "T cell help\ta long word\tCD4\tHLA DR\n"))
    assert list(found) == [("T cell help", ("CD4", "HLA DR"))]


def test_blank_lines_empty_fields_and_repeated_genes_are_left_out(tmp_path: Path) -> None:
    text = "\ufeffA\t\tG1\tG2\tG1\t\t\r\n\r\n   \n\nB\tx\tG3\t\n"
    assert list(read_gene_sets(written(tmp_path, text))) == [("A", ("G1", "G2")), ("B", ("G3",))]


def test_a_packed_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.gmt.gz").write_bytes(gzip.compress(b"A\tx\tG1\n"))
    assert list(read_gene_sets(tmp_path / "a.gmt.gz")) == [("A", ("G1",))]


def test_malformed_lines_are_named(tmp_path: Path) -> None:
    bad = "".join(f"S{i} x G1 G2\n" for i in range(6))
    with pytest.raises(InputError, match=r"in line\(s\) 3, 4, 5, 6, 7 and 2 more") as error:
        read_gene_sets(written(tmp_path, f"A\tx\tG1\n\n{bad}B\tx\n"))
    assert "a.gmt" in str(error.value)


def test_a_set_without_genes_is_malformed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line\(s\) 1\."):
        read_gene_sets(written(tmp_path, "A\tx\t\t\n"))


def test_duplicated_set_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"1 duplicated name\(s\): 'A'"):
        read_gene_sets(written(tmp_path, "A\tx\tG1\nB\tx\tG1\nA\tx\tG2\n"))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an empty file"):
        read_gene_sets(written(tmp_path, "\n \n"))


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        read_gene_sets(tmp_path / "none.gmt")
    with pytest.raises(InputError, match="a directory"):
        read_gene_sets(tmp_path)


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00A", gzip.compress(b"A\tx\tG1\n" * 99)[:-9]],
    ids=["UTF-16", "truncated gzip"],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.gmt").write_bytes(data)
    with pytest.raises(InputError, match="a GMT file of text"):
        read_gene_sets(tmp_path / "a.gmt")


# --- the mask --------------------------------------------------------------------------------


def test_pairs_are_sorted_and_equal_the_dense_mask() -> None:
    sets = toy_gene_sets()
    genes = gene_symbols(300)
    mask = pattern_mask(genes, sets, min_genes=5)
    slow = np.zeros((300, len(sets) + 1), dtype=bool)
    slow[:, -1] = True
    members = dict(sets)
    for j, name in enumerate(mask.pattern_names[:-1]):
        for i, gene in enumerate(genes):
            slow[i, j] = gene in members[name]
    np.testing.assert_array_equal(mask.dense(), slow)
    pairs = list(zip(mask.pattern_index.tolist(), mask.gene_index.tolist(), strict=True))
    assert pairs == sorted(set(pairs))
    assert mask.pattern_index.dtype == mask.gene_index.dtype == np.int64
    assert (mask.n_patterns, mask.n_genes, mask.n_free) == (len(sets) + 1, 300, 1)
    assert mask.pattern_names[-1] == "free"


def test_the_sets_that_hold_most_genes_are_kept_and_equals_go_by_name() -> None:
    sets = named_sets(d=GENES[:7], c=GENES[:6], b=GENES[10:16], a=GENES[20:26], e=GENES[:4])
    assert pattern_mask(GENES, sets, n_patterns=4).pattern_names == ("d", "a", "b", "free")


def test_size_is_counted_as_read_and_overlap_in_the_model() -> None:
    outside = tuple(f"OUT{i}" for i in range(10))
    sets = named_sets(
        large=(*GENES[:9], *outside), small=(*GENES[:4], *outside[:3]), right=GENES[:5]
    )
    assert pattern_mask(GENES, sets, max_genes=18).pattern_names == ("right", "free")


def test_a_set_called_free_keeps_its_name() -> None:
    assert pattern_mask(GENES, named_sets(free=GENES[:5])).pattern_names == ("free", "free_")


def test_without_sets_all_patterns_are_free() -> None:
    mask = pattern_mask(GENES, None, n_patterns=3)
    assert mask.pattern_names == ("pattern_1", "pattern_2", "pattern_3")
    assert (mask.n_patterns, mask.n_free, len(mask.gene_index)) == (3, 3, 0)
    assert mask.dense().all()


def test_no_set_left_is_refused_with_both_names() -> None:
    with pytest.raises(
        InputError, match=r"none among 1 sets; the sets name 'OUT0'.*the model"
    ) as e:
        pattern_mask(GENES, named_sets(a=tuple(f"OUT{i}" for i in range(9))))
    assert repr(GENES[0]) in str(e.value)


def test_sets_of_ids_are_told_apart_from_symbols() -> None:
    ids = tuple(f"ENSG{i:011d}" for i in range(9))
    with pytest.raises(InputError, match="one side has Ensembl ids"):
        pattern_mask(GENES, named_sets(a=ids))


def test_sets_of_the_other_organism_are_refused() -> None:
    mouse = tuple(name.capitalize() for name in GENES)
    with pytest.raises(InputError, match=r"human and mouse.*mouse and human names"):
        pattern_mask(GENES, named_sets(a=mouse))


@pytest.mark.parametrize(("sets", "n_patterns"), [(None, 0), (named_sets(a=GENES), 1)])
def test_too_few_patterns_are_refused(sets: GeneSets | None, n_patterns: int) -> None:
    with pytest.raises(InputError, match="raise n_patterns"):
        pattern_mask(GENES, sets, n_patterns=n_patterns)
