"""Outputs appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from plkd.errors import InputError, OutputExistsError


def refuse_existing(out: Path, *, overwrite: bool) -> None:
    """Refuse an output that exists unless overwriting was asked for.

    Raises
    ------
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    """
    if out.exists() and not overwrite:
        raise OutputExistsError(
            f"no file at {out} yet", "one that exists", "choose another name or ask to overwrite"
        )


def refuse_absent_folder(out: Path) -> None:
    """Refuse an output in a folder that does not exist.

    Raises
    ------
    InputError
        There is no such folder.
    """
    if not out.absolute().parent.is_dir():
        raise InputError(
            "an output in a folder that exists", str(out), f"make the folder {out.parent} first"
        )


def refuse_unwritable(target: Path) -> None:
    """Refuse a place in which no folder can be made; folders above it may be made.

    Raises
    ------
    InputError
        The nearest thing above it that exists is no folder, or may not be written to.
    """
    above = next(folder for folder in target.parents if os.path.lexists(folder))
    if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
        return
    found = "a folder that may not be written to" if above.is_dir() else "a file"
    raise InputError(
        f"a place to write to at {target}", f"{found} at {above}", "choose another place"
    )


@contextmanager
def replace_when_done(
    out: Path, *, overwrite: bool = False, source: Path | Sequence[Path] | None = None
) -> Iterator[Path]:
    """Give the path of a new file beside ``out`` and rename it to ``out`` at a good end.

    On any error, Ctrl-C included, the new file is removed and ``out`` is as it was.

    Parameters
    ----------
    out
        Where the file shall stand.
    overwrite
        Replace a file that stands there.
    source
        The input, or the inputs, which ``out`` must not be.

    Raises
    ------
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    InputError
        ``out`` is the input itself, is a folder, or its folder does not exist.
    """
    _refuse_input(out, [source] if isinstance(source, Path) else source or ())
    if out.is_dir():
        raise InputError("a file name for the output", f"the folder {out}", "name a file in it")
    refuse_absent_folder(out)
    refuse_existing(out, overwrite=overwrite)
    number, name = tempfile.mkstemp(
        prefix=f".{out.stem}.", suffix=f".partial{out.suffix}", dir=out.absolute().parent
    )
    os.close(number)
    partial = Path(name)
    try:
        yield partial
        _take_usual_mode(partial)
        refuse_existing(out, overwrite=overwrite)  # it may have come into being meanwhile
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replace_folder_when_done(
    out: Path,
    *,
    kind: str,
    is_kind: Callable[[Path], bool],
    source: Path | Sequence[Path],
    overwrite: bool = False,
) -> Iterator[Path]:
    """Give the path of a new folder beside ``out`` and rename it to ``out`` at a good end.

    On any error, Ctrl-C included, the new folder is removed and ``out`` is as it was.

    Parameters
    ----------
    out
        Where the folder shall stand.
    kind, is_kind
        What it is, to be printed, and what says whether a folder is such; none else is replaced.
    source
        The input, or the inputs, which ``out`` must neither be nor lie in nor hold.
    overwrite
        Replace a folder of the kind that stands there.

    Raises
    ------
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    InputError
        ``out`` is the input, lies in it or holds it, is something else, or its folder does not
        exist.
    """
    sources = [source] if isinstance(source, Path) else source
    _refuse_input(out, sources)
    made = out.resolve()
    if any(given in made.parents or made in given.parents for given in map(Path.resolve, sources)):
        raise InputError(
            "an output that neither lies in the input nor holds it",
            str(out),
            "choose another output",
        )
    refuse_absent_folder(out)
    refuse_existing(out, overwrite=overwrite)
    if os.path.lexists(out) and not is_kind(out):
        raise InputError(f"{kind} at {out} to replace", "something else", "choose another name")
    partial = out.absolute().with_name(f".{out.stem}.{secrets.token_hex(4)}.partial{out.suffix}")
    try:
        yield partial
        refuse_existing(out, overwrite=overwrite)  # it may have come into being meanwhile
        if out.exists():
            swap_folders(partial, out)
        else:
            partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def previous_folder(target: Path) -> Path:
    """Say where the old folder stands while a new one takes its place.

    Parameters
    ----------
    target
        The folder.

    Returns
    -------
    A hidden folder beside it, which exists only during a replacement or after a crash in it.
    """
    return target.with_name(f".{target.name}.plkd-previous")


def swap_folders(partial: Path, target: Path) -> None:
    """Put a folder in the place of another, which is removed.

    Notes
    -----
    A folder that is not empty cannot be replaced in one step, so the old one is first renamed to
    :func:`previous_folder`, and removed last: a machine that dies between leaves one of both.
    """
    previous = previous_folder(target)
    if previous.exists():  # left by a crash after the new folder was in place
        shutil.rmtree(previous)
    try:
        target.rename(previous)
        partial.rename(target)
    except BaseException:
        if previous.exists() and not target.exists():
            previous.rename(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _refuse_input(out: Path, sources: Sequence[Path]) -> None:
    if any(path.exists() and out.exists() and out.samefile(path) for path in sources):
        raise InputError(
            "an output that is not the input", f"{out} for both", "choose another output"
        )


def _take_usual_mode(path: Path) -> None:
    """Give the mode that a newly opened file would have had; temporary files are private."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
