"""What ``plkd.tl.marker_genes`` hands back."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from plkd.errors import InputError
from plkd.tools.attributing import positions_of

if TYPE_CHECKING:
    import pandas as pd

    from plkd.tools.gene_attributions import GeneAttributions
    from plkd.tools.gene_network import GeneNetwork
    from plkd.tools.pattern_results import Patterns


@dataclass(frozen=True)
class MarkerGene:
    """A gene that Teacher or Student names for a cell type.

    Attributes
    ----------
    cell_type, gene
        Their names.
    rank
        Place within the type, from 1: first the genes that both name, by ``shap``; then the other
        genes of the Student, by ``shap``; then the other genes of the Teacher, by ``q``.
    shap
        Mean absolute SHAP value over the type's cells that were read, in units of the logit.
    q
        Q statistic in the type's gene network, in [0, 1], small for a key gene; NaN where the
        Teacher does not name the gene.
    in_teacher, in_student
        Who names it.
    consensus
        Both do.
    mean_in, mean_out
        Mean log1p counts per 10,000 over the type's cells, and over all other labelled cells.
    detected_in, detected_out
        Share of these cells with the gene above zero, in [0, 1].
    """

    cell_type: str
    gene: str
    rank: int
    shap: float
    q: float
    in_teacher: bool
    in_student: bool
    consensus: bool
    mean_in: float
    mean_out: float
    detected_in: float
    detected_out: float


@dataclass(frozen=True, eq=False, repr=False)
class MarkerGenes:
    """The marker genes of a model's cell types, and what they were found by.

    Attributes
    ----------
    rows
        Candidates of each type, types in the model's order, the first rank first.
    cell_types
        The types that have cells.
    n_cells
        Cells of each of them, which means and shares are taken over.
    n_genes
        Genes of a type that :meth:`top_genes` names when it is not told how many.
    attributions, patterns
        SHAP values of the Student and patterns of the Teacher, read on the same cells.
    networks
        Gene networks, types in order; a type whose patterns bring no two genes has none.
    """

    rows: tuple[MarkerGene, ...]
    cell_types: tuple[str, ...]
    n_cells: tuple[int, ...]
    n_genes: int
    attributions: GeneAttributions
    patterns: Patterns
    networks: tuple[GeneNetwork, ...]

    def __repr__(self) -> str:
        n_both = sum(row.consensus for row in self.rows)
        return (
            f"MarkerGenes: {len(self.rows)} of {len(self.cell_types)} cell types, {n_both} named "
            "by Teacher and Student"
        )

    def of_type(self, cell_type: str) -> tuple[MarkerGene, ...]:
        """Return the candidates of one type, the first rank first.

        Raises
        ------
        InputError
            There is no such type among those with cells.
        """
        positions_of((cell_type,), self.cell_types, "the markers")
        return tuple(row for row in self.rows if row.cell_type == cell_type)

    def top_genes(
        self, n: int | None = None, *, consensus: bool = True
    ) -> dict[str, tuple[str, ...]]:
        """Return the first genes of each type.

        Parameters
        ----------
        n
            So many genes of a type, at most; the default is ``n_genes``.
        consensus
            Only genes that Teacher and Student both name, as in the paper; otherwise the others
            follow them.

        Returns
        -------
        Names of genes by type, the first rank first.

        Raises
        ------
        InputError
            ``n`` is below 1.
        """
        n = self.n_genes if n is None else n
        if n < 1:
            raise InputError("n of 1 or more", str(n), "leave it out")
        return {
            name: tuple(row.gene for row in self.of_type(name) if row.consensus or not consensus)[
                :n
            ]
            for name in self.cell_types
        }

    def to_frame(self) -> pd.DataFrame:
        """Write the candidates out as a table.

        Returns
        -------
        A row for each type and gene, in the order of ``rows``; columns cell_type, gene, rank, shap,
        q, in_teacher, in_student, consensus, mean_in, mean_out, detected_in and detected_out, as in
        :class:`MarkerGene`.
        """
        import pandas as pd

        columns = [field.name for field in fields(MarkerGene)]
        return pd.DataFrame([astuple(row) for row in self.rows], columns=columns)
