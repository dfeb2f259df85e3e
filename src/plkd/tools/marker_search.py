"""The search for marker genes: both networks read the same cells, and what they name is joined."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from plkd.data.reading import ExpressionSource
from plkd.errors import InputError
from plkd.model.choices import check_seed
from plkd.model.predict import Predictor
from plkd.model.query import open_query
from plkd.tools.annotate import CHUNK_SIZE
from plkd.tools.annotating import check_chunk_size
from plkd.tools.attributing import LEFT_OUT, N_NAMED, check_labels, labelled_types, own_types
from plkd.tools.attributions import CHUNK_SIZE as EXPLAINED_AT_A_TIME
from plkd.tools.attributions import N_BACKGROUND, attributions
from plkd.tools.gene_network import GeneNetwork, gene_network
from plkd.tools.marker_candidates import candidates, key_genes
from plkd.tools.marker_results import MarkerGenes
from plkd.tools.pattern_genes import tested_sets
from plkd.tools.patterns import MAX_CELLS, patterns
from plkd.tools.teacher_reading import MIN_CELLS, choose_cells
from plkd.tools.type_expression import expression_by_type

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.gene_sets import GeneSets
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.gene_attributions import GeneAttributions
    from plkd.tools.pattern_results import Patterns

TYPE = "type"
N_CANDIDATES = 50
GENES_PER_PATTERN = 5
LEAST_GENES = 2
"""Genes that a network needs."""


@dataclass(frozen=True)
class MarkerOptions:
    """How marker genes are looked for; :func:`plkd.tools.marker_genes` explains each.

    Raises
    ------
    InputError
        A number is below 1.
    """

    labels_key: str | None = None
    n_genes: int = 10
    n_candidates: int = N_CANDIDATES
    n_patterns: int = 10
    genes_per_pattern: int = GENES_PER_PATTERN
    sets: GeneSets | None = None
    n_background: int = N_BACKGROUND
    gene_key: str | None = None
    expression: str | None = None
    max_cells: int = MAX_CELLS
    chunk_size: int = CHUNK_SIZE
    seed: int = 0

    def __post_init__(self) -> None:
        check_chunk_size(self.chunk_size)
        check_seed(self.seed)
        for name in ("n_genes", "n_candidates", "n_patterns", "genes_per_pattern", "n_background"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of 1 or more", str(getattr(self, name)), "leave it out")


def find_markers(
    source: ExpressionSource,
    obs: Any,
    model: CellAnnotator,
    options: MarkerOptions,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> MarkerGenes:
    """Find the marker genes of cells, whether they lie in memory or in a file.

    Memory holds ``options.max_cells`` cells and does not grow with ``source``.

    Parameters
    ----------
    source
        The cells; read three times, in chunks.
    obs
        Their table, which holds the column ``options.labels_key``.
    model, options, progress
        As :func:`plkd.tools.marker_genes`, with its errors and warnings.
    """
    predictor = Predictor(model, "student")
    _check_before_work(obs, model, options)
    query = open_query(source, model, gene_key=options.gene_key, expression=options.expression)
    codes = own_types(query, predictor)
    if options.labels_key is not None:
        codes = labelled_types(obs, options.labels_key, model.classes_, codes)
    common = _common_types(codes, model.classes_)
    read = choose_cells(
        np.where(np.isin(codes, common), codes, LEFT_OUT),
        max_cells=options.max_cells,
        seed=options.seed,
    )
    cells = cells_in_memory(source, read, chunk_size=options.chunk_size)
    cells.obs[TYPE] = [model.classes_[code] for code in codes[read]]
    found = _patterns(cells, model, options, _after(progress, 0))
    networks = _networks(found, model, options.genes_per_pattern)
    attributed = _attributions(cells, model, options, _after(progress, len(read)))
    seen = expression_by_type(query, codes, len(model.classes_), chunk_size=options.chunk_size)
    of_student = attributed.top_genes(options.n_candidates, markers=True)
    of_teacher = {network.cell_type: key_genes(network, found) for network in networks}
    attributed = replace(
        attributed,
        background=read[attributed.background],
        n_left_out=int(np.count_nonzero(~np.isin(codes, common))),
    )
    found = replace(found, cells=read[found.cells])
    names = tuple(model.classes_[code] for code in common)
    rows = (
        candidates(name, of_student[name], of_teacher.get(name, {}), attributed, seen)
        for name in names
    )
    return MarkerGenes(
        rows=tuple(chain.from_iterable(rows)),
        cell_types=names,
        n_cells=tuple(seen.n_cells[common].tolist()),
        n_genes=options.n_genes,
        attributions=attributed,
        patterns=found,
        networks=networks,
    )


def cells_in_memory(source: ExpressionSource, cells: np.ndarray, *, chunk_size: int) -> AnnData:
    """Copy some cells, with their names of genes and without their other columns.

    Parameters
    ----------
    cells
        Positions, ascending.
    chunk_size
        Cells of the source taken at a time.
    """
    import pandas as pd
    from anndata import AnnData

    parts = [
        source.rows(chunk.start, chunk.stop)[inside]
        for chunk, inside in source.places(cells, chunk_size)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that stands twice: matching genes deals with it
        return AnnData(
            X=sp.csr_matrix(sp.vstack(parts, format="csr")),
            obs=pd.DataFrame(index=cells.astype(str)),
            var=pd.DataFrame(dict(source.gene_columns), index=list(source.gene_names)),
        )


def _check_before_work(obs: Any, model: CellAnnotator, options: MarkerOptions) -> None:
    """Ask for the Teacher, the labels and the sets before the work, not after half of it."""
    if model.teacher_ is None:
        raise InputError(
            "a model with its Teacher, which names patterns and networks",
            "one that was saved or loaded without it",
            "take the model as training wrote it, and load all of it (with_teacher=True)",
        )
    if options.labels_key is not None:
        check_labels(obs, options.labels_key, model.classes_)
    tested_sets(options.sets, model.patterns_, model.genes_.names)


def _common_types(codes: np.ndarray, classes: tuple[str, ...]) -> list[int]:
    """Return the types with cells enough, and name the others in a warning."""
    counts = np.bincount(codes[codes >= 0], minlength=len(classes))
    common = np.flatnonzero(counts >= MIN_CELLS)
    if len(common) < 2:
        found = [f"{name!r} ({n})" for name, n in zip(classes, counts, strict=True) if n]
        raise InputError(
            f"cells of two types or more, {MIN_CELLS} cells of each",
            f"{', '.join(found[:N_NAMED]) or 'none'} among {len(codes)} cells",
            "pass cells of other types as well: markers tell a type from others",
        )
    rare = [f"{classes[i]!r} ({counts[i]})" for i in np.flatnonzero(counts < MIN_CELLS)]
    if rare:
        _warn(f"no marker genes for types with fewer than {MIN_CELLS} cells: {_listed(rare)}")
    return common.tolist()


def _patterns(
    cells: AnnData,
    model: CellAnnotator,
    options: MarkerOptions,
    progress: Callable[[int, int], None] | None,
) -> Patterns:
    return patterns(
        cells,
        model,
        labels_key=TYPE,
        sets=options.sets,
        n_patterns=options.n_patterns,
        gene_key=options.gene_key,
        expression=options.expression,
        max_cells=cells.n_obs,
        chunk_size=options.chunk_size,
        seed=options.seed,
        progress=progress,
    )


def _attributions(
    cells: AnnData,
    model: CellAnnotator,
    options: MarkerOptions,
    progress: Callable[[int, int], None] | None,
) -> GeneAttributions:
    return attributions(
        cells,
        model,
        labels_key=TYPE,
        n_background=options.n_background,
        gene_key=options.gene_key,
        expression=options.expression,
        chunk_size=min(options.chunk_size, EXPLAINED_AT_A_TIME),
        seed=options.seed,
        progress=progress,
    )


def _networks(
    found: Patterns, model: CellAnnotator, genes_per_pattern: int
) -> tuple[GeneNetwork, ...]:
    networks, without = [], []
    for name in found.cell_types:
        brought = {
            gene
            for one in found.of_type(name)
            for gene in found.top_genes(one.pattern, genes_per_pattern)
        }
        if len(brought) < LEAST_GENES:
            without.append(repr(name))
        else:
            networks.append(gene_network(found, model, name, genes_per_pattern=genes_per_pattern))
    if without:
        _warn(
            "no gene network, and so no consensus genes, for types that no pattern with "
            f"{LEAST_GENES} genes marks: {_listed(without)}"
        )
    return tuple(networks)


def _after(
    progress: Callable[[int, int], None] | None, done_before: int
) -> Callable[[int, int], None] | None:
    """Count the cells of both networks together."""
    if progress is None:
        return None
    return lambda done, n_cells: progress(done_before + done, 2 * n_cells)


def _listed(names: list[str]) -> str:
    more = len(names) - N_NAMED
    return ", ".join(names[:N_NAMED]) + (f" and {more} more" if more > 0 else "")


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=4)
