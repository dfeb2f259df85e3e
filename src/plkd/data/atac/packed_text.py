"""Text files of any size, plain or gz, read in blocks of whole lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from plkd.errors import InputError

BLOCK = 2**24
"""Bytes of unpacked text that are held at a time."""

LONGEST_LINE = 2**26
"""A file without a line end for so many bytes is no text."""

GZIP = b"\x1f\x8b"


def text_blocks(
    path: str | Path,
    *,
    what: str,
    size: int = BLOCK,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[bytes]:
    """Read a text file in blocks that end where a line ends.

    Parameters
    ----------
    path
        The file; what starts like gz is unpacked, whatever its name.
    what
        What the file is to be, for an error: ``"a fragments file"``.
    size
        Bytes of unpacked text in a block, about.
    progress
        Told the bytes of the file that were read, and its size.

    Yields
    ------
    Blocks of at least one line, each with its line end.

    Raises
    ------
    InputError
        There is no such file, it is a truncated or damaged gz file, or it is no text.
    """
    path = Path(path)
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing there"
        raise InputError(f"{what} at {path}", found, "check the path")
    total = path.stat().st_size
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file) if packed else file
        rest = b""
        while True:
            try:
                read = stream.read(size)
            except (EOFError, OSError, zlib.error) as error:
                raise InputError(
                    f"{what}, whole, at {path}",
                    f"a truncated or damaged gz file ({error})",
                    "copy or download the file again",
                ) from error
            if b"\0" in read or len(rest) > LONGEST_LINE:
                raise InputError(f"{what} at {path}", "a file that is not text", "check the file")
            cut = read.rfind(b"\n") + 1
            if cut:
                yield rest + read[:cut]
                rest = read[cut:]
            else:
                rest += read
            if progress is not None:
                progress(file.tell(), total)
            if not read:
                break
        if rest:
            yield rest + b"\n"


def text_lines(path: str | Path, *, what: str) -> Iterator[tuple[int, bytes]]:
    """Read a text file line by line.

    Parameters
    ----------
    path, what
        As for :func:`text_blocks`.

    Yields
    ------
    Number of the line, counted from 1, and the line without its end.

    Raises
    ------
    InputError
        As :func:`text_blocks`.
    """
    number = 0
    for block in text_blocks(path, what=what):
        for line in block[:-1].split(b"\n"):
            number += 1
            yield number, line.rstrip(b"\r")
