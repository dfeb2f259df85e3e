"""What ``plkd.tl.audit_labels`` hands back."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plkd.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from plkd.trust.other_batches import ContradictedLabel


@dataclass(frozen=True)
class AuditedType:
    """How the labels of one type did.

    Attributes
    ----------
    cell_type
        Its name.
    n_cells
        Cells that are labelled so.
    n_doubtful
        Those of them whose label looks wrong.
    suggestions
        What these look like, and how many of each, the most first.
    """

    cell_type: str
    n_cells: int
    n_doubtful: int
    suggestions: dict[str, int]


@dataclass(frozen=True, eq=False, repr=False)
class LabelAudit:
    """The labels of a reference, the most suspect first.

    Attributes
    ----------
    labels_key
        Column of ``obs`` that was audited.
    classes
        The types, sorted.
    cells
        Names of the labelled cells, ``(n_cells,)``, the most suspect first; all below are in this
        order.
    labels, suggestions
        Type that each is labelled as and likeliest type, ``(n_cells,)``; alike where no other type
        is likelier.
    scores
        Probability of the label by what the other cells say, ``(n_cells,)`` in [0, 1].
    neighbor_shares
        Share of the 30 nearest cells that have the label, ``(n_cells,)`` in [0, 1].
    doubtful
        Whether the label looks wrong, ``(n_cells,)``: another type is more than ten times as
        probable.
    batches
        Batch of each, ``(n_cells,)``; None without ``batch_key``.
    n_unlabelled
        Cells that have no label and were left out.
    other_batches
        Type that the other batches call each cell where they contradict its label
        (:func:`plkd.trust.other_batches.contradicted_labels`), else "", ``(n_cells,)``; None
        without ``batch_key``.
    contradicted
        The labels of batches that are contradicted so.
    """

    labels_key: str
    classes: tuple[str, ...]
    cells: NDArray[Any]
    labels: NDArray[Any]
    suggestions: NDArray[Any]
    scores: NDArray[np.float64]
    neighbor_shares: NDArray[np.float64]
    doubtful: NDArray[np.bool_]
    batches: NDArray[Any] | None
    n_unlabelled: int
    other_batches: NDArray[Any] | None = None
    contradicted: tuple[ContradictedLabel, ...] = ()

    def __repr__(self) -> str:
        return (
            f"LabelAudit: {self.n_cells} labels of {len(self.classes)} cell types, "
            f"{self.n_doubtful} look wrong"
        )

    @property
    def n_cells(self) -> int:
        """Number of labels that were judged."""
        return len(self.cells)

    @property
    def n_doubtful(self) -> int:
        """Number of labels that look wrong."""
        return int(self.doubtful.sum())

    @property
    def share_of_doubtful(self) -> float:
        """Share of the labels that look wrong, in [0, 1]: an estimate of how many are."""
        return self.n_doubtful / self.n_cells

    def per_type(self) -> tuple[AuditedType, ...]:
        """Return how the labels of each type did, types sorted."""
        return tuple(self._of(self.labels == name, name) for name in self.classes)

    def per_batch(self) -> dict[str, tuple[int, int]]:
        """Return how many labels each batch has and how many of them look wrong, by its name.

        Raises
        ------
        InputError
            The labels were audited without batches.
        """
        if self.batches is None:
            raise InputError("an audit with batches", "one without", "pass batch_key")
        names, codes = np.unique(self.batches, return_inverse=True)
        every, doubtful = np.bincount(codes), np.bincount(codes, weights=self.doubtful)
        return {
            str(name): (int(n), int(bad))
            for name, n, bad in zip(names, every, doubtful, strict=True)
        }

    def to_frame(self) -> pd.DataFrame:
        """Write the labels out as a table.

        Returns
        -------
        A row for each labelled cell, the most suspect first; columns cell, rank (from 1), label,
        suggestion, score, neighbor_share, doubtful and, with batches, batch and other_batches.
        """
        import pandas as pd

        columns: dict[str, Any] = {
            "cell": self.cells,
            "rank": np.arange(1, self.n_cells + 1),
            "label": self.labels,
            "suggestion": self.suggestions,
            "score": self.scores,
            "neighbor_share": self.neighbor_shares,
            "doubtful": self.doubtful,
        }
        if self.batches is not None:
            columns["batch"] = self.batches
        if self.other_batches is not None:
            columns["other_batches"] = self.other_batches
        return pd.DataFrame(columns)

    def as_dict(self) -> dict[str, Any]:
        """Give the sums in plain numbers, ready for JSON; the single cells are in the table."""
        found: dict[str, Any] = {
            "labels_key": self.labels_key,
            "n_cells": self.n_cells,
            "n_unlabelled": self.n_unlabelled,
            "n_doubtful": self.n_doubtful,
            "share_of_doubtful": round(self.share_of_doubtful, 6),
            "types": {
                each.cell_type: {
                    "cells": each.n_cells,
                    "doubtful": each.n_doubtful,
                    "suggestions": each.suggestions,
                }
                for each in self.per_type()
            },
        }
        if self.batches is not None:
            found["batches"] = {
                name: {"cells": n, "doubtful": bad} for name, (n, bad) in self.per_batch().items()
            }
            found["contradicted"] = [asdict(each) for each in self.contradicted]
        return found

    def _of(self, chosen: NDArray[np.bool_], name: str) -> AuditedType:
        looks = Counter(map(str, self.suggestions[chosen & self.doubtful]))
        most_first = sorted(looks.items(), key=lambda each: (-each[1], each[0]))
        return AuditedType(name, int(chosen.sum()), looks.total(), dict(most_first))
