"""Compare an annotation with the truth."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.metrics.classification import report
from plkd.metrics.codes import spelled_otherwise
from plkd.metrics.rejection import UNKNOWN
from plkd.tools.evaluating_trust import columns_of, key_of, trust_report

if TYPE_CHECKING:
    from plkd.metrics.results import ClassificationReport
    from plkd.tools.deepest_types import AnyHierarchy

PREDICTION_KEY = SlotNames().label
N_NAMED_TYPES = 5
N_NAMED_COLUMNS = 20


def evaluate(
    adata: Any,
    *,
    labels_key: str,
    prediction_key: str = PREDICTION_KEY,
    confidence_key: str | None = None,
    batch_key: str | None = None,
    hierarchy: AnyHierarchy | None = None,
) -> ClassificationReport:
    """Say how well the annotation of an AnnData agrees with its true cell types.

    Parameters
    ----------
    adata
        An annotated AnnData. It is not changed.
    labels_key
        Column of ``obs`` with the true types. Cells without one (None, NaN, "") are left out and
        counted.
    prediction_key
        Column of ``obs`` with the predicted types; the default is what ``tl.annotate`` writes.
    confidence_key
        Column of ``obs`` with the probability that the predicted type is right. By default the one
        that annotation wrote beside ``prediction_key``, if it is there.
    batch_key
        Column of ``obs`` with batches, by which the coverage of the sets is told as well.
    hierarchy
        Which type is a kind of which, as :func:`plkd.tl.deepest_types` takes it: near misses are
        then scored as well.

    Returns
    -------
    A ``plkd.metrics.ClassificationReport``: accuracy, macro F1, scores per type and per abundance
    group, confusion; in ``trust`` how many cells are "unknown" and what the others' labels,
    confidence and sets are worth, as far as annotation wrote them; in ``hierarchical`` scores in
    which a near miss counts (:func:`plkd.metrics.hierarchical_scores`).

    Raises
    ------
    InputError
        If a column is not there or no cell has a true type; a confidence is not in [0, 1]; there
        is a ``batch_key`` and no sets to be told by it; the hierarchy cannot be read, or has none
        of the types.

    Warns
    -----
    UserWarning
        If no predicted type is the name of a true type, or a true type differs from one of the
        model's only in case or white space, or the hierarchy lacks a type.
    """
    keys = _Keys(labels_key, prediction_key, confidence_key, batch_key)
    return _compare(adata.obs, adata.uns, keys, "obs", hierarchy, stacklevel=3)


def evaluate_file(
    path: str | Path,
    *,
    labels_key: str,
    prediction_key: str = PREDICTION_KEY,
    confidence_key: str | None = None,
    batch_key: str | None = None,
    hierarchy: AnyHierarchy | None = None,
) -> ClassificationReport:
    """Say how well the annotation in an h5ad file or zarr store agrees with its true cell types.

    Only ``obs`` is read, so memory does not grow with the number of genes.

    Parameters
    ----------
    path
        The annotated cells. They are not changed.
    labels_key
        Column of ``obs`` with the true types. Cells without one (None, NaN, "") are left out and
        counted.
    prediction_key
        Column of ``obs`` with the predicted types; the default is what ``plkd annotate`` writes.
    confidence_key
        Column of ``obs`` with the probability that the predicted type is right. By default the one
        that annotation wrote beside ``prediction_key``, if it is there.
    batch_key
        Column of ``obs`` with batches, by which the coverage of the sets is told as well.
    hierarchy
        Which type is a kind of which, as :func:`plkd.tl.deepest_types` takes it: near misses are
        then scored as well.

    Returns
    -------
    A ``plkd.metrics.ClassificationReport``: accuracy, macro F1, scores per type and per abundance
    group, confusion; in ``trust`` how many cells are "unknown" and what the others' labels,
    confidence and sets are worth, as far as annotation wrote them; in ``hierarchical`` scores in
    which a near miss counts (:func:`plkd.metrics.hierarchical_scores`).

    Raises
    ------
    InputError
        If the file cannot be read, a column is not there, or no cell has a true type; a confidence
        is not in [0, 1]; there is a ``batch_key`` and no sets to be told by it; the hierarchy
        cannot be read, or has none of the types.

    Warns
    -----
    UserWarning
        If no predicted type is the name of a true type, or a true type differs from one of the
        model's only in case or white space, or the hierarchy lacks a type.
    """
    obs = read_obs(Path(path))
    keys = _Keys(labels_key, prediction_key, confidence_key, batch_key)
    uns = _read_classes(Path(path), key_of(prediction_key, obs.columns))
    return _compare(obs, uns, keys, f"obs of {path}", hierarchy, stacklevel=3)


def read_obs(path: Path) -> Any:
    """Read the table of cells of an h5ad file or zarr store and nothing else of it.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    from anndata.io import read_elem

    from plkd.data.cell_files import open_cells

    with open_cells(path) as file:
        try:
            return read_elem(file["obs"])
        except Exception as error:  # of many kinds, depending on where the damage is
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                expected=f"cells at {path} whose obs can be read",
                found=f"a damaged one ({why})",
                mend="copy or write the file again",
            ) from error


