"""Compare an annotation with the truth."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.metrics.classification import report

if TYPE_CHECKING:
    from plkd.metrics.results import ClassificationReport

PREDICTION_KEY = SlotNames().label
N_NAMED_TYPES = 5
N_NAMED_COLUMNS = 20


def evaluate(
    adata: Any, *, labels_key: str, prediction_key: str = PREDICTION_KEY
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

    Returns
    -------
    A ``plkd.metrics.ClassificationReport``: accuracy, macro F1, scores per type and per abundance
    group, confusion.

    Raises
    ------
    InputError
        If a column is not there or no cell has a true type.

    Warns
    -----
    UserWarning
        If no predicted type is the name of a true type.
    """
    return _compare(adata.obs, labels_key, prediction_key, "obs", stacklevel=3)


def evaluate_file(
    path: str | Path, *, labels_key: str, prediction_key: str = PREDICTION_KEY
) -> ClassificationReport:
    """Say how well the annotation in an h5ad file agrees with its true cell types.

    Only ``obs`` is read, so memory does not grow with the number of genes.

    Parameters
    ----------
    path
        An annotated h5ad file. It is not changed.
    labels_key
        Column of ``obs`` with the true types. Cells without one (None, NaN, "") are left out and
        counted.
    prediction_key
        Column of ``obs`` with the predicted types; the default is what ``plkd annotate`` writes.

    Returns
    -------
    A ``plkd.metrics.ClassificationReport``: accuracy, macro F1, scores per type and per abundance
    group, confusion.

    Raises
    ------
    InputError
        If the file cannot be read, a column is not there, or no cell has a true type.

    Warns
    -----
    UserWarning
        If no predicted type is the name of a true type.
    """
    obs = read_obs(Path(path))
    return _compare(obs, labels_key, prediction_key, f"obs of {path}", stacklevel=3)


def read_obs(path: Path) -> Any:
    """Read the table of cells of an h5ad file and nothing else of it.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    from anndata.io import read_elem

    from plkd.data.source import open_h5ad

    with open_h5ad(path) as file:
        try:
            return read_elem(file["obs"])
        except Exception as error:  # HDF5 raises many kinds, depending on where the damage is
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                expected=f"an h5ad file at {path} whose obs can be read",
                found=f"a damaged one ({why})",
                mend="copy or write the file again",
            ) from error


def _compare(
    obs: Any, labels_key: str, prediction_key: str, where: str, *, stacklevel: int
) -> ClassificationReport:
    truth = _column(obs, labels_key, where, "pass the column with the true types")
    predicted = _column(
        obs, prediction_key, where, "annotate first, or pass the column with the predicted types"
    )
    scores = report(truth.to_numpy(dtype=object), predicted.to_numpy(dtype=object))
    types = {score.type for score in scores.per_type}
    taken = [
        name for name, column in zip(scores.labels, scores.confusion.T, strict=True) if column.any()
    ]
    if types.isdisjoint(taken):
        warnings.warn(
            f"no predicted type is a true type, so every score is 0: '{labels_key}' holds "
            f"{_some(sorted(types))}; '{prediction_key}' holds {_some(taken)}",
            UserWarning,
            stacklevel=stacklevel,
        )
    return scores


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
