"""Whether sets of types hold the true one as often as was promised."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from plkd.errors import InputError
from plkd.metrics.codes import Values, label_codes
from plkd.metrics.trust_results import SetCoverage


def set_coverage(
    truth: Values, sets: Sequence[Collection[str]], *, batches: Values | None = None
) -> tuple[SetCoverage, ...]:
    """Say how often the set of a cell holds its true type, and how large the sets are.

    Parameters
    ----------
    truth
        True type of each cell, ``(n_cells,)``; None, NaN and "" are left out.
    sets
        The types in the set of each cell, ``(n_cells,)``; an empty one holds nothing.
    batches
        Batch of each cell, ``(n_cells,)``; cells without one count only among all.

    Returns
    -------
    One ``SetCoverage`` over all cells, then one a batch, sorted by name.

    Raises
    ------
    InputError
        If the lengths differ, an array has not one dimension, or no cell has a truth.

    Notes
    -----
    The promise is for cells like those that were held out. A cell of a type that the model does
    not know is never covered.
    """
    names, codes = label_codes(truth, "truth")
    if len(sets) != len(codes):
        raise InputError(
            "a set for each true type",
            f"{len(codes)} true types and {len(sets)} sets",
            "pass both for the same cells in the same order",
        )
    if not np.any(codes >= 0):
        raise InputError(
            "at least one cell with a true type",
            f"{len(codes)} cells, none with one",
            "pass the column that holds the true types",
        )
    place: dict[frozenset[str], int] = {}
    distinct = np.array([place.setdefault(frozenset(each), len(place)) for each in sets])
    holds = np.array([[name in each for name in names] for each in place], dtype=bool)
    size = np.array([len(each) for each in place], dtype=np.int64)
    labelled = codes >= 0
    covered, sizes = holds[distinct[labelled], codes[labelled]], size[distinct[labelled]]
    found = [_coverage(None, covered, sizes)]
    if batches is not None:
        batch_names, batch_codes = label_codes(batches, "batches")
        if len(batch_codes) != len(codes):
            raise InputError(
                "a batch for each true type",
                f"{len(codes)} true types and {len(batch_codes)} batches",
                "pass both for the same cells in the same order",
            )
        inside = [batch_codes[labelled] == code for code in range(len(batch_names))]
        found += [
            _coverage(name, covered[cells], sizes[cells])
            for name, cells in zip(batch_names, inside, strict=True)
            if cells.any()
        ]
    return tuple(found)


def _coverage(batch: str | None, covered: np.ndarray, sizes: np.ndarray) -> SetCoverage:
    return SetCoverage(batch, len(covered), float(covered.mean()), float(sizes.mean()))
