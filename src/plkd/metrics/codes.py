"""Names given to cells (types, batches, clusters) brought to numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from plkd.errors import InputError

Values = Sequence[Any] | np.ndarray


def label_codes(values: Values, which: str) -> tuple[list[str], np.ndarray]:
    """Give the distinct names and, for each cell, the place of its name among them.

    Parameters
    ----------
    values
        One name a cell, ``(n_cells,)``; None, NaN and "" are missing.
    which
        What the values are called in an error.

    Returns
    -------
    Sorted names, and int64 ``(n_cells,)`` with -1 where the name is missing.

    Raises
    ------
    InputError
        The array has not one dimension.
    """
    import pandas as pd

    if np.ndim(values) != 1:
        raise InputError(
            expected=f"'{which}' with one value a cell",
            found=f"an array of {np.ndim(values)} dimensions",
            mend="pass one column",
        )
    codes, distinct = pd.factorize(pd.Series(values, dtype=object))
    found = [str(value) for value in distinct]
    names = sorted({*found} - {""})
    place = {name: code for code, name in enumerate(names)}
    lookup = np.array([*(place.get(name, -1) for name in found), -1], dtype=np.int64)
    return names, lookup[codes]  # code -1, no value, takes the last place


def spelled_otherwise(names: Sequence[str], known: Collection[str]) -> list[tuple[str, str]]:
    """Find names that are known but for upper and lower case or white space.

    Parameters
    ----------
    names
        What is looked up.
    known
        The names as they should be.

    Returns
    -------
    Each name that is not known, beside the known one that reads the same.
    """
    place = {_plain(name): name for name in sorted(known, reverse=True)}
    unknown = [name for name in names if name not in known]
    return [(name, place[_plain(name)]) for name in unknown if _plain(name) in place]


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
