"""The input contract: counts and log1p values are told apart by looking, and made one thing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import scipy.sparse as sp

from plkd.config import TARGET_SUM
from plkd.data.expression_errors import (
    MEND,
    MEND_NOT_LOGGED,
    MEND_UNSURE,
    all_zero,
    contradiction,
    mixed,
    refusal,
)
from plkd.data.rows import as_csr, log1p_in_place, row_sums
from plkd.data.scales import LARGEST_LOG, Scale, all_integers, find_scale, unlogged_sums
from plkd.errors import InputError

FEWEST_ROWS = 20  # a later chunk of fewer is never called another scale: odd cells occur
NEAR = 0.025  # recognised are cells within 0.01 of a median, and a median within 0.01 of its scale
UNSEEN_TOTAL = f"scaled to an unknown total; {TARGET_SUM:,.0f} assumed"
MOST_SHARED = 0.8  # share of cells whose sum others have, too: scaled to a few totals


class ExpressionKind(StrEnum):
    """What the values of an expression matrix are."""

    COUNTS = "counts"
    LOG1P = "log1p"


@dataclass(frozen=True)
class Recognised:
    """What a matrix was recognised as.

    Parameters
    ----------
    kind
        Counts, or the natural logarithm of one plus scaled counts.
    target_sum
        Library size that log1p values were scaled to; None for counts, and for some genes of log1p
        data, where it cannot be seen and 10,000 is taken.
    note
        Why, in a sentence.
    declared
        The values could not tell and the user's word was taken.
    """

    kind: ExpressionKind
    target_sum: float | None
    note: str
    declared: bool = False


def recognise(matrix: Any, *, slot: str = "X", declared: str | None = None) -> Recognised:
    """Say whether a matrix holds counts or log1p values, by its values.

    Parameters
    ----------
    matrix
        Expression, ``(n_cells, n_genes)``, dense or sparse; a few thousand cells are enough.
    slot
        What the matrix is called in an error.
    declared
        ``"counts"`` or ``"log1p"``: the user's word, taken only where the values cannot tell.

    Returns
    -------
    Kind, scale and reason.

    Raises
    ------
    InputError
        NaN, infinite or negative values; nothing but zeros; log2 or log10 values; scaled but not
        logged values; log1p of unscaled counts; values that fit nothing; values that contradict
        what was declared.
    """
    wish = _declared_kind(declared)
    rows = as_csr(matrix, slot=slot)
    check_values(rows, slot=slot, first_cell=0)
    if rows.nnz == 0 or float(rows.data.max()) == 0.0:
        raise all_zero(slot, *rows.shape)
    if all_integers(rows.data):
        if wish is ExpressionKind.LOG1P:
            raise contradiction(slot, "log1p values", "nothing but whole numbers, as counts are")
        return Recognised(ExpressionKind.COUNTS, None, f"all values of {slot} are whole numbers")
    scale, largest = find_scale(rows), float(rows.data.max())
    if scale is None and wish is ExpressionKind.LOG1P and largest > LARGEST_LOG:
        found = f"a value of {largest:g}, which no logarithm of counts reaches"
        raise contradiction(slot, "log1p values", found)
    return _recognise_fractions(scale, slot=slot, wish=wish)


def check_values(rows: sp.csr_matrix, *, slot: str, first_cell: int) -> None:
    """Refuse NaN, infinite and negative values, naming how many and the first cell.

    Parameters
    ----------
    rows
        Expression, ``(n_cells, n_genes)``.
    slot, first_cell
        As in :func:`check_chunk`.

    Raises
    ------
    InputError
        A value is NaN, infinite or negative.
    """
    if rows.nnz == 0:
        return
    low, high = float(rows.data.min()), float(rows.data.max())
    if np.isfinite(low) and np.isfinite(high) and low >= 0.0:
        return
    for name, bad in (("NaN", np.isnan(rows.data)), ("infinite", np.isinf(rows.data))):
        if bad.any():
            raise InputError(
                f"finite values in {slot}",
                f"{int(bad.sum())} {name} value(s), the first in cell "
                f"{_first_cell(rows, bad) + first_cell} (counted from 0)",
                "remove those cells or set the values right",
            )
    bad = rows.data < 0.0
    raise InputError(
        f"counts or log1p values in {slot}, none below 0",
        f"{int(bad.sum())} negative value(s), the first in cell "
        f"{_first_cell(rows, bad) + first_cell} (counted from 0): the data look scaled or centred",
        "pass values from before scaling, with layer=... or use_raw=True",
    )


def check_chunk(matrix: Any, recognised: Recognised, *, slot: str, first_cell: int) -> None:
    """Refuse a later chunk of the same data that is not what the data were recognised as.

    Parameters
    ----------
    matrix
        Expression of the chunk, ``(n_cells, n_genes)``.
    recognised
        What the data were recognised as.
    slot
        What the matrix is called in an error.
    first_cell
        Position of the chunk's first cell in the whole data, counted from 0.

    Raises
    ------
    InputError
        NaN, infinite or negative values, or values of another kind or scale.
    """
    rows = as_csr(matrix, slot=slot)
    check_values(rows, slot=slot, first_cell=first_cell)
    if rows.nnz == 0 or float(rows.data.max()) == 0.0 or recognised.declared:
        return
    where = f"in the {rows.shape[0]} cells from cell {first_cell} (counted from 0)"
    if recognised.kind is ExpressionKind.COUNTS:
        if not all_integers(rows.data):
            raise mixed(slot, "counts", f"values that are not whole numbers {where}")
        return
    if all_integers(rows.data):
        raise mixed(slot, "log1p values", f"nothing but whole numbers {where}")
    if recognised.target_sum is not None:
        sums = unlogged_sums(rows)
        near = np.abs(sums / recognised.target_sum - 1.0) <= NEAR
        if len(sums) >= FEWEST_ROWS and float(np.mean(near)) < 0.8:
            wanted = f"log1p values scaled to {recognised.target_sum:g} counts a cell"
            raise mixed(slot, wanted, f"cells that sum to {np.median(sums):g} {where}")


def to_log1p(
    matrix: Any,
    recognised: Recognised,
    *,
    totals: np.ndarray | None = None,
    target_sum: float = TARGET_SUM,
) -> sp.csr_matrix:
    """Return log1p counts per ``target_sum``, whatever of the two the input is.

    Parameters
    ----------
    matrix
        Expression, ``(n_cells, n_genes)``; not changed.
    recognised
        What it was recognised as.
    totals
        Counts of each cell over all its genes, ``(n_cells,)``; the default is the row sums, which
        is right only when the matrix holds all genes.
    target_sum
        Counts that each cell is scaled to.

    Returns
    -------
    CSR matrix ``(n_cells, n_genes)``, float32, natural logarithm of 1 + scaled counts. A cell
    without counts stays zero.

    Raises
    ------
    InputError
        ``totals`` has not one entry a cell.
    """
    rows = as_csr(matrix)
    if recognised.kind is ExpressionKind.COUNTS:
        values = _scaled_log1p(rows, totals, target_sum)
    else:
        scale = target_sum / (recognised.target_sum or TARGET_SUM)
        if abs(scale - 1.0) < 1e-6:
            values = rows.data.astype(np.float32)
        else:
            linear = np.expm1(rows.data.astype(np.float64)) * scale
            values = np.log1p(linear).astype(np.float32)
    return sp.csr_matrix((values, rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)


def _scaled_log1p(rows: sp.csr_matrix, totals: np.ndarray | None, target: float) -> np.ndarray:
    sums = row_sums(rows) if totals is None else np.asarray(totals, dtype=np.float64).ravel()
    if len(sums) != rows.shape[0]:
        raise InputError(
            f"one total for each of {rows.shape[0]} cells", f"{len(sums)}", "pass one total a cell"
        )
    scale = np.divide(target, sums, out=np.zeros_like(sums), where=sums > 0.0)
    values = np.repeat(scale.astype(np.float32), np.diff(rows.indptr))
    values *= rows.data
    log1p_in_place(values)
    return values


def _recognise_fractions(
    scale: Scale | None, *, slot: str, wish: ExpressionKind | None
) -> Recognised:
    counts = wish is ExpressionKind.COUNTS
    if scale is None:
        if wish is not None:
            unseen = "" if counts else f" and as {UNSEEN_TOTAL}"
            note = f"the values of {slot} do not tell; taken as declared{unseen}"
            return Recognised(wish, None, note, declared=True)
        found = "values that do not tell: not whole numbers, and not seen to be scaled counts"
        raise refusal(slot, found, MEND_UNSURE)
    if scale.name == "not logged":
        if counts:
            sums = "" if scale.constant is None else f" that sum to {scale.constant:g}"
            note = f"values of {slot}{sums} are not whole: counts, as declared"
            return Recognised(ExpressionKind.COUNTS, None, note, declared=True)
        if scale.unlogged_integers:
            mend = "round them, or say expression='counts' if they are counts"
            raise refusal(slot, "values of which nearly all are whole numbers, but not all", mend)
        raise refusal(slot, "counts that were normalised but not logged", MEND_NOT_LOGGED)
    if scale.name != "log1p":
        raise refusal(slot, f"{scale.name} values, another logarithm", MEND)
    if scale.unlogged_integers:
        raise refusal(slot, "log1p of counts that were never scaled to a common total", MEND)
    if counts:
        raise contradiction(slot, "counts", "log1p values")
    if scale.constant is not None:
        note = f"cells of {slot} sum to {scale.constant:g} after expm1"
        return Recognised(ExpressionKind.LOG1P, scale.constant, note)
    if scale.shared_sums >= MOST_SHARED and wish is None:
        raise refusal(
            slot,
            "log1p values of cells that were scaled to several totals, as samples are that were "
            "normalised one by one",
            "bring all cells to one total, or pass counts",
        )
    if scale.largest_sum > TARGET_SUM * 1.02 and wish is None:
        raise refusal(
            slot,
            f"log1p values of some genes that sum to {scale.largest_sum:g} in one cell, so they "
            f"were scaled to more than {TARGET_SUM:g}, and how much cannot be seen",
            MEND_UNSURE,
        )
    found = f"expm1 of {slot} gives multiples of one count in each cell: some genes of log1p data"
    note = f"{found}, {UNSEEN_TOTAL}"
    return Recognised(ExpressionKind.LOG1P, None, note, declared=scale.largest_sum > 1.02e4)


def _declared_kind(declared: str | None) -> ExpressionKind | None:
    if declared is None:
        return None
    try:
        return ExpressionKind(declared)
    except ValueError:
        raise InputError(
            "expression 'counts' or 'log1p'", f"{declared!r}", "leave it out, or name one of both"
        ) from None


def _first_cell(rows: sp.csr_matrix, bad: np.ndarray) -> int:
    return int(np.searchsorted(rows.indptr, int(np.argmax(bad)), side="right")) - 1
