"""Model <-> disk: a folder of two weight files and one JSON that vouches for them.

``docs/model-format.md`` describes the files. Nothing here knows what the arrays mean.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plkd.errors import OutputExistsError
from plkd.model.folders import publish_folder
from plkd.model.inspection import PartCheck, describe_model, verify_model
from plkd.model.manifest import (
    FORMAT_NAME,
    FORMAT_VERSION,
    MANIFEST,
    STUDENT,
    TEACHER,
    Manifest,
    Part,
    dump_manifest,
    installed_version,
    load_manifest,
    model_hash,
    plain_header,
)
from plkd.model.parts import is_model, manifest_bytes, pack, sha256, unpack
from plkd.outputs import refuse_unwritable

__all__ = [
    "FORMAT_NAME",
    "FORMAT_VERSION",
    "ModelContents",
    "PartCheck",
    "check_output",
    "describe_model",
    "model_hash",
    "part_hashes",
    "read_model",
    "verify_model",
    "write_model",
]

_MAY_BE_THERE = {MANIFEST, STUDENT, TEACHER, ".DS_Store"}


@dataclass(frozen=True, eq=False)
class ModelContents:
    """A model as plain values and arrays.

    Attributes
    ----------
    header
        What the model is, ready for JSON: ``config``, ``contract``, ``seed``, ``summary``,
        ``classes``, ``patterns``, ``genes``, and whatever else the writer adds.
    student
        Arrays of the Student by name.
    teacher
        Arrays of the Teacher by name, its mask as int64 index pairs among them; ``None`` where
        it was not saved or not asked for.
    hash
        Identity of the weights as they stand on disk (:func:`model_hash`), the Teacher's
        included even where only the Student was read; ``None`` before they were written.
    """

    header: dict[str, Any]
    student: dict[str, np.ndarray]
    teacher: dict[str, np.ndarray] | None = None
    hash: str | None = None


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Say whether a model can be written to a place, before hours are spent on training it.

    Parameters
    ----------
    path
        The folder of the model.
    overwrite
        Whether a model that is there may be replaced.

    Returns
    -------
    The folder, with symbolic links followed.

    Raises
    ------
    OutputExistsError
        Something is there, and ``overwrite`` is not set; or it is, and what is there is not a
        plkd model or holds other files as well: these are never deleted.
    InputError
        Nothing can be written there.
    """
    target = Path(os.path.realpath(path))
    if not os.path.lexists(target):
        refuse_unwritable(target)
        return target
    if not overwrite:
        raise OutputExistsError(
            f"nothing at {path} yet",
            "a file" if target.is_file() else "a folder",
            "choose another place, or overwrite it (overwrite=True, --overwrite)",
        )
    there = sorted(p.name for p in target.iterdir()) if target.is_dir() else None
    others = [name for name in there or () if name not in _MAY_BE_THERE]
    if there == [] or (there and not others and is_model(target)):
        return target
    found = "a file" if there is None else "a folder that is not a plkd model"
    if others and is_model(target):
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        found = f"a model together with {', '.join(others[:5])}{more}"
    raise OutputExistsError(
        f"a plkd model and nothing else at {path}, to overwrite it",
        found,
        "choose another place, or move away what is there",
    )


def write_model(path: str | Path, contents: ModelContents, *, overwrite: bool = False) -> str:
    """Write a model to a folder, whole or not at all.

    Parameters
    ----------
    path
        The folder.
    contents
        Header and arrays. Equal contents give equal bytes.
    overwrite
        Replace a model that is there.

    Returns
    -------
    The model's hash, 64 hexadecimal digits.

    Raises
    ------
    OutputExistsError
        As :func:`check_output`.
    InputError
        The header is not JSON, an array does not hold numbers, or the place cannot be written.
    """
    target = check_output(path, overwrite=overwrite)
    files = _weight_files(contents)
    parts = {name: Part(len(data), sha256(data)) for name, data in files.items()}
    manifest = Manifest(plain_header(contents.header), parts, installed_version())
    files[MANIFEST] = dump_manifest(manifest)
    publish_folder(target, files, replace=overwrite)
    return manifest.model_hash


def part_hashes(contents: ModelContents) -> dict[str, str]:
    """Return the SHA-256 of each part as it would be written; feed it to :func:`model_hash`."""
    return {name: sha256(data) for name, data in _weight_files(contents).items()}


def read_model(path: str | Path, *, with_teacher: bool = True) -> ModelContents:
    """Read a model, every byte of it checked against its SHA-256.

    Parameters
    ----------
    path
        The folder of the model.
    with_teacher
        Also read the Teacher, where the model has one. Without it the Teacher's file is not
        touched and may be absent.

    Returns
    -------
    Header and arrays; the arrays can be written to.

    Raises
    ------
    ModelFileError
        No such folder, not a plkd model, a part missing, truncated or changed, or a format newer
        than this plkd.
    """
    folder = Path(path)
    manifest = load_manifest(manifest_bytes(folder), str(folder))
    student = unpack(folder, STUDENT, manifest.parts[STUDENT])
    teacher = None
    if with_teacher and TEACHER in manifest.parts:
        teacher = unpack(folder, TEACHER, manifest.parts[TEACHER])
    return ModelContents(manifest.header, student, teacher, manifest.model_hash)


def _weight_files(contents: ModelContents) -> dict[str, bytes]:
    files = {STUDENT: pack(contents.student, STUDENT)}
    if contents.teacher is not None:
        files[TEACHER] = pack(contents.teacher, TEACHER)
    return files
