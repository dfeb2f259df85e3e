"""The benchmark across modalities from cells on disk to its files, and what its page says."""

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

TYPES, N_GENES, N_CELLS = ("L2/3", "L6", "Oligo"), 60, 240


def write_cells(folder: Path, name: str, depth: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.arange(N_CELLS) % 3
    rates = depth * np.where(np.arange(N_GENES) // 20 == codes[:, None], 2.0, 0.3)
    obs = pd.DataFrame(
        {
            "cell_type": np.array(TYPES)[codes],
            "batch": np.array(["09A", "09G"])[np.arange(240) % 2],
        },
        index=[f"cell{number}" for number in range(N_CELLS)],
    )
    var = pd.DataFrame(index=[f"Gene{number}" for number in range(N_GENES)])
    counts = sp.csr_matrix(rng.poisson(rates).astype(np.float32))
    anndata.AnnData(counts, obs=obs, var=var).write_h5ad(folder / name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """RNA and a shallower ATAC of the same cells."""
    write_cells(tmp_path, "rna.h5ad", 2.0, 0)
    write_cells(tmp_path, "atac.h5ad", 0.12, 1)
    tasks = [
        {
            "name": name,
            "reference": file,
            "reference_batches": ["09A"],
            "query": file,
            "query_batches": ["09G"],
            "labels": "cell_type",
            "batch": "batch",
        }
        for name, file in (("cortex:rna", "rna.h5ad"), ("cortex:atac", "atac.h5ad"))
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return tmp_path


def keep_scores(module: ModuleType, results: ModuleType, folder: Path) -> None:
    """Write rows of transfer.py: the Student above the SVM but on RNA -> ATAC."""
    scores = {
        "cortex:rna": (0.7, 0.8),
        "cortex:atac": (0.3, 0.4),
        "cortex:rna_to_atac": (0.3, 0.25),
    }
    rows = [
        results.Row(task, method, seed, score + 0.1, score, 1.0, 1.0)
        for task, pair in scores.items()
        for method, score in zip(("svm", "plkd student"), pair, strict=True)
        for seed in (0, 1)
    ]
    results.write_rows(folder / "peers.csv", [row for row in rows if row.method == "svm"])
    stale = [results.Row("cortex:rna", "svm", 0, 0.0, 0.0, 1.0, 1.0)]
    results.write_rows(folder / "transfer.csv", [*rows, *stale])


def test_from_cells_to_page(
    script: Callable[[str], ModuleType],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    modalities = script("modalities")
    fitted, asked = quick_fits(script)
    monkeypatch.setattr(modalities, "fitted", fitted)
    monkeypatch.setattr(modalities, "RESULTS", folder)
    keep_scores(modalities, script("results"), folder)
    command = ["--out", str(folder / "out"), "--seeds", "0"]
    (folder / "out").mkdir()
    assert modalities.main(["--data", str(folder), *command]) == 0
    assert asked == [("cortex:rna", 0, ("09A",)), ("cortex:atac", 0, ("09A",))]
    rows = pd.read_csv(folder / "out" / "modalities.csv")
    whole = rows[(rows["type"] == "all") & (rows["method"] == "plkd student")].set_index("models")
    assert list(whole.index) == ["RNA", "each its own"]
    assert (whole["n_cells"] == 120).all()
    assert whole.loc["each its own", "agreement"] > 0.6
    depth = pd.read_csv(folder / "out" / "modalities_depth.csv")
    own = depth[depth["method"] == "plkd student"]
    shallow = own[(own["modality"] == "ATAC") & (own["models"] == "RNA")].iloc[0]
    counts = anndata.read_h5ad(folder / "atac.h5ad")[1::2].X.toarray().sum(axis=1)
    assert shallow["counts"] == np.median(counts)
    assert (own["expression"] == "counts").all()
    assert (own["genes_found"] == N_GENES).all()
    assert (folder / "out" / "modalities.png").read_bytes().startswith(b"\x89PNG")
    text = (folder / "out" / "modalities.md").read_text()
    assert capsys.readouterr().out == text
    for title in ("Agreement of RNA and ATAC of one cell", "What annotation says of each modality"):
        assert f"\n## {title}\n" in text

    monkeypatch.setattr(modalities, "run", lambda *_: pytest.fail("nothing is run"))
    assert modalities.main(["--page", *command]) == 0
    assert (folder / "out" / "modalities.md").read_text() == text


def test_agreement_and_what_it_is_worth(script: Callable[[str], ModuleType]) -> None:
    modalities = script("modalities")
    names = ["a", "b", "c", "d"]
    rna, atac = (
        anndata.AnnData(np.zeros((4, 1), np.float32), obs=pd.DataFrame({"plkd_label": v}, names))
        for v in (["x", "x", "y", "y"], ["x", "y", "y", "y"])
    )
    truth = pd.Series(["x", "x", "y", "x"], index=names)
    whole, x, y = modalities.agreement_rows(rna, atac[::-1].copy(), truth)
    assert (whole["agreement"], whole["right_where_same"]) == (0.75, round(2 / 3, 5))
    assert whole["right_where_not"] == 1.0
    assert (x["n_rna"], x["n_atac"], x["agreement"]) == (2, 1, round(2 / 3, 5))
    assert (y["n_rna"], y["n_atac"], y["agreement"]) == (2, 3, 0.8)


def test_sentences_are_those_of_the_scores(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modalities = script("modalities")
    monkeypatch.setattr(modalities, "RESULTS", tmp_path)
    keep_scores(modalities, script("results"), tmp_path)
    page = script("modalities_page")
    text = page.page(modalities.kept_scores(), pd.DataFrame(), pd.DataFrame())
    assert (
        "- RNA → RNA. **Holds**: the Student above every peer on both measures; macro F1 0.800, "
        "above all (the best, svm, has 0.700)"
    ) in text
    assert (
        "- RNA → ATAC. **Does not hold**: the Student above every peer on both measures; macro F1 "
        "0.250, not above svm (0.300); accuracy 0.350, not above svm (0.400). The aim, macro F1 of "
        "at least 0.28, is not met."
    ) in text
    assert "Teacher above" not in text
    assert "| svm | 0.800 ± 0.000 | 0.700 ± 0.000 | 0.400 ± 0.000 |" in text
    assert "| the paper's own | 0.951 / 0.939 | 0.956 / 0.952 |" in text
    assert "## Agreement" not in text


def test_nothing_to_show(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modalities = script("modalities")
    monkeypatch.setattr(modalities, "RESULTS", tmp_path)
    with pytest.raises(SystemExit, match="nothing to show"):
        modalities.main(["--page", "--out", str(tmp_path)])
