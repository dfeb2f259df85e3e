"""What rows of numbers say of their scale.

Counts that were divided by a size factor keep two traces. With all genes, the rows sum to the same
constant. With some genes only, the values of one row are still whole multiples of what a single
count became. Both traces show only after the right logarithm has been undone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from plkd.data.rows import row_sums

UNDO: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log1p": np.expm1,
    "log2(1 + x)": lambda values: np.exp2(values) - 1.0,
    "log10(1 + x)": lambda values: np.power(10.0, values) - 1.0,
    "not logged": lambda values: values,
}
"""How the values of each scale become linear again."""

COMMON_SUMS = (1.0, 100.0, 1e3, 1e4, 1e5, 1e6)
"""Sums that are believed when there are too few rows to compare with each other."""

SAME_SUM = 2e-5
"""Relative difference of sums that single precision makes of one."""

LARGEST_LOG = 30.0
"""No logarithm of counts is larger (e^30 = 10^13); undoing it would overflow."""


@dataclass(frozen=True)
class Scale:
    """The scale that fits the rows.

    Parameters
    ----------
    name
        A key of ``UNDO``.
    constant
        What the undone rows sum to; None when only multiples were found.
    unlogged_integers
        The undone values are themselves whole numbers.
    largest_sum
        Largest sum of an undone row.
    shared_sums
        Share of the undone rows whose sum two others have as well, up to rounding.
    """

    name: str
    constant: float | None
    unlogged_integers: bool
    largest_sum: float
    shared_sums: float


def find_scale(rows: sp.csr_matrix, *, max_rows: int = 1000) -> Scale | None:
    """Return the scale that the rows fit, or None where they fit none.

    Parameters
    ----------
    rows
        Non-negative finite values, ``(n_cells, n_genes)``.
    max_rows
        At most so many rows are looked at, evenly spread.
    """
    sample = spread_rows(rows, max_rows)
    if sample.nnz == 0:
        return None
    largest = float(sample.data.max())
    undone = {
        name: _with_values(sample, undo(sample.data))
        for name, undo in UNDO.items()
        if name == "not logged" or largest <= LARGEST_LOG
    }
    return _by_constant_sum(undone) or _by_multiples(undone)


def spread_rows(rows: sp.csr_matrix, max_rows: int) -> sp.csr_matrix:
    """Return at most ``max_rows`` non-empty rows, evenly spread, float64, no stored zeros."""
    filled = np.flatnonzero(np.diff(rows.indptr))
    if len(filled) > max_rows:
        filled = filled[np.linspace(0, len(filled) - 1, max_rows).astype(np.intp)]
    sample = rows[filled].astype(np.float64)
    sample.eliminate_zeros()
    return sample[np.flatnonzero(np.diff(sample.indptr))]


def unlogged_sums(rows: sp.csr_matrix, *, max_rows: int = 64) -> np.ndarray:
    """Return the sums of expm1 of some rows that are not empty, ``(n_rows,)``."""
    sample = spread_rows(rows, max_rows)
    with np.errstate(over="ignore"):
        sample.data = np.expm1(sample.data)
    return row_sums(sample)


def constant_sum(linear: sp.csr_matrix, *, tolerance: float = 0.01) -> tuple[float, float] | None:
    """Return the constant that rows sum to and their spread around it, or None.

    Nine rows in ten must lie within the tolerance. Under five rows prove nothing by being alike;
    their sum must then be one of the usual ones.
    """
    sums = row_sums(linear)
    middle = float(np.median(sums))
    if not np.isfinite(middle) or middle <= 0.0:
        return None
    off = np.abs(sums / middle - 1.0)
    if np.mean(off <= tolerance) < 0.9:
        return None
    spread = float(np.mean(off))
    few = len(sums) < 5
    near = tolerance if few or spread > 1e-4 else 1e-3
    for usual in COMMON_SUMS:
        if abs(middle / usual - 1.0) <= near:
            return usual, spread
    return None if few else (middle, spread)


def multiples(linear: sp.csr_matrix, *, max_rows: int = 200) -> tuple[float, float] | None:
    """Return the share of rows whose values are whole multiples of their smallest, and the error.

    A row speaks when it holds more than its smallest value; multiples above 100 are not looked
    at, since rounding hides them. None when fewer than ten values speak.
    """
    sample = spread_rows(linear, max_rows)
    fits: list[bool] = []
    errors: list[np.ndarray] = []
    for start, stop in zip(sample.indptr[:-1], sample.indptr[1:], strict=True):
        values = sample.data[start:stop]
        ratio = values / values.min()
        ratio = ratio[(ratio > 1.2) & (ratio <= 100.0)]
        if len(ratio):
            error = np.abs(ratio - np.round(ratio))
            fits.append(bool(np.all(error <= 0.02 + 0.002 * ratio)))
            errors.append(error)
    if sum(map(len, errors)) < 10:
        return None
    return float(np.mean(fits)), float(np.mean(np.concatenate(errors)))


def all_integers(values: np.ndarray) -> bool:
    """Say whether all values are whole numbers, looking at some at a time."""
    step = 1 << 20
    for start in range(0, len(values), step):
        part = values[start : start + step]
        if not np.array_equal(part, np.rint(part)):
            return False
    return True


def _by_constant_sum(undone: dict[str, sp.csr_matrix]) -> Scale | None:
    found = {name: constant_sum(linear) for name, linear in undone.items()}
    seen = {name: pair for name, pair in found.items() if pair is not None}
    if not seen:
        return None
    name = min(seen, key=lambda key: seen[key][1])
    return _scale(name, undone[name], seen[name][0])


def _by_multiples(undone: dict[str, sp.csr_matrix]) -> Scale | None:
    found = {name: multiples(linear) for name, linear in undone.items()}
    seen = {name: pair for name, pair in found.items() if pair is not None and pair[0] >= 0.9}
    if not seen:
        return None
    name = min(seen, key=lambda key: seen[key][1])
    return _scale(name, undone[name], None)


def _scale(name: str, linear: sp.csr_matrix, constant: float | None) -> Scale:
    whole = np.abs(linear.data - np.round(linear.data)) <= 1e-3 * linear.data
    whole &= linear.data >= 0.5
    few = linear.data <= 100.0
    integers = bool(np.any(few)) and float(np.mean(whole[few])) >= 0.99
    sums = row_sums(linear)
    return Scale(name, constant, integers, float(sums.max()), shared_sums(sums))


def shared_sums(sums: np.ndarray) -> float:
    """Return the share of rows whose sum two others have as well, up to rounding.

    Sums of some genes are all different; those of all genes, scaled to a few totals, are not.
    """
    bins = np.floor(np.log(np.maximum(sums, 1e-30)) / SAME_SUM).astype(np.int64)
    _, inverse, counts = np.unique(bins, return_inverse=True, return_counts=True)
    return float(np.mean(counts[inverse] >= 3))


def _with_values(rows: sp.csr_matrix, values: np.ndarray) -> sp.csr_matrix:
    return sp.csr_matrix((values, rows.indices, rows.indptr), shape=rows.shape)