class _Keys(NamedTuple):
    """Columns of ``obs``, as the arguments of :func:`evaluate` name them."""

    labels: str
    prediction: str
    confidence: str | None
    batch: str | None


def _compare(
    obs: Any,
    uns: Mapping[str, Any],
    keys: _Keys,
    where: str,
    hierarchy: AnyHierarchy | None,
    *,
    stacklevel: int,
) -> ClassificationReport:
    truth = _column(obs, keys.labels, where, "pass the column with the true types")
    predicted = _column(
        obs, keys.prediction, where, "annotate first, or pass the column with the predicted types"
    )
    for key, what in ((keys.confidence, "the confidence"), (keys.batch, "the batches")):
        if key is not None:
            _column(obs, key, where, f"pass the column with {what}, or leave it out")
    columns = columns_of(
        obs.columns,
        keys.labels,
        keys.prediction,
        confidence_key=keys.confidence,
        batch_key=keys.batch,
    )
    pair = truth.to_numpy(dtype=object), predicted.to_numpy(dtype=object)
    scores = report(*pair)
    _warn_of_strangers(scores, keys, stacklevel=stacklevel + 1)
    known_types = _classes(uns, key_of(keys.prediction, obs.columns))
    _warn_of_spelling(scores, keys, known_types or (), stacklevel=stacklevel + 1)
    near = None
    if hierarchy is not None:
        from plkd.tools.near_misses import near_misses

        near = near_misses(*pair, hierarchy, known_types or (), stacklevel=stacklevel + 1)
    return replace(scores, trust=trust_report(obs, columns, known_types), hierarchical=near)


def _classes(uns: Mapping[str, Any], key: str | None) -> tuple[str, ...] | None:
    """Return the model's types, where ``uns`` says which they were."""
    entry = uns.get(key or "")
    if not isinstance(entry, Mapping) or "classes" not in entry:
        return None
    return tuple(str(name) for name in np.asarray(entry["classes"]))


def _read_classes(path: Path, key: str | None) -> dict[str, Any]:
    """Read of ``uns`` the model's types and nothing else."""
    from anndata.io import read_elem

    from plkd.data.cell_files import open_cells

    with open_cells(path) as file:
        place = f"uns/{key}/classes"
        return {key: {"classes": read_elem(file[place])}} if key and place in file else {}


def _warn_of_strangers(scores: ClassificationReport, keys: _Keys, *, stacklevel: int) -> None:
    """Warn when no predicted type is the name of a true one."""
    types = {score.type for score in scores.per_type}
    taken = _predicted(scores)
    if types.isdisjoint(taken):
        warnings.warn(
            f"no predicted type is a true type, so every score is 0: '{keys.labels}' holds "
            f"{_some(sorted(types))}; '{keys.prediction}' holds {_some(taken)}",
            UserWarning,
            stacklevel=stacklevel,
        )


def _warn_of_spelling(
    scores: ClassificationReport, keys: _Keys, known_types: tuple[str, ...], *, stacklevel: int
) -> None:
    """Warn when true types are written in another way than the model writes them."""
    known = {*known_types, *_predicted(scores)} - ({UNKNOWN} - {*known_types})
    pairs = spelled_otherwise([score.type for score in scores.per_type], known)
    if pairs:
        more = f" and {len(pairs) - N_NAMED_TYPES} more" if len(pairs) > N_NAMED_TYPES else ""
        shown = ", ".join(f"'{true}' for '{name}'" for true, name in pairs[:N_NAMED_TYPES])
        warnings.warn(
            f"'{keys.labels}' writes {shown}{more}: only case or white space differ from the "
            "predicted types, yet these cells count as wrong; write both alike",
            UserWarning,
            stacklevel=stacklevel,
        )


def _predicted(scores: ClassificationReport) -> list[str]:
    """Return the names that some cell was given."""
    columns = zip(scores.labels, scores.confusion.T, strict=True)
    return [name for name, column in columns if column.any()]


def _column(obs: Any, key: str, where: str, mend: str) -> Any:
    if key not in obs.columns:
        names = [str(name) for name in obs.columns]
        found = f"the columns {_some(names, N_NAMED_COLUMNS)}" if names else "no column"
        raise InputError(expected=f"a column '{key}' in {where}", found=found, mend=mend)
    return obs[key]


def _some(names: list[str], most: int = N_NAMED_TYPES) -> str:
    more = len(names) - most
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return f"{shown} and {more} more" if more > 0 else shown
