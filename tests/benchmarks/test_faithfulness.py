"""The benchmark of explanations from cells on disk to its files, on toy cells."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import anndata
import numpy as np
import pytest

from plkd.config import TrainConfig
from toy import toy_programmes, toy_query, toy_reference, toy_truth, write_gmt

TYPES = {"B cell": "B", "Dendritic cell": "DC", "Monocyte": "CD14 Mono", "NK cell": "NK"}
QUICK = TrainConfig(teacher_epochs=4, student_epochs=4, min_steps=40, hold_out=0.0)
N_GENES = 120


@pytest.fixture
def main(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, whose models are trained in a moment."""
    module = script("faithfulness")
    monkeypatch.setattr(module, "fitted", partial(module.fitted, training=QUICK))
    return module


@pytest.fixture
def folder(script: Callable[[str], ModuleType], tmp_path: Path) -> Path:
    """Toy cells as blood: the programme of a type is made of textbook markers of its name."""
    data = tmp_path / "data"
    (data / "gene_sets").mkdir(parents=True)
    symbols = textbook_symbols(script("faithful.textbook"))
    for name, cells in (
        ("reference", toy_reference(240, N_GENES)),
        ("query", toy_query(90, N_GENES)),
    ):
        as_blood(cells, symbols).write_h5ad(data / f"{name}.h5ad")
    sets = {
        name: tuple(symbols.get(gene, gene) for gene in genes)
        for name, genes in toy_programmes(n_genes=N_GENES).items()
    }
    write_gmt(data / "gene_sets" / "reactome.gmt", sets)
    task = {
        "name": "toy:blood",
        "reference": "reference.h5ad",
        "reference_batches": ["donor 1", "donor 2", "donor 3"],
        "query": "query.h5ad",
        "query_batches": ["query"],
        "labels": "cell_type",
        "batch": "batch",
    }
    (data / "tasks.json").write_text(json.dumps([task]))
    return data


def textbook_symbols(textbook: ModuleType) -> dict[str, str]:
    """Textbook symbols by toy gene, twelve of the programme of each type, none of them twice."""
    symbols: dict[str, str] = {}
    for toy_name, genes in toy_truth(N_GENES).programmes.items():
        free = sorted(textbook.markers_of(TYPES[toy_name]) - set(symbols.values()))
        symbols.update(zip(genes[:12], free, strict=False))
    return symbols


def as_blood(cells: anndata.AnnData, symbols: dict[str, str]) -> anndata.AnnData:
    cells.var_names = [symbols.get(gene, gene) for gene in cells.var_names]
    cells.obs["cell_type"] = cells.obs["cell_type"].cat.rename_categories(TYPES)
    return cells


def command(folder: Path, tmp_path: Path, *more: str) -> list[str]:
    given = ["--data", str(folder), "--tasks", "toy:blood", "--models", str(tmp_path / "models")]
    return [*given, "--out", str(tmp_path / "out"), *more]


