"""Which of the cell types a figure draws."""

from __future__ import annotations

from collections.abc import Sequence

from plkd.errors import InputError

N_NAMED = 5


def chosen_types(asked: str | Sequence[str] | None, there: Sequence[str]) -> list[str]:
    """Return the types to draw, in the order in which they were asked for.

    Parameters
    ----------
    asked
        Types, or one type; None for all.
    there
        The types that can be drawn.

    Returns
    -------
    Types, each once.

    Raises
    ------
    InputError
        A type is not there, or none was asked for.
    """
    if asked is None:
        return list(there)
    wanted = [asked] if isinstance(asked, str) else [str(name) for name in asked]
    strange = [name for name in wanted if name not in there]
    if strange or not wanted:
        raise InputError(
            expected=f"cell_types among {listed(there)}",
            found=listed(strange) or "none",
            mend="choose among these, or leave cell_types out to draw all",
        )
    return list(dict.fromkeys(wanted))


def listed(names: Sequence[object]) -> str:
    """Name the first few, for an error."""
    shown = ", ".join(repr(name) for name in names[:N_NAMED])
    more = len(names) - N_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
