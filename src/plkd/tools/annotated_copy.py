"""A query on disk is copied while its cells are computed, and filled with the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from plkd.data.cell_files import changed_cells
from plkd.keys import SlotNames
from plkd.model.predict import Predictor
from plkd.tools.annotating import Answers
from plkd.tools.threads import RowsBehind, WriteBehind

ROWS_OF_PIECE = 16_384
"""Cells in a piece of a matrix that is written to a zarr store."""


class AnnotatedCopy(NamedTuple):
    """A copy of a query that a thread makes and fills."""

    answers: Answers
    """The wide parts go to the copy, the rest are small arrays."""
    cells: Callable[[], Any]
    """Waits until all answers are in the copy and returns it, open."""


@contextmanager
def annotated_copy(
    source: Path,
    target: Path,
    n_cells: int,
    predictor: Predictor,
    names: SlotNames,
    *,
    probabilities: bool,
) -> Iterator[AnnotatedCopy]:
    """Copy a query in a thread, which adds the answers while the cells are computed.

    Parameters
    ----------
    source, target
        The h5ad file or zarr store to copy and the new one, which is finished at a good end.
    n_cells, predictor, names, probabilities
        Shape, width and names of what is added.
    """
    opened: list[Any] = []

    def open_copy() -> None:
        opened.append(files.enter_context(changed_cells(target)))
        _make_room(opened[0], names)

    def matrix(name: str, width: int) -> Any:
        return _new_matrix(opened[0]["obsm"], name, (n_cells, width))

    def cells() -> Any:
        behind.finish()
        return opened[0]

    with ExitStack() as files, WriteBehind() as behind:
        behind.copy(source, target)
        behind.do(open_copy)
        embedding = RowsBehind(behind, lambda: matrix(names.embedding, predictor.width))
        shares = None
        if probabilities:
            shares = RowsBehind(behind, lambda: matrix(names.probabilities, predictor.n_types))
        yield AnnotatedCopy(Answers.with_wide(n_cells, predictor, embedding, shares), cells)


def _make_room(cells: Any, names: SlotNames) -> None:
    """See to it that there is ``obsm``, without the matrices of an earlier run."""
    from anndata.io import write_elem

    if "obsm" not in cells:
        write_elem(cells, "obsm", {})
    for name in (names.embedding, names.probabilities):
        if name in cells["obsm"]:
            del cells["obsm"][name]


def _new_matrix(group: Any, name: str, shape: tuple[int, int]) -> Any:
    """Make a matrix of float32 to be filled by rows."""
    if isinstance(group, h5py.Group):
        made = group.create_dataset(name, shape, dtype=np.float32)
    else:
        piece = min(max(shape[0], 1), ROWS_OF_PIECE), shape[1]
        made = group.create_array(name, shape=shape, chunks=piece, dtype=np.float32)
    made.attrs["encoding-type"] = "array"
    made.attrs["encoding-version"] = "0.2.0"
    return made
