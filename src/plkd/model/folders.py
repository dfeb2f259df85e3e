"""A folder is written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from plkd.errors import InputError, OutputExistsError
from plkd.outputs import swap_folders


def publish_folder(target: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a folder of files so that nobody ever sees a part of it.

    The files are written to a hidden folder beside ``target``, forced to the disk, and the folder
    is renamed. An interruption (Ctrl-C, an error) removes the hidden folder and leaves what was
    at ``target``.

    Parameters
    ----------
    target
        The folder; folders above it are made.
    files
        Content of each file by name; a name may lead into a folder of the folder, "a/b".
    replace
        Put it in the place of the folder that is there. Whether that folder may go is for the
        caller to know.

    Raises
    ------
    OutputExistsError
        ``target`` came into being meanwhile, and ``replace`` is not set.
    InputError
        It cannot be written there (no permission, disk full).
    """
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.plkd-partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.mkdir()
        for name, content in files.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            _write(partial / name, content)
        for folder in {(partial / name).parent for name in files} - {partial}:
            _sync_folder(folder)
        _sync_folder(partial)
        if replace and target.exists():
            swap_folders(partial, target)
        elif os.path.lexists(target):
            raise FileExistsError
        else:
            partial.rename(target)
        _sync_folder(target.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not replace and os.path.lexists(target):
            raise OutputExistsError(
                f"nothing at {target} yet", "something there", "choose another place"
            ) from error
        raise InputError(
            f"a place to write to at {target}",
            f"'{error.strerror or error}'",
            "choose a folder that you may write to, with room for the files",
        ) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
