"""The command ``plkd smooth``, with a fake in the place of the work."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from plkd.cli import app
from plkd.errors import InputError


@dataclass
class FakeSummary:
    n_cells: int = 7000
    n_changed: int = 700
    n_unknown: int = 0
    mean_neighbors: float = 5.97
    weight: float = 0.7
    batch_key: str | None = None
    slices: dict[str, int] = field(default_factory=lambda: {f"s{i}": 280 for i in range(25)})

    def as_dict(self) -> dict[str, Any]:
        return {"n_cells": self.n_cells}


class Seen:
    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.summary = FakeSummary()
        self.error: Exception | None = None


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()

    def smooth_labels_file(path: Any, out: Any, **options: Any) -> FakeSummary:
        found.asked = {"path": path, "out": out, **options}
        if found.error:
            raise found.error
        return found.summary

    module = ModuleType("plkd.tools.smooth_labels")
    vars(module).update(N_NEIGHBORS=6, smooth_labels_file=smooth_labels_file)
    monkeypatch.setitem(sys.modules, "plkd.tools.smooth_labels", module)
    return found


def invoke(*args: object) -> Result:
    return CliRunner().invoke(app, ["smooth", *map(str, args)])


def test_defaults(seen: Seen) -> None:
    result = invoke("a.h5ad", "-o", "b.h5ad")
    assert result.exit_code == 0, result.output
    assert seen.asked == {
        "path": Path("a.h5ad"),
        "out": Path("b.h5ad"),
        "batch_key": None,
        "weight": 0.7,
        "n_neighbors": 6,
        "radius": None,
        "coordinates": "spatial",
        "key_added": "plkd",
        "overwrite": False,
    }
    said = result.stdout
    assert "Smoothed the labels of 7,000 cells" in said
    assert "700 changed (10.0%); 6.0 neighbours each, weight 0.7." in said
    assert "slice" not in said
    assert "unknown" not in said
    assert "Written: b.h5ad\n" in said
    assert "obs['plkd_label_smoothed'], obs['plkd_confidence_smoothed']" in said
    assert "--prediction-key plkd_label_smoothed" in said


def test_the_default_weight_is_that_of_the_function() -> None:
    from plkd.cli.smoothing import smooth
    from plkd.tools.smooth_labels import WEIGHT

    assert smooth.__defaults__ is not None
    assert WEIGHT in smooth.__defaults__


def test_everything(seen: Seen) -> None:
    seen.summary.batch_key, seen.summary.n_unknown = "slice", 3
    options = "--batch slice --weight 0.4 --neighbors 8 --radius 120 --coordinates xy"
    result = invoke("a", "-o", "b", *options.split(), "--key-added", "mine", "--overwrite")
    assert result.exit_code == 0, result.output
    wanted = {
        "batch_key": "slice",
        "weight": 0.4,
        "n_neighbors": 8,
        "radius": 120.0,
        "coordinates": "xy",
        "key_added": "mine",
        "overwrite": True,
    }
    assert {key: seen.asked[key] for key in wanted} == wanted
    assert "Left as they are, unknown: 3 cells." in result.stdout
    assert re.search(r"280  s19\n  and 5 more\n", result.stdout)
    assert "obs['mine_label_smoothed']" in result.stdout


def test_a_radius_alone_takes_all_within_it(seen: Seen) -> None:
    invoke("a", "-o", "b", "--radius", "1.5")
    assert (seen.asked["n_neighbors"], seen.asked["radius"]) == (None, 1.5)


def test_json_and_quiet(seen: Seen, tmp_path: Path) -> None:
    assert json.loads(invoke("a", "-o", "b", "--json", "-").stdout) == {"out": "b", "n_cells": 7000}
    result = invoke("a", "-o", "b", "--json", tmp_path / "n.json", "--quiet")
    assert result.output == ""
    assert json.loads((tmp_path / "n.json").read_text())["n_cells"] == 7000


def test_input_at_fault(seen: Seen) -> None:
    seen.error = InputError("a thing", "another", "change it")
    result = invoke("a", "-o", "b")
    assert result.exit_code == 1
    assert result.stderr == "error: expected a thing; found another. To mend it: change it\n"


@pytest.mark.parametrize(
    "args",
    [
        ["a"],
        ["-o", "b"],
        ["a", "-o", "b", "--weight", "2"],
        ["a", "-o", "b", "--neighbors", "0"],
        ["a", "-o", "b", "--json", "x.h5ad"],
    ],
)
def test_wrong_usage_is_exit_code_2(seen: Seen, args: list[str]) -> None:
    assert invoke(*args).exit_code == 2
    assert not seen.asked


def test_help_has_examples() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert re.search(r"Examples\s+plkd annotate ", result.output)
