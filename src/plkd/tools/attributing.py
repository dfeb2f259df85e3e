"""The core of attributions: whom to compare with, and cells in chunks through the Student."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from plkd.data.alignment import dense_align
from plkd.errors import InputError
from plkd.model.predict import Predictor
from plkd.model.query import Query
from plkd.networks.attribution import attributions
from plkd.networks.student import Student
from plkd.tools.annotating import UNKNOWN, Answers, annotate_chunks
from plkd.tools.threads import in_order

LEFT_OUT = -1
ANNOTATE_AT_A_TIME = 4096
N_NAMED = 5


@dataclass(frozen=True)
class Plan:
    """Which cells are explained, for which type, and what they are compared with.

    Attributes
    ----------
    query, predictor
        The cells and the Student.
    codes
        Type that each cell is explained for, int64 ``(n_cells,)``; -1 leaves it out.
    background
        Cells to compare with, float32 ``(n_background, n_genes)``.
    """

    query: Query
    predictor: Predictor
    codes: NDArray[np.int64]
    background: NDArray[np.float32]


class Explained(NamedTuple):
    """Some explained cells."""

    cells: NDArray[np.int64]
    """Their positions, ``(n_cells,)``."""
    expression: NDArray[np.float32]
    """log1p counts per 10,000, ``(n_cells, n_genes)``."""
    values: NDArray[np.float32]
    """What each gene adds to the logit of the cell's type, ``(n_cells, n_genes)``."""
    residual: NDArray[np.float32]
    """What the values lack of the logit's difference, ``(n_cells,)``."""
    logits: NDArray[np.float32]
    """Logits of all types, ``(n_cells, n_types)``."""


