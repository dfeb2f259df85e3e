"""The benchmark of labels that other batches contradict, on toy cells whose types are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from toy import toy_reference, without_a_name

Script = Callable[[str], ModuleType]
AS_IT_IS, LACKING = "as it is", "truly lacking"
AS_MANY, MOSTLY = "another's name", "another's name, three quarters"
ALL = "another's name, all"


@pytest.fixture
def table(script: Script) -> pd.DataFrame:
    """The rows of two references: one in which all batches name cells alike, one in which not."""
    contradicted = script("contradicted")
    cells = toy_reference(900, n_types=6)
    otherwise = without_a_name(cells, "Dendritic cell", called="Monocyte", batch="donor 2")
    rows = []
    for task, reference in (("alike", cells), ("otherwise", otherwise)):
        reference.obs[contradicted.LABELS] = reference.obs["cell_type"].astype(str)
        reference.obs[contradicted.BATCH] = reference.obs["batch"].astype(str)
        points = contradicted.points_of(reference)
        for batch in map(str, np.unique(points.batches)):
            found = contradicted.measured(points, batch)
            rows += [{"task": task, "batch": batch, **row} for row in found]
    return pd.DataFrame(rows)


def test_what_is_named_otherwise_is_found_and_nothing_else(table: pd.DataFrame) -> None:
    found = table[(table["case"] == AS_IT_IS) & (table["n_cells"] > 0)]
    assert found[["task", "batch", "label", "looks_like"]].to_numpy().tolist() == [
        ["otherwise", "donor 2", "Monocyte", "Dendritic cell"]
    ]
    assert (table.loc[table["case"] == LACKING, "n_cells"] == 0).all()


def test_planted_names_are_found(table: pd.DataFrame) -> None:
    for case, share in ((AS_MANY, None), (MOSTLY, 0.75), (ALL, 1.0)):
        its = table[(table["case"] == case) & (table["task"] == "alike")]
        assert len(its) == 3 * 6
        assert (its["looks_like"] == its["lacking"]).mean() > 0.9
        found = its[its["n_cells"] > 0]
        assert found["recall"].astype(float).min() > 0.8
        if share is None:
            continue
        rightly = found["n_cells"] - found["wrongly"].astype(int)
        there = rightly / found["recall"].astype(float)  # cells that go by another's name
        assert np.allclose(there / found["n_labelled"], share, atol=0.02)


def test_a_label_that_is_contradicted_anyhow_is_no_false_alarm(table: pd.DataFrame) -> None:
    its = table[(table["task"] == "otherwise") & (table["batch"] == "donor 2")]
    assert "Monocyte" in set(its.loc[its["case"] == AS_IT_IS, "label"])
    lacking = its[its["case"] == LACKING]
    assert "Monocyte" in set(lacking["label"])
    assert not ((lacking["label"] == "Monocyte") & (lacking["lacking"] == "Dendritic cell")).any()


def test_the_page_counts_what_the_rows_say(script: Script) -> None:
    to_show = script("contradicted_page")
    head = {"task": "blood", "batch": "two", "wrongly": "", "recall": ""}
    none = {"looks_like": "", "n_cells": 0, "n_labelled": 0}
    rows = [
        {**head, **none, "case": AS_IT_IS, "lacking": "", "label": "T"},
        {**head, "case": AS_IT_IS, "lacking": "", "label": "Mono", "looks_like": "DC"}
        | {"n_cells": 98, "n_labelled": 129},
        {**head, **none, "case": LACKING, "lacking": "B", "label": "T"},
        {**head, "case": LACKING, "lacking": "T", "label": "NK", "looks_like": "T"}
        | {"n_cells": 30, "n_labelled": 40},
        {**head, "case": MOSTLY, "lacking": "B", "label": "T", "looks_like": "B"}
        | {"n_cells": 31, "n_labelled": 40, "recall": 0.9, "wrongly": 4},
        {**head, **none, "case": MOSTLY, "lacking": "T", "label": "B", "recall": 0.0, "wrongly": 0},
        {**head, **none, "case": ALL, "lacking": "B", "label": "T", "recall": 0.0, "wrongly": 0},
    ]
    table = pd.DataFrame(rows)
    text = to_show.page(table)
    assert "of 129 Mono of two the others call 98 DC, a type that it does not name" in text
    assert "Of the other 1 labels" in text
    assert "1 of 2 labels of the batch are contradicted all the same: 30 of 40 NK of two" in text
    assert "1 of 2 are found, with 90% of their cells and 4 that are rightly labelled" in text
    assert "| blood, 1 batches | 1 of 2 | 1 of 2 | 0 of 0 | 1 of 2 (90%) | 0 of 1 |" in text
    assert len(to_show.sentences(table)) == 6


def test_nothing_found_at_all_is_said_without_a_share(script: Script) -> None:
    row = {"task": "blood", "batch": "two", "lacking": "B", "label": "T", "looks_like": ""}
    none = {"n_cells": 0, "n_labelled": 0, "recall": 0.0, "wrongly": 0}
    table = pd.DataFrame([{**row, **none, "case": case} for case in (AS_MANY, MOSTLY, ALL)])
    assert "called so, 0 of 1 are found." in script("contradicted_page").page(table)


def test_from_cells_to_page(
    script: Script, tasks_of_one_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tasks_of_one_file / "out"
    command = ["--data", str(tasks_of_one_file), "--out", str(out)]
    assert script("contradicted").main(command) == 0
    said = capsys.readouterr()
    assert "two: one batch" in said.err
    found = pd.read_csv(out / "contradicted.csv")
    assert set(found["task"]) == {"one"}
    assert set(found["batch"]) == {"donor 1", "donor 2"}
    assert (out / "contradicted.md").read_text() == said.out
    assert script("contradicted").main([*command, "--page"]) == 0
    assert capsys.readouterr().out == said.out
