"""How far two columns of labels of the same cells agree: overall, beyond chance, type by type."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plkd.errors import InputError
from plkd.metrics.codes import Values, label_codes


@dataclass(frozen=True)
class TypeAgreement:
    """How far two labellings agree on one type.

    Attributes
    ----------
    type
        Name of the type.
    n_first, n_second
        Cells that the first and the second labelling call so.
    n_both
        Cells that both call so.
    agreement
        ``2 n_both / (n_first + n_second)``, in [0, 1].
    """

    type: str
    n_first: int
    n_second: int
    n_both: int
    agreement: float


@dataclass(frozen=True)
class LabelAgreement:
    """How far two labellings of the same cells agree.

    Attributes
    ----------
    n_cells
        Cells with a label in both: those that are compared.
    n_left_out
        Cells without a label in one of them, or in both.
    agreement
        Share of the compared cells that bear the same label in both, in [0, 1].
    chance
        The share that would by chance, given how many cells each labelling calls what, in [0, 1].
    kappa
        Cohen's kappa, at most 1: agreement beyond chance, 0 where there is none; NaN where both
        give one and the same label to all cells.
    per_type
        Agreement on each type that either labelling names, sorted by name.
    """

    n_cells: int
    n_left_out: int
    agreement: float
    chance: float
    kappa: float
    per_type: tuple[TypeAgreement, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the record as plain numbers, strings and lists, ready for JSON.

        Returns
        -------
        The attributes by name; a kappa that is NaN is None.
        """
        return {**asdict(self), "kappa": None if np.isnan(self.kappa) else self.kappa}


def label_agreement(first: Values, second: Values) -> LabelAgreement:
    r"""Say how far two labellings of the same cells agree, none of which need be the truth.

    Parameters
    ----------
    first, second
        Label of each cell, ``(n_cells,)``, the cells in one order; cells with None, NaN or "" in
        either are left out and counted.

    Returns
    -------
    A ``LabelAgreement``; its ``as_dict()`` is ready for JSON.

    Raises
    ------
    InputError
        The lengths differ, an array has not one dimension, or no cell has a label in both.

    Notes
    -----
    With :math:`n_{st}` the cells called s by the first and t by the second of N,
    :math:`A = \sum_t n_{tt} / N`, by chance :math:`C = \sum_t n_{t\cdot} n_{\cdot t} / N^2`, and
    Cohen's kappa (1960) :math:`(A - C) / (1 - C)`. Agreement on a type is the specific agreement
    of Dice (1945), :math:`2 n_{tt} / (n_{t\cdot} + n_{\cdot t})`.
    """
    names_a, a = label_codes(first, "first")
    names_b, b = label_codes(second, "second")
    if len(a) != len(b):
        raise InputError(
            "first and second of one length",
            f"{len(a)} and {len(b)} labels",
            "pass both for the same cells in the same order",
        )
    both = (a >= 0) & (b >= 0)
    if not both.any():
        raise InputError(
            "a cell with a label in both", f"none of {len(both)}", "pass labels of the same cells"
        )
    names = sorted({*names_a, *names_b})
    one = np.searchsorted(names, names_a)[a[both]]
    other = np.searchsorted(names, names_b)[b[both]]
    n_first, n_second, n_both = (
        np.bincount(codes, minlength=len(names)) for codes in (one, other, one[one == other])
    )
    n_cells = len(one)
    agreement = float(n_both.sum() / n_cells)
    chance = float((n_first / n_cells) @ (n_second / n_cells))
    return LabelAgreement(
        n_cells=n_cells,
        n_left_out=int(len(both) - n_cells),
        agreement=agreement,
        chance=chance,
        kappa=(agreement - chance) / (1 - chance) if chance < 1 else float("nan"),
        per_type=tuple(
            TypeAgreement(
                type=names[code],
                n_first=int(n_first[code]),
                n_second=int(n_second[code]),
                n_both=int(n_both[code]),
                agreement=float(2 * n_both[code] / (n_first[code] + n_second[code])),
            )
            for code in np.flatnonzero(n_first + n_second)
        ),
    )
