"""Sets of types that hold the true one with a stated probability: split conformal prediction.

It is written out here: mapie wraps an estimator and fixes the rates when it is fitted, crepes keeps
every score in a Python object; a model file wants a few numbers that answer for any error rate.

The score of a type is its probability (THR, also called LAC: Sadinle, Lei & Wasserman 2019). How
the threshold is chosen, and why this score and no other, is in ``docs/trust.md``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.errors import InputError

ALPHA = 0.1
"""Share of cells whose true type may be missing from their set."""

N_KEPT = 1000
"""Order statistics that are kept of each type; of fewer held-out cells all are."""

_ROUNDING = 1e-9  # of alpha (n + 1), which is a whole number where alpha is a round one


@dataclass(frozen=True, eq=False)
class HeldOutScores:
    """What held-out cells say about the probability of the true type, for any error rate.

    Group 0 is all held-out cells, group ``1 + t`` those of type t. Of each up to ``N_KEPT`` order
    statistics are kept, so that a rate is met to about 1 % of itself, on the safe side.

    Attributes
    ----------
    values
        Probabilities of the true type, ascending within a group, float32 ``(n_kept,)``.
    ranks
        The rank of each in its group, from 1, int64 ``(n_kept,)``.
    starts
        Where each group starts in ``values``, and the end, int64 ``(n_types + 2,)``.
    n_cells
        Held-out cells of each group, int64 ``(n_types + 1,)``.
    """

    values: NDArray[np.float32]
    ranks: NDArray[np.int64]
    starts: NDArray[np.int64]
    n_cells: NDArray[np.int64]

    def __post_init__(self) -> None:
        kept = np.diff(self.starts)
        whole = (
            len(self.starts) == len(self.n_cells) + 1 >= 2
            and self.starts[0] == 0
            and self.starts[-1] == len(self.values) == len(self.ranks)
            and np.array_equal(kept > 0, self.n_cells > 0)
            and bool(np.all((kept >= 0) & (kept <= self.n_cells)))
        )
        if not whole:
            raise InputError(
                "held-out scores whose parts fit each other",
                f"{len(self.values)} values, {len(self.ranks)} ranks, {len(self.n_cells)} groups",
                "calibrate again, or fetch an undamaged copy of the model",
            )

    @property
    def n_types(self) -> int:
        """Number of types."""
        return len(self.n_cells) - 1

    def thresholds(
        self, alpha: float = ALPHA, *, by_type: bool = False, stacklevel: int = 2
    ) -> NDArray[np.float32]:
        """Return the probability from which on each type is in the set.

        Parameters
        ----------
        alpha
            Share of cells whose true type may be missing, in (0, 1).
        by_type
            Hold the rate within each type, and not only over all cells: rare types are then as
            safe as common ones, and sets are larger. A type with fewer than ``1 / alpha - 1``
            held-out cells takes the threshold of all cells; see :meth:`has_own`.
        stacklevel
            Whose line a warning names; 2 is the caller's.

        Returns
        -------
        float32 ``(n_types,)``; 0, that is every type in every set, where all cells together are too
        few for the rate.

        Raises
        ------
        InputError
            ``alpha`` is not between 0 and 1.

        Warns
        -----
        UserWarning
            If all cells together are too few for the rate.

        Notes
        -----
        With n held-out cells the threshold is the r-th smallest probability of the true type,
        r = ⌊α (n + 1)⌋; with ``by_type`` (Mondrian sets) both are those of the type. Of a new cell
        that is exchangeable with them this probability falls below it with probability r / (n + 1)
        <= α at most; the 1 in n + 1 is the new cell itself.
        """
        common, n_cells = self._threshold(0, alpha), int(self.n_cells[0])
        if self._rank(0, alpha) < 1:
            needed, least = np.ceil(1 / alpha - 1 - _ROUNDING), np.ceil(1e4 / (n_cells + 1)) / 1e4
            warnings.warn(
                f"an error rate of {alpha:g} needs {needed:,.0f} held-out cells, the model has "
                f"{n_cells:,}: every type is in every set; the smallest rate possible is {least:g}",
                stacklevel=stacklevel,
            )
        own = self.has_own(alpha) & by_type
        found = [self._threshold(1 + t, alpha) if own[t] else common for t in range(self.n_types)]
        return np.array(found, dtype=np.float32)

    def credibility(self, probability: NDArray[Any]) -> NDArray[np.float64]:
        """Return how many held-out cells give their true type no more than this, as a share.

        Parameters
        ----------
        probability
            Probability of the type that is named, ``(n_cells,)``.

        Returns
        -------
        ``(n_cells,)`` in (0, 1].

        Notes
        -----
        The conformal p-value of the named type, the largest of all (Saunders, Gammerman & Vovk
        1999): where it is small, none fits. Of cells exchangeable with the held-out ones at most a
        share a have one of a or less: the named type is never less probable than the true one.
        """
        start, stop = self.starts[:2]
        values, ranks = self.values[start:stop], self.ranks[start:stop]
        place = np.searchsorted(values, np.asarray(probability, dtype=np.float32), side="right")
        below = np.concatenate([[0], ranks])[place]
        return np.asarray((below + 1) / (int(self.n_cells[0]) + 1))

    def has_own(self, alpha: float = ALPHA) -> NDArray[np.bool_]:
        """Say which types have held-out cells enough for a threshold of their own, ``(n_types,)``.

        Raises
        ------
        InputError
            ``alpha`` is not between 0 and 1.
        """
        return np.array([self._rank(1 + t, alpha) >= 1 for t in range(self.n_types)], dtype=bool)

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the four arrays by name, for the model file."""
        return {name: getattr(self, name) for name in ("values", "ranks", "starts", "n_cells")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the scores that ``as_arrays`` wrote.

        Raises
        ------
        InputError
            The parts do not fit each other.
        """
        whole = {n: np.asarray(values[n], dtype=np.int64) for n in ("ranks", "starts", "n_cells")}
        return cls(values=np.asarray(values["values"], dtype=np.float32), **whole)

    def _rank(self, group: int, alpha: float) -> int:
        if not 0.0 < alpha < 1.0:
            raise InputError("an error rate alpha between 0 and 1", f"{alpha}", "pass 0.1, say")
        return int(np.floor(alpha * (int(self.n_cells[group]) + 1) + _ROUNDING))

    def _threshold(self, group: int, alpha: float) -> float:
        """Return the kept order statistic of the rank sought, or of the next below."""
        rank = self._rank(group, alpha)
        if rank < 1:
            return 0.0
        start, stop = self.starts[group : group + 2]
        place = int(np.searchsorted(self.ranks[start:stop], rank, side="right")) - 1
        return float(self.values[start + place])


def held_out_scores(
    probabilities: NDArray[Any], codes: NDArray[Any], *, n_kept: int = N_KEPT
) -> HeldOutScores:
    """Note what cells that the model has not seen say about the probability of the true type.

    Parameters
    ----------
    probabilities
        Probabilities of all types, ``(n_cells, n_types)``, as new cells will have them.
    codes
        The true type of each cell, ``(n_cells,)``; -1 where it is not known.
    n_kept
        Order statistics kept of each group, at most.

    Returns
    -------
    The scores, from which thresholds for any error rate are taken.

    Raises
    ------
    InputError
        The shapes do not fit, a probability is not in [0, 1], a code is no type, no cell has a
        true type, or ``n_kept`` is below 2.
    """
    table, types = _checked(probabilities, codes)
    if n_kept < 2:
        raise InputError("n_kept of 2 or more", f"{n_kept}", "leave it out")
    labelled = np.flatnonzero(types >= 0)
    types = types[labelled]
    true = table[labelled, types]
    groups = [true, *(true[types == t] for t in range(table.shape[1]))]
    ranks = [_kept_ranks(len(group), n_kept) for group in groups]
    values = [np.sort(group)[rank - 1] for group, rank in zip(groups, ranks, strict=True)]
    return HeldOutScores(
        values=np.concatenate(values),
        ranks=np.concatenate(ranks),
        starts=np.cumsum([0, *map(len, ranks)], dtype=np.int64),
        n_cells=np.array([len(group) for group in groups], dtype=np.int64),
    )


def prediction_sets(
    probabilities: NDArray[Any], thresholds: NDArray[np.float32], *, never_empty: bool = True
) -> NDArray[np.bool_]:
    """Say which types are in the set of each cell.

    Parameters
    ----------
    probabilities
        Probabilities of all types, ``(n_cells, n_types)``.
    thresholds
        What :meth:`HeldOutScores.thresholds` returned, ``(n_types,)``.
    never_empty
        Put the best type into every set, which would be empty where that is below the threshold;
        coverage can only grow.

    Returns
    -------
    bool ``(n_cells, n_types)``.

    Raises
    ------
    InputError
        The number of types is not that of the thresholds.
    """
    table = np.asarray(probabilities, dtype=np.float32)  # as the thresholds are: ties stay ties
    if table.ndim != 2 or table.shape[1] != len(thresholds):
        raise InputError(
            f"probabilities of {len(thresholds)} types, one row a cell",
            f"an array of shape {table.shape}",
            "pass the probabilities of the model that the thresholds are of",
        )
    members = table >= thresholds
    if never_empty and len(table):
        members[np.arange(len(table)), table.argmax(axis=1)] = True
    return np.asarray(members)


def _kept_ranks(n_cells: int, n_kept: int) -> NDArray[np.int64]:
    """Return the ranks to keep: all, or from 1 to the last in steps that grow with the rank."""
    if n_cells <= n_kept:
        return np.arange(1, n_cells + 1, dtype=np.int64)
    return np.unique(np.geomspace(1, n_cells, n_kept).round().astype(np.int64))


def _checked(
    probabilities: NDArray[Any], codes: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    table, types = np.asarray(probabilities, dtype=np.float32), np.asarray(codes)
    if table.ndim != 2 or types.shape != table.shape[:1] or table.shape[1] < 1:
        raise InputError(
            "probabilities (n_cells, n_types) and a type for each cell",
            f"arrays of shapes {table.shape} and {types.shape}",
            "pass both for the same cells in the same order",
        )
    if not np.all((table >= 0) & (table <= 1 + 1e-6)):
        raise InputError("probabilities in [0, 1]", "others or NaN", "pass these, not logits")
    if types.dtype.kind not in "iu" or np.any((types < -1) | (types >= table.shape[1])):
        raise InputError(
            f"types as whole numbers from 0 to {table.shape[1] - 1}, or -1 for none",
            f"others among the {len(types)} codes",
            "pass positions among the model's classes",
        )
    if not np.any(types >= 0):
        raise InputError(
            "at least one held-out cell with a true type",
            f"none among {len(types)}",
            "hold out labelled cells",
        )
    return table, types.astype(np.int64)
