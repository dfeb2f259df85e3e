"""Marker genes straight from an h5ad file or zarr store, as tables, networks and numbers."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plkd.data.cell_files import open_cells
from plkd.data.source import source_from_file
from plkd.tools.evaluate import read_obs
from plkd.tools.marker_search import MarkerOptions, find_markers

if TYPE_CHECKING:
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.gene_network import GeneNetwork
    from plkd.tools.marker_results import MarkerGenes

LONGEST_NAME = 150
"""Bytes of a file name; file systems take 255."""
DEVICES = r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?"
"""Names that Windows keeps for itself."""
DIGITS = "%.6g"


def markers_of_file(
    path: str | Path,
    model: CellAnnotator,
    options: MarkerOptions,
    *,
    layer: str | None = None,
    use_raw: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> MarkerGenes:
    """Find the marker genes of the cells of an h5ad file or a zarr store.

    Of the expression, memory holds a chunk and the ``options.max_cells`` cells that the networks
    read, however large the file is; of the rest of the file it holds ``obs``, where labels are
    asked for.

    Parameters
    ----------
    path
        The file. It is only read.
    model, options, layer, use_raw, progress
        As :func:`plkd.tools.marker_genes`.

    Raises
    ------
    InputError
        As :func:`plkd.tools.marker_genes`; the input is absent, damaged, or neither h5ad nor zarr.
    """
    with open_cells(path) as file:
        source = source_from_file(file, layer=layer, use_raw=use_raw)
        obs = None if options.labels_key is None else read_obs(Path(path))
        return find_markers(source, obs, model, options, progress=progress)


def tables(markers: MarkerGenes) -> dict[str, bytes]:
    """Return the tables of markers and of patterns as CSV, six digits a number, by file name."""
    frames = {"markers.csv": markers.to_frame(), "patterns.csv": markers.patterns.to_frame()}
    return {
        name: frame.to_csv(index=False, float_format=DIGITS).encode()
        for name, frame in frames.items()
    }


def graphml(network: GeneNetwork) -> bytes:
    """Return a network as GraphML; its attribute ``cell_type`` is the type's full name."""
    import networkx as nx

    written = BytesIO()
    nx.write_graphml(network.graph(), written)
    return written.getvalue()


def numbers(markers: MarkerGenes, network_files: dict[str, list[str]]) -> dict[str, Any]:
    """Return what was found in plain values, for JSON.

    Parameters
    ----------
    markers
        What was found.
    network_files
        Files of each type's network.
    """
    top = markers.top_genes()
    shap = markers.attributions
    return {
        "model": markers.patterns.model,
        "n_cells": sum(markers.n_cells),
        "n_cells_read": len(markers.patterns.cells),
        "completeness_residual": {"max": shap.max_residual, "median": shap.median_residual},
        "types": {
            name: {
                "cells": n_cells,
                "markers": list(top[name]),
                "n_consensus": sum(row.consensus for row in markers.of_type(name)),
                "n_student": sum(row.in_student for row in markers.of_type(name)),
                "n_teacher": sum(row.in_teacher for row in markers.of_type(name)),
                "patterns": [found.pattern for found in markers.patterns.of_type(name)],
                "network": network_files.get(name, []),
            }
            for name, n_cells in zip(markers.cell_types, markers.n_cells, strict=True)
        },
    }


def as_json(values: dict[str, Any]) -> bytes:
    """Write plain values as JSON with a newline at its end."""
    return (json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def file_names(names: Sequence[str]) -> dict[str, str]:
    """Give each name a file name that every file system takes, all different.

    Parameters
    ----------
    names
        Any texts, all different.

    Returns
    -------
    File names without suffix, by name: letters, digits, ``.``, ``-`` and ``_``; where two would be
    one when case is folded, the later has a number.
    """
    taken: set[str] = set()
    given = {}
    for name in names:
        letters = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFKC", name))
        whole = letters.lstrip("_.-").encode()[:LONGEST_NAME].decode(errors="ignore")
        plain = whole.rstrip("_.") or "type"
        if re.fullmatch(DEVICES, plain, re.IGNORECASE):
            plain = f"type_{plain}"
        chosen, number = plain, 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{plain}_{number}"
        taken.add(chosen.casefold())
        given[name] = chosen
    return given