class Totals:
    """Sums over the cells of each type; memory grows with types and genes only.

    Parameters
    ----------
    n_types, n_genes
        Of the model.
    kept
        Type whose values are kept cell by cell; none by default.
    """

    def __init__(self, n_types: int, n_genes: int, kept: int | None = None) -> None:
        self.n_cells = np.zeros(n_types, np.int64)
        self.absolute = np.zeros((n_types, n_genes))
        self.plain = np.zeros((n_types, n_genes))
        self.expression = np.zeros((n_types, n_genes))
        self.residuals: list[NDArray[np.float32]] = []
        self.lowest, self.highest = np.inf, -np.inf
        self.kept = kept
        self._cells: list[NDArray[np.int64]] = []
        self._values: list[NDArray[np.float32]] = []

    def add(self, explained: Explained, codes: NDArray[np.int64]) -> None:
        """Add some cells, at least one; ``codes`` are the types they were explained for."""
        for code in np.unique(codes):
            of_type = codes == code
            values = explained.values[of_type]
            self.n_cells[code] += len(values)
            self.plain[code] += values.sum(0, dtype=np.float64)
            self.absolute[code] += np.abs(values).sum(0, dtype=np.float64)
            self.expression[code] += explained.expression[of_type].sum(0, dtype=np.float64)
            if code == self.kept:
                self._cells.append(explained.cells[of_type])
                self._values.append(values)
        self.residuals.append(explained.residual)
        self.lowest = min(self.lowest, float(explained.logits.min()))
        self.highest = max(self.highest, float(explained.logits.max()))

    def kept_values(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the cells of the kept type, and their values."""
        cells, values = np.empty(0, np.int64), np.empty((0, self.plain.shape[1]), np.float32)
        return np.concatenate([cells, *self._cells]), np.concatenate([values, *self._values])


class _Unused:
    """Takes rows and forgets them."""

    def __setitem__(self, rows: slice, values: Any) -> None:
        return None


def own_types(query: Query, predictor: Predictor) -> NDArray[np.int64]:
    """Return the type that the Student gives each cell, -1 without counts, ``(n_cells,)``."""
    n_cells = query.source.n_cells
    answers = Answers.with_wide(n_cells, predictor, _Unused(), None)
    annotate_chunks(query, predictor, answers, chunk_size=ANNOTATE_AT_A_TIME)
    return np.where(answers.no_counts, LEFT_OUT, answers.codes).astype(np.int64)


def label_column(obs: Any, key: str, known: Sequence[str]) -> NDArray[np.object_]:
    """Return the label of each cell, None where it is plkd's own "unknown" and not a known type.

    Raises
    ------
    InputError
        There is no such column.
    """
    if key not in obs.columns:
        raise InputError(
            f"a column {key!r} in obs",
            some([str(name) for name in obs.columns]) or "no column",
            "pass the column with the types, or leave labels_key out to take the predictions",
        )
    labels = obs[key].astype(object).to_numpy(copy=True)
    if UNKNOWN not in known:
        labels[obs[key].astype(str).to_numpy() == UNKNOWN] = None
    return np.asarray(labels)


def check_labels(obs: Any, key: str, known: Sequence[str]) -> None:
    """Refuse a column in which no label is a known type, before any cell is read.

    Raises
    ------
    InputError
        There is no such column, or it has labels and none is a type of the model.
    """
    import pandas as pd

    names = [str(name) for name in pd.factorize(label_column(obs, key, known))[1] if str(name)]
    if names and not set(names) & set(known):
        raise _strange_labels(key, names, known)


def labelled_types(
    obs: Any, key: str, known: Sequence[str], own: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the type that each cell is labelled with, -1 without label or counts.

    Raises
    ------
    InputError
        There is no such column, or a label of a cell with counts is no type of the model.
    """
    import pandas as pd

    numbers, distinct = pd.factorize(label_column(obs, key, known))
    numbers = np.where(own == LEFT_OUT, LEFT_OUT, numbers)
    used = [str(distinct[i]) for i in np.unique(numbers) if i >= 0]
    strange = [name for name in used if name and name not in known]
    if strange:
        raise _strange_labels(key, strange, known)
    at = {name: code for code, name in enumerate(known)}
    lookup = np.array([*(at.get(str(name), LEFT_OUT) for name in distinct), LEFT_OUT])
    return lookup[numbers].astype(np.int64)


def positions_of(names: Sequence[str], known: Sequence[str], what: str) -> list[int]:
    """Return where names stand among the known types.

    Raises
    ------
    InputError
        A name is no known type, or there is none.
    """
    names = [str(name) for name in names]
    strange = [name for name in names if name not in known]
    if strange or not names:
        expected = f"types of the model for {what} ({some(known)})"
        raise InputError(expected, some(strange) or "none", "choose among these")
    return [list(known).index(name) for name in names]


def some(names: Sequence[str]) -> str:
    """Name the first few, for an error."""
    shown = ", ".join(repr(name) for name in names[:N_NAMED])
    more = len(names) - N_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def draw_evenly(codes: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """Draw cells in turn from each type that has some left.

    Parameters
    ----------
    codes
        Type of each cell, ``(n_cells,)``; cells with -1 are not drawn.
    n
        Draw so many, or all where there are fewer.
    seed
        Decides which.

    Returns
    -------
    Positions, int64, ascending.

    Raises
    ------
    InputError
        There is no cell to draw.
    """
    shuffled = np.random.default_rng(seed).permutation(np.flatnonzero(codes >= 0))
    if len(shuffled) == 0:
        raise InputError(
            "a background of cells with counts in the model's genes",
            f"none among {len(codes)} cells",
            "pass the reference as background",
        )
    turn = np.empty(len(shuffled), np.int64)
    for code in np.unique(codes[shuffled]):
        of_type = np.flatnonzero(codes[shuffled] == code)
        turn[of_type] = np.arange(len(of_type))
    return np.sort(shuffled[np.argsort(turn, kind="stable")[:n]])


def background_cells(others: Query, drawn: NDArray[np.int64], query: Query) -> NDArray[np.float32]:
    """Return drawn cells in the model's genes; those that the query lacks are zero."""
    rows = [dense_align(others.log1p(slice(i, i + 1)), others.match) for i in drawn.tolist()]
    cells = np.concatenate(rows)
    lacking = np.ones(query.match.n_model, np.bool_)
    lacking[query.match.lookup[query.match.lookup >= 0]] = False
    cells[:, lacking] = 0
    return cells


def explain_chunks(
    plan: Plan,
    totals: Totals,
    *,
    chunk_size: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Add all cells of the plan to ``totals``; memory holds a few chunks at a time."""
    n_cells = len(plan.codes)
    starts = range(0, n_cells, chunk_size)
    chunks = (slice(start, min(start + chunk_size, n_cells)) for start in starts)
    background = torch.from_numpy(plan.background).to(plan.predictor.device)
    explained: Generator[tuple[slice, Explained | None]] = in_order(
        lambda cells: (cells, _explain(plan, cells, background)),
        chunks,
        side_by_side=plan.predictor.small,
    )
    with closing(explained):
        for cells, part in explained:
            if part is not None:
                totals.add(part, plan.codes[part.cells])
            if progress is not None:
                progress(cells.stop, n_cells)


def _strange_labels(key: str, names: Sequence[str], known: Sequence[str]) -> InputError:
    return InputError(
        f"types of the model in obs[{key!r}] ({some(known)})",
        some(names),
        "rename these labels, or clear them to leave the cells out",
    )


def _explain(plan: Plan, cells: slice, background: torch.Tensor) -> Explained | None:
    chosen = np.flatnonzero(plan.codes[cells] >= 0)
    if len(chosen) == 0:
        return None
    student, device = cast(Student, plan.predictor.network), plan.predictor.device
    dense = dense_align(plan.query.log1p(cells), plan.query.match)[chosen]
    expression = torch.from_numpy(dense).to(device)
    targets = torch.from_numpy(plan.codes[cells][chosen]).to(device)
    values, residual = attributions(student, expression, background, targets)
    with torch.inference_mode():
        logits = student(expression).logits
    numbers = (values.cpu().numpy(), residual.cpu().numpy(), logits.cpu().numpy())
    return Explained(chosen + cells.start, dense, *numbers)
