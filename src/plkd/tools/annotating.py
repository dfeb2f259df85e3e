"""The core of annotation: cells in chunks through contract, genes and network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.data.alignment import align, dense_align
from plkd.data.rows import largest_in_row, positive_in_row
from plkd.errors import InputError
from plkd.model.predict import Prediction, Predictor
from plkd.model.query import Query
from plkd.tools.judging import Doubt, set_thresholds, type_sets
from plkd.tools.threads import in_order
from plkd.trust.groups import FEWEST_CELLS, MOST_CELLS, QueryGroups

if TYPE_CHECKING:
    from plkd.tools.deepest_types import DeepestQuestion

BESIDE_EACH_OTHER = 60
"""Cells that are read together where some are looked at of all."""

TAKEN_AS_THEY_ARE = ("scores", "said", "doubts", "lone", "points", "groups")
"""What is said of a chunk of cells and goes to the answers unchanged, where it is kept."""

UNKNOWN = "unknown"
"""Label of a cell that is like no type of the reference, or has no count in the model's genes.

A model may have a type of this name; its cells and those then share the label.
"""


@dataclass
class Answers:
    """Where the answers go: arrays in memory, or data sets of a file, one row a cell.

    ``scores`` and ``lone`` (how far a cell is from the reference, and how new it looks by itself),
    ``said`` (the probability of the type that is named, before it is calibrated), ``doubts`` (how
    much the network alone doubts what it names) and ``members`` (sets of types as bits) are
    ``None`` where the model has not learned when to be believed, ``among`` and ``groups`` (groups
    of like cells, and those of each cell) where it has learned nothing of groups or there are too
    few cells, ``points`` (along the reference's axes) and ``deepest`` (nodes of a hierarchy and
    their probabilities) where none are asked for.
    """

    codes: NDArray[np.int32]
    confidence: NDArray[np.float32]
    no_counts: NDArray[np.bool_]
    detected: NDArray[np.int32]
    scores: NDArray[np.float32] | None
    said: NDArray[np.float32] | None
    doubts: NDArray[np.float32] | None
    lone: NDArray[np.float32] | None
    members: NDArray[np.uint8] | None
    points: NDArray[np.float32] | None
    embedding: Any
    probabilities: Any | None = None
    among: QueryGroups | None = None
    groups: NDArray[np.uint8] | None = None
    deepest: tuple[NDArray[np.int32], NDArray[np.float32]] | None = None

    @classmethod
    def with_wide(
        cls,
        n_cells: int,
        predictor: Predictor,
        embedding: Any,
        probabilities: Any | None,
        *,
        with_points: bool = False,
    ) -> Answers:
        """Return arrays for so many cells, not filled yet, beside wide parts that are there."""
        knows = predictor.trust is not None
        groups = predictor.groups if with_points else None
        return cls(
            codes=np.empty(n_cells, dtype=np.int32),
            confidence=np.empty(n_cells, dtype=np.float32),
            no_counts=np.empty(n_cells, dtype=bool),
            detected=np.empty(n_cells, dtype=np.int32),
            scores=np.empty(n_cells, dtype=np.float32) if knows else None,
            said=np.empty(n_cells, dtype=np.float32) if knows else None,
            doubts=np.empty(n_cells, dtype=np.float32) if knows else None,
            lone=np.empty(n_cells, dtype=np.float32) if knows else None,
            members=np.empty((n_cells, -(-predictor.n_types // 8)), np.uint8) if knows else None,
            points=None if groups is None else np.empty((n_cells, len(groups.axes)), np.float32),
            embedding=embedding,
            probabilities=probabilities,
        )

    @classmethod
    def in_memory(
        cls,
        n_cells: int,
        predictor: Predictor,
        *,
        probabilities: bool = False,
        with_points: bool = False,
    ) -> Answers:
        """Return arrays for so many cells, not filled yet."""
        shares = np.empty((n_cells, predictor.n_types), dtype=np.float32) if probabilities else None
        embedding = np.empty((n_cells, predictor.width), dtype=np.float32)
        return cls.with_wide(n_cells, predictor, embedding, shares, with_points=with_points)


def check_chunk_size(chunk_size: int) -> None:
    """Refuse chunks without a cell."""
    if chunk_size < 1:
        raise InputError("a chunk_size of 1 or more", f"{chunk_size}", "leave it out")


def annotate_chunks(
    query: Query,
    predictor: Predictor,
    answers: Answers,
    *,
    chunk_size: int,
    doubt: Doubt | None = None,
    hierarchy: DeepestQuestion | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill ``answers`` chunk by chunk; memory holds a few chunks at a time.

    Where a ``doubt`` is given, sets of types are made as sure as it says, and cells are put into
    groups of like ones.

    Raises
    ------
    InputError
        A chunk holds NaN, infinite or negative values, or values of another kind or scale;
        ``chunk_size`` is below 1.
    """
    check_chunk_size(chunk_size)
    n_cells = query.source.n_cells
    unknown = labels_of(predictor.classes).index(UNKNOWN)
    every = np.packbits(np.ones(predictor.n_types, dtype=bool))  # nothing speaks against any type
    thresholds = None if doubt is None else set_thresholds(predictor.trust, doubt, stacklevel=4)
    some = None if doubt is None else _some_of_all(query, predictor)
    looked: Future[None] = Future()

    def look() -> None:
        try:
            if some is not None and doubt is not None:
                _look_among(some, query.source.n_cells, predictor, answers, doubt)
        finally:
            looked.set_result(None)

    def answer(cells: slice) -> _Chunk:
        return _answer(query, cells, predictor, thresholds, answers, looked)

    starts = range(0, n_cells, chunk_size)
    chunks = [slice(start, min(start + chunk_size, n_cells)) for start in starts]
    jobs: list[Callable[[], _Chunk | None]] = [look, *(partial(answer, cells) for cells in chunks)]
    answered = in_order(lambda job: job(), jobs, side_by_side=predictor.small)
    with closing(answered):
        next(answered)
        for cells, chunk in zip(chunks, cast(Iterator[_Chunk], answered), strict=True):
            seen = chunk.detected > 0
            answers.codes[cells] = np.where(seen, chunk.probabilities.argmax(1), unknown)
            answers.confidence[cells] = np.where(seen, largest_in_row(chunk.probabilities), 0)
            answers.no_counts[cells] = ~seen
            answers.detected[cells] = chunk.detected
            answers.embedding[cells] = chunk.embedding
            if answers.probabilities is not None:
                shares = np.where(seen[:, None], chunk.probabilities, 1 / predictor.n_types)
                answers.probabilities[cells] = shares
            for name in TAKEN_AS_THEY_ARE:
                kept, found = getattr(answers, name), getattr(chunk, name)
                if kept is not None and found is not None:
                    kept[cells] = found
            if answers.members is not None and chunk.members is not None:
                answers.members[cells] = np.where(seen[:, None], chunk.members, every)
            if answers.deepest is not None and hierarchy is not None:
                nodes, sums = answers.deepest
                nodes[cells], sums[cells] = hierarchy.answer(chunk.probabilities)
            if progress is not None:
                progress(cells.stop, n_cells)


