"""One way to read cells, whether they lie in memory or in an h5ad file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

from plkd.data.expression import Recognised, check_chunk, check_values, recognise
from plkd.data.expression_errors import all_zero
from plkd.data.feature_types import refuse_other_features
from plkd.data.rows import as_csr, rows_between

CHECKED_AT_A_TIME = 4096
LOOKED_AT_TOGETHER = 256


@dataclass(frozen=True)
class ExpressionSource:
    """Expression that can be read a few cells at a time.

    Parameters
    ----------
    n_cells
        Number of cells.
    gene_names
        ``var_names``, ``(n_genes,)``.
    gene_columns
        Columns of ``var`` that hold text, ``(n_genes,)`` each.
    slot
        Where the values stand, to be printed: ``"X"``, ``"layers['counts']"``, ``"raw.X"``.
    read
        Returns the cells from one position up to another, ``(n_cells, n_genes)``.
    """

    n_cells: int
    gene_names: tuple[str, ...]
    gene_columns: Mapping[str, tuple[str, ...]]
    slot: str
    read: Callable[[int, int], Any] = field(repr=False)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return len(self.gene_names)

    def rows(self, start: int, stop: int) -> sp.csr_matrix:
        """Read some cells.

        Parameters
        ----------
        start, stop
            Position of the first cell, and of the one after the last.

        Returns
        -------
        CSR matrix ``(stop - start, n_genes)``, float32 or float64.
        """
        return as_csr(self.read(start, min(stop, self.n_cells)), slot=self.slot)

    def chunks(self, size: int = 8192) -> Iterator[tuple[int, int, sp.csr_matrix]]:
        """Read all cells, some at a time.

        Parameters
        ----------
        size
            Cells in a chunk; the last may have fewer.

        Yields
        ------
        ``start``, ``stop`` and the CSR matrix of the cells between, in order.
        """
        for start in range(0, self.n_cells, size):
            stop = min(start + size, self.n_cells)
            yield start, stop, self.rows(start, stop)

    def blocks(self, n_cells: int, size: int) -> Iterator[slice]:
        """Say where cells from all over the source stand.

        Parameters
        ----------
        n_cells
            About how many cells; all, in blocks beside each other, where there are no more.
        size
            Cells in a block, evenly spaced.

        Yields
        ------
        Each block, in order, none of them overlapping.
        """
        n_blocks = max(1, n_cells // size)
        if n_blocks * size >= self.n_cells:
            starts = np.arange(0, self.n_cells, size)
        else:
            starts = np.linspace(0, self.n_cells - size, n_blocks).astype(np.int64)
        for start in starts.tolist():
            yield slice(start, min(start + size, self.n_cells))

    def places(self, cells: np.ndarray, size: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Say where some cells are found in chunks.

        Parameters
        ----------
        cells
            Positions, ascending.
        size
            Cells in a chunk.

        Yields
        ------
        Each chunk that holds any of the cells, and their positions within it, int64.
        """
        for start in range(0, self.n_cells, size):
            stop = min(start + size, self.n_cells)
            first, last = np.searchsorted(cells, [start, stop])
            if first < last:
                yield slice(start, stop), cells[first:last] - start


def recognise_source(
    source: ExpressionSource, *, declared: str | None = None, n_cells: int = 4096
) -> Recognised:
    """Say whether a source holds counts or log1p values, from cells spread over all of it.

    Parameters
    ----------
    source
        The cells.
    declared
        ``"counts"`` or ``"log1p"``: the user's word where the values cannot tell.
    n_cells
        About how many cells are looked at.

    Returns
    -------
    Kind, scale and reason.

    Raises
    ------
    InputError
        As :func:`plkd.data.recognise`; or beside genes there are antibodies or peaks.
    """
    refuse_other_features(source.gene_columns, source.slot)
    parts = []
    for cells in source.blocks(n_cells, LOOKED_AT_TOGETHER):
        rows = source.rows(cells.start, cells.stop)
        check_values(rows, slot=source.slot, first_cell=cells.start)
        parts.append(rows)
    sample = sp.csr_matrix(sp.vstack(parts, format="csr"))
    if sample.nnz == 0 or float(sample.data.max()) == 0.0:
        for start, _, rows in source.chunks():
            check_values(rows, slot=source.slot, first_cell=start)
            if rows.nnz and float(rows.data.max()) > 0.0:
                sample = rows
                break
        else:
            raise all_zero(source.slot, source.n_cells, source.n_genes)
    return recognise(sample, slot=source.slot, declared=declared)


def read_checked(source: ExpressionSource, recognised: Recognised) -> sp.csr_matrix:
    """Read all cells, and look at every one of them.

    Parameters
    ----------
    source
        The cells.
    recognised
        What the source was recognised as.

    Returns
    -------
    CSR matrix ``(n_cells, n_genes)``, float32 or float64, the values as they stand.

    Raises
    ------
    InputError
        A cell holds NaN, infinite or negative values, or cells are of another kind or scale.
    """
    rows = source.rows(0, source.n_cells)
    for start in range(0, source.n_cells, CHECKED_AT_A_TIME):
        some = rows_between(rows, start, min(start + CHECKED_AT_A_TIME, source.n_cells))
        check_chunk(some, recognised, slot=source.slot, first_cell=start)
    return rows
