"""The disputed cells from cells on disk to the page, and what it says of its rows."""

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

TYPES = ("B", "CD14 Mono", "DC", "NK")
MARKED = {"CD14 Mono": ("CD14", "S100A8", "FCN1"), "DC": ("FCER1A", "CD1C", "HLA-DRA")}
N_GENES = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Types of 15 genes each; the query's CD14 monocytes express what dendritic cells do."""
    rng = np.random.default_rng(0)
    batches = np.repeat(["pbmc3k", "kang_ctrl", "zheng_sorted"], 120)
    labels = np.tile(np.repeat(TYPES, 30), 3)
    query = batches == "zheng_sorted"
    labels = np.where(query & (labels == "DC"), "NK", labels)
    codes = np.array([TYPES.index(label) for label in labels])
    codes[query & (labels == "CD14 Mono")] = TYPES.index("DC")
    rates = np.where(np.arange(N_GENES) // 15 == codes[:, None], 4.0, 0.5)
    names = [f"G{n}" for n in range(N_GENES)]
    for marked, genes in MARKED.items():
        first = 15 * TYPES.index(marked)
        names[first : first + len(genes)] = genes
    cells = anndata.AnnData(
        sp.csr_matrix(rng.poisson(rates).astype(np.float32)),
        obs=pd.DataFrame(
            {"cell_type": labels, "batch": batches}, index=[f"c{n}" for n in range(len(codes))]
        ),
        var=pd.DataFrame(index=names),
    )
    cells.write_h5ad(tmp_path / "blood.h5ad")
    task = {
        "name": "pbmc:to_zheng",
        "reference": "blood.h5ad",
        "reference_batches": ["pbmc3k", "kang_ctrl"],
        "query": "blood.h5ad",
        "query_batches": ["zheng_sorted"],
        "labels": "cell_type",
        "batch": "batch",
    }
    (tmp_path / "tasks.json").write_text(json.dumps([task]))
    return tmp_path


def test_from_cells_to_page(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disputed = script("disputed")
    fitted, asked = quick_fits(script)
    monkeypatch.setattr(script("ours"), "fitted", fitted)
    command = ["--out", str(folder / "out"), "--methods", "centroid", "plkd student"]
    command += ["--seeds", "0", "1"]
    assert disputed.main(["--data", str(folder), *command]) == 0
    assert [seed for _, seed, _ in asked] == [0, 1]
    table = pd.read_csv(folder / "out" / "disputed.csv").set_index(["method", "seed"])
    assert list(table.index) == [("centroid", 0), ("plkd student", 0), ("plkd student", 1)]
    assert (table["called_rival"] >= 28).all()
    assert (table["called_as_labelled"] + table["called_rival"] + table["called_other"] == 30).all()
    assert (table["without"] > 0.95).all()
    assert (table["macro_f1"] < 0.7).all()

    genes = pd.read_csv(folder / "out" / "disputed_genes.csv")
    assert set(genes["gene"]) == {gene for marked in MARKED.values() for gene in marked}
    assert set(genes["n_cells"]) == {30}
    text = (folder / "out" / "disputed.md").read_text()
    assert capsys.readouterr().out == text
    assert "By 6 of 6 marker genes the cells are closer to DC, pbmc3k than to CD14 Mono" in text
    assert "30 cells are labelled CD14 Mono" in text
    assert "| plkd student |" in text
    assert "2 of 2 methods call more than half of them DC" in text

    monkeypatch.setattr(disputed, "load_task", lambda *_: pytest.fail("nothing is read"))
    assert disputed.main(["--page", "--out", str(folder / "out")]) == 0
    assert (folder / "out" / "disputed.md").read_text() == text
    assert disputed.arguments(["--methods", "svm"]).methods == ["svm"]
    assert not set(disputed.arguments([]).methods) & set(disputed.SLOW)


def test_means_are_those_of_log1p_counts_per_ten_thousand(
    script: Callable[[str], ModuleType], folder: Path
) -> None:
    disputed, tasks = script("disputed"), script("tasks")
    cells = tasks.load_task(folder, tasks.read_tasks(folder, [disputed.TASK])[0])
    found = {(row["gene"], row["group"]): row["mean"] for row in disputed.markers(cells)}
    whole = anndata.read_h5ad(folder / "blood.h5ad")
    chosen = whole[(whole.obs["batch"] == "pbmc3k") & (whole.obs["cell_type"] == "DC")]
    counts = chosen.X.toarray()
    log1p = np.log1p(1e4 * counts / counts.sum(1, keepdims=True))
    expected = log1p[:, list(whole.var_names).index("CD1C")].mean()
    assert found["CD1C", "DC, pbmc3k"] == pytest.approx(expected, abs=1e-3)


def test_nothing_to_show_is_said(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"disputed\.csv has no rows"):
        script("disputed").main(["--page", "--out", str(tmp_path)])


def test_markers_are_of_disputed_cells_that_are_called_as_labelled(
    script: Callable[[str], ModuleType],
) -> None:
    disputed, predictions = script("disputed"), script("predictions")
    truth = np.array(["CD14 Mono", "CD14 Mono", "CD14 Mono", "NK", "B"])
    said = np.array(["CD14 Mono", "CD14 Mono", "DC", "CD14 Mono", "B"])
    genes = pd.DataFrame({"CD1C": [1.0, 2.0, 8.0, 9.0, 9.0], "HLA-DRA": [3.0, 4.0, 8.0, 9.0, 9.0]})
    row = disputed.measures(truth, predictions.Prediction(said, 0.0, 0.0), genes)
    assert row["rival_markers"] == 2.5
    assert (row["called_as_labelled"], row["called_rival"], row["called_other"]) == (2, 1, 0)
    assert row["without"] == 0.5  # NK is missed, B is not
    none = predictions.Prediction(np.full(5, "B"), 0.0, 0.0)
    assert np.isnan(disputed.measures(truth, none, genes)["rival_markers"])
