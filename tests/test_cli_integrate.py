"""The command ``plkd integrate``, with a fake in the place of the work."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from plkd.cli import app
from plkd.errors import InputError


def layers_of(n: int) -> dict[str, dict[str, Any]]:
    return {f"in{i}": {"n_cells": 60, "genes_found": 1900, "weight_share": 0.985} for i in range(n)}


@dataclass
class FakeSummary:
    n_cells: int = 1500
    n_no_counts: int = 2
    width: int = 128
    network: str = "student"
    paired: bool = False
    aligned: bool = True
    batches: dict[str, int] = field(default_factory=dict)
    layers: dict[str, dict[str, Any]] = field(default_factory=lambda: layers_of(25))

    def as_dict(self) -> dict[str, Any]:
        return {"n_cells": self.n_cells, "layers": self.layers}


class Seen:
    """What the command was seen to ask for, and what the fake is to do."""

    def __init__(self) -> None:
        self.loaded: list[Any] = []
        self.asked: dict[str, Any] = {}
        self.summary = FakeSummary()
        self.on_work: Callable[[], None] = lambda: None


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen()

    class Annotator:
        device = "unset"

        @classmethod
        def load(cls, path: Path, **options: Any) -> Any:
            found.loaded.append((path, options))
            return cls()

    def integrate_files(paths: Any, models: Any, out: Any, **options: Any) -> FakeSummary:
        found.asked = {"paths": paths, "models": models, "out": out, **options}
        found.on_work()
        return found.summary

    for name, members in {
        "plkd.model.annotator": {"CellAnnotator": Annotator},
        "plkd.tools.integrate": {"integrate_files": integrate_files},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    return found


def invoke(*args: object) -> Result:
    return CliRunner().invoke(app, ["integrate", *map(str, args)])


def test_defaults(seen: Seen) -> None:
    result = invoke("a.h5ad", "b.h5ad", "-m", "m", "-o", "j.h5ad")
    assert result.exit_code == 0, result.output
    assert seen.loaded == [(Path("m"), {"with_teacher": False})]
    (model,) = seen.asked.pop("models")
    assert model.device == "auto"
    assert seen.asked == {
        "paths": [Path("a.h5ad"), Path("b.h5ad")],
        "out": Path("j.h5ad"),
        "names": None,
        "modalities": None,
        "batch_key": None,
        "paired": False,
        "weights": None,
        "with_": "student",
        "align": True,
        "structure": None,
        "layer": None,
        "use_raw": False,
        "gene_key": None,
        "expression": None,
        "key_added": "plkd",
        "neighbors": False,
        "umap": False,
        "n_neighbors": 15,
        "seed": 0,
        "chunk_size": 4096,
        "overwrite": False,
        "progress": None,
    }
    said = result.stdout
    assert "1,500 cells of 25 inputs, stacked, batches aligned, with the Student" in said
    assert "any of the model's genes: 2 cells" in said
    assert re.search(r"60 +1,900 +98%  in19\n  and 5 more\n", said)
    assert "Written: j.h5ad" in said
    assert "obsm['X_plkd'] (128 wide), obs['plkd_layer']" in said
    assert "sc.pp.neighbors(adata, use_rep='X_plkd')" in said


def test_everything(seen: Seen) -> None:
    options = "--paired --name R --name A --weight 1 --weight 0.5 --with teacher --batch donor"
    more = "--layer counts --gene-key s --expression counts --umap --n-neighbors 9 --seed 3"
    last = "--key-added mine --chunk-size 10 --overwrite --device cpu --no-align --structure 0.5"
    seen.summary.paired, seen.summary.aligned = True, False
    seen.summary.batches = {"d1": 1000, "d2": 500}
    result = invoke(
        "r.h5ad", "a.h5ad", "-m", "one", "-m", "two", "-o", "j.h5ad",
        *options.split(), *more.split(), *last.split(),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [path for path, _ in seen.loaded] == [Path("one"), Path("two")]
    assert all(options == {"with_teacher": True} for _, options in seen.loaded)
    wanted = {
        "paired": True,
        "names": ["R", "A"],
        "weights": [1.0, 0.5],
        "with_": "teacher",
        "align": False,
        "structure": 0.5,
        "batch_key": "donor",
        "layer": "counts",
        "gene_key": "s",
        "expression": "counts",
        "umap": True,
        "n_neighbors": 9,
        "seed": 3,
        "key_added": "mine",
        "chunk_size": 10,
        "overwrite": True,
    }
    assert {key: seen.asked[key] for key in wanted} == wanted
    assert [model.device for model in seen.asked["models"]] == ["cpu", "cpu"]
    assert "paired, side by side, with the" in result.stdout
    assert re.search(r"1,000  d1\n +500  d2\n", result.stdout)
    assert "obsm['X_mine'] (128 wide), obsm['X_umap']" in result.stdout
    assert "Next:    sc.pl.umap(adata)\n" in result.stdout


def test_one_model_said_twice_is_loaded_once(seen: Seen) -> None:
    assert invoke("a", "b", "--paired", "-m", "m", "-m", "m", "-o", "j").exit_code == 0
    assert len(seen.loaded) == 1
    assert len(seen.asked["models"]) == 2


def test_modalities_and_layers_by_name(seen: Seen) -> None:
    chosen = "--modality rna --modality act --layer rna=counts --layer act=a=b"
    result = invoke("m.h5mu", "-m", "m", "-o", "j", *chosen.split())
    assert result.exit_code == 0, result.output
    assert seen.asked["modalities"] == ["rna", "act"]
    assert seen.asked["layer"] == {"rna": "counts", "act": "a=b"}


def test_json(seen: Seen, tmp_path: Path) -> None:
    result = invoke("a", "b", "-m", "m", "-o", "j", "--json", "-")
    assert json.loads(result.stdout)["out"] == "j"
    result = invoke("a", "b", "-m", "m", "-o", "j", "--json", tmp_path / "x.json", "--quiet")
    assert result.output == ""
    assert json.loads((tmp_path / "x.json").read_text())["n_cells"] == 1500


def test_input_at_fault(seen: Seen) -> None:
    def work() -> None:
        raise InputError("a thing", "another", "change it")

    seen.on_work = work
    result = invoke("a", "b", "-m", "m", "-o", "j")
    assert result.exit_code == 1
    assert result.stderr == "error: expected a thing; found another. To mend it: change it\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    "args",
    [
        ["-m", "m", "-o", "j"],
        ["a", "-o", "j"],
        ["a", "-m", "m"],
        ["a", "-m", "m", "-o", "j", "--with", "nobody"],
        ["a", "-m", "m", "-o", "j", "--n-neighbors", "1"],
        ["a", "-m", "m", "-o", "j", "--weight", "much"],
        ["a", "-m", "m", "-o", "j", "--json", "a.h5ad"],
        ["a", "-m", "m", "-o", "j", "--layer", "x", "--layer", "y"],
        ["a", "-m", "m", "-o", "j", "--layer", "x", "--layer", "b=y"],
        ["a", "-m", "m", "-o", "j", "--layer", "b=x", "--layer", "b=y"],
        ["a", "-m", "m", "-o", "j", "--layer", "b="],
    ],
)
def test_wrong_usage_is_exit_code_2(seen: Seen, args: list[str]) -> None:
    result = invoke(*args)
    assert result.exit_code == 2
    assert not seen.asked


def test_help_has_examples() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert re.search(r"Examples\s+plkd integrate ", result.output)
