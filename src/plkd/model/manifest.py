"""``plkd.json``: what a model file says of itself, as strict JSON that notices its own changes."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

import numpy as np

from plkd.errors import InputError, ModelFileError

FORMAT_NAME = "plkd-model"
FORMAT_VERSION = 10
MANIFEST = "plkd.json"
STUDENT = "student.safetensors"
TEACHER = "teacher.safetensors"

HEADER_FIELDS = ("config", "contract", "seed", "summary", "classes", "patterns", "genes")
"""Fields that every header has, short ones first: in this order they stand in the file.

``classes`` is a list; ``genes`` and ``patterns`` are objects that hold a list ``names``.
"""

_DIGITS = 64


@dataclass(frozen=True)
class Part:
    """Size in bytes and SHA-256 (64 hexadecimal digits) of one file of the model."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Content of ``plkd.json``.

    Attributes
    ----------
    header
        What the model is, without its weights.
    parts
        The files with weights, by name.
    plkd_version
        Version of plkd that wrote the model.
    format_version
        Version of the format.
    """

    header: dict[str, Any]
    parts: dict[str, Part]
    plkd_version: str
    format_version: int = FORMAT_VERSION

    @property
    def model_hash(self) -> str:
        """Identity of the model's weights, see :func:`model_hash`."""
        return model_hash({name: part.sha256 for name, part in self.parts.items()})


def model_hash(part_hashes: Mapping[str, str]) -> str:
    """Return one SHA-256 for all weights of a model.

    Parameters
    ----------
    part_hashes
        SHA-256 of each part by its name, as 64 hexadecimal digits.

    Returns
    -------
    64 hexadecimal digits: the SHA-256 of the lines ``<name> <sha256>``, sorted by name, each
    ended by a newline.
    """
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(part_hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def installed_version() -> str:
    """Return the version of the plkd that runs, ``"unknown"`` where it is not installed."""
    try:
        return version("plkd")
    except PackageNotFoundError:
        return "unknown"


def plain_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a header into what JSON holds: tuples and arrays become lists, numpy numbers Python's.

    Raises
    ------
    InputError
        A field is missing, a number is not finite, a key is not text, or a value is of a kind
        that JSON does not know.
    """
    wrong = _wrong_field(header)
    if wrong:
        raise InputError(
            f"a header with {', '.join(HEADER_FIELDS)}", wrong, "pass these fields as described"
        )
    ordered = [*HEADER_FIELDS, *sorted(set(header) - set(HEADER_FIELDS), key=str)]
    return _plain({name: header[name] for name in ordered}, "header")


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InputError(f"text as keys of {where}", repr(key), "turn it into text")
        return {str(key): _plain(each, f"{where}[{key!r}]") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, f"{where}[{i}]") for i, each in enumerate(value)]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"a finite number in {where}", repr(value), "store None instead")
        return value
    raise InputError(f"a JSON value in {where}", type(value).__name__, "turn it into plain values")


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of ``plkd.json``, UTF-8, two spaces an indent."""
    rest = {
        "format": FORMAT_NAME,
        "format_version": manifest.format_version,
        "plkd_version": manifest.plkd_version,
        "parts": {
            name: {"bytes": part.n_bytes, "sha256": part.sha256}
            for name, part in manifest.parts.items()
        },
    }
    digest = _canonical_hash({**rest, "model": manifest.header})
    content = {**rest, "header_sha256": digest, "model": manifest.header}
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def load_manifest(content: bytes, where: str) -> Manifest:
    """Read the bytes of ``plkd.json`` and check them.

    Parameters
    ----------
    content
        The bytes.
    where
        Name of the model folder, for messages.

    Raises
    ------
    ModelFileError
        Truncated or not JSON; not plkd's; of a newer format; a field missing or of the wrong
        kind; changed since it was written.
    """
    values = _parse(content, where)
    if not isinstance(values, dict) or values.get("format") != FORMAT_NAME:
        raise ModelFileError(
            f"a plkd model at {where}",
            f"a {MANIFEST} that is not plkd's",
            "pass the folder that CellAnnotator.save or plkd train wrote",
        )
    found = values.get("format_version")
    if isinstance(found, int) and found > FORMAT_VERSION:
        raise ModelFileError(
            f"a model of format version {FORMAT_VERSION} or older at {where}",
            f"version {found}, written by plkd {values.get('plkd_version')}",
            "update plkd: pip install -U plkd",
        )
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise _damaged(where, f"the format version {found!r}")
    _check_fields(values, where)
    said = values.pop("header_sha256")
    if said != _canonical_hash(values):
        raise _damaged(where, "content that does not fit its own SHA-256: it was changed")
    parts = {n: Part(part["bytes"], part["sha256"]) for n, part in values["parts"].items()}
    return Manifest(values["model"], parts, values["plkd_version"], found)


def _parse(content: bytes, where: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(content.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        why = str(error).splitlines()[0]
        raise _damaged(where, f"truncated or damaged JSON ({why})") from error


def _check_fields(values: dict[str, Any], where: str) -> None:
    kinds = {"header_sha256": str, "plkd_version": str, "parts": dict, "model": dict}
    for name, kind in kinds.items():
        if not isinstance(values.get(name), kind):
            raise _damaged(where, f"no field {name!r}" if name not in values else f"a bad {name!r}")
    wrong = _wrong_field(values["model"])
    if wrong:
        raise _damaged(where, f"{wrong} in 'model'")
    if STUDENT not in values["parts"]:
        raise _damaged(where, f"no {STUDENT!r} in 'parts'")
    for name, part in values["parts"].items():
        size, digest = (part.get("bytes"), part.get("sha256")) if isinstance(part, dict) else (0, 0)
        if not isinstance(size, int) or not isinstance(digest, str) or len(digest) != _DIGITS:
            raise _damaged(where, f"no size and SHA-256 of {name!r} in 'parts'")


def _wrong_field(header: Mapping[str, Any]) -> str | None:
    """Name the first field of a header that is missing or of the wrong kind."""
    for name in HEADER_FIELDS:
        if name not in header:
            return f"no field {name!r}"
    for name in ("genes", "patterns"):
        held = header[name]
        if not isinstance(held, Mapping) or not isinstance(held.get("names"), list | tuple):
            return f"no list 'names' in {name!r}"
    return None if isinstance(header["classes"], list | tuple) else "no list 'classes'"


def _canonical_hash(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _damaged(where: str, found: str) -> ModelFileError:
    return ModelFileError(
        f"a whole {MANIFEST} in {where}", found, "copy the model again from where it was saved"
    )
