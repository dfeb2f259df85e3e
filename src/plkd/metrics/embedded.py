"""What every measure of an embedding checks first: the points, and the groups of the cells."""

from __future__ import annotations

from typing import Any

import numpy as np

from plkd.errors import InputError
from plkd.metrics.codes import Values, label_codes


def check_points(points: Any, which: str = "embedding") -> np.ndarray:
    """Return where cells stand, as numbers by row.

    Parameters
    ----------
    points
        One row a cell, ``(n_cells, n_dimensions)``.
    which
        What the array is called in an error.

    Returns
    -------
    float32 where the input is, otherwise float64; ``(n_cells, n_dimensions)``, by rows.

    Raises
    ------
    InputError
        The array is not a dense table of finite numbers with two cells and one dimension at least.
    """
    array = points if hasattr(points, "dtype") else np.asarray(points)
    kind = getattr(array, "dtype", None)
    if not isinstance(array, np.ndarray) or kind is None or kind.kind not in "biuf":
        raise InputError(
            f"'{which}' as a dense array of numbers",
            f"{type(points).__name__} of {kind}",
            "pass what stands in obsm, as a NumPy array",
        )
    if array.ndim != 2 or array.shape[0] < 2 or array.shape[1] < 1:
        raise InputError(
            f"'{which}' with a row for each of two cells or more",
            f"an array of shape {array.shape}",
            "pass (n_cells, n_dimensions)",
        )
    array = np.ascontiguousarray(array, dtype=np.float32 if kind == np.float32 else np.float64)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        shown = ", ".join(map(str, bad[:5])) + (f" and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise InputError(
            f"finite numbers in '{which}'",
            f"NaN or infinite in {len(bad)} cells (positions {shown})",
            "leave those cells out",
        )
    return array


def check_groups(
    values: Values, which: str, n_cells: int, *, least: int = 2
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of groups of cells (types, batches, layers) and the group of each cell.

    Parameters
    ----------
    values
        One name a cell, ``(n_cells,)``.
    which
        What the values are called in an error.
    n_cells
        How many cells there are.
    least
        So many groups at least.

    Returns
    -------
    Sorted names, and the code of each cell, int64 ``(n_cells,)``.

    Raises
    ------
    InputError
        The lengths differ, a cell has no name, or there are too few groups.
    """
    names, codes = label_codes(values, which)
    if len(codes) != n_cells:
        raise InputError(
            f"'{which}' with a value for each of {n_cells} cells",
            f"{len(codes)}",
            "pass the column of the same cells, in the same order",
        )
    missing = int(np.count_nonzero(codes < 0))
    if missing:
        raise InputError(
            f"'{which}' with a value for every cell",
            f"none for {missing} of {n_cells}",
            "leave those cells out",
        )
    if len(names) < least:
        raise InputError(
            f"{least} groups or more in '{which}'",
            f"one, {names[0]!r}",
            "pass the column that tells the cells apart",
        )
    return tuple(names), codes
