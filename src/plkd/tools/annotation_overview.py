"""What an annotation says as a whole, type by type and batch by batch: the numbers of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.tools.h5ad_output import annotation_of
from plkd.trust.set_names import types_of_set

N_BINS = 20
"""Bins of equal width in which confidences and novelties are counted."""

MOST_MIXED = 3
LEAST_MIXED = 0.05
"""Types that a type's sets hold as well are named from this share of its cells on, so many."""


@dataclass(frozen=True)
class TypeOverview:
    """What an annotation says of one cell type.

    Attributes
    ----------
    name
        The type.
    n_cells, share
        Cells that have it for their label, and their share of all cells, in [0, 1].
    median_confidence
        Of these cells; ``None`` of none.
    confidences
        How many of them are in each of 20 bins of confidence.
    n_unknown
        Cells called unknown of which it is the best label; ``None`` where no best label is known.
    mixed_with
        Other types that their sets hold, each with the share of the cells whose set does.
    """

    name: str
    n_cells: int
    share: float
    median_confidence: float | None
    confidences: tuple[int, ...]
    n_unknown: int | None
    mixed_with: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class BatchOverview:
    """What an annotation says of one batch.

    Attributes
    ----------
    name
        The batch.
    n_cells
        Its cells.
    unknown
        Share of them called unknown, in [0, 1].
    median_confidence
        Of those that are not; ``None`` where all are.
    commonest
        The commonest types with their shares, three at most.
    """

    name: str
    n_cells: int
    unknown: float
    median_confidence: float | None
    commonest: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class AnnotationOverview:
    """What an annotation says as a whole.

    Attributes
    ----------
    n_cells, n_unknown, n_no_counts
        All cells, those called unknown, and those of them without a count in the model's genes.
    expected_right
        Share of the named cells whose label should be right: their mean confidence; ``None`` where
        none is named.
    set_size
        Mean number of types in the set of a named cell; ``None`` without sets.
    novelties
        How many cells with counts are in each of 20 bins of novelty; ``None`` without novelty.
    types
        The types that cells were given, the commonest first.
    absent
        Types of the model that no cell was given.
    batches
        The batches, in the order of their names.
    facts
        What ``uns`` says of how it was done.
    """

    n_cells: int
    n_unknown: int
    n_no_counts: int
    expected_right: float | None
    set_size: float | None
    novelties: tuple[int, ...] | None
    types: tuple[TypeOverview, ...]
    absent: tuple[str, ...]
    batches: tuple[BatchOverview, ...]
    facts: Mapping[str, Any]


def annotation_overview(
    obs: Any, uns: Mapping[str, Any], slots: SlotNames, *, batch_key: str | None = None
) -> AnnotationOverview:
    """Return what an annotated table says as a whole.

    Parameters
    ----------
    obs, uns
        The table of cells with what ``plkd.tl.annotate`` wrote, and what it noted.
    slots
        Names of what it wrote.
    batch_key
        Column with batches, to be told one by one.

    Raises
    ------
    InputError
        The cells are not annotated, there is none, or they have no such column.
    """
    if not len(obs):
        raise InputError("cells to tell of", "none", "pass some")
    facts = annotation_of(obs, uns, slots, (slots.label, slots.confidence, slots.no_counts))
    label = as_text(obs[slots.label])
    confidence = obs[slots.confidence].to_numpy(dtype=float)
    no_counts = obs[slots.no_counts].to_numpy(dtype=bool)
    best = as_text(obs[slots.best_label]) if slots.best_label in obs else None
    classes = [str(name) for name in facts["classes"]]
    # A reference may have a type "unknown": by its name alone it could not be told apart.
    named = ~no_counts if best is None else (label == best) & ~no_counts
    sets = _Sets(obs[slots.type_set]) if slots.type_set in obs else None
    novelty = obs[slots.novelty].to_numpy(dtype=float) if slots.novelty in obs else None
    types = [
        TypeOverview(
            name=name,
            n_cells=int(own.sum()),
            share=float(own.mean()),
            median_confidence=_median(confidence[own]),
            confidences=_bins(confidence[own]),
            n_unknown=None if best is None else int(((best == name) & ~named).sum()),
            mixed_with=() if sets is None else sets.others(name, own),
        )
        for name in classes
        if (own := (label == name) & named).any()
    ]
    there = {each.name for each in types}
    return AnnotationOverview(
        n_cells=len(obs),
        n_unknown=int((~named).sum()),
        n_no_counts=int(no_counts.sum()),
        expected_right=float(confidence[named].mean()) if named.any() else None,
        set_size=None if sets is None or not named.any() else sets.mean_size(named),
        novelties=None if novelty is None else _bins(novelty[~no_counts]),
        types=tuple(sorted(types, key=lambda each: (-each.n_cells, each.name))),
        absent=tuple(name for name in classes if name not in there),
        batches=() if batch_key is None else _batches(obs, batch_key, label, named, confidence),
        facts=facts,
    )


