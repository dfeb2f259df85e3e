"""The measures of a joint embedding written out as their formulas say, one cell after the other.

Slow and obvious: what the fast ones are tested against. Nothing here is shared with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))))


def nearest(points: np.ndarray, cell: int, k: int, among: Sequence[int] | None = None) -> list[int]:
    """The k cells next to a cell, itself not counted, the nearest first."""
    others = [other for other in (among or range(len(points))) if other != cell]
    return sorted(others, key=lambda other: distance(points[cell], points[other]))[:k]


def average_precision_of(points: np.ndarray, types: Sequence[str], k: int) -> float:
    scores = []
    for cell in range(len(points)):
        hits, precisions = 0, []
        for place, other in enumerate(nearest(points, cell, k), start=1):
            if types[other] == types[cell]:
                hits += 1
                precisions.append(hits / place)
        scores.append(sum(precisions) / hits if hits else 0.0)
    return sum(scores) / len(scores)


def conservation_of(
    after: np.ndarray, before: np.ndarray, layers: Sequence[str], share: float
) -> float:
    k = max(round(share * len(after)), 1)
    means = []
    for layer in sorted(set(layers)):
        cells = [cell for cell in range(len(after)) if layers[cell] == layer]
        overlaps = []
        for cell in cells:
            one = set(nearest(before, cell, k, cells))
            other = set(nearest(after, cell, k, cells))
            overlaps.append(len(one & other) / len(one | other))
        means.append(sum(overlaps) / len(overlaps))
    return sum(means) / len(means)


def alignment_of(points: np.ndarray, batches: Sequence[str], k: int) -> float:
    """For batches of one size: without a draw."""
    n_batches = len(set(batches))
    own = [
        sum(batches[other] == batches[cell] for other in nearest(points, cell, k))
        for cell in range(len(points))
    ]
    mean = sum(own) / len(own)
    return min(1.0, (k - mean) / (k - k / n_batches))


def connectivity_of(points: np.ndarray, types: Sequence[str], n_neighbors: int) -> float:
    near = [set(nearest(points, cell, n_neighbors - 1)) for cell in range(len(points))]
    shares = []
    for kind in sorted(set(types)):
        left = {cell for cell in range(len(points)) if types[cell] == kind}
        n_cells, largest = len(left), 0
        while left:
            piece, edge = set(), {next(iter(left))}
            while edge:
                piece |= edge
                edge = {c for c in left - piece for p in edge if c in near[p] or p in near[c]}
            largest = max(largest, len(piece))
            left -= piece
        shares.append(largest / n_cells)
    return sum(shares) / len(shares)


def kbet_of(points: np.ndarray, batches: Sequence[str], k: int, alpha: float = 0.05) -> float:
    names = sorted(set(batches))
    share = {name: list(batches).count(name) / len(batches) for name in names}
    n_accepted = 0
    for cell in range(len(points)):
        around = [batches[other] for other in [cell, *nearest(points, cell, k - 1)]]
        statistic = sum(
            (around.count(name) - k * share[name]) ** 2 / (k * share[name]) for name in names
        )
        n_accepted += bool(1 - chi2.cdf(statistic, len(names) - 1) >= alpha)
    return n_accepted / len(points)


def silhouettes_of(points: np.ndarray, groups: Sequence[str]) -> list[float]:
    widths = []
    for cell, own in enumerate(groups):
        means = {}
        for name in set(groups):
            others = [c for c in range(len(points)) if groups[c] == name and c != cell]
            if others:
                means[name] = sum(distance(points[cell], points[c]) for c in others) / len(others)
        if own not in means:
            widths.append(0.0)  # the only cell of its group
            continue
        a = means.pop(own)
        b = min(means.values())
        widths.append((b - a) / max(a, b))
    return widths


def type_asw_of(points: np.ndarray, types: Sequence[str]) -> float:
    return (1 + float(np.mean(silhouettes_of(points, types)))) / 2


def layer_asw_of(points: np.ndarray, layers: Sequence[str], types: Sequence[str]) -> float:
    scores = []
    for kind in sorted(set(types)):
        cells = [cell for cell in range(len(points)) if types[cell] == kind]
        own = [layers[cell] for cell in cells]
        if 2 <= len(set(own)) < len(cells):
            widths = silhouettes_of(points[cells], own)
            scores.append(sum(1 - abs(width) for width in widths) / len(widths))
    return sum(scores) / len(scores)


def rand_of(one: Sequence[str], other: Sequence[str]) -> float:
    """Adjusted Rand index by counting pairs of cells."""
    pairs = [(i, j) for i in range(len(one)) for j in range(i)]
    together = sum(one[i] == one[j] and other[i] == other[j] for i, j in pairs)
    first = sum(one[i] == one[j] for i, j in pairs)
    second = sum(other[i] == other[j] for i, j in pairs)
    chance = first * second / len(pairs)
    return (together - chance) / ((first + second) / 2 - chance)


def information_of(one: Sequence[str], other: Sequence[str]) -> float:
    """Normalised mutual information by counting cells."""

    def entropy(values: Sequence[object]) -> float:
        shares = [list(values).count(value) / len(values) for value in set(values)]
        return -sum(share * float(np.log(share)) for share in shares)

    both = entropy(list(zip(one, other, strict=True)))
    return 2 * (entropy(one) + entropy(other) - both) / (entropy(one) + entropy(other))
