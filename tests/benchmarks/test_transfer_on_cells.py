"""The label-transfer benchmark from cells on disk to its files, on an easy made-up task."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from plkd.config import TrainConfig

TYPES, N_GENES = ("B", "NK", "T"), 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three types of 20 genes each; batches a and b teach, c is annotated."""
    rng = np.random.default_rng(0)
    codes = np.arange(240) % 3
    rates = np.where(np.arange(N_GENES) // 20 == codes[:, None], 4.0, 0.3)
    counts = sp.csr_matrix(rng.poisson(rates).astype(np.float32))
    obs = pd.DataFrame(
        {"kind": np.array(TYPES)[codes], "donor": np.array(list("abc"))[np.arange(240) // 3 % 3]},
        index=[f"cell{number}" for number in range(240)],
    )
    genes = [f"G{number}" for number in range(N_GENES)]
    anndata.AnnData(counts, obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(
        tmp_path / "cells.h5ad"
    )
    task = {
        "name": "easy",
        "reference": "cells.h5ad",
        "reference_batches": ["a", "b"],
        "query": "cells.h5ad",
        "query_batches": ["c"],
        "labels": "kind",
        "batch": "donor",
    }
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    sets = ("\t".join([f"set{n}", "-", *genes[10 * n : 10 * n + 15]]) for n in range(5))
    (tmp_path / "gene_sets").mkdir()
    (tmp_path / "gene_sets" / "reactome.gmt").write_text("\n".join(sets) + "\n")
    return tmp_path


def test_files_are_written_and_peers_kept(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    transfer = script("transfer")
    monkeypatch.setattr(transfer, "RESULTS", folder / "results")
    command = ["--data", str(folder), "--methods", "centroid", "mlp", "--seeds", "0", "1"]
    command += ["--out", str(folder / "out")]
    transfer.main(command)
    assert not (folder / "results").exists()
    kept = transfer.read_rows(folder / "out" / "peers.csv")
    assert [(row.method, row.seed) for row in kept] == [("centroid", 0), ("mlp", 0), ("mlp", 1)]
    shown = transfer.read_rows(folder / "out" / "transfer.csv")
    assert [(row.method, row.seed) for row in shown] == [
        (method, seed) for method in ("centroid", "mlp") for seed in (0, 1)
    ]
    assert all(row.macro_f1 > 0.9 for row in shown if row.method == "centroid")
    assert (folder / "out" / "transfer.png").stat().st_size > 0
    text = (folder / "out" / "transfer.md").read_text()
    assert re.search(r"^\| easy \| 1\.000 ± 0\.000 \|", text, re.M)

    monkeypatch.setattr(transfer, "run_task", lambda *_: pytest.fail("all rows are kept"))
    other = dataclasses.replace(shown[0], task="of another folder")
    transfer.write_rows(folder / "out" / "transfer.csv", [other, *shown])
    transfer.main(command)
    after = transfer.read_rows(folder / "out" / "transfer.csv")
    places = [
        [(row.task, row.method, row.seed) for row in rows] for rows in (after, [other, *shown])
    ]
    assert places[0] == places[1]


def test_a_measured_process_reports_memory_and_seconds(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    memory = script("transfer_memory")
    answer = memory.measured_here(folder, "easy", "centroid")
    assert 0.05 < answer["peak_gib"] < 64
    assert answer["fit_seconds"] >= 0

    def without(*_: object) -> object:
        raise ImportError("No module named 'nothing'")

    monkeypatch.setitem(script("transfer_methods").RELATIVES, "tosica-like", without)
    answer = memory.measured_here(folder, "easy", "tosica-like")
    assert answer == {"missing": "No module named 'nothing'"}


def test_the_plain_teacher_has_nothing_of_plkd_but_its_steps(
    script: Callable[[str], ModuleType],
) -> None:
    like = script("peers.tosica_like")
    plain, paper, ours = like.plain_training(), TrainConfig.paper(), TrainConfig()
    given = {"clustering_weight": 0.0, "balance": 1.0, "student_epochs": 1}
    for field in dataclasses.fields(TrainConfig):
        source = ours if field.name in like.OF_PLKD else paper
        expected = given.get(field.name, getattr(source, field.name))
        assert getattr(plain, field.name) == expected, field.name


def test_the_plain_teacher_learns_an_easy_task(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    like, tasks = script("peers.tosica_like"), script("tasks")
    training = like.plain_training()
    quick = dataclasses.replace(training, min_steps=30, teacher_epochs=12)
    monkeypatch.setattr(like, "plain_training", lambda: quick)
    cells = tasks.load_task(folder, tasks.read_tasks(folder)[0])
    found = like.tosica_like(cells, folder, 0)
    assert (found.labels == cells.query.obs["kind"].to_numpy().astype(str)).mean() > 0.9
    assert found.fit_seconds > 0
    assert found.predict_seconds > 0
