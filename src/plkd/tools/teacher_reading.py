"""What the Teacher makes of some cells: attention to its patterns and their tokens, in batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import scipy.sparse as sp
import torch

from plkd.data.alignment import align
from plkd.data.labels import encode_labels
from plkd.data.rows import positive_in_row
from plkd.errors import InputError
from plkd.model.annotator import CellAnnotator
from plkd.model.predict import Predictor
from plkd.model.query import Query
from plkd.networks.teacher import Teacher
from plkd.tools.attributing import ANNOTATE_AT_A_TIME, draw_evenly, label_column, own_types

READ_BATCH = 32
"""Cells whose attention maps are held at once: 300 patterns and 4 heads take 45 MB."""
READ_TOKENS = 301
"""Tokens of a cell up to which so many are held: 300 patterns and the cls token."""
MIN_CELLS = 2
"""Cells of a type, at least: a variance needs two."""


@dataclass(frozen=True, eq=False)
class TokenReading:
    """What is kept of the tokens and of the attention; the tokens themselves are not.

    Attributes
    ----------
    rollout
        Attention of each cell to each pattern by rollout, float32 ``(n_cells, n_patterns)``;
        non-negative, a row sums to at most 1 (the rest is the cls token's own).
    norms
        Length of each heard token, float32 ``(n_cells, n_patterns)``.
    axes
        Principal axis of each pattern's heard tokens over these cells, unit length, float64
        ``(n_patterns, width)``; of its two directions, either.

    Notes
    -----
    *Heard* is the token before the LayerNorm, less its mean over the width: the LayerNorm takes
    that mean away, so nothing behind it can know of it. Lengths are those before the LayerNorm's
    division, which makes all tokens equally long.
    """

    rollout: np.ndarray
    norms: np.ndarray
    axes: np.ndarray


def types_of_cells(
    adata: Any, query: Query, model: CellAnnotator, labels_key: str | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the type of each cell as a number, -1 for none, and the names of the types.

    Parameters
    ----------
    labels_key
        Column of ``obs`` with the types; cells that plkd calls "unknown" have none. ``None`` takes
        what the Student predicts, and types with fewer than two predicted cells are left out.
        Cells without counts have no type either way.

    Raises
    ------
    InputError
        There is no such column, fewer than two types, or a labelled type of one cell.
    """
    if labels_key is None:
        return _predicted_types(query, model)
    names = label_column(adata.obs, labels_key, model.classes_)
    names[~_with_counts(query)] = None
    labels = encode_labels(names, key=labels_key, min_cells=MIN_CELLS)
    return labels.codes, labels.classes


def choose_cells(codes: np.ndarray, *, max_cells: int, seed: int) -> np.ndarray:
    """Choose cells to read: of each type all its cells, or as many as of the other common types.

    Parameters
    ----------
    codes
        Type of each cell, ``(n_cells,)``, -1 for cells that are not to be chosen.
    max_cells
        At most so many cells.
    seed
        Which cells of a type.

    Returns
    -------
    Positions, int64, ascending.

    Raises
    ------
    InputError
        ``max_cells`` does not leave two cells of each type.
    """
    least = MIN_CELLS * len(np.unique(codes[codes >= 0]))
    if max_cells < least:
        raise InputError(
            f"max_cells of at least {least}, {MIN_CELLS} for each type",
            str(max_cells),
            "raise max_cells",
        )
    return draw_evenly(codes, max_cells, seed)


@torch.inference_mode()
def read_tokens(
    predictor: Predictor,
    expression: sp.csr_matrix,
    progress: Callable[[int, int], None] | None = None,
) -> TokenReading:
    """Run the Teacher over some cells and keep what does not grow with the width of a token.

    Parameters
    ----------
    predictor
        Of the Teacher.
    expression
        The cells in the model's terms, CSR ``(n_cells, n_genes)``.
    progress
        Told the cells done and the cells in all.
    """
    teacher = cast(Teacher, predictor.network)
    n_cells, n_patterns = expression.shape[0], teacher.n_patterns
    width = teacher.navigator.width
    rollout = np.empty((n_cells, n_patterns), dtype=np.float32)
    norms = np.empty((n_cells, n_patterns), dtype=np.float32)
    total = np.zeros((n_patterns, width))
    squares = np.zeros((n_patterns, width, width))
    at_once = cells_at_once(n_patterns)
    for start in range(0, n_cells, at_once):
        cells = slice(start, start + at_once)
        batch = torch.from_numpy(expression[cells].toarray()).to(predictor.device)
        rollout[cells] = teacher.read(batch).rollout.cpu().numpy()
        tokens = teacher.navigator.raw_tokens(batch)
        heard = (tokens - tokens.mean(-1, keepdim=True)).transpose(0, 1)  # (pattern, cell, h)
        norms[cells] = heard.norm(dim=-1).T.cpu().numpy()
        total += heard.sum(1).cpu().numpy()
        squares += (heard.transpose(1, 2) @ heard).cpu().numpy()
        if progress is not None:
            progress(min(cells.stop, n_cells), n_cells)
    mean = total / n_cells
    covariance = squares / n_cells - mean[:, :, None] * mean[:, None, :]
    return TokenReading(rollout, norms, np.linalg.eigh(covariance)[1][:, :, -1])


def cells_at_once(n_patterns: int) -> int:
    """Return how many cells to read at once: fewer of many patterns, as attention is a square."""
    return max(1, min(READ_BATCH, READ_BATCH * READ_TOKENS**2 // (n_patterns + 1) ** 2))


def _with_counts(query: Query) -> np.ndarray:
    """Say which cells have a count in some gene of the model, bool ``(n_cells,)``."""
    found = np.zeros(query.source.n_cells, dtype=np.bool_)
    for start in range(0, len(found), ANNOTATE_AT_A_TIME):
        cells = slice(start, min(start + ANNOTATE_AT_A_TIME, len(found)))
        values = align(query.log1p(cells), query.match, linear=False, ordered=False)
        found[cells] = positive_in_row(values) > 0
    return found


def _predicted_types(query: Query, model: CellAnnotator) -> tuple[np.ndarray, tuple[str, ...]]:
    codes = own_types(query, Predictor(model, "student"))
    counts = np.bincount(codes[codes >= 0], minlength=len(model.classes_))
    kept = np.flatnonzero(counts >= MIN_CELLS)
    if len(kept) < 2:
        found = [f"{name!r} ({n})" for name, n in zip(model.classes_, counts, strict=True) if n]
        raise InputError(
            f"cells predicted as two types or more, {MIN_CELLS} cells of each",
            f"{', '.join(found) or 'none'} among {len(codes)} cells",
            "pass more cells, or labels_key with their types",
        )
    place = np.full(len(counts) + 1, -1)  # its last entry is for code -1
    place[kept] = np.arange(len(kept))
    return place[codes], tuple(model.classes_[code] for code in kept)
