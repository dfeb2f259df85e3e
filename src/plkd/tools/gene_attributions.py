"""What ``plkd.tl.attributions`` hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plkd.errors import InputError
from plkd.tools.attributing import positions_of

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class GeneAttributions:
    """What each gene adds to the logit of each type, over the cells of that type.

    Attributes
    ----------
    types, genes
        Types and genes of the model, in its order: names of rows and columns.
    n_cells
        Cells of each type that were explained, int64 ``(n_types,)``.
    mean_abs
        Mean of the absolute values, float64 ``(n_types, n_genes)``, in units of the logit; the
        paper ranks genes by it. NaN for a type without cells.
    mean
        Mean of the values: above 0 where a gene speaks for the type, by its expression or by the
        lack of it.
    difference
        Mean expression less that of the background, log1p counts per 10,000: above 0 where the
        type expresses a gene more.
    n_left_out
        Cells that were not explained: without label, without counts, or of another type than
        those asked for.
    background
        Positions of the cells that were compared with, int64 ``(n_background,)``, ascending.
    logit_range
        Largest less smallest logit of the explained cells, over all types.
    max_residual, median_residual
        How far the values of a cell are from adding up to its logit less the background's, as a
        share of ``logit_range``: rounding alone.
    cells, values
        Positions of the cells of the type ``values_of``, int64 ``(n,)``, and their values, float32
        ``(n, n_genes)``; ``None`` where none was asked for.
    """

    types: tuple[str, ...]
    genes: tuple[str, ...]
    n_cells: NDArray[np.int64]
    mean_abs: NDArray[np.float64]
    mean: NDArray[np.float64]
    difference: NDArray[np.float64]
    n_left_out: int
    background: NDArray[np.int64]
    logit_range: float
    max_residual: float
    median_residual: float
    cells: NDArray[np.int64] | None = None
    values: NDArray[np.float32] | None = None

    def ranking(self, type_: str, n: int | None = 10, *, markers: bool = False) -> DataFrame:
        """Return the genes of a type, largest mean absolute value first.

        Parameters
        ----------
        type_
            Name of the type.
        n
            So many genes; ``None`` returns all. Paper: 10.
        markers
            Only genes that speak for the type by being expressed: ``mean`` and ``difference``
            above 0. The paper takes all.

        Returns
        -------
        Index: gene names. Columns: ``mean_abs``, ``mean`` and ``difference``.

        Raises
        ------
        InputError
            There is no such type, or none of its cells was explained.
        """
        import pandas as pd

        row = positions_of((type_,), self.types, "the ranking")[0]
        if self.n_cells[row] == 0:
            raise InputError(
                f"cells of type {type_!r}", "none that was explained", "pass data that hold some"
            )
        columns = {name: values[row] for name, values in self._means().items()}
        table = pd.DataFrame(columns, index=pd.Index(self.genes, name="gene"))
        return table.iloc[self._order(row, markers=markers)[:n]]

    def top_genes(self, n: int = 10, *, markers: bool = False) -> dict[str, tuple[str, ...]]:
        """Return the first genes of the ranking of each type that has cells.

        Parameters
        ----------
        n
            Genes of a type. Paper: 10.
        markers
            As in :meth:`ranking`.

        Returns
        -------
        Names of genes by type, in the order of the ranking.
        """
        return {
            name: tuple(self.genes[gene] for gene in self._order(row, markers=markers)[:n])
            for row, name in enumerate(self.types)
            if self.n_cells[row]
        }

    def to_frame(self) -> DataFrame:
        """Return the means of all types and genes as a table.

        Returns
        -------
        Index: ``type`` and ``gene``, in the model's order. Columns: ``mean_abs``, ``mean`` and
        ``difference``.
        """
        import pandas as pd

        index = pd.MultiIndex.from_product([self.types, self.genes], names=["type", "gene"])
        columns = {name: values.ravel() for name, values in self._means().items()}
        return pd.DataFrame(columns, index=index)

    def _means(self) -> dict[str, NDArray[np.float64]]:
        return {"mean_abs": self.mean_abs, "mean": self.mean, "difference": self.difference}

    def _order(self, row: int, *, markers: bool) -> NDArray[np.int64]:
        order = np.argsort(-self.mean_abs[row], kind="stable")
        speaking = (self.mean[row] > 0) & (self.difference[row] > 0)
        return order[speaking[order]] if markers else order
