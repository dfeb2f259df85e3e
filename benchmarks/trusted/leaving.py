"""Which types are left out of a task's reference, and the task without one of them.

The rule, which looks at no result: of the types with at least 5 % of the reference's cells, other
than its commonest, the one with the most query cells (at least 10; of equals the first by name).
Such a type is neither what most cells are nor one that the reference hardly has, and enough cells
of it are asked about. ``--types all`` takes every type with at least 10 query cells instead.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tasks import TaskData

if TYPE_CHECKING:
    import pandas as pd

FEWEST_QUERY_CELLS = 10
SMALLEST_SHARE = 0.05
RULE, ALL = "rule", "all"


def left_out_types(cells: TaskData, which: str = RULE) -> list[str]:
    """Return the types of a task that are left out in turn, the one of the rule first.

    Returns
    -------
    Nothing where the reference has fewer than three types: two have to stay. With "rule" one type,
    or none where no type meets the rule.
    """
    labels = cells.task.labels
    reference = cells.reference.obs[labels].astype(str).value_counts()
    query = cells.query.obs[labels].astype(str).value_counts()
    if len(reference) < 3:
        return []
    chosen = fitting_types(reference, query)[:1]
    if which == RULE:
        return chosen
    asked = sorted(name for name, n in query.items() if n >= FEWEST_QUERY_CELLS)
    return [*chosen, *(name for name in asked if name in reference and name not in chosen)]


def fitting_types(reference: pd.Series, query: pd.Series) -> list[str]:
    """Return the types that meet the rule, the one with the most query cells first.

    Parameters
    ----------
    reference, query
        How many cells each type has, by its name.
    """
    enough = SMALLEST_SHARE * reference.sum()
    commonest = min(reference.index, key=lambda name: (-reference[name], name))
    fitting = [
        name
        for name, n in query.items()
        if n >= FEWEST_QUERY_CELLS and name != commonest and reference.get(name, 0) >= enough
    ]
    return sorted(fitting, key=lambda name: (-query[name], name))


def without_type(cells: TaskData, name: str) -> TaskData:
    """Return a task whose reference lacks a type; its query is the same."""
    labels = cells.task.labels
    kept = (cells.reference.obs[labels].astype(str) != name).to_numpy()
    reference = cells.reference[kept].copy()
    reference.obs[labels] = reference.obs[labels].astype(str).astype("category")
    return replace(cells, reference=reference)


def model_name(task: str, left_out: str) -> str:
    """Return what the model of a task without a type is called where models are kept."""
    return f"{task}-without-{left_out}"
