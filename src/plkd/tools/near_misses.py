"""Scores of an annotation in which a near miss counts, by a hierarchy of types."""

from __future__ import annotations

import warnings
from typing import Any

from numpy.typing import NDArray

from plkd.data.gene_names import examples
from plkd.errors import InputError
from plkd.metrics.codes import label_codes
from plkd.metrics.hierarchical import hierarchical_scores
from plkd.metrics.trust_results import HierarchicalScores
from plkd.tools.deepest_types import AnyHierarchy, as_parent_map
from plkd.trust.hierarchy import TOP, node_lineages


def near_misses(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    hierarchy: AnyHierarchy,
    known_types: tuple[str, ...],
    *,
    stacklevel: int = 2,
) -> HierarchicalScores:
    """Score predicted types by what they share with the true ones in a hierarchy.

    Parameters
    ----------
    truth, predicted
        True and predicted type of each cell, ``(n_cells,)``, of any depth.
    hierarchy
        What :func:`plkd.tl.deepest_types` takes; types are found by name or identifier.
    known_types
        The types of the model, as far as it is known which they were.

    Returns
    -------
    What :func:`plkd.metrics.hierarchical_scores` returns.

    Raises
    ------
    InputError
        The hierarchy cannot be read, has a cycle, or none of the types.

    Warns
    -----
    UserWarning
        If it lacks some of them.
    """
    parent_map = as_parent_map(hierarchy)
    given = (label_codes(truth, "truth")[0], label_codes(predicted, "predicted")[0])
    names = [name for name in dict.fromkeys([*known_types, *given[0], *given[1]]) if name != TOP]
    lineages = node_lineages(parent_map, names)
    lacking = [name for name in names if name not in lineages]
    if lacking and len(lacking) == len(names):
        raise InputError(
            f"true or predicted types in {parent_map.source}",
            f"none of {examples(names)}",
            "write the types there as they are in obs",
        )
    if lacking:
        warnings.warn(
            f"{len(lacking)} of the {len(names)} types are not in {parent_map.source} and have "
            f"nothing in common with others: {examples(lacking)}",
            UserWarning,
            stacklevel=stacklevel,
        )
    return hierarchical_scores(truth, predicted, lineages)
