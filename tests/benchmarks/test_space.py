"""The spatial benchmark from slices on disk to its files, and what its page says of its rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from quick_models import quick_fits

SLICES = ("151673", "151674", "151675", "151676")
LAYERS = ("L1", "L3", "WM")
SIDE, N_GENES = 9, 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four slices of three bands, whose spots have few counts of twenty genes a layer."""
    rng = np.random.default_rng(0)
    xy = np.array([(x, y) for y in range(SIDE) for x in range(SIDE)], dtype=float)
    codes = np.tile((xy[:, 1] * 3 // SIDE).astype(int), len(SLICES))
    rates = np.where(np.arange(N_GENES) // 20 == codes[:, None], 0.35, 0.2)
    obs = pd.DataFrame(
        {"cell_type": np.array(LAYERS)[codes], "batch": np.repeat(SLICES, len(xy))},
        index=[f"spot{n}" for n in range(len(codes))],
    )
    cells = anndata.AnnData(
        sp.csr_matrix(rng.poisson(rates).astype(np.float32)),
        obs=obs,
        var=pd.DataFrame(index=[f"G{n}" for n in range(N_GENES)]),
        obsm={"spatial": np.tile(xy, (len(SLICES), 1))},
    )
    cells.write_h5ad(tmp_path / "slices.h5ad")
    task = {
        "name": "dlpfc:673+674",
        "reference": "slices.h5ad",
        "reference_batches": SLICES[:2],
        "query": "slices.h5ad",
        "query_batches": SLICES[2:],
        "labels": "cell_type",
        "batch": "batch",
    }
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    return tmp_path


def test_from_slices_to_page(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    space = script("space")
    fitted, asked = quick_fits(script)
    monkeypatch.setattr(space, "fitted", fitted)
    monkeypatch.setattr(space, "RESULTS", folder)
    command = ["--out", str(folder / "out"), "--seeds", "0", "1"]
    (folder / "out").mkdir()
    assert space.main(["--data", str(folder), *command]) == 0
    assert asked == [
        ("dlpfc:151673", 0, SLICES[:1]),
        ("dlpfc:151674", 0, SLICES[1:2]),
        ("dlpfc:673+674", 0, SLICES[:2]),
        ("dlpfc:673+674", 1, SLICES[:2]),
    ]
    table = pd.read_csv(folder / "out" / "space.csv")
    whole = table[(table["layer"] == "all") & (table["part"] == "query")]
    assert len(whole) == 3 * 2 * len(space.WEIGHTS)  # two networks, and the adapted Student
    assert set(table.loc[table["part"] == "choice", "method"]) == {"plkd student", "plkd teacher"}
    smooth = whole.groupby("weight")["accuracy"].mean()
    assert smooth[0.6] > smooth[0.0] + 0.05
    assert (whole.loc[whole["weight"] == 0, "changed"] == 0).all()
    assert (folder / "out" / "space.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "out" / "space.md").read_text()
    assert capsys.readouterr().out == text
    assert "# Layers of the cortex" in text
    assert "## F1 by layer, unseen slices" in text

    monkeypatch.setattr(space, "run", lambda *_: pytest.fail("nothing is run"))
    assert space.main(["--page", *command]) == 0
    assert (folder / "out" / "space.md").read_text() == text


def test_the_other_way_round(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    peers, ours = script("space_peers"), script("ours")
    fitted, asked = quick_fits(script)
    monkeypatch.setattr(ours, "fitted", fitted)
    command = ["--data", str(folder), "--out", str(folder)]
    methods = ["--methods", "plkd student", "plkd adapted", "centroid"]
    assert peers.main([*command, *methods, "--seeds", "0", "1"]) == 0
    assert asked == [("dlpfc:673+674:turned", seed, SLICES[2:]) for seed in (0, 1)]
    table = pd.read_csv(folder / "space_peers.csv")
    assert set(table["way"]) == {"back"}
    assert set(table["n_genes"]) == {N_GENES}
    rows = table.set_index(["method", "seed"])
    once = [("centroid", 0)]  # the seed has no effect on it
    assert set(rows.index) == {("plkd student", 0), ("plkd student", 1),
                               ("plkd adapted", 0), ("plkd adapted", 1), *once}  # fmt: skip
    assert (rows[["macro_f1", "accuracy"]] > 0.5).all(axis=None)  # by chance a third

    before = rows.loc[("plkd student", 1)].copy()
    assert peers.main([*command, "--methods", "plkd student", "--seeds", "0"]) == 0
    again = pd.read_csv(folder / "space_peers.csv").set_index(["method", "seed"])
    assert len(again) == len(rows)
    assert again.loc[("plkd student", 1)].equals(before)


def test_peers_in_fewer_genes(
    script: Callable[[str], ModuleType], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = script("space_peers")
    command = ["--data", str(folder), "--out", str(folder), "--way", "forth", "--seeds", "0"]
    for genes in ([], ["--genes", "20"]):
        assert peers.main([*command, "--methods", "centroid", *genes]) == 0
    table = pd.read_csv(folder / "space_peers.csv").set_index(["way", "n_genes", "method"])
    assert set(table.index) == {("forth", N_GENES, "centroid"), ("forth", 20, "centroid")}
    few, all_of_them = table["macro_f1"].loc["forth"].loc[[20, N_GENES]]
    assert few < all_of_them
    with pytest.raises(SystemExit):
        peers.main([*command, "--methods", "centroid", "plkd student", "--genes", "20"])
    assert "plkd chooses its genes itself" in capsys.readouterr().err


def made_up(scores: dict[tuple[str, str, float], float]) -> pd.DataFrame:
    """Rows of two seeds; the second seed scores 0.02 more in the query."""
    rows = []
    for (part, method, weight), score in scores.items():
        for seed in (0, 1) if part == "query" else (0,):
            head = {"part": part, "task": "t", "method": method, "seed": seed, "weight": weight}
            value = score + 0.02 * seed
            rows.append({**head, "layer": "all", "accuracy": value, "macro_f1": value,
                         "changed": weight / 4})  # fmt: skip
            rows.append({**head, "layer": "L1", "macro_f1": value - 0.1 * weight})
            rows.append({**head, "layer": "L3", "macro_f1": value + 0.1 * weight})
    return pd.DataFrame(rows)


@pytest.fixture
def rows() -> pd.DataFrame:
    student, teacher = "plkd student", "plkd teacher"
    return made_up(
        {
            ("choice", student, 0.0): 0.60,
            ("choice", student, 0.5): 0.70,
            ("choice", student, 0.6): 0.65,
            ("choice", teacher, 0.0): 0.60,
            ("choice", teacher, 0.5): 0.61,
            ("choice", teacher, 0.6): 0.65,
            ("query", student, 0.0): 0.60,
            ("query", student, 0.5): 0.62,
            ("query", student, 0.6): 0.90,
            ("query", teacher, 0.0): 0.55,
            ("query", teacher, 0.5): 0.54,
            ("query", teacher, 0.6): 0.95,
        }
    )


def test_the_weight_is_chosen_on_the_reference_alone(
    script: Callable[[str], ModuleType], rows: pd.DataFrame
) -> None:
    page = script("space_page")
    assert page.chosen_weight(rows) == 0.5
    tied = rows[rows["method"] == "plkd student"].copy()
    tied.loc[tied["weight"] == 0.6, "macro_f1"] = 0.70
    assert page.chosen_weight(tied) == 0.5


def test_sentences(script: Callable[[str], ModuleType], rows: pd.DataFrame) -> None:
    page, results = script("space_page"), script("results")
    peers = [
        results.Row("dlpfc:673+674", "svm", 0, 0.58, 0.58, 1.0, 1.0),
        results.Row("dlpfc:673+674", "harmony + knn", 0, 0.7, 0.57, 1.0, 1.0),
        results.Row("elsewhere", "mlp", 0, 0.99, 0.99, 1.0, 1.0),
    ]
    text = page.page(rows, peers)
    assert (
        "**Holds**: the Student above every expression-only peer in macro F1. Without smoothing it "
        "is in macro F1, 0.610 ± 0.014, above every one (the best, svm, has 0.580); in accuracy, "
        "0.610 ± 0.014, not above harmony + knn (0.700)."
    ) in text
    assert "**Does not hold**: the Teacher above every" in text
    assert (
        "moves the Student's macro F1 by +0.020 and accuracy by +0.020 (macro F1 up in 2 of 2"
        in text
    )
    assert "moves the Teacher's macro F1 by -0.010" in text
    assert "F1 of the Student: smoothing costs L1 (-0.030). It gains most in L3 (+0.070)." in text
    assert "0.7, is not the one that these" in text
    assert "| harmony + knn | 0.570 | 0.700 | yes |" in text
    assert "| Student, smoothed | 0.630 ± 0.014 | 0.630 ± 0.014 | no |" in text
    assert "mlp" not in text
    assert "accuracy 0.961 and macro F1 0.955" in text


def test_the_page_shows_other_numbers_of_genes_and_the_other_way_round(
    script: Callable[[str], ModuleType], rows: pd.DataFrame
) -> None:
    columns = ["way", "n_genes", "method", "seed", "macro_f1", "accuracy"]
    more = pd.DataFrame(
        [
            ["back", 3851, "plkd adapted", 0, 0.61, 0.7],
            ["back", 3851, "plkd adapted", 1, 0.63, 0.7],
            ["back", 2000, "scanvi", 0, 0.65, 0.72],
            ["back", 3851, "scanvi", 0, 0.6, 0.71],
            ["forth", 2000, "scanvi", 0, 0.62, 0.6],
        ],
        columns=columns,
    )
    page, results = script("space_page").page, script("results")
    peers = [results.Row("dlpfc:673+674", "scanvi", 0, 0.58, 0.59, 1.0, 1.0)]
    text = page(rows, peers, more)
    lines = ["| scanvi | 2,000 | 0.650 | 0.720 | 1 | yes |",
             "| adapted Student | 3,851 | 0.620 ± 0.014 | 0.700 ± 0.000 | 2 | yes |",
             "| scanvi | 3,851 | 0.600 | 0.710 | 1 | yes |"]  # fmt: skip
    assert "\n".join(lines) in text  # the best first
    assert "| scanvi, 2,000 genes | 0.620 | 0.600 | yes |\n| scanvi | 0.590 | 0.580 | yes |" in text
    assert "in macro F1, 0.610 ± 0.014, not above scanvi, 2,000 genes (0.620)" in text
    assert "mean of both ways" not in text.split("## The choice")[0]  # plkd adapted went one way
    student = pd.DataFrame([["back", 3851, "plkd student", 0, 0.67, 0.7]], columns=columns)
    text = page(rows, peers, pd.concat([more, student]))
    assert (
        "Macro F1, mean of both ways: Student 0.640; the best peer in as many genes, scanvi, 0.595."
    ) in text  # (0.61 + 0.67) / 2; (0.59 + 0.60) / 2
    assert "## The other way round" not in page(rows, peers, more[:0])


def test_the_page_before_the_query_has_run(
    script: Callable[[str], ModuleType], rows: pd.DataFrame
) -> None:
    text = script("space_page").page(rows[rows["part"] == "choice"], [])
    assert "seeds none yet" in text
    assert "| 0.5 | 0.700 | 0.610 | 0.655 |" in text
    assert "## Unseen slices" not in text
