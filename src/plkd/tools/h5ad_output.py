"""Add plkd's slots to an h5ad file, row by row where they are large."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.model.predict import Predictor
from plkd.tools.annotating import Answers
from plkd.tools.threads import RowsBehind, WriteBehind

PROVENANCE = frozenset({"plkd_version", "classes"})
"""What stands in an entry of ``uns`` that plkd wrote."""

JOIN_AGAIN = (
    "where slices were joined, join again with anndata.concat(..., uns_merge='same'); or drop "
    "these columns of obs, or annotate under another key_added"
)
"""What mends an annotation whose ``uns`` is gone; ``uns`` of several models are not the same."""


def lost_uns(names: SlotNames) -> str:
    """Return words for an annotation that ``uns`` does not tell of."""
    return f"whose uns[{names.provenance!r}] was lost: obs was copied or joined without uns"


def has_provenance(uns: Mapping[str, Any], names: SlotNames) -> bool:
    """Say whether ``uns`` tells that plkd annotated."""
    entry = uns.get(names.provenance)
    return isinstance(entry, Mapping) and set(entry) >= PROVENANCE


def has_annotation(obs: Container[str], names: SlotNames) -> bool:
    """Say whether all columns of ``obs`` are there that every annotation has."""
    return all(name in obs for name in (names.label, names.confidence, names.no_counts))


def refuse_collisions(
    obs: Iterable[str], obsm: Iterable[str], uns: Mapping[str, Any], names: SlotNames
) -> None:
    """Refuse to write over slots of the user's; plkd's own, from an earlier run, are replaced.

    Raises
    ------
    InputError
        A slot exists and ``uns`` does not say that plkd wrote it.
    """
    if has_provenance(uns, names):
        return
    entry, obs = uns.get(names.provenance), set(obs)
    taken = [f"obs[{n!r}]" for n in names.of_cells if n in obs]
    taken += [f"obsm[{n!r}]" for n in (names.embedding, names.probabilities) if n in set(obsm)]
    taken += [f"uns[{names.provenance!r}]"] if entry is not None else []
    if taken:
        joined = has_annotation(obs, names)
        why = lost_uns(names)
        raise InputError(
            "free slots to write the annotation to",
            f"{', '.join(taken)}, {why if joined else 'not written by plkd'}",
            JOIN_AGAIN if joined else "choose another key_added",
        )


def annotation_of(
    obs: Container[str], uns: Mapping[str, Any], names: SlotNames, columns: Iterable[str] = ()
) -> Mapping[str, Any]:
    """Return the entry of ``uns`` that plkd wrote when it annotated.

    Parameters
    ----------
    columns
        Columns of ``obs`` that have to be there as well.

    Raises
    ------
    InputError
        The cells are not annotated, or were joined without ``uns``.
    """
    absent = [name for name in columns if name not in obs]
    if has_provenance(uns, names) and not absent:
        return uns[names.provenance]
    found = f"no uns[{names.provenance!r}] of plkd's"
    mend = "run plkd.tl.annotate(..., probabilities=True) first, or pass its key_added"
    if absent:
        found = f"no obs[{absent[0]!r}]"
    elif has_annotation(obs, names):
        found = f"columns of obs {lost_uns(names)}"
        mend = JOIN_AGAIN
    raise InputError(f"the annotation of plkd under {names.key!r}", found, mend)


def later_steps(
    obs: Container[str], uns: Mapping[str, Any], names: SlotNames
) -> dict[str, tuple[str, str]]:
    """Return what plkd made of an earlier annotation, and what a new one makes outdated.

    Returns
    -------
    The entries of ``uns`` that are there with their columns of ``obs``, and these.
    """
    return {
        entry: columns
        for entry, columns in names.of_later_steps.items()
        if isinstance(uns.get(entry), Mapping) and all(name in obs for name in columns)
    }


def slots_of(file: h5py.File) -> tuple[list[str], list[str], Mapping[str, Any]]:
    """Return the names in ``obs`` and ``obsm`` of an open h5ad, and its ``uns``."""
    return list(file["obs"]), list(file.get("obsm", ())), file.get("uns", {})


class AnnotatedCopy(NamedTuple):
    """A copy of an h5ad file that a thread makes and fills."""

    answers: Answers
    """The wide parts go to the file, the rest are small arrays."""
    file: Callable[[], h5py.File]
    """Waits until all answers are in the file and returns it, open."""


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
    """Copy an h5ad file in a thread, which adds the answers while the cells are computed.

    Parameters
    ----------
    source, target
        The file to copy and the new file; it is closed at the end.
    n_cells, predictor, names, probabilities
        Shape, width and names of what is added.
    """
    files: list[h5py.File] = []

    def matrix(name: str, width: int) -> h5py.Dataset:
        made = files[0]["obsm"].create_dataset(name, (n_cells, width), dtype=np.float32)
        made.attrs["encoding-type"] = "array"
        made.attrs["encoding-version"] = "0.2.0"
        return made

    def file() -> h5py.File:
        behind.finish()
        return files[0]

    try:
        with WriteBehind() as behind:
            behind.copy(source, target)
            behind.do(lambda: files.append(_open_obsm(target, names)))
            embedding = RowsBehind(behind, lambda: matrix(names.embedding, predictor.width))
            shares = None
            if probabilities:
                shares = RowsBehind(behind, lambda: matrix(names.probabilities, predictor.n_types))
            answers = Answers.with_wide(n_cells, predictor, embedding, shares)
            yield AnnotatedCopy(answers, file)
    finally:
        for opened in files:
            opened.close()


def write_columns(
    file: h5py.File,
    columns: dict[str, Any],
    uns_key: str,
    uns: dict[str, Any],
    *,
    earlier: Iterable[str] = (),
) -> None:
    """Write columns of ``obs`` and one entry of ``uns``, replacing their earlier selves.

    Parameters
    ----------
    earlier
        Columns that an earlier run may have written; those that are not written now are removed.
    """
    from anndata.io import write_elem

    obs = file["obs"]
    stale = set(earlier) - set(columns)
    for name in stale & set(obs):
        del obs[name]
    order = [str(name) for name in obs.attrs.get("column-order", ()) if str(name) not in stale]
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
