"""The cells of several inputs as one table: stacked, or paired by their names."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from plkd.data.gene_names import duplicated, examples
from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.tools.h5ad_output import has_annotation, has_provenance

if TYPE_CHECKING:
    from plkd.tools.joint_inputs import JointInput


def with_whole(obs: Any, whole: Any) -> Any:
    """Add the columns of a MuData's own table that the modality's lacks and no modality owns.

    Raises
    ------
    InputError
        A name stands twice in the MuData's table.
    """
    obs = obs.copy()
    if whole is None:
        return obs
    if not whole.index.is_unique:
        raise InputError(
            "a name of its own for each cell of a MuData",
            f"{examples(duplicated(list(map(str, whole.index))))} more than once",
            "make the names unique: mdata.obs_names_make_unique()",
        )
    for column in whole.columns:
        if column not in obs and ":" not in str(column):
            obs[column] = whole[column].reindex(obs.index).array
    return obs


def own_obs(obs: Any, uns: Mapping[str, Any], name: str, slots: SlotNames) -> Any:
    """Return the table without plkd's column of an earlier run; refuse the user's of its name.

    Cells that were annotated and then joined by ``anndata.concat`` have plkd's columns, and no
    ``uns``.

    Raises
    ------
    InputError
        A column to be written is there, and not plkd's.
    """
    ours = has_provenance(uns, slots) or (
        has_annotation(obs, slots) and pd.api.types.infer_dtype(obs[slots.no_counts]) == "boolean"
    )
    taken = [slots.layer] * (slots.layer in obs) + [slots.no_counts] * (
        slots.no_counts in obs and not ours
    )
    if taken:
        raise InputError(
            f"free columns of obs in {name!r} to write to",
            f"{examples(taken)}, not written by plkd",
            "choose another key_added",
        )
    return obs.drop(columns=[slots.no_counts], errors="ignore")


def stacked_obs(inputs: Sequence[JointInput], layer: str) -> pd.DataFrame:
    """Put the tables of cells under one another.

    Parameters
    ----------
    inputs
        The inputs, in order.
    layer
        Column to write the name of each cell's input to, categorical.

    Returns
    -------
    A row for each cell of each input, in order; a column that an input lacks is missing there. A
    name that cells of several inputs bear gets that of its input behind it, ``"cell-input"``;
    others stay as they are.
    """
    import anndata

    names = [each.name for each in inputs]
    tables = [each.obs.copy() for each in inputs]
    for table, cells in zip(tables, distinct_names([t.index for t in tables], names), strict=True):
        table.index = pd.Index(cells)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about columns that are missing in some
        parts = {
            name: anndata.AnnData(obs=table) for name, table in zip(names, tables, strict=True)
        }
        obs = anndata.concat(parts, join="outer", label=layer).obs
    return _writable(obs)


def paired_obs(inputs: Sequence[JointInput]) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Put the tables of the same cells beside one another.

    Parameters
    ----------
    inputs
        The modalities; their cells bear the same names, in any order.

    Returns
    -------
    A row for each cell, in the order of the first input, and the positions of these cells in each
    input. A column that is the same in all inputs that have it stands once, one that differs once
    for each, as ``"input:column"``.

    Raises
    ------
    InputError
        A name stands twice in one input, or a cell is not in all inputs.
    """
    first = inputs[0].obs.index
    orders = [_order(first, inputs[0].name, each) for each in inputs]
    tables = {each.name: each.obs.iloc[order] for each, order in zip(inputs, orders, strict=True)}
    columns: dict[str, Any] = {}
    for column in dict.fromkeys(column for table in tables.values() for column in table.columns):
        having = {name: table[column] for name, table in tables.items() if column in table}
        one, *others = having.values()
        if all(_same(one, other) for other in others):
            columns[str(column)] = one
        else:
            columns |= {f"{name}:{column}": values for name, values in having.items()}
    return _writable(pd.DataFrame(columns, index=first.copy())), orders


def distinct_names(indexes: Sequence[pd.Index], names: Sequence[str]) -> list[list[str]]:
    """Return the names of the cells of several inputs, changed only where two would be the same.

    Parameters
    ----------
    indexes
        Names of the cells of each input.
    names
        Names of the inputs.
    """
    once = [cell for index in indexes for cell in index.unique()]
    shared = set(duplicated(once))
    taken = set(once) - shared
    given: set[str] = set()
    made = []
    for index, name in zip(indexes, names, strict=True):
        cells = []
        for cell in index:
            wanted = free = f"{cell}-{name}" if cell in shared else str(cell)
            n = 0
            while free in given or (free in taken and free != cell):
                n += 1
                free = f"{wanted}-{n}"
            given.add(free)
            cells.append(free)
        made.append(cells)
    return made


def _order(cells: pd.Index, first: str, other: JointInput) -> np.ndarray:
    index = other.obs.index
    twice = duplicated([str(cell) for cell in index])
    if twice:
        raise InputError(
            f"a name of its own for each cell of {other.name!r}, to pair cells by",
            f"{examples(twice)} more than once",
            "make the names unique: adata.obs_names_make_unique()",
        )
    unshared = {
        first: cells.difference(index, sort=False),
        other.name: index.difference(cells, sort=False),
    }
    found = [
        f"{examples(list(only))} only in {name!r}" for name, only in unshared.items() if len(only)
    ]
    if found:
        raise InputError(
            f"the same cells in {first!r} and {other.name!r}, by obs_names",
            "; ".join(found),
            "keep the cells that all inputs have, or integrate them unpaired",
        )
    return np.asarray(index.get_indexer(cells))


def _same(one: pd.Series, other: pd.Series) -> bool:
    a, b = one.astype(object).to_numpy(), other.astype(object).to_numpy()
    gone = pd.isna(a)
    return bool(np.array_equal(gone, pd.isna(b)) and np.array_equal(a[~gone], b[~gone]))


def _writable(obs: pd.DataFrame) -> pd.DataFrame:
    """Return the table with columns of one kind each: h5ad files hold no others."""
    for name in obs.columns:
        values = obs[name]
        if isinstance(values.dtype, pd.CategoricalDtype) and _is_mixed(values.cat.categories):
            values = values.astype(object)
            obs[name] = values
        if not pd.api.types.is_object_dtype(values.dtype):
            continue
        kept = values.dropna()
        if all(isinstance(value, bool | np.bool_) for value in kept):
            obs[name] = values.astype("boolean")
        elif not all(isinstance(value, str) for value in kept):
            obs[name] = values.where(values.isna(), values.astype(str))
    return obs


def _is_mixed(categories: pd.Index) -> bool:
    objects = pd.api.types.is_object_dtype(categories.dtype)
    return objects and not all(isinstance(value, str) for value in categories)
