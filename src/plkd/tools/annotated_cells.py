"""An annotated query as a report reads it: from memory, or little by little from disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.cell_files import open_cells
from plkd.data.source import source_from_anndata, source_from_file
from plkd.keys import SlotNames

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.data.reading import ExpressionSource

ROWS_AT_A_TIME = 65_536


@dataclass(frozen=True, eq=False)
class AnnotatedCells:
    """An annotated query: all of its table, the embedding of some of its cells.

    Attributes
    ----------
    where
        The AnnData, or the path of the h5ad file or zarr store.
    obs, uns
        The table of cells; of ``uns`` of a file only what annotation noted.
    drawn
        Which cells have their embedding here, ascending.
    embedding
        Theirs, ``(n_drawn, width)``; ``None`` where there is none.
    """

    where: AnnData | Path
    obs: Any
    uns: Mapping[str, Any]
    drawn: NDArray[np.int64]
    embedding: NDArray[np.float32] | None

    @contextmanager
    def expression(self, *, layer: str | None, use_raw: bool) -> Iterator[ExpressionSource]:
        """Give what reads their expression; a file is open as long as this lasts."""
        if not isinstance(self.where, Path):
            yield source_from_anndata(self.where, layer=layer, use_raw=use_raw)
            return
        with open_cells(self.where) as file:
            yield source_from_file(file, layer=layer, use_raw=use_raw)


def annotated_cells(
    where: AnnData | str | Path, slots: SlotNames, *, most_drawn: int, seed: int
) -> AnnotatedCells:
    """Read an annotated query.

    Parameters
    ----------
    where
        The AnnData, or the path of an h5ad file or zarr store.
    slots
        Names of what annotation wrote.
    most_drawn
        Cells whose embedding is wanted, at most, chosen by chance.
    seed
        Of that choice.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    if isinstance(where, str | Path):
        return _of_file(Path(where), slots, most_drawn, seed)
    drawn, embedding = _drawn(where.n_obs, most_drawn, seed), None
    if slots.embedding in where.obsm:
        embedding = np.asarray(where.obsm[slots.embedding])[drawn]
    return AnnotatedCells(where, where.obs, where.uns, drawn, embedding)


def _of_file(path: Path, slots: SlotNames, most_drawn: int, seed: int) -> AnnotatedCells:
    from anndata.io import read_elem

    from plkd.tools.evaluate import read_obs

    obs = read_obs(path)
    drawn, embedding = _drawn(len(obs), most_drawn, seed), None
    with open_cells(path) as file:
        noted = file.get(f"uns/{slots.provenance}")
        uns = {} if noted is None else {slots.provenance: read_elem(noted)}
        stored = file.get(f"obsm/{slots.embedding}")
        if stored is not None and len(obs):
            starts = range(0, len(obs), ROWS_AT_A_TIME)
            blocks = [(at, drawn[(drawn >= at) & (drawn < at + ROWS_AT_A_TIME)]) for at in starts]
            rows = [stored[at : at + ROWS_AT_A_TIME][some - at] for at, some in blocks]
            embedding = np.concatenate(rows)
    return AnnotatedCells(path, obs, uns, drawn, embedding)


def _drawn(n_cells: int, most: int, seed: int) -> NDArray[np.int64]:
    if n_cells <= most:
        return np.arange(n_cells)
    return np.sort(np.random.default_rng(seed).choice(n_cells, most, replace=False))
