"""The deepest cell type that each cell is surely of, by a hierarchy of types."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from plkd.data.gene_names import examples
from plkd.data.labels import label_text
from plkd.errors import InputError
from plkd.keys import DEFAULT_KEY, SlotNames
from plkd.model.manifest import installed_version
from plkd.tools.annotating import UNKNOWN
from plkd.tools.h5ad_output import annotation_of
from plkd.tools.smoothing import check_probabilities
from plkd.trust.hierarchy import MIN_CONFIDENCE, Hierarchy, build_hierarchy
from plkd.trust.parent_map import ParentMap, read_parent_map

if TYPE_CHECKING:
    from anndata import AnnData

CHUNK_SIZE = 65_536

AnyHierarchy: TypeAlias = str | Path | Mapping[str, str] | ParentMap
"""Where a hierarchy may come from: a file, a mapping from type to parent, or a map already read."""


def deepest_types(
    adata: AnnData,
    hierarchy: AnyHierarchy,
    *,
    min_confidence: float = MIN_CONFIDENCE,
    key_added: str = DEFAULT_KEY,
    copy: bool = False,
) -> AnnData | None:
    """Give each cell the deepest type of a hierarchy that it is surely of.

    A cell between CD4 and CD8 is still a T cell: probabilities of the types beneath a node add up,
    and an unsure cell is given the deepest node whose sum is high enough.

    Parameters
    ----------
    adata
        Annotated with ``plkd.tl.annotate(..., probabilities=True)``.
    hierarchy
        A table with the columns ``cell_type`` and ``parent`` (commas or tabs between), an ``.obo``
        file such as the Cell Ontology's, a mapping from type to parent, or what
        ``plkd.trust.parent_map.read_parent_map`` returned. The model's types are found by name or
        by identifier; one that is not there stands right beneath the top.
    min_confidence
        Probability that the type has to reach, in (0, 1].
    key_added
        The name under which ``tl.annotate`` wrote its results.
    copy
        Return a copy with the new slots and leave ``adata`` as it is.

    Returns
    -------
    The copy, or ``None`` when ``adata`` itself was changed. Written are

    ``obs['plkd_deepest']`` : categorical
        A type of the model, a node above one, or "unknown" where nothing below the top is sure.
        Cells that annotation called "unknown" stay so.
    ``obs['plkd_deepest_confidence']`` : float32
        Probability of that in [0, 1]; for cells that annotation called "unknown" 0.
    ``uns['plkd_hierarchy']`` : dict
        Where the hierarchy is from, ``min_confidence``, and the types that were not found in it.

    Raises
    ------
    InputError
        The hierarchy cannot be read, has a cycle or none of the model's types; the annotation has
        no probabilities or was not made by plkd; ``min_confidence`` is out of its range; a slot to
        be written holds something of the user's.

    Warns
    -----
    UserWarning
        If the hierarchy lacks some of the model's types.

    Notes
    -----
    Not in the paper. The rule is written at :meth:`plkd.trust.hierarchy.Hierarchy.deepest`. The
    sums are worth what the probabilities are worth: calibrated, ``min_confidence`` is a rate.
    """
    slots = SlotNames(key_added)
    classes, probabilities = _annotation(adata, slots)
    refuse_deepest_collisions(adata.obs, adata.uns, slots)
    asked = deepest_question(hierarchy, classes, min_confidence=min_confidence, stacklevel=3)
    codes, confidence = _in_chunks(asked, probabilities)
    silent = _silent(adata.obs, adata.uns[slots.provenance], classes, slots)
    target = (adata.to_memory() if adata.isbacked else adata.copy()) if copy else adata
    for name, values in deepest_columns(asked, codes, confidence, silent, slots).items():
        target.obs[name] = values
    target.uns[slots.hierarchy] = asked.as_uns()
    return target if copy else None


@dataclass(frozen=True)
class DeepestQuestion:
    """Which hierarchy is asked, and how sure a cell's type has to be."""

    hierarchy: Hierarchy
    source: str
    min_confidence: float

    def as_uns(self) -> dict[str, Any]:
        """Return where the types are from, for ``uns``."""
        return {
            "source": self.source,
            "min_confidence": float(self.min_confidence),
            "types_not_found": np.array(self.hierarchy.unplaced, dtype=object),
            "plkd_version": installed_version(),
        }

    def answer(
        self, probabilities: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the node of each cell, a place in the hierarchy's names, and its probability."""
        return self.hierarchy.deepest(probabilities, min_confidence=self.min_confidence)


def deepest_question(
    hierarchy: AnyHierarchy,
    classes: tuple[str, ...],
    *,
    min_confidence: float = MIN_CONFIDENCE,
    stacklevel: int = 2,
) -> DeepestQuestion:
    """Read a hierarchy and put a model's types into it.

    Raises
    ------
    InputError
        It cannot be read, has a cycle or none of the types.

    Warns
    -----
    UserWarning
        If it lacks some of the types.
    """
    source = as_parent_map(hierarchy)
    built = build_hierarchy(source, classes)
    if built.unplaced:
        warnings.warn(
            f"{len(built.unplaced)} of the model's {len(classes)} types are not in "
            f"{source.source} and stand right beneath the top: {examples(built.unplaced)}",
            UserWarning,
            stacklevel=stacklevel,
        )
    return DeepestQuestion(built, source.source, min_confidence)


def deepest_columns(
    asked: DeepestQuestion,
    codes: NDArray[np.int32],
    confidence: NDArray[np.float32],
    silent: NDArray[np.bool_],
    slots: SlotNames,
) -> dict[str, Any]:
    """Return the columns of ``obs``; cells that are ``silent`` are at the top."""
    import pandas as pd

    codes = np.where(silent, np.int32(0), codes)
    names = asked.hierarchy.names
    given = [names[code] for code in np.unique(codes)]
    return {
        slots.deepest: pd.Categorical(
            np.array(names, dtype=object)[codes], categories=list(dict.fromkeys(given))
        ),
        slots.deepest_confidence: np.where(silent, np.float32(0), confidence),
    }


def as_parent_map(hierarchy: AnyHierarchy) -> ParentMap:
    """Return the map that a user meant, read where it is a file.

    Raises
    ------
    InputError
        It cannot be read, has a cycle, or is none of these.
    """
    if isinstance(hierarchy, ParentMap):
        return hierarchy
    if isinstance(hierarchy, str | Path):
        return read_parent_map(hierarchy)
    if isinstance(hierarchy, Mapping):
        pairs = [(label_text(child), _parent(child, above)) for child, above in hierarchy.items()]
        return ParentMap.of(pairs, source="the hierarchy")
    raise InputError(
        "a file, a mapping or a ParentMap as the hierarchy",
        f"{type(hierarchy).__name__}",
        "pass the path of a table with the columns cell_type and parent",
    )


def _parent(child: Any, above: Any) -> str:
    """Return the parent's name; names may be numbers, those of clusters say."""
    name = label_text(above)
    if name and not isinstance(above, str | int | np.integer):
        raise InputError(
            f"the name of the one parent of {child!r} in the hierarchy",
            f"a {type(above).__name__}",
            "pass text; for several parents a table with a line for each, or ParentMap.of(pairs)",
        )
    return name


def _annotation(adata: AnnData, slots: SlotNames) -> tuple[tuple[str, ...], Any]:
    """Return the classes and, of each cell, their probabilities."""
    entry = annotation_of(adata.obs, adata.uns, slots)
    name = slots.probabilities
    if name not in adata.obsm:
        raise InputError(
            f"{name!r} in obsm",
            examples([str(key) for key in adata.obsm], 20) or "no slot",
            "annotate with probabilities=True (--probabilities)",
        )
    classes = tuple(str(each) for each in np.asarray(entry["classes"]))
    shape = adata.n_obs, len(classes)
    return classes, check_probabilities(adata.obsm[name], name, shape)


def _in_chunks(asked: DeepestQuestion, probabilities: Any) -> tuple[np.ndarray, np.ndarray]:
    codes = np.empty(len(probabilities), dtype=np.int32)
    confidence = np.empty(len(probabilities), dtype=np.float32)
    for start in range(0, len(probabilities), CHUNK_SIZE):
        cells = slice(start, start + CHUNK_SIZE)
        codes[cells], confidence[cells] = asked.answer(probabilities[cells])
    return codes, confidence


def _silent(
    obs: Any, said: Mapping[str, Any], classes: tuple[str, ...], slots: SlotNames
) -> np.ndarray:
    """Say which cells annotation called unknown, or which had no counts to go by."""
    silent = np.zeros(len(obs), dtype=bool)
    if slots.no_counts in obs:
        silent |= obs[slots.no_counts].to_numpy(dtype=bool)
    if slots.label in obs and UNKNOWN not in classes:
        silent |= (obs[slots.label].astype(str) == UNKNOWN).to_numpy()
    elif slots.novelty in obs and float(said.get("false_alarm") or 0) > 0:
        novelty = obs[slots.novelty].to_numpy(dtype=np.float64)
        silent |= novelty > 1 - float(said["false_alarm"])
    return silent


def refuse_deepest_collisions(obs: Any, uns: Mapping[str, Any], slots: SlotNames) -> None:
    """Refuse to write over slots of the user's; those of an earlier run are replaced.

    Parameters
    ----------
    obs, uns
        What holds the names of the columns, and ``uns``; of an AnnData or of an open file.
    slots
        Names of what will be written.

    Raises
    ------
    InputError
        Something stands there that plkd did not write.
    """
    entry = uns.get(slots.hierarchy)
    if isinstance(entry, Mapping) and {"plkd_version", "min_confidence"} <= set(entry):
        return
    names = (slots.deepest, slots.deepest_confidence)
    taken = [f"obs[{name!r}]" for name in names if name in obs]
    taken += [f"uns[{slots.hierarchy!r}]"] if entry is not None else []
    if taken:
        raise InputError(
            "free slots to write the deepest types to",
            f"{', '.join(taken)}, not written by plkd",
            "rename them, or annotate under another key_added",
        )
