"""The genes of each pattern: how much each weighs, and which gene sets they are enriched in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Literal

import numpy as np
import scipy.sparse as sp

from plkd.data.gene_names import examples
from plkd.data.gene_sets import GeneSets, PatternMask
from plkd.errors import InputError
from plkd.metrics.enrichment import enrich
from plkd.networks.navigator import Navigator

GeneWeights = Literal["influence", "axis", "size", "sum"]
MIN_SET_GENES = 5
"""Genes that a set needs to be tested, as for a pattern."""


@dataclass(frozen=True)
class EnrichedSet:
    """A gene set that a pattern's genes are tested against.

    Attributes
    ----------
    name
        Name of the set.
    overlap, size
        Genes of the pattern in the set, and genes of the model in the set; only genes that vary
        among the cells read are counted.
    expected
        Overlap that chance would give.
    p, p_adj
        Hypergeometric p-value, and after Benjamini and Hochberg over the sets; in [0, 1].
    """

    name: str
    overlap: int
    size: int
    expected: float
    p: float
    p_adj: float


def weight_rows(navigator: Navigator, pattern: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the genes that a pattern holds and their rows of W_j.

    Returns
    -------
    Positions of the genes, ``(n_held,)``, and rows, float64 ``(n_held, width)``.
    """
    genes = np.arange(navigator.n_genes)
    if pattern < navigator.n_masked:
        held = navigator.pattern_index == pattern
        genes, rows = navigator.gene_index[held].cpu().numpy(), navigator.weight[held]
    else:
        free = navigator.free_weight.view(navigator.n_genes, navigator.n_free, navigator.width)
        rows = free[:, pattern - navigator.n_masked]
    return genes, rows.detach().cpu().numpy().astype(np.float64)


def heard(rows: np.ndarray) -> np.ndarray:
    """Return rows less their mean over the width: what the LayerNorm behind a token lets through.

    Parameters
    ----------
    rows
        Rows of W_j or tokens, ``(..., width)``.
    """
    return np.asarray(rows - rows.mean(axis=-1, keepdims=True))


def gene_weights(
    navigator: Navigator, axes: np.ndarray, deviation: np.ndarray, how: GeneWeights
) -> np.ndarray:
    """Return the weight P_j of every gene in every pattern.

    Parameters
    ----------
    axes
        An axis for each pattern, ``(n_patterns, width)``; "influence" and "axis" use it.
    deviation
        Standard deviation of each gene over the cells read, ``(n_genes,)``; "influence" uses its
        size, the others whether it is above zero.
    how
        As in :func:`plkd.tools.patterns.patterns`.

    Returns
    -------
    Float64 ``(n_genes, n_patterns)``; zero for a gene that the pattern does not hold, and for one
    that is the same in all cells read, as genes are that the data lack.
    """
    weights = np.zeros((navigator.n_genes, navigator.n_patterns))
    for pattern in range(navigator.n_patterns):
        genes, rows = weight_rows(navigator, pattern)
        if how == "influence":
            weights[genes, pattern] = heard(rows) @ axes[pattern] * deviation[genes]
        elif how == "axis":
            weights[genes, pattern] = heard(rows) @ axes[pattern]
        elif how == "size":
            weights[genes, pattern] = np.linalg.norm(heard(rows), axis=1)
        else:
            weights[genes, pattern] = rows.sum(axis=1)
    weights[deviation <= 0] = 0
    return weights


