"""The benchmark of the choice of genes from cells on disk to its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from toy import toy_reference


def test_from_cells_to_page(
    script: Callable[[str], ModuleType], tasks_of_one_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genes = script("genes")
    command = [
        "--data",
        str(tasks_of_one_file),
        "--out",
        str(tasks_of_one_file / "out"),
        "--sizes",
        "20",
        "40",
        "500",
    ]
    assert genes.main(command) == 0
    said = capsys.readouterr()
    assert "two: one batch" in said.err
    table = pd.read_csv(tasks_of_one_file / "out" / "genes.csv")
    assert set(table["task"]) == {"one"}
    assert set(table["batch"]) == {"donor 1", "donor 2"}
    assert set(table["n_genes"]) == {20, 40}  # there are no 500
    assert len(table) == 2 * 2 * 2 * 2
    assert (table["macro_f1"] > 0.6).all()  # of four types
    text = (tasks_of_one_file / "out" / "genes.md").read_text()
    assert said.out == text
    assert genes.main(["--page", "--out", str(tasks_of_one_file / "out")]) == 0
    assert capsys.readouterr().out == text


def test_the_held_out_batch_teaches_nothing(script: Callable[[str], ModuleType]) -> None:
    genes = script("genes")
    cells = toy_reference(180, 120, n_batches=3)
    cells.obs["batch"] = cells.obs["batch"].astype(str)
    reference = genes.in_log1p(cells)
    np.testing.assert_allclose(np.expm1(reference.X.toarray()).sum(1), 1e4, rtol=1e-4)
    rare = reference.obs["cell_type"].astype(str) == "NK cell"
    reference = reference[~rare | (reference.obs["batch"] == "donor 3")].copy()
    learned, asked = genes.sides(reference, "donor 3")
    assert set(asked.obs["batch"]) == {"donor 3"}
    assert "donor 3" not in set(learned.obs["batch"])
    assert "NK cell" not in set(asked.obs["cell_type"])  # nobody could know it

    rows = list(genes.measured(reference, "donor 3", [30]))
    choices = genes.chosen(learned, 30)
    assert all(len(places) == 30 for places in choices.values())
    for row in rows:
        places = choices[row["choice"]]
        found = genes.CLASSIFIERS[row["method"]](learned[:, places], asked[:, places])
        f1 = f1_score(asked.obs["cell_type"].astype(str), found, average="macro")
        assert row["macro_f1"] == pytest.approx(f1, abs=1e-5)


def test_sentences(script: Callable[[str], ModuleType]) -> None:
    page = script("genes_page")
    values = {"a": (0.5, 0.6), "b": (0.7, 0.65)}
    table = pd.DataFrame(
        [
            {"task": task, "batch": batch, "n_genes": 400, "choice": choice, "method": method}
            | {"macro_f1": value + shift, "accuracy": 0.5}
            for task, pair in values.items()
            for choice, value in zip((page.ALL, page.EXPRESSED), pair, strict=True)
            for method in (page.MEAN, page.RIDGE)
            for batch, shift in (("x", 0.1), ("y", -0.1))
        ]
    )
    text = page.page(table)
    assert "400 genes: plkd's choice gains +0.025 for the nearest type mean and +0.025" in text
    assert "Of 2 references 1 gain and 1 lose (mean of both classifiers)" in text
    assert "least `b` (-0.050), most `a` (+0.100)." in text
    assert "| 400, nearest type mean | 0.600 | 0.625 | +0.025 |" in text
    assert "| b, 400 | 0.700 | 0.650 | 0.700 | 0.650 |" in text
