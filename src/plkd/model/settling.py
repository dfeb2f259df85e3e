"""Labels of a reference that are not learned from: neighbours or other batches contradict them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.model.reference import Reference
from plkd.training.cells import Cells
from plkd.trust.cell_points import singular_points
from plkd.trust.label_quality import share_of_doubtful, shares_among
from plkd.trust.other_batches import Contradiction, contradicted_labels
from plkd.trust.wrong_labels import FEWEST_CELLS, labels_to_set_aside

ALL_BELIEVED = 1.0


def settled_labels(
    reference: Reference, most: float | None, seed: int
) -> tuple[Cells, dict[str, Any]]:
    """Return the cells without the labels that are not to be learned from.

    Parameters
    ----------
    reference
        The reference. It is not changed.
    most
        Share of doubtful labels up to which neighbours do not count; ``None`` or 1 believes all
        labels.
    seed
        Of the search for neighbours.

    Returns
    -------
    The cells, and for the model file: the share of doubtful labels, how many were set aside, and
    which labels of which batches the others contradict
    (:func:`plkd.trust.other_batches.contradicted_labels`). Neighbours are heard first: in a batch
    that lacks a type, labels mixed up at random name it all the same.
    """
    cells = reference.cells
    n_labelled = np.count_nonzero(cells.codes >= 0)
    if most is None or most >= ALL_BELIEVED or n_labelled < FEWEST_CELLS:
        return cells, {"n_cells": 0}
    points = singular_points(cells.expression, seed=seed)
    shares = shares_among(points, cells.codes, cells.n_types, seed=seed)
    doubtful = share_of_doubtful(shares, cells.codes)
    codes = cells.codes.copy()
    if doubtful > most:
        codes[labels_to_set_aside(cells.expression, codes, cells.n_types, seed=seed)] = -1
    contradicted = _contradicted(points, codes, reference)
    for each in contradicted:
        codes[each.cells] = -1
    aside = int(np.count_nonzero(codes != cells.codes))
    said: dict[str, Any] = {"share_of_doubtful": round(doubtful, 6), "n_cells": aside}
    if contradicted:
        said["contradicted"] = [
            asdict(each.named(reference.labels.classes)) for each in contradicted
        ]
    if not aside:
        return cells, said
    return Cells(cells.expression, codes, cells.depth, cells.n_types), said


def _contradicted(
    points: NDArray[np.floating], codes: NDArray[np.int64], reference: Reference
) -> list[Contradiction]:
    if reference.batches is None:
        return []
    return contradicted_labels(points, codes, reference.batches, reference.cells.n_types)
