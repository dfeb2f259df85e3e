"""Labels smoothed over the neighbours of each spot or cell on a slice; only where asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plkd.data.batches import batches_of
from plkd.data.cell_files import (
    cells_target,
    changed_cells,
    is_stored,
    open_cells,
    replace_cells_when_done,
    uns_of,
)
from plkd.data.copying import copy_cells
from plkd.data.gene_names import examples
from plkd.errors import InputError
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.model.manifest import installed_version
from plkd.tools.annotating import UNKNOWN, labels_of
from plkd.tools.evaluate import read_obs
from plkd.tools.h5ad_output import annotation_of, write_columns
from plkd.tools.smoothing import (
    SmoothingSummary,
    check_coordinates,
    check_neighbourhood,
    check_probabilities,
    neighbour_shares,
    pooled,
)

if TYPE_CHECKING:
    from anndata import AnnData

N_NEIGHBORS = 6
WEIGHT = 0.7
"""0.7 and 0.8 measured alike on held-out slices of cortex (space.md); this is the lighter one."""
ALL = "all"


def smooth_labels(
    adata: AnnData,
    *,
    batch_key: str | None = None,
    weight: float = WEIGHT,
    n_neighbors: int | None = N_NEIGHBORS,
    radius: float | None = None,
    coordinates: str = "spatial",
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> AnnData | None:
    r"""Let the neighbours of each spot on its slice have a say in its label.

    Annotation looks at expression alone, and each spot by itself. Where types lie in layers or
    patches a spot is likely of its neighbours' type, and labels can be smoothed by that; where
    types lie scattered among each other, smoothing wipes out the rare ones. It is therefore never
    done unless this function is called, and what annotation said stays as it is.

    Parameters
    ----------
    adata
        Annotated with ``plkd.tl.annotate(..., probabilities=True)``, coordinates in ``obsm``.
        Slices annotated one by one are joined with ``anndata.concat(..., uns_merge="same")``.
    batch_key
        Column of ``obs`` with the slices, each of which has coordinates of its own; without it
        all cells are of one slice.
    weight
        How much the neighbours count against the spot itself, in [0, 1): 0 changes nothing, 0.5
        counts both alike. The default is the lighter of two that measured alike on slices of the
        reference of the DLPFC benchmark (``benchmarks/space.py``).
    n_neighbors
        The nearest so many cells; 6 are the next spots of Visium's hexagonal grid. None: all
        cells within ``radius``.
    radius
        No neighbour is farther away than this, in the units of the coordinates.
    coordinates
        Slot of ``obsm`` with the coordinates, ``(n_cells, 2)`` or more columns.
    key_added
        The name under which ``tl.annotate`` wrote its results.
    copy
        Return a copy with the new slots and leave ``adata`` as it is.

    Returns
    -------
    The copy, or ``None`` when ``adata`` itself was changed. Written are

    ``obs['plkd_label_smoothed']`` : categorical
        Cell type. A cell that annotation called "unknown" stays so and tells its neighbours
        nothing; annotate with ``false_alarm=0`` where every cell shall have a type.
    ``obs['plkd_confidence_smoothed']`` : float32
        Probability of that type in [0, 1], 0 for "unknown". Neighbours that agree do not raise it
        above what they say.
    ``uns['plkd_smoothing']`` : dict
        How it was done, and how many labels changed.

    Raises
    ------
    InputError
        The annotation has no probabilities, was not made by plkd, or lost its ``uns`` when slices
        were joined; there are no coordinates, or not one a cell; a cell has no slice; ``weight`` is
        not in [0, 1), or ``n_neighbors`` and ``radius`` name no neighbours; a slot to be written
        holds something of the user's.

    Notes
    -----
    Not in the paper, which annotates spots from expression alone. The rule, a logarithmic opinion
    pool, is written at :func:`plkd.tools.smoothing.pooled`: log-probabilities are averaged over
    the neighbours again and again, each spot holding on to its own with 1 − ``weight``. If the
    network were surer of everything by one factor (its temperature), the labels would be the same.
    """
    how = _How(batch_key, weight, n_neighbors, radius, coordinates, SlotNames(key_added))
    columns, summary = _smoothed(adata.obs, adata.obsm, adata.uns, how)
    target = (adata.to_memory() if adata.isbacked else adata.copy()) if copy else adata
    for name, values in columns.items():
        target.obs[name] = values
    target.uns[how.slots.smoothing] = summary.for_uns()
    return target if copy else None


def smooth_labels_file(
    path: str | Path,
    out: str | Path,
    *,
    batch_key: str | None = None,
    weight: float = WEIGHT,
    n_neighbors: int | None = N_NEIGHBORS,
    radius: float | None = None,
    coordinates: str = "spatial",
    key_added: str = DEFAULT_KEY,
    overwrite: bool = False,
) -> SmoothingSummary:
    """Smooth the labels of an annotated h5ad file or zarr store into a new one.

    Parameters
    ----------
    path, out
        The annotated h5ad file or zarr store and the new one, a zarr store where it is named
        ``.zarr``; the rest as in :func:`smooth_labels`.
    overwrite
        Replace ``out`` where it exists.

    Returns
    -------
    What was done, in plain numbers.

    Raises
    ------
    InputError
        As :func:`smooth_labels`; the input is absent, damaged, or neither h5ad nor zarr.
    OutputExistsError
        ``out`` exists and ``overwrite`` is not set.
    """
    source, out = Path(path), cells_target(out)
    how = _How(batch_key, weight, n_neighbors, radius, coordinates, SlotNames(key_added))
    with open_cells(source) as file:
        obsm = file.get("obsm", {})
        columns, summary = _smoothed(read_obs(source), obsm, _uns(file, how), how)
    with replace_cells_when_done(out, overwrite=overwrite, source=source) as partial:
        copy_cells(source, partial)
        with changed_cells(partial) as file:
            write_columns(file, columns, how.slots.smoothing, summary.for_uns())
    return summary


class _How(NamedTuple):
    """How labels are smoothed; the arguments of :func:`smooth_labels`."""

    batch_key: str | None
    weight: float
    n_neighbors: int | None
    radius: float | None
    coordinates: str
    slots: SlotNames


def _smoothed(
    obs: Any, obsm: Mapping[str, Any], uns: Mapping[str, Any], how: _How
) -> tuple[dict[str, Any], SmoothingSummary]:
    """Return the new columns of ``obs`` and what was done."""
    import pandas as pd

    check_neighbourhood(how.weight, how.n_neighbors, how.radius)
    classes, said = _annotation(obs, obsm, uns, how)
    _refuse_collisions(obs, uns, how.slots)
    where = check_coordinates(
        _slot(obsm, how.coordinates, "pass the slot with the coordinates of the cells"),
        how.coordinates,
        len(obs),
    )
    slices = pd.Series(ALL, index=obs.index)
    if how.batch_key is not None:
        slices = batches_of(obs, how.batch_key, "obs").astype(str)
    names = labels_of(classes)
    before = pd.Categorical(obs[how.slots.label].astype(str), categories=names).codes
    speaks = _speaking(obs, before, classes, how.slots)
    codes, found = pd.factorize(slices)
    shares = neighbour_shares(where, codes, speaks, n_neighbors=how.n_neighbors, radius=how.radius)
    answers, rounds = pooled(said, shares, how.weight)
    after = np.where(speaks, answers.argmax(1), names.index(UNKNOWN)).astype(np.int32)
    summary = SmoothingSummary(
        n_cells=len(obs),
        n_unknown=int(np.count_nonzero(~speaks)),
        n_changed=int(np.count_nonzero(after != before)),
        slices={str(name): int(n) for name, n in zip(found, np.bincount(codes), strict=True)},
        batch_key=how.batch_key,
        coordinates=how.coordinates,
        weight=float(how.weight),
        n_neighbors=how.n_neighbors,
        radius=None if how.radius is None else float(how.radius),
        mean_neighbors=round(shares.nnz / max(int(speaks.sum()), 1), 3),
        rounds=rounds,
        network=str(uns[how.slots.provenance].get("network", "")),
        model=str(uns[how.slots.provenance].get("model", "")),
        plkd_version=installed_version(),
    )
    kept = names if not speaks.all() else list(classes)
    columns = {
        how.slots.smoothed_label: pd.Categorical.from_codes(after, categories=kept),
        how.slots.smoothed_confidence: np.where(speaks, answers.max(1), 0).astype(np.float32),
    }
    return columns, summary


def _annotation(
    obs: Any, obsm: Mapping[str, Any], uns: Mapping[str, Any], how: _How
) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Return the classes and, of each cell, their probabilities."""
    entry = annotation_of(obs, uns, how.slots, (how.slots.label, how.slots.no_counts))
    classes = tuple(str(name) for name in np.asarray(entry["classes"]))
    slot = how.slots.probabilities
    mend = "annotate with probabilities=True (--probabilities)"
    return classes, check_probabilities(_slot(obsm, slot, mend), slot, (len(obs), len(classes)))


