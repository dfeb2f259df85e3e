"""Why a model calls cells what it calls them: a folder of tables, networks and pictures."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from plkd.errors import OutputExistsError
from plkd.model.folders import publish_folder
from plkd.outputs import refuse_unwritable
from plkd.tools.explain import as_json, file_names, graphml, markers_of_file, numbers, tables
from plkd.tools.marker_search import MarkerOptions

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.marker_results import MarkerGenes

KIND = "plkd explanation"
SUMMARY = "explanation.json"
NETWORKS = "networks"
N_NAMED = 5


@dataclass(frozen=True, eq=False)
class Explanation:
    """What was written where.

    Attributes
    ----------
    folder
        The folder.
    summary
        What its ``explanation.json`` says: model, counts, the markers and files of each type, how
        well SHAP values add up, and all files as paths within the folder.
    markers
        What the files were written from.
    """

    folder: Path
    summary: dict[str, Any]
    markers: MarkerGenes


def explain_file(
    path: str | Path,
    model: CellAnnotator,
    out: str | Path,
    *,
    options: MarkerOptions | None = None,
    layer: str | None = None,
    use_raw: bool = False,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Explanation:
    """Explain a model on the cells of an h5ad file, as a folder.

    Parameters
    ----------
    path
        The cells, the reference say. The file is only read.
    model
        The model, with its Teacher.
    out
        The folder, written as :func:`write_explanation` does.
    options
        How markers are looked for.
    layer, use_raw
        Take ``layers[layer]`` or ``raw.X`` in place of ``X``.
    overwrite
        Replace an explanation that stands there.
    progress
        Told the cells done and the cells in all; each cell counts for either network.

    Returns
    -------
    What was written where.

    Raises
    ------
    InputError, GeneMatchError, NotFittedError
        As :func:`plkd.tools.marker_genes`; the file is absent, truncated or no h5ad; the folder
        cannot be written.
    OutputExistsError
        As :func:`check_explanation`; nothing is computed then.

    Warns
    -----
    UserWarning
        As :func:`plkd.tools.marker_genes` and :func:`write_explanation`.
    """
    check_explanation(out, overwrite=overwrite)
    markers = markers_of_file(
        path,
        model,
        options or MarkerOptions(),
        layer=layer,
        use_raw=use_raw,
        progress=progress,
    )
    return write_explanation(markers, out, overwrite=overwrite)


def write_explanation(
    markers: MarkerGenes, out: str | Path, *, overwrite: bool = False
) -> Explanation:
    """Write marker genes, patterns and networks as a folder, whole or not at all.

    Parameters
    ----------
    markers
        What ``plkd.tl.marker_genes`` gave.
    out
        The folder. It gets ``markers.csv``, ``patterns.csv``, ``networks/TYPE.graphml``, a picture
        of each (png) and ``explanation.json``, which names the files of each type.
    overwrite
        Replace an explanation that stands there.

    Returns
    -------
    What was written where.

    Raises
    ------
    OutputExistsError
        As :func:`check_explanation`.
    InputError
        The folder cannot be written.

    Warns
    -----
    UserWarning
        A picture could not be drawn; the folder is written without it.
    """
    target = check_explanation(out, overwrite=overwrite)
    names = {
        cell_type: f"{NETWORKS}/{name}"
        for cell_type, name in file_names([n.cell_type for n in markers.networks]).items()
    }
    files = {**tables(markers), **_networks(markers, names), **_pictures(markers, names)}
    of_type = {
        key: [file for file in (f"{name}.graphml", f"{name}.png") if file in files]
        for key, name in names.items()
    }
    summary = {
        "kind": KIND,
        "files": sorted([*files, SUMMARY]),
        **numbers(markers, of_type),
    }
    files[SUMMARY] = as_json(summary)
    publish_folder(target, files, replace=overwrite)
    return Explanation(Path(out), summary, markers)


def check_explanation(out: str | Path, *, overwrite: bool = False) -> Path:
    """Say whether an explanation can be written to a place, before the work is done.

    Parameters
    ----------
    out
        The folder.
    overwrite
        Whether an explanation that is there may be replaced.

    Returns
    -------
    The folder, with symbolic links followed.

    Raises
    ------
    OutputExistsError
        Something is there, and ``overwrite`` is not set; or it is, and what is there is no
        explanation or holds other files as well: these are never deleted.
    InputError
        Nothing can be written there.
    """
    target = Path(os.path.realpath(out))
    if not os.path.lexists(target):
        refuse_unwritable(target)
        return target
    if not overwrite:
        raise OutputExistsError(
            f"nothing at {out} yet",
            "a folder" if target.is_dir() else "a file",
            "choose another place, or overwrite it (overwrite=True, --overwrite)",
        )
    found = _what_else(target)
    if found is None:
        refuse_unwritable(target)
        return target
    raise OutputExistsError(
        f"an explanation and nothing else at {out}, to overwrite it",
        found,
        "choose another place, or move away what is there",
    )


def _what_else(target: Path) -> str | None:
    """Say what stands in a place besides an explanation, ``None`` for nothing."""
    if not target.is_dir():
        return "a file"
    there = {path.relative_to(target).as_posix() for path in target.rglob("*")}
    if not there:
        return None
    written = _written(target / SUMMARY)
    if written is None:
        return "a folder that is no explanation"
    folders = {NETWORKS} if (target / NETWORKS).is_dir() else set()
    others = sorted(name for name in there - written - folders if not name.endswith(".DS_Store"))
    more = f" and {len(others) - N_NAMED} more" if len(others) > N_NAMED else ""
    return f"one together with {', '.join(others[:N_NAMED])}{more}" if others else None


def _written(summary: Path) -> set[str] | None:
    """Return the files of an explanation by its own account, ``None`` where there is none."""
    try:
        said = json.loads(summary.read_text("utf-8"))
        return {SUMMARY, *said["files"]} if said["kind"] == KIND else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _networks(markers: MarkerGenes, names: dict[str, str]) -> dict[str, bytes]:
    return {f"{names[each.cell_type]}.graphml": graphml(each) for each in markers.networks}


def _pictures(markers: MarkerGenes, names: dict[str, str]) -> dict[str, bytes]:
    """Draw the pictures, one after the other; one that fails costs nothing but itself."""
    from plkd.plots import gene_network, marker_genes, patterns

    pictures: dict[str, Callable[..., Any]] = {
        "markers.png": partial(marker_genes, markers, n_genes=markers.n_genes),
        "patterns.png": partial(patterns, markers.patterns),
    }
    for network in markers.networks:
        pictures[f"{names[network.cell_type]}.png"] = partial(gene_network, network)
    files = {}
    for name, draw in pictures.items():
        try:
            files[name] = _drawn(draw)
        except Exception as error:
            said = str(error) or type(error).__name__
            warnings.warn(
                f"{name} could not be drawn and is left out: {said}",
                UserWarning,
                stacklevel=3,
            )
    return files


def _drawn(draw: Callable[..., Any]) -> bytes:
    """Return a picture as the bytes of its file."""
    with TemporaryDirectory(prefix="plkd-") as folder:
        path = Path(folder) / "picture.png"
        draw(save=path)
        return path.read_bytes()
