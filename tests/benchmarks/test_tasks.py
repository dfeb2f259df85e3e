"""The rules of the label-transfer tasks, on a small made-up data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

# type: (cells in the reference, cells in the query)
CELLS: dict[object, tuple[int, int]] = {
    "B": (7, 3),
    "NK": (5, 2),
    "rare": (4, 2),
    "new": (0, 3),
    "Unknown": (6, 2),
    " nan ": (5, 1),
    "NA": (5, 1),
    "unassigned": (5, 1),
    None: (5, 2),
}


@pytest.fixture
def tasks(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("tasks")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    types, batches = [], []
    for name, (n_reference, n_query) in CELLS.items():
        types += [name] * (n_reference + n_query)
        batches += ["old1", "old2"] * n_reference  # alternate, cut below
        batches = batches[: len(types) - n_query] + ["fresh"] * n_query
    types += ["B"] * 4
    batches += ["other"] * 4
    counts = sp.csr_matrix(rng.poisson(1.0, (len(types), 6)).astype(np.float32))
    adata = anndata.AnnData(
        counts,
        obs=pd.DataFrame(
            {"cell_type": pd.Categorical(types), "batch": batches},
            index=[f"cell{i}" for i in range(len(types))],
        ),
        var=pd.DataFrame(index=[f"GENE{i}" for i in range(6)]),
    )
    adata.write_h5ad(tmp_path / "cells.h5ad")
    line = {
        "name": "a:task",
        "reference": "cells.h5ad",
        "reference_batches": ["old1", "old2"],
        "query": "cells.h5ad",
        "query_batches": ["fresh"],
        "labels": "cell_type",
        "batch": "batch",
    }
    (tmp_path / "tasks.json").write_text(json.dumps([line, line | {"name": "b:task"}]))
    return tmp_path


def test_types_are_kept_by_the_rules(tasks: ModuleType, folder: Path) -> None:
    task = tasks.read_tasks(folder)[0]
    data = tasks.load_task(folder, task)
    assert data.reference.obs["cell_type"].value_counts().to_dict() == {"B": 7, "NK": 5}
    assert data.query.obs["cell_type"].value_counts().to_dict() == {"B": 3, "NK": 2}


def test_batches_do_not_mix(tasks: ModuleType, folder: Path) -> None:
    data = tasks.load_task(folder, tasks.read_tasks(folder)[0])
    assert set(data.reference.obs["batch"]) == {"old1", "old2"}
    assert set(data.query.obs["batch"]) == {"fresh"}
    assert not set(data.reference.obs_names) & set(data.query.obs_names)


def test_counts_stay_as_they_are(tasks: ModuleType, folder: Path) -> None:
    whole = anndata.read_h5ad(folder / "cells.h5ad")
    data = tasks.load_task(folder, tasks.read_tasks(folder)[0])
    for side in (data.reference, data.query):
        assert list(side.var_names) == list(whole.var_names)
        assert (side.X != whole[side.obs_names].X).nnz == 0


def test_named_tasks_come_in_the_order_of_the_file(tasks: ModuleType, folder: Path) -> None:
    names = [t.name for t in tasks.read_tasks(folder, ["b:task", "a:task"])]
    assert names == ["a:task", "b:task"]
    assert [d.task.name for d in tasks.load_tasks(folder, ["b:task"])] == ["b:task"]
    with pytest.raises(SystemExit, match="no such task: c"):
        tasks.read_tasks(folder, ["c"])


@pytest.mark.parametrize("given", [None, "an/absent/folder"])
def test_an_absent_folder_is_said(tasks: ModuleType, given: str | None) -> None:
    with pytest.raises(SystemExit, match="skipped"):
        tasks.data_folder(given)


def test_misnamed_batches_are_said(tasks: ModuleType, folder: Path) -> None:
    line = json.loads((folder / "tasks.json").read_text())[0] | {"query_batches": ["freshh"]}
    (folder / "tasks.json").write_text(json.dumps([line]))
    with pytest.raises(SystemExit, match="no cell left"):
        tasks.load_task(folder, tasks.read_tasks(folder)[0])


@pytest.mark.parametrize(
    ("names", "file"),
    [
        (["CD3E", "MS4A1", "HLA-DRA", "C1orf56"], "reactome.gmt"),
        (["Cd3e", "Ms4a1", "H2-Aa", "Xkr4"], "m_reactome.gmt"),
    ],
)
def test_organism_is_read_from_the_symbols(tasks: ModuleType, names: list[str], file: str) -> None:
    assert tasks.gene_set_file(Path("folder"), names) == Path("folder/gene_sets") / file