def _slot(obsm: Mapping[str, Any], name: str, mend: str) -> Any:
    """Return a slot of ``obsm``, of an AnnData or of an open file."""
    if name not in obsm:
        there = examples([str(key) for key in obsm], 20) or "no slot"
        raise InputError(f"{name!r} in obsm", there, mend)
    values = obsm[name]
    if is_stored(values):
        from anndata.io import read_elem

        return read_elem(values)
    return values


def _speaking(
    obs: Any, codes: NDArray[np.int64], classes: tuple[str, ...], slots: SlotNames
) -> NDArray[np.bool_]:
    """Say which cells have an answer of their own: counts, and a label that is a type.

    Raises
    ------
    InputError
        A label is neither a type of the model nor "unknown".
    """
    strange = obs[slots.label].astype(str)[codes < 0]
    if len(strange):
        raise InputError(
            f"types of the model in obs[{slots.label!r}]",
            examples(sorted(set(strange))),
            "annotate again: labels and probabilities are not of one run",
        )
    unknown = labels_of(classes).index(UNKNOWN)
    named = codes != unknown if UNKNOWN not in classes else np.ones(len(codes), dtype=bool)
    silent = obs[slots.no_counts]
    silent = silent.astype(object).where(silent.notna(), True)  # not annotated: no answer
    return np.asarray(named & ~silent.to_numpy(dtype=bool))


def _refuse_collisions(obs: Any, uns: Mapping[str, Any], slots: SlotNames) -> None:
    """Refuse to write over columns of the user's; those of an earlier run are replaced."""
    entry = uns.get(slots.smoothing)
    if isinstance(entry, Mapping) and {"plkd_version", "weight"} <= set(entry):
        return
    names = (slots.smoothed_label, slots.smoothed_confidence)
    taken = [f"obs[{name!r}]" for name in names if name in obs]
    taken += [f"uns[{slots.smoothing!r}]"] if entry is not None else []
    if taken:
        raise InputError(
            "free slots to write smoothed labels to",
            f"{', '.join(taken)}, not written by plkd",
            "rename them, or annotate under another key_added",
        )


def _uns(file: Any, how: _How) -> dict[str, Any]:
    """Read the two entries of ``uns`` that matter."""
    from anndata.io import read_elem

    wanted = (how.slots.provenance, how.slots.smoothing)
    return {name: read_elem(file["uns"][name]) for name in wanted if name in uns_of(file)}
