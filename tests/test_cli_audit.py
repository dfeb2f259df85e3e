"""The command ``plkd audit`` with a fake in the place of the work, and ``--doubtful-labels``."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from plkd.cli import app
from plkd.cli.output import info_text, training_text
from plkd.config import TrainConfig
from plkd.errors import InputError
from plkd.tools.audit_results import LabelAudit
from plkd.trust.other_batches import ContradictedLabel


def audit_of(n_types: int, *, batches: bool = False, n_unlabelled: int = 0) -> LabelAudit:
    """Two cells of each type, one of them doubtful and like the next type."""
    types = np.array([f"type {t}" for t in range(n_types)], dtype=object)
    labels = np.concatenate([types, types])
    like = np.concatenate([np.roll(types, -1), types])
    n_cells = 2 * n_types
    return LabelAudit(
        labels_key="cell_type",
        classes=tuple(types),
        cells=np.array([f"cell{n}" for n in range(n_cells)], dtype=object),
        labels=labels,
        suggestions=like,
        scores=np.arange(n_cells) / n_cells / 2,
        neighbor_shares=np.full(n_cells, 0.25),
        doubtful=np.arange(n_cells) < n_types,
        batches=np.array(["a", "b"] * n_types, dtype=object) if batches else None,
        n_unlabelled=n_unlabelled,
    )


class Seen:
    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.found = audit_of(4)
        self.error: Exception | None = None


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    work = Seen()

    def audit_file(path: Any, out: Any, **options: Any) -> LabelAudit:
        work.asked = {"path": path, "out": out, **options}
        if work.error:
            raise work.error
        return work.found

    module = ModuleType("plkd.tools.audit_labels")
    vars(module).update(audit_file=audit_file)
    monkeypatch.setitem(sys.modules, "plkd.tools.audit_labels", module)
    return work


def invoke(*args: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, args)])


def test_defaults(seen: Seen) -> None:
    result = invoke("ref.h5ad", "--labels", "cell_type", "-o", "audit.csv")
    assert result.exit_code == 0, result.output
    assert seen.asked == {
        "path": Path("ref.h5ad"),
        "out": Path("audit.csv"),
        "labels_key": "cell_type",
        "batch_key": None,
        "n_genes": 2000,
        "layer": None,
        "use_raw": False,
        "expression": None,
        "seed": 0,
        "overwrite": False,
    }
    said = result.stdout
    assert "Judged 8 labels of 4 cell types in" in said
    assert "4 look wrong (50.0%)." in said
    assert "Left out" not in said
    assert re.search(r"score +neighbours +label +looks like +cell\n", said)
    assert re.search(r"0\.000 +25% +type 0 +type 1 +cell0\n", said)
    assert said.count("cell7") == 1
    assert "  of 2 type 3 1 like type 0\n" in said
    assert "share  batch" not in said
    assert "Written: audit.csv\n" in said
    assert "plkd train ref.h5ad --labels cell_type --out MODEL/ --doubtful-labels 0" in said


def test_everything(seen: Seen) -> None:
    seen.found = audit_of(25, batches=True, n_unlabelled=1)
    options = "--labels celltype --batch donor --layer counts --n-genes 500 --seed 4 --top 2"
    result = invoke("r", *options.split(), "--expression", "counts", "-o", "a.csv", "--overwrite")
    assert result.exit_code == 0, result.output
    wanted = {
        "labels_key": "celltype",
        "batch_key": "donor",
        "n_genes": 500,
        "layer": "counts",
        "expression": "counts",
        "seed": 4,
        "overwrite": True,
    }
    assert {key: seen.asked[key] for key in wanted} == wanted
    said = result.stdout
    assert "Left out, without a label: 1 cell." in said
    assert "cell1\n" in said
    assert "cell2\n" not in said
    assert said.count(" like type ") == 20
    assert "  and 5 more types\n" in said
    assert re.search(r"25 +13 +52\.0%  a\n +25 +12 +48\.0%  b\n", said)


def test_the_next_step_takes_the_options_that_were_given(seen: Seen) -> None:
    always = ("my ref.h5ad", "--labels", "cell_type", "-o", "audit.csv")
    given = ("--batch", "donor; id", "--layer", "raw counts", "--expression", "counts")
    said = invoke(*always, *given).stdout
    assert (
        "         plkd train 'my ref.h5ad' --labels cell_type --batch 'donor; id' "
        "--layer 'raw counts' --expression counts --out MODEL/ --doubtful-labels 0   (sets"
    ) in said
    said = invoke(*always, "--use-raw").stdout
    assert "--labels cell_type --use-raw --out MODEL/ --doubtful-labels 0   (sets" in said


def test_no_cells_on_top(seen: Seen) -> None:
    result = invoke("r", "--labels", "t", "-o", "a.csv", "--top", "0")
    assert result.exit_code == 0, result.output
    assert "Most suspect" not in result.stdout
    assert "By type:" in result.stdout


def test_no_label_looks_wrong(seen: Seen) -> None:
    seen.found.doubtful[:] = False
    result = invoke("r", "--labels", "t", "-o", "a.csv")
    assert "0 look wrong (0.0%)." in result.stdout
    assert "By type" not in result.stdout


def test_many_suggestions_are_summed_up(seen: Seen) -> None:
    seen.found.labels[:] = "type 0"
    seen.found.suggestions[:] = ["x", "x", "y", "z", "v", "w", "type 0", "type 0"]
    seen.found.doubtful[:6] = True
    said = invoke("r", "--labels", "t", "-o", "a.csv").stdout
    assert "  of 8 type 0 2 like x, 1 like v, 1 like w and 2 like others\n" in said


def test_json_and_quiet(seen: Seen, tmp_path: Path) -> None:
    always = ("r", "--labels", "cell_type", "-o", "a.csv")
    numbers = json.loads(invoke(*always, "--json", "-").stdout)
    assert (numbers["reference"], numbers["out"], numbers["n_doubtful"]) == ("r", "a.csv", 4)
    assert numbers["types"]["type 0"] == {
        "cells": 2,
        "doubtful": 1,
        "suggestions": {"type 1": 1},
    }
    result = invoke(*always, "--json", tmp_path / "n.json", "--quiet")
    assert result.output == ""
    assert json.loads((tmp_path / "n.json").read_text())["n_cells"] == 8


def test_input_at_fault(seen: Seen) -> None:
    seen.error = InputError("a thing", "another", "change it")
    result = invoke("r", "--labels", "t", "-o", "a.csv")
    assert result.exit_code == 1
    assert result.stderr == "error: expected a thing; found another. To mend it: change it\n"


@pytest.mark.parametrize(
    "args",
    [
        ["r", "-o", "a.csv"],
        ["r", "--labels", "t"],
        ["--labels", "t", "-o", "a.csv"],
        ["r", "--labels", "t", "-o", "ref.h5ad"],
        ["r", "--labels", "t", "-o", "a.csv", "--top", "-1"],
        ["r", "--labels", "t", "-o", "a.csv", "--json", "x.h5ad"],
    ],
)
def test_wrong_usage_is_exit_code_2(seen: Seen, args: list[str]) -> None:
    assert invoke(*args).exit_code == 2
    assert not seen.asked


def test_what_other_batches_say_is_in_the_summary(seen: Seen) -> None:
    found = replace(audit_of(4, batches=True), contradicted=(ContradictedLabel(**CONTRADICTED),))
    seen.found = found
    said = invoke("ref.h5ad", "--labels", "cell_type", "-o", "audit.csv").output
    assert f"Named otherwise by the other batches:\n  {IN_WORDS} not name\n" in said
    numbers = invoke("ref.h5ad", "--labels", "cell_type", "-o", "audit.csv", "--json", "-").output
    assert json.loads(numbers)["contradicted"] == [CONTRADICTED]
    seen.found = audit_of(4, batches=True)
    assert "otherwise" not in invoke("ref.h5ad", "--labels", "t", "-o", "audit.csv").output


# --- plkd train --doubtful-labels ---------------------------------------------------------------

INFO: dict[str, Any] = {
    "path": "model/",
    "model_hash": "0" * 64,
    "format_version": 3,
    "plkd_version": "0.1.0",
    "contract": {"expression": "log1p", "target_sum": 1e4},
    "n_genes": 20,
    "n_patterns": 3,
    "n_classes": 2,
    "classes": ["B", "T"],
    "seed": 0,
    "parts": {},
    "missing_parts": [],
}


@pytest.mark.parametrize(
    ("preset", "given", "expected"),
    [
        ([], None, TrainConfig().doubtful_labels),
        ([], "0", 0.0),
        ([], "0.2", 0.2),
        (["--preset", "paper"], None, None),
        (["--preset", "paper"], "0.1", 0.1),
    ],
)
def test_the_share_reaches_training(
    monkeypatch: pytest.MonkeyPatch, preset: list[str], given: str | None, expected: float | None
) -> None:
    import plkd.cli.commands as commands
    from plkd.cli.steps import new_annotator

    class EnoughError(Exception):
        pass

    made: list[Any] = []

    def remember(*args: Any, **options: Any) -> None:
        made.append(new_annotator(*args, **options))
        raise EnoughError

    monkeypatch.setattr(commands, "new_annotator", remember)
    more = [] if given is None else ["--doubtful-labels", given]
    result = CliRunner().invoke(app, ["train", "r", "--labels", "t", "-o", "m", *preset, *more])
    assert isinstance(result.exception, EnoughError)
    assert made[0].training.doubtful_labels == expected


@pytest.mark.parametrize("share", ["-0.1", "1.1"])
def test_a_share_outside_of_0_and_1_is_exit_code_2(share: str) -> None:
    args = ["train", "r", "--labels", "t", "-o", "m", "--doubtful-labels", share]
    assert CliRunner().invoke(app, args).exit_code == 2


def test_what_was_set_aside_is_said() -> None:
    aside = {"share_of_doubtful": 0.1234, "n_cells": 1500}
    described = {**INFO, "summary": {"n_cells": 9000, "labels_set_aside": aside}}
    said = "1,500 labels; 12.3% of all are contradicted by the cells around them"
    assert f"Labels set aside: {said}." in training_text(described, 1.0)
    assert re.search(f"^set aside +{said}$", info_text(described), re.MULTILINE)


CONTRADICTED = {
    "batch": "study 2",
    "label": "CD14 Mono",
    "looks_like": "DC",
    "n_cells": 1098,
    "n_labelled": 1290,
}
IN_WORDS = "1,098 of 1,290 CD14 Mono of study 2: the other batches say DC, a type that study 2 does"


@pytest.mark.parametrize("n_cells", [1098, 1500])
def test_what_other_batches_contradict_is_said(n_cells: int) -> None:
    aside = {"share_of_doubtful": 0.01, "n_cells": n_cells, "contradicted": [CONTRADICTED]}
    described = {**INFO, "summary": {"n_cells": 9000, "labels_set_aside": aside}}
    trained, info = training_text(described, 1.0), info_text(described)
    for said in (trained, info):
        assert f"{IN_WORDS} not name" in said
        assert ("402 labels; 1.0% of all" in said) == (n_cells == 1500)
        assert "0 labels" not in said
    first = "Labels set aside: 402 labels" if n_cells == 1500 else "Labels set aside: 1,098 of"
    assert f"\n{first}" in trained
    assert trained.count("Labels set aside") == info.count("set aside") == 1


@pytest.mark.parametrize(
    ("summary", "in_info"),
    [
        ({"labels_set_aside": {"share_of_doubtful": 0.01, "n_cells": 0}}, True),
        ({"labels_set_aside": {"n_cells": 0}}, False),  # all were believed
        ({}, False),  # a model of an earlier plkd
    ],
)
def test_nothing_set_aside_is_said_in_info_only(summary: dict[str, Any], in_info: bool) -> None:
    described = {**INFO, "summary": {"n_cells": 9000, **summary}}
    assert "set aside" not in training_text(described, 1.0)
    assert ("set aside  0 labels; 1.0%" in info_text(described)) == in_info
