"""ATAC fragments and barcodes, read from files of any size."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plkd.data.atac.packed_text import BLOCK, text_blocks, text_lines
from plkd.data.atac.regions import Regions
from plkd.data.gene_names import duplicated, examples
from plkd.errors import InputError

WHAT = "a fragments file (chromosome, start, end, barcode, with tabs between)"
_NAMES = ("chromosome", "start", "end", "barcode")


class Fragments(NamedTuple):
    """Fragments of a block of a file."""

    regions: Regions
    """Where they lie, 0-based and half-open, ``(n_fragments,)``."""
    barcodes: tuple[str, ...]
    """Barcodes of the block, each once."""
    barcode: np.ndarray
    """Barcode of each fragment, a position in ``barcodes``, ``(n_fragments,)`` int."""


def fragment_blocks(
    path: str | Path,
    *,
    size: int = BLOCK,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Fragments]:
    """Read a fragments file block by block, in memory that does not grow with it.

    Parameters
    ----------
    path
        Tab-separated, plain or gz, as Cell Ranger, chromap and sinto write it: chromosome, start,
        end (0-based, half-open), barcode; further columns, such as the count of PCR duplicates,
        are not read. Lines that begin with # are left out. Any order of lines.
    size
        Bytes of unpacked text in a block, about.
    progress
        Told the bytes of the file that were read, and its size.

    Yields
    ------
    The fragments of each block, in the order of the file.

    Raises
    ------
    InputError
        There is no such file, it is truncated, damaged, no text or holds no fragments; a line has
        too few columns, no whole numbers for coordinates, a start below 0 or not below the end, or
        an empty barcode.
    """
    first_line, n_fragments = 1, 0
    for block in text_blocks(path, what=WHAT, size=size, progress=progress):
        rows = _without_comments(block)
        if rows.strip():
            fragments = _parse(rows, block, path, first_line)
            n_fragments += len(fragments.regions)
            yield fragments
        first_line += block.count(b"\n")
    if n_fragments == 0:
        raise InputError(WHAT, f"no fragments in {path}", "pass a file with fragments")


def count_barcodes(
    path: str | Path, *, progress: Callable[[int, int], None] | None = None
) -> Counter[str]:
    """Count the fragments of each barcode.

    Parameters
    ----------
    path, progress
        As for :func:`fragment_blocks`.

    Returns
    -------
    Fragments by barcode, in the order of the file.

    Raises
    ------
    InputError
        As :func:`fragment_blocks`.
    """
    counts: Counter[str] = Counter()
    for block in fragment_blocks(path, progress=progress):
        found = np.bincount(block.barcode, minlength=len(block.barcodes))
        counts.update(dict(zip(block.barcodes, map(int, found), strict=True)))
    return counts


def read_barcodes(barcodes: str | Path | Iterable[str]) -> tuple[str, ...]:
    """Return the barcodes to keep, from a file or any list of names.

    Parameters
    ----------
    barcodes
        The barcodes, or a text file with one a line (first column; ``.gz`` is unpacked).

    Returns
    -------
    The barcodes in their order.

    Raises
    ------
    InputError
        There are none, or some stand twice; the file is absent, damaged or no text.
    """
    if isinstance(barcodes, str | Path):
        where = str(barcodes)
        lines = (line for _, line in text_lines(barcodes, what="a file of barcodes, one a line"))
        fields = (line.split(b"\t")[0].decode("utf-8", "replace").strip() for line in lines)
        names = tuple(field for field in fields if field and not field.startswith("#"))
    else:
        where, names = "the list", tuple(map(str, barcodes))
    if not names:
        raise InputError("barcodes to keep", f"none in {where}", "name the barcodes of the cells")
    twice = duplicated(names)
    if twice:
        raise InputError(
            f"each barcode once in {where}",
            f"{len(twice)} duplicated barcode(s): {examples(twice)}",
            "leave out the second of each",
        )
    return names


def _without_comments(block: bytes) -> bytes:
    if not block.startswith(b"#") and b"\n#" not in block:
        return block
    return b"".join(line for line in block.splitlines(keepends=True) if not line.startswith(b"#"))


def _parse(rows: bytes, block: bytes, path: str | Path, first_line: int) -> Fragments:
    import pandas as pd

    try:
        table = pd.read_csv(
            io.BytesIO(rows),
            sep="\t",
            header=None,
            names=_NAMES,
            usecols=range(len(_NAMES)),
            dtype={
                "chromosome": "category",
                "start": np.int64,
                "end": np.int64,
                "barcode": "category",
            },
            na_filter=False,
            quoting=csv.QUOTE_NONE,
        )
    except (ValueError, OverflowError) as error:  # ParserError is a ValueError
        raise _first_bad(block, path, first_line, str(error)) from error
    start, end = table["start"].to_numpy(), table["end"].to_numpy()
    chromosome, barcode = table["chromosome"].cat, table["barcode"].cat
    barcodes = tuple(map(str, barcode.categories))
    if "" in barcodes or (start < 0).any() or (start >= end).any():
        raise _first_bad(block, path, first_line, "a line that does not fit")
    regions = Regions(
        tuple(map(str, chromosome.categories)), chromosome.codes.to_numpy(), start, end
    )
    return Fragments(regions, barcodes, barcode.codes.to_numpy())


def _first_bad(block: bytes, path: str | Path, first_line: int, why: str) -> InputError:
    """Return the error that names the first line that cannot be read."""
    for number, line in enumerate(block.split(b"\n"), start=first_line):
        if not line.strip() or line.startswith(b"#"):
            continue
        wrong = _wrong_with(line)
        if wrong:
            shown = line[:80].decode("utf-8", "replace")
            return InputError(
                f"{wrong} in each line of {path}",
                f"{shown!r} in line {number}",
                "mend the line, or write the file again",
            )
    return InputError(
        WHAT, f"lines {first_line} and on of {path} unreadable ({why})", "write the file again"
    )


def _wrong_with(line: bytes) -> str:
    fields = line.rstrip(b"\r").split(b"\t")
    if len(fields) < len(_NAMES):
        return "chromosome, start, end and barcode with tabs between"
    try:
        start, end = int(fields[1]), int(fields[2])
    except ValueError:
        return "whole numbers for start and end"
    if start < 0 or start >= end:
        return "a start of 0 or more, below the end,"
    return "" if fields[3].strip() else "a barcode"
