"""Errors about expression values: what they seem to be, and how to mend it."""

from __future__ import annotations

from plkd.errors import InputError

MEND = "pass counts, or name the layer that holds them with layer=..."
MEND_UNSURE = (
    "pass counts, name the right layer=..., or say what they are: expression='counts' for counts "
    "that are not whole (SoupX, alevin), 'log1p' for logged values"
)
MEND_NOT_LOGGED = "pass counts, or take log1p of these values if they hold all genes"


def all_zero(slot: str, n_cells: int, n_genes: int) -> InputError:
    """Return the error for data without a single count."""
    found = f"nothing but zeros in {n_cells} cells and {n_genes} genes"
    mend = "name the layer that holds the counts with layer=..."
    return InputError(f"expression values in {slot}", found, mend)


def refusal(slot: str, found: str, mend: str) -> InputError:
    """Return the error for values that are neither counts nor log1p values."""
    return InputError(f"counts or log1p counts per 10,000 in {slot}", found, mend)


def contradiction(slot: str, declared: str, found: str) -> InputError:
    """Return the error for values that are not what the user said."""
    mend = "leave expression=... out, or name the layer that was meant"
    return InputError(f"{declared} in {slot}, as declared", found, mend)


def mixed(slot: str, kind: str, found: str) -> InputError:
    """Return the error for later cells that are not what the first ones are."""
    mend = "bring all cells to one scale before they are put into one file"
    return InputError(f"{kind} in {slot}, as in the cells looked at before", found, mend)
