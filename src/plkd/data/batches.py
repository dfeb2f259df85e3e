"""The batch of each cell, as a column of ``obs`` says it."""

from __future__ import annotations

from typing import Any

from plkd.data.gene_names import examples
from plkd.errors import InputError


def batches_of(obs: Any, key: str, where: str) -> Any:
    """Return the batch of each cell.

    Parameters
    ----------
    obs
        The table of cells, a data frame.
    key
        Its column with the batches.
    where
        What the table is called in an error.

    Returns
    -------
    The column, a pandas Series.

    Raises
    ------
    InputError
        There is no such column, or a cell has no batch.
    """
    if key not in obs:
        there = [str(name) for name in obs.columns]
        raise InputError(
            f"a column {key!r} in {where}",
            examples(there, 20) or "no column",
            "pass the column with the batches as batch_key, or leave it out",
        )
    missing = int(obs[key].isna().sum()) + int((obs[key].astype(object) == "").sum())
    if missing:
        raise InputError(
            f"a batch for each of {len(obs)} cells in {where}, column {key!r}",
            f"none for {missing}",
            "fill the column, or leave those cells out",
        )
    return obs[key]
