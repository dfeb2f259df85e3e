"""What reading the Teacher's patterns hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plkd.errors import InputError
from plkd.tools.attributing import some
from plkd.tools.pattern_genes import EnrichedSet, above_mean

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("cell_type", "pattern", "score", "p_adj", "top_genes", "enriched_in")
JOINT = "; "


@dataclass(frozen=True)
class TypePattern:
    """A pattern that marks a cell type.

    Attributes
    ----------
    cell_type, pattern
        Their names.
    score
        Test statistic of the type's cells against all others; positive.
    p_adj
        Its p-value after Benjamini and Hochberg over the patterns, in [0, 1].
    top_genes
        Genes of the pattern, the weightiest first.
    enriched_in
        Gene sets that a learned pattern's genes are enriched in, the surest first; empty for a
        pattern that is a gene set itself.
    """

    cell_type: str
    pattern: str
    score: float
    p_adj: float
    top_genes: tuple[str, ...]
    enriched_in: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Patterns:
    """The patterns of a model's cell types, and what they were read from.

    Attributes
    ----------
    top
        The patterns of each type, types in order, the highest score first.
    cell_types, pattern_names, gene_names
        Names along the arrays.
    gene_weights
        Weight P_j of each gene in each pattern, float64 ``(n_genes, n_patterns)``; zero where a
        pattern does not hold a gene, and for genes that are the same in all cells read, as genes
        are that the data lack.
    held
        Which genes each pattern holds, bool ``(n_genes, n_patterns)``.
    score, p_adj
        Test of every type and pattern, float64 ``(n_types, n_patterns)``.
    rollout_of_type
        Mean attention of a type's cells to each pattern, float64 ``(n_types, n_patterns)``.
    norm_of_type
        Mean length of the pattern tokens of a type's cells, before the LayerNorm and less the
        mean over the width, float64 ``(n_types, n_patterns)``.
    cells
        Positions of the cells that were read, int64 ``(n_read,)``, ascending.
    codes
        Their types, int64 ``(n_read,)``, positions in ``cell_types``.
    features, rollout
        What was tested, and the attention, of each cell read, float32 ``(n_read, n_patterns)``.
    enriched
        Of each learned pattern, all gene sets it was tested against, the least p first. Genes that
        are the same in all cells read do not count in the test.
    model
        Fingerprint of the model.
    """

    top: tuple[TypePattern, ...]
    cell_types: tuple[str, ...]
    pattern_names: tuple[str, ...]
    gene_names: tuple[str, ...]
    gene_weights: np.ndarray
    held: np.ndarray
    score: np.ndarray
    p_adj: np.ndarray
    rollout_of_type: np.ndarray
    norm_of_type: np.ndarray
    cells: np.ndarray
    codes: np.ndarray
    features: np.ndarray
    rollout: np.ndarray
    enriched: dict[str, tuple[EnrichedSet, ...]]
    model: str

    def __repr__(self) -> str:
        return (
            f"Patterns: {len(self.top)} of {len(self.cell_types)} cell types, read on "
            f"{len(self.cells)} cells"
        )

    def of_type(self, cell_type: str) -> tuple[TypePattern, ...]:
        """Return the patterns of one type, the highest score first.

        Raises
        ------
        InputError
            There is no such type.
        """
        _check_known(cell_type, self.cell_types, "cell type")
        return tuple(found for found in self.top if found.cell_type == cell_type)

    def top_genes(self, pattern: str, n: int = 10) -> tuple[str, ...]:
        """Return the weightiest genes that a pattern holds, at most ``n``.

        Genes without a weight, which the data lack or which do not vary, are never among them.

        Raises
        ------
        InputError
            There is no such pattern.
        """
        column = self._column(pattern)
        return heaviest(self.gene_weights[:, column], self.held[:, column], self.gene_names, n)

    def gene_set(self, pattern: str) -> tuple[str, ...]:
        """Return the genes of a pattern above its mean weight, in the model's order.

        Raises
        ------
        InputError
            There is no such pattern.
        """
        column = self._column(pattern)
        weights = self.gene_weights[:, column]
        chosen = self.held[:, column] & (weights != 0) & above_mean(weights)
        return tuple(self.gene_names[i] for i in np.flatnonzero(chosen))

    def to_frame(self) -> pd.DataFrame:
        """Write the patterns of the types out as a table.

        Returns
        -------
        A row for each type and pattern; columns cell_type, pattern, score, p_adj, top_genes and
        enriched_in, the last two as text with "; " between names.
        """
        import pandas as pd

        rows = [
            (
                found.cell_type,
                found.pattern,
                found.score,
                found.p_adj,
                JOINT.join(found.top_genes),
                JOINT.join(found.enriched_in),
            )
            for found in self.top
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def _column(self, pattern: str) -> int:
        _check_known(pattern, self.pattern_names, "pattern")
        return self.pattern_names.index(pattern)


def heaviest(
    weights: np.ndarray, held: np.ndarray, names: tuple[str, ...], n: int
) -> tuple[str, ...]:
    """Return the names of the ``n`` genes of the highest weight among those a pattern holds.

    Genes of weight zero, which say nothing of the pattern, are left out.
    """
    weighed = np.flatnonzero(held & (weights != 0))
    order = weighed[np.argsort(-weights[weighed], kind="stable")]
    return tuple(names[i] for i in order[:n])


def _check_known(name: str, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        raise InputError(
            f"the name of a {what} ({some(known)})", repr(name), f"pass one of the {what}s"
        )
