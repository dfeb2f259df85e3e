"""The files of one model folder as bytes and arrays, and what can be wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from plkd.errors import InputError, ModelFileError
from plkd.model.manifest import FORMAT_NAME, MANIFEST, STUDENT, TEACHER, Part
from plkd.outputs import previous_folder

_KINDS = "biufc"  # kinds of numpy numbers
_WHERE_FROM = "pass the folder that CellAnnotator.save or plkd train wrote"


def pack(arrays: Mapping[str, np.ndarray], name: str) -> bytes:
    """Return arrays as the bytes of a safetensors file; equal arrays give equal bytes.

    Raises
    ------
    InputError
        Something is not an array of numbers.
    """
    plain = {}
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in _KINDS:
            kind = getattr(array, "dtype", type(array).__name__)
            raise InputError(f"an array of numbers as {key!r} of {name}", str(kind), "convert it")
        plain[key] = np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")
    return save(plain)


def unpack(folder: Path, name: str, part: Part) -> dict[str, np.ndarray]:
    """Return the arrays of a part, writable, after it was checked as by :func:`part_bytes`."""
    content = part_bytes(folder, name, part)
    try:
        return {key: array.copy() for key, array in load(content).items()}
    except (SafetensorError, KeyError, ValueError) as error:
        raise _bad_part(folder, name, f"a file that is not safetensors ({error})") from error


def part_bytes(folder: Path, name: str, part: Part) -> bytes:
    """Read a part of a model.

    Raises
    ------
    ModelFileError
        It is missing, truncated, or not what was written.
    """
    if name not in (STUDENT, TEACHER):
        raise _bad_part(folder, name, "a part that this format does not have")
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise _bad_part(folder, name, "no such file") from error
    except OSError as error:
        raise _bad_part(folder, name, f"one that cannot be read ({error.strerror})") from error
    if len(content) < part.n_bytes:
        sizes = f"{len(content):,} of {part.n_bytes:,} bytes"
        raise _bad_part(folder, name, f"a truncated one ({sizes})")
    if sha256(content) != part.sha256:
        raise _bad_part(folder, name, "one that was changed (its SHA-256 differs)")
    return content


def manifest_bytes(folder: Path) -> bytes:
    """Read ``plkd.json``.

    Raises
    ------
    ModelFileError
        There is no such folder, or it is no model.
    """
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as error:
        found, mend = _why_no_manifest(folder, error)
        raise ModelFileError(f"a plkd model at {folder}", found, mend) from error


def is_model(folder: Path) -> bool:
    """Tell a model folder, a damaged one included, from any other."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            return f'"{FORMAT_NAME}"'.encode() in file.read(4096)
    except OSError:
        return False


def sha256(content: bytes) -> str:
    """Return the SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _why_no_manifest(folder: Path, error: OSError) -> tuple[str, str]:
    if not folder.exists():
        previous = previous_folder(folder.absolute())
        if is_model(previous):
            found = "nothing there, but the model that was to be replaced when the machine stopped"
            return found, f"rename it back: mv {previous} {folder}"
        return "nothing there", "check the path"
    if not folder.is_dir():
        return "a file", _WHERE_FROM
    if not (folder / MANIFEST).exists():
        return f"a folder without {MANIFEST}", _WHERE_FROM
    return f"a {MANIFEST} that cannot be read ({error.strerror})", "make it readable"


def _bad_part(folder: Path, name: str, found: str) -> ModelFileError:
    mend = "copy the model again from where it was saved"
    if name == TEACHER:
        mend += ", or annotate with the Student alone (load with_teacher=False, --with student)"
    return ModelFileError(f"{name} in {folder} as it was written", found, mend)
