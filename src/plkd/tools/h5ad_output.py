"""What plkd writes to an annotated query: which slots are free, and columns in a file."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any

import h5py
import numpy as np

from plkd.data.cell_files import uns_of
from plkd.errors import InputError
from plkd.keys import SlotNames

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


def slots_of(cells: Any) -> tuple[list[str], list[str], Mapping[str, Any]]:
    """Return the names in ``obs`` and ``obsm`` of an open file or store, and its ``uns``."""
    obsm = cells.get("obsm")
    return list(cells["obs"].keys()), [] if obsm is None else list(obsm.keys()), uns_of(cells)


def write_columns(
    file: Any,
    columns: dict[str, Any],
    uns_key: str,
    uns: dict[str, Any],
    *,
    earlier: Iterable[str] = (),
) -> None:
    """Write columns of ``obs`` and one entry of ``uns``, replacing their earlier selves.

    Parameters
    ----------
    file
        The h5ad file or zarr store, open to be changed.
    earlier
        Columns that an earlier run may have written; those that are not written now are removed.
    """
    from anndata.io import write_elem

    obs = file["obs"]
    stale = set(earlier) - set(columns)
    for name in stale & set(obs.keys()):
        del obs[name]
    order = [str(name) for name in obs.attrs.get("column-order", ()) if str(name) not in stale]
    for name, values in columns.items():
        if name in obs:
            del obs[name]
        write_elem(obs, name, values)
        if name not in order:
            order.append(name)
    in_file = isinstance(obs, h5py.Group)
    obs.attrs["column-order"] = np.array(order, dtype=h5py.string_dtype()) if in_file else order
    if "uns" not in file:
        write_elem(file, "uns", {})
    if uns_key in file["uns"]:
        del file["uns"][uns_key]
    write_elem(file["uns"], uns_key, uns)