def turned(navigator: Navigator, axes: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Turn each axis to the side that the expression of the pattern's genes leads to."""
    towards = gene_weights(navigator, axes, deviation, "influence").sum(0)
    return np.asarray(axes * np.where(towards < 0, -1.0, 1.0)[:, None])


def rises(navigator: Navigator, axes: np.ndarray) -> np.ndarray:
    """Return the direction that each token takes when the genes of its pattern rise together.

    Of a gene set it is the mean direction of the genes' rows, the loud and the soft alike. A
    learned pattern holds all genes, which never rise together: it keeps its axis.

    Parameters
    ----------
    axes
        An axis for each pattern, ``(n_patterns, width)``.

    Returns
    -------
    Unit vectors, float64 ``(n_patterns, width)``; zero for a set whose rows cancel.
    """
    found = axes.copy()
    for pattern in range(navigator.n_masked):
        _, rows = weight_rows(navigator, pattern)
        found[pattern] = _unit(_unit(heard(rows)).sum(axis=0))
    return found


def along_axes(navigator: Navigator, axes: np.ndarray, values: sp.csr_matrix) -> np.ndarray:
    """Return where the heard token of each cell lies along the axis of its pattern.

    Parameters
    ----------
    axes
        An axis for each pattern, ``(n_patterns, width)``.
    values
        log1p counts per 10,000, ``(n_cells, n_genes)``.

    Returns
    -------
    Float32 ``(n_cells, n_patterns)``; tokens are linear in the expression, so none is formed.
    """
    weights = gene_weights(navigator, axes, np.ones(navigator.n_genes), "axis")
    bias = navigator.bias.detach().cpu().numpy().astype(np.float64)
    center = navigator.center.cpu().numpy().astype(np.float64)
    shift = (heard(bias) * axes).sum(1) - center @ weights
    return np.asarray(values @ weights + shift, dtype=np.float32)


def tested_sets(
    sets: GeneSets | None, mask: PatternMask, genes: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the sets to test against, and which of the model's genes each holds.

    Parameters
    ----------
    sets
        Given sets; ``None`` takes the model's masked patterns, if it has any.
    mask
        The model's patterns.
    genes
        Names of the model's genes.

    Returns
    -------
    Names, and bool ``(n_sets, n_genes)``; sets with fewer than five of the genes are left out.

    Raises
    ------
    InputError
        None of the given sets holds five of the model's genes.
    """
    if sets is None:
        n_masked = mask.n_patterns - mask.n_free
        return mask.pattern_names[:n_masked], mask.dense()[:, :n_masked].T
    position = {gene: i for i, gene in enumerate(genes)}
    names, rows = [], []
    for name, held in sets:
        found = [position[gene] for gene in held if gene in position]
        if len(found) >= MIN_SET_GENES:
            names.append(name)
            rows.append(np.isin(np.arange(len(genes)), found))
    if not rows:
        theirs = [gene for held in sets.genes[:50] for gene in held]
        raise InputError(
            f"a gene set with at least {MIN_SET_GENES} of the model's genes",
            f"none among {len(sets)} sets; they name {examples(theirs, 3)}, the model "
            f"{examples(list(genes), 3)}",
            "pass sets of the same organism and kind of gene name",
        )
    return tuple(names), np.stack(rows)


def enriched_sets(
    weights: np.ndarray, names: Sequence[str], members: np.ndarray, varies: np.ndarray
) -> tuple[EnrichedSet, ...]:
    """Test the genes whose weight is above the mean weight against gene sets.

    Parameters
    ----------
    weights
        P_j of every gene of the model, ``(n_genes,)``.
    names, members
        The sets, and the genes they hold, bool ``(n_sets, n_genes)``.
    varies
        Whether a gene varies among the cells read, bool ``(n_genes,)``: no other can be chosen, so
        no other counts.

    Returns
    -------
    One entry a set, the least p first; none without sets. Sets that have lost genes and are left
    with fewer than five are not tested.
    """
    counted = members[:, varies]
    enough = counted.sum(axis=1) >= np.minimum(members.sum(axis=1), MIN_SET_GENES)
    if not enough.any():
        return ()
    result = enrich(above_mean(weights)[varies], counted[enough])
    tested = compress(names, enough)
    columns = zip(tested, *(column.tolist() for column in result), strict=True)
    return tuple(sorted((EnrichedSet(*row) for row in columns), key=lambda s: (s.p, s.name)))


def above_mean(weights: np.ndarray) -> np.ndarray:
    """Return which genes weigh more than the mean: P_j above mean(P_j), bool ``(n_genes,)``."""
    return np.asarray(weights > weights.mean())


def _unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of length 1; a row of length 0 stays."""
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))
