"""Label-transfer tasks on real data: reference batches, and query batches never seen.

The data folder (``--data`` or the variable ``PLKD_DATA``) holds ``tasks.json`` and the ``.h5ad``
files that it names: counts in ``X``, symbols in ``var_names``. It is never part of the project.

What is done to every task, in this order:

1. The reference is the cells of ``reference_batches``, the query the cells of ``query_batches``.
2. Cells without a type name are left out of both: missing values, empty names, and the names
   NA, nan, none, unknown, unassigned in any case.
3. Types with fewer than 5 cells in the reference are left out of both.
4. Query cells whose type is then absent from the reference are left out (no method could be
   right on them; a type with no reference cell also has fewer than 5).
5. Nothing else: no cell filter, no gene filter. Counts stay counts, in all genes of the file.

Macro F1 is the mean over the types present in the query.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    import pandas as pd
    from anndata import AnnData

NAMELESS = frozenset({"", "na", "nan", "none", "unknown", "unassigned"})
MIN_REFERENCE_CELLS = 5


@dataclass(frozen=True)
class Task:
    """One line of ``tasks.json``: which batches teach and which are annotated."""

    name: str
    reference: str
    reference_batches: tuple[str, ...]
    query: str
    query_batches: tuple[str, ...]
    labels: str
    batch: str


@dataclass(frozen=True)
class TaskData:
    """The cells of a task: counts in ``X``, types in ``obs[labels]``, batches in ``obs[batch]``."""

    task: Task
    reference: AnnData
    query: AnnData


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Give a script the option ``--data``, whose default is the variable ``PLKD_DATA``."""
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("PLKD_DATA"),
        help="folder with tasks.json, the .h5ad files and gene_sets/ (default: $PLKD_DATA)",
    )


def data_folder(given: str | Path | None) -> Path:
    """Return the data folder.

    Raises
    ------
    SystemExit
        No folder was given, or it holds no ``tasks.json``.
    """
    if given is None:
        raise SystemExit("skipped: no data folder. Pass --data FOLDER or set PLKD_DATA.")
    folder = Path(given)
    if not (folder / "tasks.json").is_file():
        raise SystemExit(f"skipped: {folder} holds no tasks.json. Pass --data FOLDER.")
    return folder


def read_tasks(folder: Path, names: Sequence[str] | None = None) -> list[Task]:
    """Return the tasks of the folder, in the file's order, all of them or the named ones.

    Raises
    ------
    SystemExit
        A name is no task of the file.
    """
    lines: list[dict[str, Any]] = json.loads((folder / "tasks.json").read_text())
    tasks = [
        Task(
            name=line["name"],
            reference=line["reference"],
            reference_batches=tuple(line["reference_batches"]),
            query=line["query"],
            query_batches=tuple(line["query_batches"]),
            labels=line["labels"],
            batch=line["batch"],
        )
        for line in lines
    ]
    if names is None:
        return tasks
    known = {task.name for task in tasks}
    strangers = [name for name in names if name not in known]
    if strangers:
        raise SystemExit(f"no such task: {', '.join(strangers)}. Tasks: {', '.join(sorted(known))}")
    return [task for task in tasks if task.name in set(names)]


def distinct(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks without those that learn from the cells of an earlier one."""
    first = {(task.reference, task.reference_batches): task for task in reversed(tasks)}
    return [task for task in tasks if task in first.values()]


def load_tasks(folder: Path, names: Sequence[str] | None = None) -> Iterator[TaskData]:
    """Yield each task with its cells, one in memory at a time."""
    for task in read_tasks(folder, names):
        yield load_task(folder, task)


def load_task(folder: Path, task: Task) -> TaskData:
    """Return reference and query of one task by the rules at the head of this file.

    Raises
    ------
    SystemExit
        No cell is left on one side, which means that batches or labels are misnamed.
    """
    import anndata

    whole = anndata.read_h5ad(folder / task.reference)
    other = whole if task.query == task.reference else anndata.read_h5ad(folder / task.query)
    reference = _cells_of(whole, task.batch, task.reference_batches)
    query = _cells_of(other, task.batch, task.query_batches)
    counts = type_names(reference.obs[task.labels]).value_counts()
    kept = set(counts.index[counts >= MIN_REFERENCE_CELLS])
    reference, query = (_keep_types(side, task.labels, kept) for side in (reference, query))
    if not (reference.n_obs and query.n_obs):
        raise SystemExit(f"{task.name}: no cell left; check its batches and labels in tasks.json")
    return TaskData(task, reference, query)


def type_names(column: pd.Series) -> pd.Series:
    """Return type names as text, with missing values where a cell has no name."""
    text = column.astype("object").astype("str").str.strip()
    nameless = column.isna().to_numpy() | text.str.lower().isin(NAMELESS).to_numpy()
    return text.mask(nameless)


def gene_set_file(folder: Path, gene_names: Sequence[str]) -> Path:
    """Return the Reactome file of the organism whose symbols these are.

    Human symbols are written in capitals, mouse symbols with one capital.
    """
    lettered = [name for name in gene_names if any(c.isalpha() for c in name[1:])]
    capitals = sum(name.upper() == name for name in lettered)
    human = 2 * capitals >= len(lettered)
    return folder / "gene_sets" / ("reactome.gmt" if human else "m_reactome.gmt")


def _cells_of(adata: AnnData, batch: str, batches: Sequence[str]) -> AnnData:
    return adata[adata.obs[batch].astype(str).isin(list(batches)).to_numpy()]


def _keep_types(adata: AnnData, labels: str, kept: set[str]) -> AnnData:
    names = type_names(adata.obs[labels])
    rows = names.isin(list(kept)).to_numpy()
    side = adata[rows].copy()
    side.obs[labels] = names[rows].to_numpy(dtype=object)
    side.obs[labels] = side.obs[labels].astype("category")
    return side
