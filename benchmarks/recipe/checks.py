"""What must be found in a downloaded file, said in one line where it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from recipe.sources import Expected

from plkd.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import scipy.sparse as sp
    from anndata import AnnData

LOOK = "look at the file: the publisher may have changed it, or the download is another data set"


def require_columns(table: pd.DataFrame, columns: Iterable[str], *, where: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    InputError
        Naming the columns that are missing and those that are there.
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"the column(s) {', '.join(missing)} in {where}",
            f"only {', '.join(map(str, table.columns[:20]))}",
            LOOK,
        )


def require_known(names: Sequence[str], known: Iterable[str], *, what: str, where: str) -> None:
    """Refuse names that are not among the known ones.

    Raises
    ------
    InputError
        Naming how many are unknown and the first.
    """
    have = set(known)
    strangers = [name for name in names if name not in have]
    if strangers:
        raise InputError(
            f"every {what} of {where}", f"{len(strangers)} without, {strangers[0]} first", LOOK
        )


def require_counts(matrix: sp.csr_matrix, *, where: str) -> None:
    """Refuse values that are not whole numbers from 0 on.

    Raises
    ------
    InputError
        Naming the first such value.
    """
    bad = (matrix.data < 0) | (matrix.data != np.rint(matrix.data))
    if bad.any():
        value = matrix.data[int(np.argmax(bad))]
        raise InputError(
            f"counts in {where}", f"{int(bad.sum())} other values, {value:g} first", LOOK
        )


def require_expected(adata: AnnData, expected: Expected, *, where: str) -> None:
    """Refuse data whose cells, genes or types are not as many as published, or have no symbols.

    Raises
    ------
    InputError
        Naming the first number that is out of its range.
    """
    found = {
        "cells": (adata.n_obs, expected.cells),
        "genes": (adata.n_vars, expected.genes),
        "types": (adata.obs["cell_type"].nunique(), expected.types),
    }
    for what, (number, (low, high)) in found.items():
        if not low <= number <= high:
            wanted = f"{low}" if low == high else f"{low} to {high}"
            raise InputError(f"{wanted} {what} in {where}", f"{number}", LOOK)
    accessions = adata.var_names.str.match(r"ENS[A-Z]*G\d{11}").mean()
    if accessions > 0.5:
        raise InputError(
            f"gene symbols in {where}", f"Ensembl names for {accessions:.0%} of the genes", LOOK
        )


def require_batches(adata: AnnData, batches: Sequence[str], *, where: str) -> None:
    """Refuse data whose batches are not those of the split.

    Raises
    ------
    InputError
        Naming both.
    """
    found = sorted(adata.obs["batch"].astype(str).unique())
    if found != sorted(batches):
        raise InputError(f"the batches {', '.join(sorted(batches))} in {where}", str(found), LOOK)