def as_text(column: Any) -> NDArray[Any]:
    """Return a column of ``obs`` as text, "" where nothing is, ``(n_cells,)`` of dtype object."""
    return np.where(column.isna(), "", column.astype(str)).astype(object)


class _Sets:
    """The sets of types of all cells, each distinct one read once."""

    def __init__(self, column: Any) -> None:
        column = column.astype("category").cat
        self.codes: NDArray[np.int64] = column.codes.to_numpy().astype(np.int64)
        self.members = [types_of_set(str(text)) for text in column.categories]

    def counts(self, cells: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return how many of the cells have each distinct set."""
        codes = self.codes[cells]
        return np.bincount(codes[codes >= 0], minlength=len(self.members))

    def mean_size(self, cells: NDArray[np.bool_]) -> float:
        """Return the mean number of types in the sets of some cells."""
        sizes = np.array([len(types) for types in self.members], dtype=float)
        counts = self.counts(cells)
        return float((sizes * counts).sum() / max(counts.sum(), 1))

    def others(self, name: str, cells: NDArray[np.bool_]) -> tuple[tuple[str, float], ...]:
        """Return what the sets of a type's cells hold beside it, the commonest first."""
        found: dict[str, int] = {}
        for types, count in zip(self.members, self.counts(cells), strict=True):
            for other in types if count else ():
                if other != name:
                    found[other] = found.get(other, 0) + int(count)
        shares = [(other, count / int(cells.sum())) for other, count in found.items()]
        often = [pair for pair in shares if pair[1] >= LEAST_MIXED]
        return tuple(sorted(often, key=lambda pair: (-pair[1], pair[0]))[:MOST_MIXED])


def _batches(
    obs: Any,
    batch_key: str,
    label: NDArray[Any],
    named: NDArray[np.bool_],
    confidence: NDArray[np.float64],
) -> tuple[BatchOverview, ...]:
    if batch_key not in obs:
        columns = ", ".join(f"'{name}'" for name in list(obs.columns)[:20])
        raise InputError(
            f"a column {batch_key!r} in obs", f"the columns {columns}", "pass the one of batches"
        )
    batch = as_text(obs[batch_key])
    found = []
    for name in sorted(set(batch)):
        own = batch == name
        types, counts = np.unique(label[own & named].astype(str), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:MOST_MIXED]
        found.append(
            BatchOverview(
                name=name or "(none)",
                n_cells=int(own.sum()),
                unknown=float((~named[own]).mean()),
                median_confidence=_median(confidence[own & named]),
                commonest=tuple((str(types[i]), float(counts[i] / own.sum())) for i in order),
            )
        )
    return tuple(found)


def _median(values: NDArray[np.float64]) -> float | None:
    return float(np.median(values)) if len(values) else None


def _bins(values: NDArray[np.float64]) -> tuple[int, ...]:
    """Count values of [0, 1] in bins of equal width."""
    place = np.clip((values * N_BINS).astype(int), 0, N_BINS - 1)
    return tuple(map(int, np.bincount(place, minlength=N_BINS)))