def labels_of(classes: tuple[str, ...]) -> list[str]:
    """Return the labels that a cell can get: the types, and "unknown" where it is none of them."""
    return list(classes) if UNKNOWN in classes else [*classes, UNKNOWN]


@dataclass(frozen=True)
class _Chunk:
    """What is said of some cells."""

    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]
    detected: NDArray[np.int32]
    scores: NDArray[np.float32] | None = None
    said: NDArray[np.float32] | None = None
    doubts: NDArray[np.float32] | None = None
    lone: NDArray[np.float32] | None = None
    members: NDArray[np.uint8] | None = None
    points: NDArray[np.float32] | None = None
    groups: NDArray[np.uint8] | None = None


def _some_of_all(query: Query, predictor: Predictor) -> csr_matrix | None:
    """Return some of the query's cells, to make groups of; none where they are too few."""
    if predictor.groups is None or query.source.n_cells < FEWEST_CELLS:
        return None
    some = query.spread(MOST_CELLS, block=BESIDE_EACH_OTHER)
    some = some[positive_in_row(some) > 0]
    return some if some.shape[0] >= FEWEST_CELLS else None


def _look_among(
    some: csr_matrix, n_cells: int, predictor: Predictor, answers: Answers, doubt: Doubt
) -> None:
    """Make groups of like cells from some of the query, before all are put into them."""
    if predictor.groups is None:
        return
    answers.among = predictor.groups.of_query(some, batch_effect=doubt.batch_effect)
    answers.groups = np.zeros((n_cells, len(answers.among.centers)), dtype=np.uint8)
    predictor.listen_along(answers.among.axes, answers.among.origin)


def _answer(
    query: Query,
    cells: slice,
    predictor: Predictor,
    thresholds: NDArray[np.float32] | None,
    answers: Answers,
    looked: Future[None],
) -> _Chunk:
    """Return what the network says, calibrated where the model has learned how."""
    said, detected = _predict(query, cells, predictor, looked)
    trust, probabilities = predictor.trust, said.probabilities
    if trust is None or said.scores is None:
        return _Chunk(probabilities, said.embedding, detected)
    own = largest_in_row(probabilities)
    probabilities = trust.calibration.probabilities(probabilities, said.scores)
    members = None if thresholds is None else type_sets(probabilities, thresholds)
    groups = None
    if answers.among is not None and said.points is not None:
        groups = answers.among.groups(said.points)
    return _Chunk(
        probabilities,
        said.embedding,
        detected,
        scores=said.scores,
        said=own,
        doubts=said.doubts,
        lone=said.lone,
        members=members,
        points=said.points,
        groups=groups,
    )


def _predict(
    query: Query, cells: slice, predictor: Predictor, looked: Future[None]
) -> tuple[Prediction, NDArray[np.int32]]:
    """Return what the network says, and how many of the model's genes each cell has a count in.

    Cells are read while others are still looked at; the network waits for what was seen there.
    """
    log1p = query.log1p(cells)
    if predictor.is_faster_sparse(log1p):
        aligned = align(log1p, query.match, linear=False, ordered=False)
        looked.result()
        return predictor.sparse(aligned), positive_in_row(aligned)
    dense = dense_align(log1p, query.match)
    looked.result()
    return predictor(dense), np.count_nonzero(dense, axis=1).astype(np.int32)
