"""Say what a saved model is and whether it is whole, without loading its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plkd.errors import ModelFileError
from plkd.model.manifest import MANIFEST, load_manifest
from plkd.model.parts import manifest_bytes, part_bytes


@dataclass(frozen=True)
class PartCheck:
    """Whether one file of a model is as it was written.

    Attributes
    ----------
    name
        Name of the file.
    ok
        Whether it is.
    detail
        Its size, or what is wrong with it.
    """

    name: str
    ok: bool
    detail: str


def verify_model(path: str | Path) -> tuple[PartCheck, ...]:
    """Check every file of a model against its SHA-256.

    Parameters
    ----------
    path
        The folder of the model.

    Returns
    -------
    One check a file. When ``plkd.json`` itself is at fault nothing vouches for the others, and
    it is the only one.

    Raises
    ------
    ModelFileError
        There is no such folder, or no ``plkd.json`` in it.
    """
    folder = Path(path)
    content = manifest_bytes(folder)
    try:
        manifest = load_manifest(content, str(folder))
    except ModelFileError as error:
        return (PartCheck(MANIFEST, False, f"{error.found}; to mend it: {error.mend}"),)
    checks = [PartCheck(MANIFEST, True, f"{len(content):,} bytes, as written")]
    for name, part in manifest.parts.items():
        try:
            part_bytes(folder, name, part)
        except ModelFileError as error:
            checks.append(PartCheck(name, False, error.found))
        else:
            checks.append(PartCheck(name, True, f"{part.n_bytes:,} bytes, as written"))
    return tuple(checks)


def describe_model(path: str | Path) -> dict[str, Any]:
    """Say what a model is.

    Parameters
    ----------
    path
        The folder of the model.

    Returns
    -------
    Plain values, ready for JSON: ``path``, ``format_version``, ``plkd_version``, ``model_hash``,
    ``n_genes``, ``n_classes``, ``n_patterns``; ``parts`` (bytes of each) and ``missing_parts``
    (files that are not there); and every field of the header but the long ``genes`` and
    ``patterns``.

    Raises
    ------
    ModelFileError
        There is no such model, or its ``plkd.json`` is damaged, changed or of a newer format.
    """
    folder = Path(path)
    manifest = load_manifest(manifest_bytes(folder), str(folder))
    header = manifest.header
    return {
        "path": str(folder),
        "format_version": manifest.format_version,
        "plkd_version": manifest.plkd_version,
        "model_hash": manifest.model_hash,
        "n_genes": len(header["genes"]["names"]),
        "n_classes": len(header["classes"]),
        "n_patterns": len(header["patterns"]["names"]),
        "parts": {name: part.n_bytes for name, part in manifest.parts.items()},
        "missing_parts": [name for name in manifest.parts if not (folder / name).is_file()],
        **{key: value for key, value in header.items() if key not in ("genes", "patterns")},
    }
