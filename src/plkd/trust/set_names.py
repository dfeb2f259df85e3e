"""Sets of types written as text, and read again: the names with "|" between."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.errors import InputError

BETWEEN = "|"


def set_names(
    members: NDArray[np.bool_], classes: Sequence[str]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Write the set of each cell as text.

    Parameters
    ----------
    members
        Which types are in the set of each cell, bool ``(n_cells, n_types)``.
    classes
        Names of the types, ``(n_types,)``.

    Returns
    -------
    The distinct texts, and for each cell the place of its text among them, int32 ``(n_cells,)``:
    codes and categories. Types come in the order of ``classes`` with "|" between; a "|" or
    backslash within a name has a backslash before it. The empty set is "".

    Raises
    ------
    InputError
        The number of types is not that of the names.
    """
    table = np.ascontiguousarray(members, dtype=bool)
    if table.ndim != 2 or table.shape[1] != len(classes):
        raise InputError(
            f"members (n_cells, {len(classes)})",
            f"an array of shape {table.shape}",
            "pass a column for each of the classes",
        )
    rows, codes = np.unique(_packed(table), return_inverse=True)
    written = [name.replace("\\", r"\\").replace(BETWEEN, rf"\{BETWEEN}") for name in classes]
    first = np.zeros(len(rows), dtype=np.int64)
    first[codes] = np.arange(len(table))
    texts = [BETWEEN.join(written[t] for t in np.flatnonzero(table[cell])) for cell in first]
    return codes.astype(np.int32), tuple(texts)


def types_of_set(text: str) -> tuple[str, ...]:
    """Read the types of a set that :func:`set_names` wrote; "" is the empty set."""
    if not text:
        return ()
    parts = re.split(r"(\\.|\|)", text)
    names = [""]
    for part in parts:
        if part == BETWEEN:
            names.append("")
        else:
            names[-1] += part[1:] if part[:1] == "\\" and len(part) == 2 else part
    return tuple(names)


def _packed(table: NDArray[np.bool_]) -> NDArray[Any]:
    """Return each row as one value that sorts: its bits, eight types a byte."""
    bits = np.packbits(table, axis=1)
    n_bytes = -(-max(bits.shape[1], 1) // 8) * 8
    whole = np.zeros((len(bits), n_bytes), dtype=np.uint8)
    whole[:, : bits.shape[1]] = bits
    kind = np.dtype(np.uint64) if n_bytes == 8 else np.dtype((np.void, n_bytes))
    return whole.view(kind).ravel()
