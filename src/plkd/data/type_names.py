"""Names of cell types that look like a slip: a missing label as text, one name spelled twice."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

NO_TYPE = frozenset({"", "nan", "na", "n/a", "none", "null", "<na>", "unknown", "unassigned"})
"""Names, in small letters, that say of a cell that its type is not known."""


def warn_of_type_names(names: Sequence[str], counts: np.ndarray, *, key: str) -> None:
    """Warn of cell types that hardly are types, and of names that are one but for their spelling.

    Parameters
    ----------
    names
        The cell types.
    counts
        Cells of each type, ``(n_types,)``.
    key
        What the column is called in a warning.

    Warns
    -----
    UserWarning
        A type is called as missing labels are when they are written as text, or types differ in
        spaces and in upper and lower case alone.
    """
    alike: dict[str, list[str]] = {}
    for name, count in zip(names, counts, strict=True):
        cells = f"{count} cell" if count == 1 else f"{count} cells"
        alike.setdefault(" ".join(name.split()).casefold(), []).append(f"{name!r} ({cells})")
    none = [said for plain in sorted(NO_TYPE) for said in alike.pop(plain, [])]
    if none:
        warnings.warn(
            f"obs[{key!r}] has {', '.join(none)}, taken for cell types: if they stand for cells "
            "without a type, clear the labels of these cells (set them to missing), else rename "
            "the type",
            UserWarning,
            stacklevel=5,
        )
    twice = [" and ".join(spellings) for spellings in alike.values() if len(spellings) > 1]
    if twice:
        warnings.warn(
            f"obs[{key!r}] has names that differ in spaces or in upper and lower case alone: "
            f"{'; '.join(twice)}, taken for different cell types: give each type one name",
            UserWarning,
            stacklevel=5,
        )
