"""Files of a source on disk: fetched once, whole or not at all, held to their checksums.

``OUT/downloads/<source>/`` holds the files and ``checksums.json``. What the publisher gives no
checksum for is held to the SHA-256 of the first download whose content passed the checks; it is
recorded after them, so that an error page saved under a data file's name is never taken for it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from recipe.sources import RemoteFile, Source

from plkd.errors import InputError
from plkd.outputs import replace_when_done

CHECKSUMS = "checksums.json"
FIRST_BYTES: Mapping[str, bytes] = MappingProxyType(
    {".gz": b"\x1f\x8b", ".h5": b"\x89HDF\r\n\x1a\n", ".h5ad": b"\x89HDF\r\n\x1a\n"}
)


def fetch(source: Source, folder: Path, *, mirror: str | None = None) -> dict[str, Path]:
    """Return the source's files by name, downloading those that are not there.

    Parameters
    ----------
    source
        What to fetch.
    folder
        Where it goes; made if need be. A file put there by hand is taken as if downloaded.
    mirror
        Address that is used in place of the source's: files are at ``mirror/<source>/<name>``,
        which is how a downloads folder looks when it is served.

    Raises
    ------
    InputError
        A file cannot be had, is not what was recorded, or is no file of its kind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recorded = read_checksums(folder)
    return {
        file.name: fetch_file(file, folder, url=_address(source, file, mirror), recorded=recorded)
        for file in source.files
    }


def fetch_file(file: RemoteFile, folder: Path, *, url: str, recorded: Mapping[str, str]) -> Path:
    """Return one file's path after its checksum, size and first bytes have been looked at.

    Raises
    ------
    InputError
        As in :func:`fetch`.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")
    path = folder / file.name
    known = file.checksum or recorded.get(file.name)
    if not path.exists():
        sys.stderr.write(f"  {url}\n")
    try:
        pooch.retrieve(url, known, fname=file.name, path=folder, progressbar=sys.stderr.isatty())
    except OSError as error:  # what the network does wrong is an OSError too
        raise InputError(
            f"{file.name} at {url}",
            f"{type(error).__name__}: {error}",
            f"run again later (finished files are kept), or put the file at {path} yourself",
        ) from error
    except ValueError as error:
        raise InputError(
            f"{file.name} with the checksum {known}",
            f"another content at {url}; it was not kept",
            "run again in case the download was damaged; if the publisher has replaced the file, "
            f"take its line out of {folder / CHECKSUMS}",
        ) from error
    _check_first_look(file, path)
    return path


def record(source: Source, folder: Path) -> None:
    """Write down the SHA-256 of every file of the source that has no line yet."""
    import pooch

    recorded = read_checksums(folder)
    for file in source.files:
        if file.name not in recorded:
            recorded[file.name] = f"sha256:{pooch.file_hash(str(folder / file.name))}"
    with replace_when_done(folder / CHECKSUMS, overwrite=True) as partial:
        partial.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


def read_checksums(folder: Path) -> dict[str, str]:
    """Return what was recorded in the folder, nothing where nothing was."""
    path = folder / CHECKSUMS
    return json.loads(path.read_text()) if path.is_file() else {}


def _address(source: Source, file: RemoteFile, mirror: str | None) -> str:
    return f"{mirror.rstrip('/')}/{source.name}/{file.name}" if mirror else file.url


def _check_first_look(file: RemoteFile, path: Path) -> None:
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        raise InputError(
            f"{file.size} bytes in {file.name}", f"{size}", f"delete {path} and run again"
        )
    wanted = FIRST_BYTES.get(path.suffix, b"")
    with path.open("rb") as handle:
        found = handle.read(len(wanted))
    if found != wanted:
        raise InputError(
            f"a {path.suffix} file, which begins with {wanted!r}",
            f"{found!r} at the beginning of {path}, perhaps a page that reports an error",
            "delete it and run again, or fetch the file with a browser",
        )
