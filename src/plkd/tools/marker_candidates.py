"""What Teacher and Student name for a type, joined and ranked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from plkd.tools.marker_results import MarkerGene

if TYPE_CHECKING:
    from plkd.tools.gene_attributions import GeneAttributions
    from plkd.tools.gene_network import GeneNetwork
    from plkd.tools.pattern_results import Patterns
    from plkd.tools.type_expression import TypeExpression


def key_genes(network: GeneNetwork, found: Patterns) -> dict[str, float]:
    """Return Q of the genes of a network that raise a pattern of the type by being expressed."""
    row = {gene: i for i, gene in enumerate(found.gene_names)}
    column = {pattern: j for j, pattern in enumerate(found.pattern_names)}
    return {
        gene.gene: gene.q
        for gene in network.genes
        if any(found.gene_weights[row[gene.gene], column[one]] > 0 for one in gene.patterns)
    }


def candidates(
    name: str,
    of_student: Sequence[str],
    of_teacher: Mapping[str, float],
    attributed: GeneAttributions,
    seen: TypeExpression,
) -> Iterator[MarkerGene]:
    """Give the candidates of a type in the order of their ranks.

    Parameters
    ----------
    name
        The type.
    of_student
        Genes that the Student names, the largest mean absolute SHAP value first.
    of_teacher
        Genes that the Teacher names, with their Q.
    attributed, seen
        SHAP values and expression of all genes.
    """
    both = [gene for gene in of_student if gene in of_teacher]
    rest = [gene for gene in of_student if gene not in of_teacher]
    others = sorted(of_teacher.keys() - set(of_student), key=lambda gene: (of_teacher[gene], gene))
    row = attributed.types.index(name)
    for rank, gene in enumerate([*both, *rest, *others], start=1):
        at = row, attributed.genes.index(gene)
        yield MarkerGene(
            cell_type=name,
            gene=gene,
            rank=rank,
            shap=float(attributed.mean_abs[at]),
            q=of_teacher.get(gene, float("nan")),
            in_teacher=gene in of_teacher,
            in_student=gene in of_student,
            consensus=rank <= len(both),
            mean_in=float(seen.mean_in[at]),
            mean_out=float(seen.mean_out[at]),
            detected_in=float(seen.detected_in[at]),
            detected_out=float(seen.detected_out[at]),
        )
