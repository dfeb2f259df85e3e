"""Whether a list of genes holds more of a gene set than chance would put there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plkd.errors import InputError


class Enrichment(NamedTuple):
    """How one list of genes meets each of several gene sets.

    Attributes
    ----------
    overlap
        Genes of the list in each set, int64 ``(n_sets,)``.
    size
        Genes of each set in the universe, int64 ``(n_sets,)``.
    expected
        Overlap that a list as long, drawn by chance, has on average, float64 ``(n_sets,)``.
    p
        Chance of an overlap as large or larger, float64 ``(n_sets,)`` in [0, 1].
    p_adj
        The same after Benjamini and Hochberg over the sets, float64 ``(n_sets,)`` in [0, 1].
    """

    overlap: np.ndarray
    size: np.ndarray
    expected: np.ndarray
    p: np.ndarray
    p_adj: np.ndarray


def enrich(chosen: np.ndarray, members: np.ndarray) -> Enrichment:
    r"""Test a list of genes against gene sets, all within one universe of genes.

    Parameters
    ----------
    chosen
        True for the genes of the list, ``(n_genes,)``. The universe is these ``n_genes``: what
        could have been chosen, and nothing else.
    members
        True where a set holds a gene, ``(n_sets, n_genes)``.

    Returns
    -------
    Overlap, size, expectation and p-values of each set, in the order of ``members``.

    Raises
    ------
    InputError
        The arrays do not fit each other, are not of True and False, or there is no set.

    Notes
    -----
    Over-representation in place of the paper's GSEA (section 2.4, step 2), whose list of genes is
    a set without an order. With n genes, K of them in the set and c in the list, the overlap is
    hypergeometric: :math:`p = P(X \ge x)`.

    All sets that are passed count in the correction, also those without an overlap: which sets are
    tested must not hang on the outcome.
    """
    from scipy.stats import false_discovery_control, hypergeom

    chosen, members = np.asarray(chosen), np.asarray(members)
    fits = chosen.ndim == 1 and members.ndim == 2 and members.shape[1] == len(chosen)
    if not fits or not members.size or chosen.dtype != np.bool_ or members.dtype != np.bool_:
        raise InputError(
            "bool arrays (n_genes,) and (n_sets, n_genes) with a set and a gene",
            f"{chosen.dtype} {chosen.shape} and {members.dtype} {members.shape}",
            "pass True where a gene is in the list, and where it is in a set",
        )
    size = members.sum(axis=1, dtype=np.int64)
    overlap = (members & chosen).sum(axis=1, dtype=np.int64)
    n_genes, n_chosen = len(chosen), int(chosen.sum())
    p = np.clip(hypergeom.sf(overlap - 1, n_genes, size, n_chosen), 0.0, 1.0)
    return Enrichment(overlap, size, size * n_chosen / n_genes, p, false_discovery_control(p))
