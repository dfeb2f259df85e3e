"""How well predicted types agree with the truth where some types are kinds of others."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from plkd.metrics.codes import Values
from plkd.metrics.scored_cells import NO_PREDICTION, scored_cells
from plkd.metrics.trust_results import HierarchicalScores


def hierarchical_scores(
    truth: Values, predicted: Values, lineages: Mapping[str, Collection[str]]
) -> HierarchicalScores:
    """Precision, recall and F1 in which a near miss counts for what it shares with the truth.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    predicted
        Predicted type of each cell, ``(n_cells,)``, of any depth; a missing one shares nothing.
    lineages
        For each name, all types above it and itself, without the root, which all share. For a name
        that says nothing, such as "unknown", it is empty. A name that is not there has only itself.
        ``plkd.trust.hierarchy.node_lineages`` returns such a mapping.

    Returns
    -------
    The scores over all labelled cells.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.

    Notes
    -----
    With T_i the lineage of the true type of cell i and P_i that of its predicted type:
    precision = Σ |P_i ∩ T_i| / Σ |P_i|, recall = Σ |P_i ∩ T_i| / Σ |T_i|, and F1 their harmonic
    mean (Kiritchenko, Matwin, Nock & Famili 2006, Learning and evaluation in the presence of class
    hierarchies). A prediction above the truth costs recall and no precision. Without a hierarchy
    all three are the accuracy.
    """
    scored = scored_cells(truth, predicted)
    sets = [frozenset(lineages.get(name, (name,))) for name in scored.names]
    if NO_PREDICTION in scored.names:
        sets[scored.names.index(NO_PREDICTION)] = frozenset()
    pairs = np.stack([scored.truth, scored.predicted])
    distinct, counts = np.unique(pairs, axis=1, return_counts=True)
    shared = said = true = 0
    for (t, p), count in zip(distinct.T, counts.tolist(), strict=True):
        shared += count * len(sets[t] & sets[p])
        said += count * len(sets[p])
        true += count * len(sets[t])
    return HierarchicalScores(
        n_cells=len(scored.truth),
        precision=shared / said if said else 0.0,
        recall=shared / true if true else 0.0,
        f1=2 * shared / (said + true) if said + true else 0.0,
    )