@pytest.mark.filterwarnings("ignore::UserWarning")  # toy types may have few common markers
def test_three_parts_on_toy_cells(
    main: ModuleType,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    parts = ["--only", "deletion", "stability", "textbook", "--seeds", "0", "1"]
    typist = partial(main.lists.gene_rows, method="celltypist", run=0, tops={"B": ("CD79A",)})
    monkeypatch.setattr(
        main.lists,
        "celltypist_lists",
        lambda cells, task, python: typist(task, offered=cells.digest),
    )
    assert main.main(command(folder, tmp_path, *parts)) == 0
    names = ("csv", "md", "png")
    assert {path.name for path in out.iterdir()} == {
        *(f"faithfulness.{name}" for name in names),
        "faithfulness_genes.csv",
    }
    text = (out / "faithfulness.md").read_text()
    assert text == capsys.readouterr().out
    assert str(tmp_path) not in text
    for title in ("(a) Deletion", "(b) Stability", "(c) Textbook"):
        assert f"## {title}" in text
    assert "(d)" not in text
    assert {path.name for path in (tmp_path / "models").iterdir() if path.is_dir()} == {
        "toy-blood-seed0",
        "toy-blood-seed1",
    }
    kept = main.Tables(main.numbers(out), main.genes(out))
    check_curves(kept.numbers.table())
    check_lists(main, kept.genes.table())

    before = (out / "faithfulness.csv").read_text()
    monkeypatch.setattr(main, "fitted", lambda *_, **__: pytest.fail("all rows are there"))
    main.main(command(folder, tmp_path, *parts, "--resume"))
    main.main(["--page", "--out", str(out)])
    assert (out / "faithfulness.csv").read_text() == before


def check_curves(table: object) -> None:
    """A ranking that knows the programme is far better than one at random."""
    areas = table[table["measure"] == "deletion area"].groupby(["base", "method"])["value"].mean()
    assert areas["zero", "shap"] < areas["zero", "random"] - 0.1
    assert areas["background", "shap"] < areas["background", "random"] - 0.1
    areas = table[table["measure"] == "insertion area"].groupby(["base", "method"])["value"].mean()
    assert areas["background", "shap"] > areas["background", "random"] + 0.1
    curves = table[table["step"] != ""]
    start = curves[(curves["measure"] == "deletion") & (curves["step"].astype(int) == 0)]
    assert start["value"].min() > 0.8  # the Student knows the query's cells
    spread = start.groupby("seed")["value"].agg(["min", "max"])
    assert (spread["max"] - spread["min"]).max() < 1e-4  # no ranking has changed a cell yet


def check_lists(main: ModuleType, table: object) -> None:
    lists = table.groupby(["method", "run", "cell_type"])["gene"].agg(list)
    assert set(lists.index.get_level_values("method")) >= {
        *("shap", "consensus", "wilcoxon", "wilcoxon, resampled", "logistic"),
    }
    assert table["offered"].nunique() == 1
    from faithful.textbook import markers_of

    for (method, _, name), genes in lists.items():
        assert len(set(genes)) == len(genes)
        if method in ("shap", "wilcoxon"):
            assert len(set(genes[:10]) & markers_of(name)) >= 6


def test_nothing_to_show_is_said(main: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no rows"):
        main.main(["--page", "--out", str(tmp_path)])


def test_only_what_is_due_is_run(main: ModuleType, tmp_path: Path) -> None:
    options = main.arguments(["--seeds", "0", "1", "2", "3", "--resume", "--data", "x"])
    kept = main.Tables(main.numbers(tmp_path), main.genes(tmp_path))
    due = list(main.jobs(options, "a", kept))
    for kind in ("plain", "resampled", "celltypist"):
        assert [seed for seed, its in due if its == kind] == [0]
    assert [seed for seed, kind in due if kind == "models"] == [0, 1, 2, 3]
    assert [seed for seed, kind in due if kind == "deletion"] == [0, 1, 2]
    kept.genes.put(main.lists.gene_rows("a", "shap", 2, tops={"B": ("CD79A",)}, offered="genes-1"))
    assert (2, "models") not in list(main.jobs(options, "a", kept))
    assert (2, "models") in list(main.jobs(options, "b", kept))
    options.only = ["textbook"]
    kinds = {kind for _, kind in main.jobs(options, "a", kept)}
    assert kinds == {"models", "plain", "celltypist"}


def test_rows_of_a_run_are_replaced_and_others_stay(main: ModuleType, tmp_path: Path) -> None:
    kept = main.genes(tmp_path)
    rows = partial(main.lists.gene_rows, offered="genes-1")
    one, other = rows("a", "shap", 0, tops={"B": "xy"}), rows("a", "shap", 1, tops={"B": "z"})
    kept.put([*one, *other])
    kept.put(rows("a", "shap", 0, tops={"B": ("NA",)}))
    again = main.genes(tmp_path)
    assert again.table()["gene"].tolist() == ["NA", "z"]  # a symbol, not a missing value
    assert again.table()["offered"].tolist() == ["genes-1"] * 2
    again.drop(("a", "shap", 1))
    assert len(main.genes(tmp_path).table()) == 1
    assert not list(tmp_path.glob("*.part"))


def test_a_file_that_is_read_and_written_stays_as_it_was(
    main: ModuleType, script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    row = script("faithful.rows").row
    curve = row("deletion", "a", "shap", seed=0, measure="deletion", value=0.5, base="zero", step=5)
    area = row("deletion", "a", "shap", seed=0, measure="deletion area", value=1, cell_type="B")
    main.numbers(tmp_path).put([curve, area])
    before = (tmp_path / "faithfulness.csv").read_text()
    main.numbers(tmp_path).put([])
    assert (tmp_path / "faithfulness.csv").read_text() == before
    assert "deletion,zero,5,0.5" in before


def test_kept_lists_of_other_genes_are_dropped(
    main: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = main.genes(tmp_path)
    monkeypatch.setattr(main.lists, "celltypist_lists", lambda *_, **__: [])
    kept.put(main.lists.gene_rows("a", "celltypist", 0, tops={"B": ("x",)}, offered="genes-1"))
    reading = SimpleNamespace(cells=SimpleNamespace(digest="genes-1"))
    main.put_celltypist(reading, "a", "python", kept)
    assert ("a", "celltypist", 0) in kept
    reading.cells.digest = "genes-2"
    main.put_celltypist(reading, "a", "python", kept)
    assert ("a", "celltypist", 0) not in kept


def test_planted_runs_go_on_where_they_stopped(
    main: ModuleType,
    script: Callable[[str], ModuleType],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_gmt(folder / "gene_sets" / "hallmark_v6.2_human.gmt", toy_programmes())
    made: list[tuple[str, int]] = []

    def rows(sets: object, *, how: str, seed: int, models: Path) -> list[dict[str, object]]:
        assert models == tmp_path / "models"
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append((how, seed))
        method = "pattern score" if how == "mask" else "enrichment"
        names = ("AUROC", "AUROC, apart", "first", "near misses")
        row = script("faithful.rows").row
        return [row("planted", how, method, seed=seed, measure=m, value=0.9) for m in names]

    monkeypatch.setattr(main, "planted_rows", rows)
    given = command(folder, tmp_path, "--only", "planted", "--resume")
    with pytest.raises(KeyboardInterrupt):
        main.main(given)
    monkeypatch.setattr(main, "N_SEEDS", 2)  # what was done is all that is asked for
    assert main.main(given) == 0
    assert made == [("mask", 0), ("learned", 0), ("mask", 1), ("learned", 1)]
    assert "## (d) Planted pathways" in (tmp_path / "out" / "faithfulness.md").read_text()


def test_celltypist_is_asked_in_a_process_of_its_own(
    main: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = toy_reference(120, 60)
    codes = reference.obs["cell_type"].cat.codes.to_numpy()
    values = np.log1p(reference.X.toarray())
    types = tuple(reference.obs["cell_type"].cat.categories)
    cells = main.lists.Offered(values, codes, tuple(reference.var_names), types)
    rows = main.lists.celltypist_lists(cells, task="toy", python=sys.executable)
    if find_spec("celltypist") is None:
        assert rows == []
        assert "celltypist is skipped: ModuleNotFoundError" in capsys.readouterr().err
    else:
        assert len(rows) == 10 * len(types)
        first = [row["gene"] for row in rows if row["cell_type"] == types[0]]
        assert len(set(first) & set(toy_truth(60).programmes[types[0]])) >= 6


def test_a_kept_model_of_other_cells_is_fitted_anew(
    main: ModuleType, folder: Path, tmp_path: Path
) -> None:
    cells = main.load_task(folder, main.read_tasks(folder, ["toy:blood"])[0])
    reference = main.sides_of(cells).reference
    tiny = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0, hold_out=0.0)
    fit = partial(main.fitted.func, folder=folder, name="toy", seed=0, models=tmp_path / "m")
    one = fit(reference, training=tiny)
    again = fit(reference, training=tiny)
    assert again.model.fingerprint() == one.model.fingerprint()
    assert again.seconds == one.seconds > 0  # taken from the folder, with what it took then
    fewer = fit(reference[:200].copy(), training=tiny).model
    assert sum(fewer.summary_["cells_of_type"].values()) == 200
    anew = fit(reference, training=tiny)
    assert anew.model.fingerprint() == one.model.fingerprint()
    assert anew.seconds != one.seconds
