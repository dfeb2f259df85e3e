"""Labels of a reference that are believed: where many are wrong, those likely wrong are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from plkd.training.cells import Cells
from plkd.trust.label_quality import neighbour_shares, share_of_doubtful
from plkd.trust.wrong_labels import labels_to_set_aside


def settled_labels(cells: Cells, most: float | None, seed: int) -> tuple[Cells, dict[str, Any]]:
    """Return the cells without labels that are likely wrong, where neighbours contradict many.

    Parameters
    ----------
    cells
        The reference.
    most
        Share of doubtful labels up to which all are believed; ``None`` believes all.
    seed
        Of the search for neighbours.

    Returns
    -------
    The cells, and for the model file: the share of doubtful labels, and how many were set aside.
    """
    if most is None:
        return cells, {"n_cells": 0}
    shares = neighbour_shares(cells.expression, cells.codes, cells.n_types, seed=seed)
    doubtful = share_of_doubtful(shares, cells.codes)
    said = {"share_of_doubtful": round(doubtful, 6), "n_cells": 0}
    if doubtful <= most:
        return cells, said
    aside = labels_to_set_aside(cells.expression, cells.codes, cells.n_types, seed=seed)
    codes = np.where(aside, -1, cells.codes)
    kept = Cells(cells.expression, codes, cells.depth, cells.n_types)
    return kept, {**said, "n_cells": int(aside.sum())}
