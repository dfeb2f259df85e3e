"""The benchmark of the number of genes from cells on disk to its page."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest


def test_from_cells_to_page(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    tasks_of_one_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    numbers = script("number_of_genes")
    command = ["--data", str(tasks_of_one_file), "--out", str(tasks_of_one_file / "out")]
    with pytest.raises(SystemExit, match="nothing to show"):
        numbers.main(command)  # 120 genes are no choice
    assert "one: 120 genes, no choice" in capsys.readouterr().err

    choice = import_module("plkd.data.number_of_genes")
    monkeypatch.setattr(choice, "FEWER", 15)
    monkeypatch.setattr(choice, "MORE", 60)
    monkeypatch.setattr(numbers, "DRAWN", (50, 500))
    monkeypatch.setattr(numbers, "SEEDS", (0, 1))
    assert numbers.main(command) == 0
    table = pd.read_csv(tasks_of_one_file / "out" / "number_of_genes.csv")
    assert table["batches"].unique().tolist() == ["donor 1", "donor 2", "donor 1 + donor 2"]
    assert set(table["cells"]) == {"all", "50"}  # there are no 500
    assert set(table["n_genes"]) == {15, 60}
    each = table.groupby(["batches", "held_out"]).size().to_dict()
    assert each == {
        ("donor 1", "cells"): 6,
        ("donor 2", "cells"): 6,
        ("donor 1 + donor 2", "cells"): 6,
        ("donor 1 + donor 2", "batches"): 6,
    }
    text = (tasks_of_one_file / "out" / "number_of_genes.md").read_text()
    assert capsys.readouterr().out == text
    assert numbers.main(["--page", "--out", str(tasks_of_one_file / "out")]) == 0
    assert capsys.readouterr().out == text


def test_batches_are_held_out_whole(script: Callable[[str], ModuleType]) -> None:
    batches = np.repeat([*"abcdefg"], 4)
    folds = script("number_of_genes").batch_folds(batches)
    assert len(folds) == 5
    assert sorted(np.concatenate([asked for _, asked in folds])) == list(range(28))
    for learned, asked in folds:
        assert not set(batches[learned]) & set(batches[asked])


def test_sentences(script: Callable[[str], ModuleType]) -> None:
    page = script("number_of_genes_page")
    rows = []
    for batches, cells, gains in (
        ("a", "all", {"cells": 0.03}),
        ("a + b", "all", {"cells": 0.01, "batches": -0.02}),
        ("a", "200", {"cells": 0.04}),
    ):
        head = {"file": "x.h5ad", "batches": batches, "cells": cells, "seed": 0}
        for held_out, gain in gains.items():
            for genes, f1 in (("fewer", 0.5), ("more", 0.5 + gain)):
                rows.append({**head, "held_out": held_out, "genes": genes, "macro_f1": f1})
    text = page.page(pd.DataFrame(rows))
    assert (
        "`x.h5ad`: more genes gain +0.020 on held-out cells (+0.010 to +0.030; 1 of 2 sets of "
        "batches gain 0.02) and -0.020 on held-out batches (-0.020 to -0.020; 0 of 1 sets of "
        "batches gain 0.02)." in text
    )
    assert "| x.h5ad, 200 | +0.040 (+0.040 to +0.040) | 1 of 1 | – | – |" in text
    assert "| a + b | 0.500 | 0.510 | 0.500 | 0.480 |" in text
    assert "| a | 0.500 | 0.530 | – | – |" in text
