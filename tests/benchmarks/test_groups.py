"""The benchmark of groups without networks from cells on disk to its page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from toy import toy_reference

DONORS = ["donor 1", "donor 2", "donor 3"]


def test_from_cells_to_page(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    tasks_of_one_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    groups = script("groups")
    monkeypatch.setattr(groups, "FEWEST_IN_QUERY", 10)
    out = tasks_of_one_file / "out"
    command = ["--data", str(tasks_of_one_file), "--out", str(out), "--sizes", "30", "1000"]
    assert groups.main(command) == 0
    said = capsys.readouterr()
    assert "two: one batch" in said.err
    table = pd.read_csv(out / "groups.csv")
    assert set(table["task"]) == {"one"}
    assert set(table["query"]) == {"donor 1", "donor 2"}
    assert table.groupby(["query", "left_out"]).size().nunique() == 1
    assert (table["n_axes"][table["cells"] == "30"] == 10).all()
    assert set(table["n_axes"][table["cells"] == "most"]) == {10, 20, 30}
    assert (table["n_cells"][table["cells"] == "30"] <= 30).all()
    most = table[table["cells"] == "most"]
    assert most["auroc_distance"].mean() > 0.8  # types of toy cells lie apart
    assert (most["n_new"] >= 10).all()
    assert most["groups_asked"].isin([0, 1]).all()
    text = (out / "groups.md").read_text()
    assert said.out == text
    assert groups.main(["--page", "--out", str(out)]) == 0
    assert capsys.readouterr().out == text


def test_the_left_out_type_is_in_the_query_alone(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = script("groups")
    monkeypatch.setattr(groups, "FEWEST_IN_QUERY", 10)
    cells = toy_reference(180, 120, n_batches=3)
    cells.obs["batch"] = cells.obs["batch"].astype(str)
    reference = script("genes").in_log1p(cells)
    found = list(groups.pairs(reference, "donor 3", ["donor 1", "donor 2"]))
    assert 1 <= len(found) <= groups.MOST_TYPES
    asked = [(pair.batches, pair.query) for pair in groups.every_pair(reference, DONORS)]
    assert list(dict.fromkeys(asked)) == [
        (("donor 2", "donor 3"), "donor 1"),
        (("donor 2",), "donor 1"),
        (("donor 1", "donor 3"), "donor 2"),
        (("donor 3",), "donor 2"),
        (("donor 1", "donor 2"), "donor 3"),
        (("donor 1",), "donor 3"),
    ]
    counts = reference.obs["cell_type"][reference.obs["batch"] != "donor 3"].value_counts()
    for pair in found:
        assert pair.left_out != counts.index[0]
        assert set(pair.asked.obs["batch"]) == {"donor 3"}
        assert set(pair.learned.obs["batch"]) == {"donor 1", "donor 2"}
        assert pair.left_out not in set(pair.learned.obs["cell_type"])
        cells, query, new = groups.drawn(pair, 40)
        assert len(cells) <= 40
        assert sorted(np.unique(cells.codes)) == list(range(cells.n_types))
        assert query.n_vars == cells.expression.shape[1]
        assert new.sum() == (pair.asked.obs["cell_type"] == pair.left_out).sum()


def test_a_query_far_off_is_judged_by_the_cells_alone(script: Callable[[str], ModuleType]) -> None:
    groups = script("groups")
    cells = toy_reference(360, 120, n_batches=2)
    cells.obs["batch"] = cells.obs["batch"].astype(str)
    reference = script("genes").in_log1p(cells)
    pair = next(groups.pairs(reference, "donor 2", ["donor 1"]))
    learned, query, new = groups.drawn(pair, 1000)
    near = groups.told(learned, query, new)
    moved = query.copy()
    rng = np.random.default_rng(0)
    moved.X = type(moved.X)(moved.X.toarray()[:, rng.permutation(moved.n_vars)])
    far = groups.told(learned, moved, new)
    assert (near["groups_asked"], far["groups_asked"]) == (1, 0)
    assert far["auroc"] == far["auroc_distance"]
    assert far["unknown_known_together"] == far["unknown_known_distance"]


def test_sentences(script: Callable[[str], ModuleType]) -> None:
    page = script("groups_page")
    rows = []
    for file, gain in (("a.h5ad", 0.1), ("b.h5ad", -0.02)):
        for cells, n_axes in (("200", 10), ("most", 10), ("most", 20)):
            rows.append(
                {
                    "file": file,
                    "task": "t",
                    "reference": "all others" if file == "a.h5ad" else "p",
                    "query": "q",
                    "left_out": "B",
                    "cells": cells,
                    "n_axes": n_axes,
                    "n_cells": 200 if cells == "200" else 1500,
                    "auroc_distance": 0.7,
                    "auroc_far": 0.8,
                    "auroc_crowded": 0.6,
                    "auroc": 0.7 + gain + (n_axes - 10) / 1000,
                    "unknown_known_distance": 0.05,
                    "unknown_known_together": 0.1 if cells == "200" else 0.04,
                    "unknown_new_distance": 0.2,
                    "unknown_new_together": 0.6,
                }
            )
    text = page.page(pd.DataFrame(rows))
    assert (
        "AUROC of 2 pairs of 2 files: 0.740 with groups, 0.700 by the distance of each cell alone; "
        "groups are better on 1 pairs. Of known cells 4.0 % are called unknown (5.0 % by distance "
        "alone), of new ones 60.0 % (20.0 %)." in text
    )
    assert (
        "From 200 cells (too few for plkd to ask groups): AUROC 0.740, known cells called unknown "
        "10.0 %, new ones 60.0 %." in text
    )
    assert "| a, several batches | 0.100 | 0.040 |" in text
    assert "From up to 1,500 cells (enough): AUROC 0.740" in text
    assert "AUROC along 10 axes, plkd's, 0.740; 0.750 along 20 axes." in text
    assert "| b, one batch | 0.680 | 0.690 |" in text
