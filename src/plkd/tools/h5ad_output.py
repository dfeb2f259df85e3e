"""Add plkd's slots to an h5ad file, row by row where they are large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.model.predict import Predictor
from plkd.tools.annotating import Answers
from plkd.tools.threads import RowsBehind, WriteBehind

PROVENANCE = frozenset({"plkd_version", "classes"})
"""What stands in an entry of ``uns`` that plkd wrote."""


def refuse_collisions(
    obs: Iterable[str], obsm: Iterable[str], uns: Mapping[str, Any], names: SlotNames
) -> None:
    """Refuse to write over slots of the user's; plkd's own, from an earlier run, are replaced.

    Raises
    ------
    InputError
        A slot exists and ``uns`` does not say that plkd wrote it.
    """
    entry = uns.get(names.provenance)
    if isinstance(entry, Mapping) and set(entry) >= PROVENANCE:
        return
    taken = [
        f"obs[{n!r}]" for n in (names.label, names.confidence, names.no_counts) if n in set(obs)
    ]
    taken += [f"obsm[{n!r}]" for n in (names.embedding, names.probabilities) if n in set(obsm)]
    taken += [f"uns[{names.provenance!r}]"] if entry is not None else []
    if taken:
        raise InputError(
            "free slots to write the annotation to",
            f"{', '.join(taken)}, not written by plkd",
            "choose another key_added",
        )


def slots_of(file: h5py.File) -> tuple[list[str], list[str], Mapping[str, Any]]:
    """Return the names in ``obs`` and ``obsm`` of an open h5ad, and its ``uns``.

    Raises
    ------
    InputError
        The file has a layout that anndata has not written since version 0.7.
    """
    if not isinstance(file.get("obs"), h5py.Group):
        raise InputError(
            "an h5ad file written by anndata 0.7 or later",
            f"an older one, {file.filename}",
            "read it with anndata.read_h5ad and write it again",
        )
    return list(file["obs"]), list(file.get("obsm", ())), file.get("uns", {})


class AnnotatedCopy:
    """A copy of an h5ad file, made and filled in a thread while the cells are computed.

    Parameters
    ----------
    source, target
        The file to copy and the new file.
    n_cells, predictor, names, probabilities
        Shape, width and names of what is added.
    """

    def __init__(
        self,
        source: Path,
        target: Path,
        n_cells: int,
        predictor: Predictor,
        names: SlotNames,
        *,
        probabilities: bool,
    ) -> None:
        self._behind = WriteBehind()
        self._behind.copy(source, target)
        self._opened = self._behind.do(lambda: _open_obsm(target, names))
        embedding = self._rows(names.embedding, (n_cells, predictor.width))
        shares = None
        if probabilities:
            shares = self._rows(names.probabilities, (n_cells, predictor.n_types))
        self.answers = Answers(
            codes=np.empty(n_cells, dtype=np.int32),
            confidence=np.empty(n_cells, dtype=np.float32),
            no_counts=np.empty(n_cells, dtype=bool),
            embedding=embedding,
            probabilities=shares,
        )
        """The wide parts go to the file, the rest are small arrays."""

    def __enter__(self) -> AnnotatedCopy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._behind.__exit__(kind, error, trace)
        if self._opened.done() and not self._opened.cancelled() and not self._opened.exception():
            self._opened.result().close()

    def file(self) -> h5py.File:
        """Wait until all answers are in the file and return it, open."""
        self._behind.finish()
        return self._opened.result()

    def _rows(self, name: str, shape: tuple[int, int]) -> RowsBehind:
        def table() -> h5py.Dataset:
            matrix = self._opened.result()["obsm"].create_dataset(name, shape, dtype=np.float32)
            matrix.attrs["encoding-type"] = "array"
            matrix.attrs["encoding-version"] = "0.2.0"
            return matrix

        return RowsBehind(self._behind, table)


def write_columns(
    file: h5py.File, columns: dict[str, Any], uns_key: str, uns: dict[str, Any]
) -> None:
    """Write columns of ``obs`` and one entry of ``uns``, replacing their earlier selves."""
    from anndata.io import write_elem

    obs = file["obs"]
    order = [str(name) for name in obs.attrs.get("column-order", ())]
    for name, values in columns.items():
        if name in obs:
            del obs[name]
        write_elem(obs, name, values)
        if name not in order:
            order.append(name)
    obs.attrs["column-order"] = np.array(order, dtype=h5py.string_dtype())
    if "uns" not in file:
        write_elem(file, "uns", {})
    if uns_key in file["uns"]:
        del file["uns"][uns_key]
    write_elem(file["uns"], uns_key, uns)


def _open_obsm(path: Path, names: SlotNames) -> h5py.File:
    """Open an h5ad file to write, with ``obsm`` and without the matrices of an earlier run."""
    from anndata.io import write_elem

    file = h5py.File(path, "r+")
    if "obsm" not in file:
        write_elem(file, "obsm", {})
    for name in (names.embedding, names.probabilities):
        if name in file["obsm"]:
            del file["obsm"][name]
    return file
