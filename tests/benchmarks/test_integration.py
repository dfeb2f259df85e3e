"""The integration benchmark from cells on disk to its files, what it keeps, and what it says."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from quick_models import quick_fits

TYPES, N_GENES, N_CELLS = ("B", "NK", "T"), 60, 150
BATCHES = ("one", "two", "three")


def write_cells(path: Path, *, seed: int, n_features: int = N_GENES, regions: bool = False) -> None:
    rng = np.random.default_rng(seed)
    codes, batch = np.arange(N_CELLS) % 3, np.arange(N_CELLS) // 3 % 3
    rates = np.where(np.arange(n_features) // 20 == codes[:, None], 2.0, 0.3)
    rates[:, :8] += batch[:, None]
    obs = pd.DataFrame(
        {"cell_type": np.array(TYPES)[codes], "batch": np.array(BATCHES)[batch]},
        index=[f"cell{number}" for number in range(N_CELLS)],
    )
    names = [f"chr1_{n}_{n + 1}" if regions else f"G{n}" for n in range(n_features)]
    counts = sp.csr_matrix(rng.poisson(rates).astype(np.float32))
    cells = anndata.AnnData(counts, obs=obs, var=pd.DataFrame(index=names))
    order = rng.permutation(N_CELLS) if regions else slice(None)
    cells[order].copy().write_h5ad(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Blood of three batches, and RNA, gene activity and regions of the same cells."""
    files = {"kang8:donors": "k.h5ad", "cortex:rna": "rna.h5ad", "cortex:atac": "atac.h5ad"}
    for seed, file in enumerate(files.values()):
        write_cells(tmp_path / file, seed=seed)
    write_cells(tmp_path / "snareseq_cortex_atac_regions.h5ad", seed=9, regions=True)
    tasks = [
        {
            "name": name,
            "reference": file,
            "reference_batches": BATCHES[:1],
            "query": file,
            "query_batches": BATCHES[1:],
            "labels": "cell_type",
            "batch": "batch",
        }
        for name, file in files.items()
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    (tmp_path / "out").mkdir()
    return tmp_path


@pytest.fixture
def integration(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = script("integration")
    fitted, _ = quick_fits(script)
    monkeypatch.setattr(script("integrated.scenes"), "fitted", fitted)
    return module


def command(folder: Path, *words: str) -> list[str]:
    return ["--data", str(folder), "--out", str(folder / "out"), "--tasks", "kang8:donors", *words]


def kept(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "out" / "integration.csv")


def test_from_cells_to_page(
    integration: ModuleType,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenes = script("integrated.scenes")

    def absent(*_: object) -> None:
        raise ImportError("No module named 'scvi'")

    monkeypatch.setattr(scenes, "scvi_model", absent)
    monkeypatch.setattr(scenes, "harmonised", lambda points, *_: points + 0.0)
    assert integration.main(command(folder, "--seeds", "0", "--max-cells", "140")) == 0
    said = capsys.readouterr()
    assert said.err.count("scvi is skipped: No module named 'scvi'") == 1
    table = kept(folder)
    assert (table.groupby(["part", "method", "cells"]).size() == 1).all()
    ours = ["plkd student", "plkd teacher"]
    for part, methods in {
        "batches": ["pca", "harmony", *ours, "plkd adapted"],
        "paired": ["pca + lsi", "harmony", *ours],
        "unpaired": ["pca", "harmony", *ours, "plkd adapted"],
    }.items():
        assert set(table.loc[table["part"] == part, "method"]) == set(methods)
    own = table.set_index(["part", "cells", "method", "seed"]).sort_index()
    assert own.loc[("batches", "all", "plkd student", 0), "n_cells"] == 140
    assert own.loc[("batches", "unseen", "plkd student", 0), "n_cells"] == 99
    assert own.loc[("unpaired", "unseen", "plkd student", 0), "n_batches"] == 2
    for part in ("paired", "unpaired"):
        assert own.loc[part, "overall"].notna().all()
    assert own.loc["batches", "neighbor_conservation"].isna().all()
    assert own.loc[("batches", "all", "plkd student", 0), "cell_type_asw"] > 0.6
    text = (folder / "out" / "integration.md").read_text()
    assert said.out == text
    assert "not run: scVI" in text
    assert (folder / "out" / "integration.png").read_bytes().startswith(b"\x89PNG")


def test_peers_are_kept_and_ours_run_again(
    integration: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    whole = integration.new_rows

    def counted(scene: object, method: str, *more: object) -> object:
        ran.append(method)
        return whole(scene, method, *more)

    monkeypatch.setattr(integration, "new_rows", counted)
    words = ("--parts", "batches", "--methods", "pca", "plkd student", "--seeds", "0", "1")
    integration.main(command(folder, *words))
    first = kept(folder)
    assert ran == ["pca", "plkd student", "plkd student"]  # PCA stands for every seed
    integration.main(command(folder, *words))
    integration.main(command(folder, *words, "--resume"))
    assert ran[3:] == ["plkd student", "plkd student"]
    integration.main(command(folder, *words, "--refresh-peers", "--resume"))
    assert ran[5:] == ["pca"]
    again = kept(folder)
    drop = ["seconds"]
    key = ["method", "seed", "cells"]
    pd.testing.assert_frame_equal(
        first.drop(columns=drop).sort_values(key, ignore_index=True),
        again.drop(columns=drop).sort_values(key, ignore_index=True),
    )


def test_the_embedding_is_that_of_integrate_in_the_order_of_the_cells(
    integration: ModuleType, script: Callable[[str], ModuleType], folder: Path
) -> None:
    import plkd

    tasks, scenes = script("tasks"), script("integrated.scenes")
    (task,) = tasks.read_tasks(folder, ["kang8:donors"])
    cells = tasks.load_task(folder, task)
    models = scenes.models_in(folder, None)
    scene = scenes.batch_scene(cells, models)
    found = scene.embedded("plkd student", 0)
    both = {"r": cells.reference, "q": cells.query}
    joint = plkd.tl.integrate(both, models(cells, 0), batch_key="batch")
    np.testing.assert_allclose(found, joint.obsm["X_plkd"], atol=1e-5)
    np.testing.assert_array_equal(scene.types[scene.unseen], cells.query.obs["cell_type"])
    np.testing.assert_array_equal(scene.batches[~scene.unseen], cells.reference.obs["batch"])


def test_modalities_stand_in_one_order(
    integration: ModuleType, script: Callable[[str], ModuleType], folder: Path
) -> None:
    scenes = script("integrated.scenes")
    cells = integration.multiome(folder, [])
    rna, atac = cells.whole(cells.rna), cells.whole(cells.atac)
    assert list(rna.obs_names) == list(atac.obs_names) == cells.names
    assert list(rna.obs.columns) == ["batch"]
    stacked = cells.stacked()
    assert [name.rpartition("-")[0].removesuffix("-reference").removesuffix("-query")
            for name in stacked.obs_names] == cells.names * 2  # fmt: skip
    assert set(stacked.obs["cell_type"][len(cells.names) :]) == {"not labelled"}
    told = stacked.obs["cell_type"][: len(cells.names)].to_numpy().astype(str)
    np.testing.assert_array_equal(told[~cells.unseen], cells.types[~cells.unseen])
    assert set(told[cells.unseen]) == {"not labelled"}
    counts = np.concatenate([rna.X.toarray(), atac.X.toarray()])
    np.testing.assert_array_equal(stacked.layers["counts"].toarray(), counts)
    semantics = cells.semantics(0)
    codes = np.unique(cells.types, return_inverse=True)[1]
    means = np.array([semantics[codes == code].mean(axis=0) for code in range(3)])
    nearest = np.linalg.norm(semantics[:, None] - means[None], axis=2).argmin(axis=1)
    assert (nearest == codes).mean() > 0.9
    scene = scenes.unpaired_scene(cells, scenes.models_in(folder, None))
    among = scene.original_among(scene.unseen)
    np.testing.assert_array_equal(among["atac"], semantics[cells.unseen])


def test_without_regions_the_multiome_is_refused(integration: ModuleType, folder: Path) -> None:
    (folder / "snareseq_cortex_atac_regions.h5ad").unlink()
    with pytest.raises(SystemExit, match="--parts batches"):
        integration.multiome(folder, [])


def test_where_plkd_is_not_installed_its_own_are_skipped_aloud(
    integration: ModuleType,
    folder: Path,
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = script("integrated.rows")
    for module in (integration, rows):
        monkeypatch.setattr(module, "is_plkd_installed", lambda: False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    words = ("--parts", "batches", "--methods", "pca", "plkd student", "--seeds", "0")
    integration.main(command(folder, *words))
    assert set(kept(folder)["method"]) == {"pca"}
    assert "plkd's own are skipped" in capsys.readouterr().err
    assert sys.path[-1] == str(rows.SOURCE)  # where the measures are
    assert (rows.SOURCE / "plkd" / "metrics" / "integration.py").is_file()


def made_up(
    scores: dict[tuple[str, str, str], tuple[float, float]], part: str = "batches"
) -> pd.DataFrame:
    """Rows of (task, method, cells) with kBET or overall, and ASW; the second seed 0.02 more."""
    rows = []
    for (task, method, cells), (one, other) in scores.items():
        for seed in (0,) if method.startswith("pca") else (0, 1):
            lift = 0.02 * seed
            rows.append(
                {"part": part, "task": task, "method": method, "seed": seed, "cells": cells,
                 "n_cells": 100, "n_batches": 2, "kbet": one + lift, "cell_type_asw": other + lift,
                 "kbet_per_type": 0.5, "ari": 0.5, "nmi": 0.5, "mean_average_precision": 0.5,
                 "neighbor_conservation": 0.5, "seurat_alignment_score": 0.5,
                 "omics_layer_asw": 0.5, "graph_connectivity": 0.5, "biology_conservation": 0.5,
                 "batch_removal": 0.5, "overall": one + lift, "seconds": 1.0}
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_means_are_over_tasks_then_seeds(script: Callable[[str], ModuleType]) -> None:
    means = script("integrated.means")
    table = made_up(
        {
            ("pbmc:a", "harmony", "all"): (0.2, 0.6),
            ("pbmc:b", "harmony", "all"): (0.4, 0.6),
            ("pbmc:a", "pca", "all"): (0.1, 0.6),
            ("kang8:x", "harmony", "all"): (0.9, 0.9),
        }
    )
    own = means.rows_of(table, "batches", "pbmc_cross_study", "all")
    mean, spread = means.score(own, "harmony", "kbet")
    assert mean == pytest.approx(0.31)
    assert spread == pytest.approx(0.02 / np.sqrt(2))
    assert means.score(own, "harmony", "both")[0] == pytest.approx((0.31 + 0.61) / 2)
    assert not means.is_there(means.score(own, "pca", "kbet"))  # it lacks a task
    assert means.groups(table) == [("batches", "pbmc_cross_study"), ("batches", "kang8")]


def test_sentences_on_batches(script: Callable[[str], ModuleType]) -> None:
    scores = {"pca": (0.1, 0.5), "harmony": (0.6, 0.55), "scanvi": (0.4, 0.7),
              "plkd student": (0.5, 0.8)}  # fmt: skip
    table = pd.concat(
        [
            made_up({("kang8:x", m, "all"): pair for m, pair in scores.items()}),
            made_up({("kang8:x", m, "unseen"): pair for m, pair in scores.items()}),
        ]
    )
    (said,) = script("integrated.claims").sentences(table)
    assert said.startswith("`kang8`, the Student. Both measures above PCA, Harmony and scVI: ")
    assert (
        "**does not hold** (kBET 0.510, above PCA (0.100), not above Harmony (0.610); cell type "
        "ASW 0.810, above PCA (0.500) and Harmony (0.560); not run: scVI)."
    ) in said
    assert "Above scANVI on their mean: **holds** (mean 0.660, above scANVI (0.560))." in said
    assert "of the query's cells alone, above all four: **holds as far as run** (" in said


def test_methods_with_fewer_seeds_are_named(script: Callable[[str], ModuleType]) -> None:
    scores = {("t", method, "all"): (0.5, 0.5) for method in ("pca", "harmony", "plkd student")}
    table, fewer = made_up(scores), script("integrated.page").fewer
    assert fewer(table) == ""
    once = table[(table["method"] != "harmony") | (table["seed"] == 0)]
    assert fewer(once) == " Ran with fewer seeds: Harmony (seed 0)."


def test_sentences_on_the_multiome(script: Callable[[str], ModuleType]) -> None:
    overall = {"pca + lsi": 0.4, "harmony": 0.5, "plkd teacher": 0.45}
    scores = {
        ("cortex:rna", method, cells): (value, 0.5)
        for cells in ("all", "unseen")
        for method, value in overall.items()
    }
    text = script("integrated.page").page(made_up(scores, "paired"))
    assert (
        "- `cortex`, paired, the Teacher, overall score. All cells: **does not hold** (overall "
        "0.460, above PCA + LSI (0.400), not above Harmony (0.510)). Unseen cells alone: **does not"
    ) in text
    assert "## Multiome, paired: RNA and ATAC of a cell side by side" in text
    assert "| Teacher | 0.460 ± 0.014 |" in text
    assert "10x-Multiome 0.889, Chen-2019 0.835, Muto-2021 0.866" in text
    assert "| BMMC, the paper's own | 0.89 | 0.81 |" in text


def test_the_figure_has_a_panel_for_each_data_set(
    script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    batches = made_up({(t, m, "all"): (0.3, 0.6) for t in ("pbmc:a", "kang8:x")
                       for m in ("pca", "plkd student")})  # fmt: skip
    paired = made_up({("cortex:rna", m, "all"): (0.4, 0.6) for m in ("harmony", "plkd teacher")},
                     "paired")  # fmt: skip
    drawn = script("integrated.figure").figure(pd.concat([batches, paired]))
    assert [ax.get_title(loc="left") for ax in drawn.axes] == [
        "pbmc_cross_study",
        "kang8",
        "cortex, paired",
    ]
    assert [label.get_text() for label in drawn.axes[2].get_yticklabels()] == ["Teacher", "Harmony"]
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names == ["Student", "Teacher", "PCA", "Harmony"]
    script("study.figures").save(drawn, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_scanvi_starts_from_the_scvi_of_its_seed(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = script("integrated.scenes")
    trained: list[int] = []

    def scvi_model(cells: object, key: str, seed: int) -> tuple[str, int]:
        trained.append(seed)
        return ("scvi", seed)

    monkeypatch.setattr(scenes, "scvi_model", scvi_model)
    monkeypatch.setattr(scenes, "scanvi_model", lambda model, cells: ("scanvi", model, cells))
    monkeypatch.setattr(scenes, "latent", lambda model: model)
    peers = scenes.joining_peers(lambda: "cells", "batch")
    assert peers["scvi"](0) == ("scvi", 0)
    assert peers["scanvi"](0) == ("scanvi", ("scvi", 0), "cells")
    assert peers["scanvi"](1) == ("scanvi", ("scvi", 1), "cells")
    assert trained == [0, 1]
