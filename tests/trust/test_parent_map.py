from __future__ import annotations

from pathlib import Path

import pytest

from plkd.errors import InputError
from plkd.trust.parent_map import ParentMap, read_parent_map

OBO = """format-version: 1.2
ontology: cl

[Term]
id: CL:0000000
name: cell

[Term]
id: CL:0000542
name: lymphocyte
def: "A: cell {of} the ! blood." [GO:1]
is_a: CL:0000000 ! cell

[Term]
id: CL:0000084
name: T cell
is_a: CL:0000542 {source="x"} ! lymphocyte
relationship: part_of CL:9999999

[Term]
id: CL:0000001
name: obsolete cell
is_a: CL:0000000 ! cell
is_obsolete: true

[Term]
id: CL:0000236
name: B cell {odd="1"}
is_a: CL:0000542
is_a: CL:0000842 ! mononuclear cell, not in this file

[Typedef]
id: part_of
name: part of
is_a: CL:0000084
"""


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "cell_type,parent\nCD4,T\nCD8,T\nT,\nB,\n",
        "\ufeffcell_type,parent\r\n CD4 , T\r\n\r\nCD8,T\r\nT,\r\nB,\r\n",
        "parent\tnote\tCell_Type\nT\tx\tCD4\nT\t\tCD8\n\t\tT\n\t\tB\n",
        'cell_type,parent\n"CD4","T"\nCD8,T\nCD8,T\nB,\n',
        '"","cell_type","parent"\n"1","CD4","T"\n"2","CD8","T"\n"3","T",NA\n"4","B",NA\n',
        "cell_type,parent\nCD4,T\nCD8,T\nT,nan\nB,None\n",
        "child,Parent\nCD4,T\nCD8,T\nT,\nB,\n",
        "parent_type\ttype\nT\tCD4\nT\tCD8\n\tT\n\tB\n",
    ],
)
def test_tables_are_read(tmp_path: Path, text: str) -> None:
    found = read_parent_map(write(tmp_path / "parents.csv", text))
    assert dict(found.parents) == {"CD4": ("T",), "CD8": ("T",), "T": (), "B": ()}
    assert sorted(found.roots) == ["B", "T"]
    assert found.source == str(tmp_path / "parents.csv")


def test_names_may_hold_commas_where_they_are_quoted(tmp_path: Path) -> None:
    text = 'cell_type,parent\n"T cell, CD4+",T cell\n'
    found = read_parent_map(str(write(tmp_path / "parents.csv", text)))
    assert found.ancestors() == {"T cell, CD4+": {"T cell"}, "T cell": set()}


@pytest.mark.parametrize("name", ["cl.obo", "CL.OBO", "ontology.txt"])
def test_ontologies_are_read(tmp_path: Path, name: str) -> None:
    found = read_parent_map(write(tmp_path / name, OBO))
    assert dict(found.parents) == {
        "CL:0000000": (),
        "CL:0000842": (),
        "CL:0000542": ("CL:0000000",),
        "CL:0000084": ("CL:0000542",),
        "CL:0000236": ("CL:0000542", "CL:0000842"),
    }
    assert found.names == {
        "CL:0000000": "cell",
        "CL:0000542": "lymphocyte",
        "CL:0000084": "T cell",
        "CL:0000236": "B cell",
    }


def test_parents_stand_before_their_children() -> None:
    pairs = [("d", "c"), ("d", "b"), ("c", "a"), ("b", "a"), ("e", "d")]
    found = ParentMap.of(pairs)
    order = list(found.parents)
    assert all(order.index(parent) < order.index(child) for child, parent in pairs)
    assert found.ancestors()["e"] == {"a", "b", "c", "d"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cell_type,parent\nT,T\n", "'T' is above 'T'"),
        ("cell_type,parent\na,b\nb,c\nc,a\n", "no cell type beneath itself in .*parents.csv"),
        ("CD4,T\nCD8,T\n", "found 'CD4,T'"),
        ("parent,grandparent\nT,\n", "found 'parent,grandparent'"),
        ("n,child,parent\n1,CD4,T\n", "found 'n,child,parent'"),
        ("", "found an empty file"),
        ("\n\n", "found an empty file"),
        ("cell_type,parent\n", "found none"),
        ("cell_type,parent\nT\nB,\nNK\n", r"fewer columns in line\(s\) 2, 4"),
        ("cell_type,parent\n,T\n", "none for the parent 'T'"),
        ("cell_type,parent\n" + "x" * 140_000 + ",T\n", "found none .field larger"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "no text"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_parent_map(write(tmp_path / "parents.csv", text))
    assert "\n" not in str(caught.value)


def test_a_long_ring_is_not_written_out() -> None:
    ring = [(f"t{i}", f"t{(i + 1) % 9}") for i in range(9)]
    with pytest.raises(InputError, match=r"is above \.\.\.\. To mend") as caught:
        ParentMap.of(ring)
    assert str(caught.value).count("is above") == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format-version: 1.2\n", r"no \[Term\] with an id"),
        ("[Term]\nname: cell\n", r"no \[Term\] with an id"),
        ("[Term]\nid: a\nis_a: b\n[Term]\nid: b\nis_a: a\n", "beneath itself"),
    ],
)
def test_bad_ontologies_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_parent_map(write(tmp_path / "cl.obo", text))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        read_parent_map(tmp_path / "no.csv")
    with pytest.raises(InputError, match="a directory"):
        read_parent_map(tmp_path)
