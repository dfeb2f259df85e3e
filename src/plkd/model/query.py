"""A query that fits a model: its values recognised, its genes matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from plkd.data.alignment import align
from plkd.data.expression import Recognised, check_chunk, to_log1p
from plkd.data.genes import GeneMatch, match_genes
from plkd.data.reading import ExpressionSource, recognise_source
from plkd.model.annotator import CellAnnotator


@dataclass(frozen=True)
class Query:
    """A query that fits the model: where to read it and how its values and genes are meant."""

    source: ExpressionSource
    recognised: Recognised
    match: GeneMatch

    def log1p(self, cells: slice) -> csr_matrix:
        """Return log1p counts per 10,000 of some cells, in the query's own genes.

        Raises
        ------
        InputError
            They hold NaN, infinite or negative values, or values of another kind or scale.
        """
        return to_log1p(self._checked(cells), self.recognised)

    def _checked(self, cells: slice) -> csr_matrix:
        rows = self.source.rows(cells.start, cells.stop)
        check_chunk(rows, self.recognised, slot=self.source.slot, first_cell=cells.start)
        return rows

    def in_model_genes(self, cells: NDArray[np.int64], *, chunk_size: int) -> csr_matrix:
        """Read some cells in the model's terms.

        Parameters
        ----------
        cells
            Positions, ascending.
        chunk_size
            Cells of the query taken at a time.

        Returns
        -------
        log1p counts per 10,000 over the model's genes, CSR float32 ``(len(cells), n_genes)``.
        """
        parts = [
            align(self.log1p(chunk)[inside], self.match, linear=False)
            for chunk, inside in self.source.places(cells, chunk_size)
        ]
        return csr_matrix(vstack(parts, format="csr"))

    def spread(self, n_cells: int, *, block: int) -> csr_matrix:
        """Read some cells from all over the query in the model's terms.

        Parameters
        ----------
        n_cells, block
            About how many cells, and how many of them beside each other; all where there are no
            more.

        Returns
        -------
        log1p counts per 10,000 over the model's genes, CSR float32.
        """
        parts = [self._checked(cells) for cells in self.source.blocks(n_cells, block)]
        rows = csr_matrix(vstack(parts, format="csr")) if len(parts) > 1 else parts[0]
        return align(to_log1p(rows, self.recognised), self.match, linear=False)


def open_query(
    source: ExpressionSource,
    model: CellAnnotator,
    *,
    gene_key: str | None = None,
    expression: str | None = None,
) -> Query:
    """Check a query against the model's contract and genes.

    Raises
    ------
    InputError
        The values are neither counts nor log1p, or the genes do not fit (GeneMatchError).
    """
    recognised = recognise_source(source, declared=expression)
    match = match_genes(
        model.genes_,
        source.gene_names,
        source.gene_columns,
        gene_key=gene_key,
        weights=model.gene_weights_,
    )
    return Query(source, recognised, match)
