"""Cell type labels, and splits of a reference that are made before anything is balanced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plkd.data.type_names import warn_of_type_names
from plkd.errors import InputError

FEWEST_HELD_OUT = 20
"""Labelled cells that held-out batches have at least, where the reference has plenty."""


@dataclass(frozen=True)
class Labels:
    """Labels as numbers.

    Parameters
    ----------
    codes
        ``(n_cells,)`` int64: position in ``classes``, -1 where a cell has no label.
    classes
        The types, sorted.
    counts
        Cells of each type, ``(n_classes,)`` int64.
    """

    codes: np.ndarray
    classes: tuple[str, ...]
    counts: np.ndarray


@dataclass(frozen=True)
class Split:
    """Cells to train on and cells held out.

    Parameters
    ----------
    train, held_out
        Positions of cells, int64, sorted; together each cell once.
    batches
        The batches held out whole; empty when cells were drawn from all.
    how
        How the split was made, in words.
    """

    train: np.ndarray
    held_out: np.ndarray
    batches: tuple[str, ...]
    how: str


def encode_labels(values: Any, *, key: str = "cell_type", min_cells: int = 2) -> Labels:
    """Turn cell type names into numbers.

    Parameters
    ----------
    values
        Type of each cell, ``(n_cells,)``; None, NaN and ``""`` mean no label.
    key
        What the column is called in an error.
    min_cells
        A type with fewer cells is refused.

    Returns
    -------
    Codes, types and their counts.

    Raises
    ------
    InputError
        No cell has a label, there is one type only, or a type has fewer than ``min_cells`` cells.

    Warns
    -----
    UserWarning
        A type bears a name such as "nan" or "unknown", or two types' names differ in spaces or in
        upper and lower case alone.
    """
    texts = [label_text(value) for value in values]
    classes = tuple(sorted({text for text in texts if text}))
    position = {name: i for i, name in enumerate(classes)}
    codes = np.fromiter((position.get(text, -1) for text in texts), np.int64, len(texts))
    counts = np.bincount(codes[codes >= 0], minlength=len(classes)).astype(np.int64)
    if not classes:
        raise InputError(
            f"cell types in obs[{key!r}]",
            f"no label in any of {len(texts)} cells",
            "name the obs column that holds the cell types",
        )
    if len(classes) == 1:
        raise InputError(
            f"at least two cell types in obs[{key!r}]",
            f"only {classes[0]!r} ({counts[0]} cells)",
            "name another obs column, or add cells of another type",
        )
    rare = [i for i in np.argsort(counts, kind="stable") if counts[i] < min_cells]
    if rare:
        shown = ", ".join(f"{classes[i]!r} ({counts[i]})" for i in rare[:5])
        more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        raise InputError(
            f"at least {min_cells} cells of each type in obs[{key!r}]",
            f"{shown}{more}",
            "remove those cells, clear their labels, or merge them into another type",
        )
    warn_of_type_names(classes, counts, key=key)
    return Labels(codes, classes, counts)


def split_reference(
    codes: np.ndarray, batches: Any | None = None, *, share: float = 0.1, seed: int = 0
) -> Split:
    """Hold out part of a reference: whole batches where there are any, else some of each type.

    Parameters
    ----------
    codes
        Type of each cell, ``(n_cells,)``, -1 where it has none.
    batches
        Batch of each cell, ``(n_cells,)``; None when there are none.
    share
        Share of the cells to hold out, in (0, 1); at least one batch is held out.
    seed
        Decides which cells, and which of equally large batches.

    Returns
    -------
    Cells to train on and cells held out; every type keeps cells to train on. With two batches or
    more, small ones are held out first while no more than ``share`` of the labelled cells are, or
    the smallest that can be spared. Where none can, because each has a type of its own, or those
    that can have hardly a labelled cell or more than half of them, labelled cells are drawn from
    all batches.

    Raises
    ------
    InputError
        ``share`` is not between 0 and 1, or codes and batches differ in length.
    """
    codes = np.asarray(codes, dtype=np.int64)
    if not 0.0 < share < 1.0:
        raise InputError("a share between 0 and 1", str(share), "pass 0.1, say")
    if batches is not None:
        names, inverse = _batch_codes(batches, len(codes))
        chosen = _spare_batches(codes, names, inverse, share, seed) if len(names) > 1 else []
        if chosen:
            held = np.isin(inverse, chosen)
            out = tuple(names[i] for i in chosen)
            return _split(held, out, f"{len(out)} of {len(names)} batches held out whole")
    rng = np.random.default_rng(seed)
    held = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes[codes >= 0]):
        cells = rng.permutation(np.flatnonzero(codes == code))
        count = 0 if len(cells) < 2 else min(max(round(share * len(cells)), 1), len(cells) - 1)
        held[cells[:count]] = True
    return _split(held, (), f"{share:.0%} of each type held out, drawn from all batches")


def leave_batch_out(codes: np.ndarray, batches: Any, *, n_folds: int = 5) -> list[Split]:
    """Hold out each batch once, in folds of whole batches.

    Parameters
    ----------
    codes
        Type of each cell, ``(n_cells,)``, -1 where it has none.
    batches
        Batch of each cell, ``(n_cells,)``.
    n_folds
        At most so many folds; with more batches several go together, so that folds are alike in
        size.

    Returns
    -------
    One split a fold. A type may lack in ``train`` when a fold holds all its cells.

    Raises
    ------
    InputError
        Fewer than two batches or folds, or codes and batches differ in length.
    """
    names, inverse = _batch_codes(batches, len(codes))
    if min(len(names), n_folds) < 2:
        raise InputError(
            "at least two batches and two folds",
            f"{len(names)} batch(es) and {n_folds} fold(s)",
            "name the obs column that holds the batches, or split by cells",
        )
    sizes = np.bincount(inverse, minlength=len(names))
    folds: list[list[int]] = [[] for _ in range(min(n_folds, len(names)))]
    loads = np.zeros(len(folds))
    for batch in np.argsort(-sizes, kind="stable"):
        fold = int(np.argmin(loads))
        folds[fold].append(int(batch))
        loads[fold] += sizes[batch]
    return [
        _split(
            np.isin(inverse, fold),
            tuple(names[i] for i in sorted(fold)),
            f"fold {i + 1} of {len(folds)}, {len(fold)} batch(es) held out whole",
        )
        for i, fold in enumerate(folds)
    ]


def balanced_weights(codes: np.ndarray, power: float) -> np.ndarray:
    """Return how often to draw each cell, so that rare types are seen more.

    Parameters
    ----------
    codes
        Type of each cell, ``(n_cells,)``, -1 where it has none.
    power
        0 draws all cells alike, 1 all types alike; between, in between.

    Returns
    -------
    ``(n_cells,)`` float64, summing to 1: proportional to the size of the cell's type to the power
    of ``-power``; cells without a label have the mean weight of the others.
    """
    codes = np.asarray(codes, dtype=np.int64)
    labelled = codes >= 0
    weights = np.ones(len(codes))
    if labelled.any():
        counts = np.bincount(codes[labelled]).astype(np.float64)
        weights[labelled] = counts[codes[labelled]] ** -power
        weights[~labelled] = weights[labelled].mean()
    return np.asarray(weights / weights.sum()) if len(weights) else weights


def _spare_batches(
    codes: np.ndarray, names: Sequence[str], inverse: np.ndarray, share: float, seed: int
) -> list[int]:
    """Return the batches to hold out: small first, and never the last cells of a type.

    None where they have hardly a labelled cell, as nothing could be measured on them, or more than
    half of them, as little would be left to learn from.
    """
    n_types = int(codes.max(initial=-1)) + 1
    table = np.zeros((len(names), n_types), dtype=np.int64)
    labelled = codes >= 0
    np.add.at(table, (inverse[labelled], codes[labelled]), 1)
    sizes = table.sum(axis=1)
    left = table.sum(axis=0)
    present = left > 0
    draw = np.random.default_rng(seed).permutation(len(names))
    chosen: list[int] = []
    for batch in draw[np.argsort(sizes[draw], kind="stable")]:
        enough = sizes[chosen].sum() + sizes[batch] > share * sizes.sum()
        spared = bool(np.all((left - table[batch])[present] > 0))
        if (chosen and enough) or len(chosen) == len(names) - 1:
            break
        if spared and table[batch].any():
            chosen.append(int(batch))
            left = left - table[batch]
    fewest = min(FEWEST_HELD_OUT, share * sizes.sum() / 2)
    return sorted(chosen) if fewest <= sizes[chosen].sum() <= sizes.sum() / 2 else []


def _batch_codes(batches: Any, n_cells: int) -> tuple[list[str], np.ndarray]:
    texts = np.array([label_text(value) for value in batches], dtype=object).astype(str)
    if len(texts) != n_cells:
        raise InputError(
            f"a batch for each of {n_cells} cells", f"{len(texts)}", "pass one batch a cell"
        )
    names, inverse = np.unique(texts, return_inverse=True)
    return [str(name) for name in names], np.asarray(inverse, dtype=np.int64)


def _split(held: np.ndarray, batches: tuple[str, ...], how: str) -> Split:
    train, out = np.flatnonzero(~held).astype(np.int64), np.flatnonzero(held).astype(np.int64)
    return Split(train, out, batches, how)


def label_text(value: Any) -> str:
    """Return the text of a label, ``""`` for a missing one."""
    if value is None or type(value).__name__ == "NAType":
        return ""
    if isinstance(value, float | np.floating) and np.isnan(value):
        return ""
    return str(value)
