"""Recipes end to end: small files of the publishers' forms, from a local server to tasks."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from recipe_files import N_GENES, SERVE, TYPES, symbols, write_10x


class Publisher:
    """A folder, the address under which it is served, and what was asked for."""

    def __init__(self, folder: Path, recipes: ModuleType) -> None:
        self.folder = folder
        self.recipes = recipes
        self.asked: list[str] = []
        self.url = ""

    def publish(self, name: str, **changes: bool) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True)
        SERVE[name](folder, self.recipes.RECIPES[name], **changes)
        return folder

    def run(self, name: str, out: Path, *more: str) -> int:
        return int(self.recipes.main([name, "--out", str(out), "--mirror", self.url, *more]))


@pytest.fixture
def recipes(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with no published size, checksum or number of cells to live up to."""
    module, sources = script("recipes"), script("recipe.sources")
    monkeypatch.setattr(module, "PBMC_10X", easy(sources.PBMC_10X, sources))
    for name, recipe in module.RECIPES.items():
        own = replace(recipe, source=easy(recipe.source, sources))
        monkeypatch.setitem(module.RECIPES, name, own)
    return module


def easy(source: object, sources: ModuleType) -> object:
    files = tuple(replace(file, checksum=None, size=None) for file in source.files)
    return replace(source, files=files, expected=sources.Expected(*[(1, 1000)] * 3))


@pytest.fixture
def publisher(
    tmp_path: Path, recipes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = Publisher(tmp_path / "served", recipes)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            served.asked.append(Path(self.path).name)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=served.folder))
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "data"


def task_data(script: Callable[[str], ModuleType], out: Path) -> object:
    tasks = script("tasks")
    (task,) = tasks.read_tasks(out)
    return tasks.load_task(out, task)


@pytest.mark.parametrize(
    ("name", "n_reference", "n_query", "types"),
    [
        ("bmmc", 6 * 18, 7 * 18, TYPES),
        ("pan_cancer", 3 * 18, 5 * 18, ("B_x", "NK_x", "T_x")),
        ("dlpfc", 6 * 18, 6 * 18, ("L1", "L2", "L3")),
    ],
)
def test_a_recipe_makes_a_task(
    script: Callable[[str], ModuleType],
    publisher: Publisher,
    out: Path,
    *,
    name: str,
    n_reference: int,
    n_query: int,
    types: tuple[str, ...],
) -> None:
    publisher.publish(name)
    assert publisher.run(name, out) == 0
    data = task_data(script, out)
    recipe = publisher.recipes.RECIPES[name]
    assert (data.reference.n_obs, data.query.n_obs) == (n_reference, n_query)
    assert sorted(data.reference.obs["batch"].unique()) == sorted(recipe.reference)
    assert sorted(data.query.obs["batch"].unique()) == sorted(recipe.query)
    assert set(data.query.obs["cell_type"]) == set(types)
    values = data.reference.X
    assert isinstance(values, sp.csr_matrix)
    assert values.dtype == np.float32
    assert values.min() >= 0
    assert (values.data == np.rint(values.data)).all()


def test_pbmc_is_halved_by_barcode(
    script: Callable[[str], ModuleType], publisher: Publisher, out: Path
) -> None:
    served = publisher.publish("pbmc") / "10x-Multiome-Pbmc10k-RNA.h5ad"
    assert publisher.run("pbmc", out) == 0
    data = task_data(script, out)
    assert data.reference.n_obs + data.query.n_obs == 90
    assert min(data.reference.n_obs, data.query.n_obs) > 25
    first, second = anndata.read_h5ad(served), anndata.read_h5ad(out / "pbmc.h5ad")
    assert (first.X != second.X).nnz == 0
    assert list(first.obs["cell_type"]) == list(second.obs["cell_type"])


def test_pbmc_takes_labels_of_the_user(publisher: Publisher, out: Path, tmp_path: Path) -> None:
    publisher.publish("pbmc")
    table = pd.DataFrame({"cell_type": ["B", "T"] * 30}, index=[f"TTGA{n}-1" for n in range(60)])
    table.to_csv(tmp_path / "labels.csv", index_label="barcode")
    assert publisher.run("pbmc", out, "--labels", str(tmp_path / "labels.csv")) == 0
    adata = anndata.read_h5ad(out / "pbmc.h5ad")
    assert adata.shape == (60, N_GENES)  # the peaks are left out
    assert adata.obs.loc["TTGA3-1", "cell_type"] == "T"


def test_the_bone_marrow_counts_are_those_of_the_layer(publisher: Publisher, out: Path) -> None:
    served = anndata.read_h5ad(publisher.publish("bmmc") / "plain.h5ad")
    assert publisher.run("bmmc", out) == 0
    adata = anndata.read_h5ad(out / "bmmc.h5ad")
    genes = served[:, :N_GENES]
    assert list(adata.var_names) == list(genes.var_names)
    assert (genes.layers["counts"] != adata.X).nnz == 0
    assert "GSE194122" in adata.uns["recipe"]["source"]
    assert not list((out / "downloads" / "bmmc").glob("*.h5ad"))  # the unpacked copy is gone


def test_spots_carry_their_coordinates(publisher: Publisher, out: Path) -> None:
    publisher.publish("dlpfc")
    assert publisher.run("dlpfc", out) == 0
    adata = anndata.read_h5ad(out / "dlpfc.h5ad")
    assert adata.n_obs == 12 * 18  # two spots of each slice have no layer
    assert adata.obsm["spatial"].tolist() == [[9.0, 7.0]] * adata.n_obs
    assert adata.obs_names[0] == "151507_ACGT0-1"


def test_cancers_share_their_genes(publisher: Publisher, out: Path) -> None:
    publisher.publish("pan_cancer")
    assert publisher.run("pan_cancer", out) == 0
    adata = anndata.read_h5ad(out / "pan_cancer.h5ad")
    assert sorted(adata.var_names) == sorted(set(symbols()) - {"GENE5"})
    assert adata.obs_names.is_unique
    assert adata.uns["recipe"]["values"] == "counts recovered from log1p values"
    assert adata.uns["recipe"]["cells_left_out"] == 0
    assert set(adata[:, "GENE0"].X.toarray().ravel()) == {1.0}
    assert adata.obs.loc[["ESCA_AAAC0-1", "UCEC_AAAC4-1"], "cell_type"].tolist() == ["B_x", "NK_x"]


def test_values_that_give_no_counts_stay_and_are_said(
    publisher: Publisher, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.publish("pan_cancer", smooth=True)
    assert publisher.run("pan_cancer", out) == 0
    adata = anndata.read_h5ad(out / "pan_cancer.h5ad")
    assert adata.uns["recipe"]["values"] == "log1p values as published"
    assert adata.n_obs == 8 * 18
    assert not (out / "tasks.json").exists()
    assert "No task" in capsys.readouterr().err


def test_finished_files_are_not_fetched_again(publisher: Publisher, out: Path) -> None:
    publisher.publish("pan_cancer")
    assert publisher.run("pan_cancer", out) == 0
    assert len(publisher.asked) == 16
    recorded = (out / "downloads/pan_cancer/checksums.json").read_text()
    assert len(json.loads(recorded)) == 16
    (out / "downloads/pan_cancer/GSE154763_LYM_metadata.csv.gz").unlink()
    assert publisher.run("pan_cancer", out) == 0
    assert publisher.asked[16:] == ["GSE154763_LYM_metadata.csv.gz"]
    assert (out / "downloads/pan_cancer/checksums.json").read_text() == recorded


def test_another_content_is_refused_by_its_checksum(
    publisher: Publisher, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = publisher.publish("pbmc") / "10x-Multiome-Pbmc10k-RNA.h5ad"
    assert publisher.run("pbmc", out) == 0
    before = (out / "pbmc.h5ad").read_bytes()
    local = out / "downloads/pbmc" / served.name
    local.unlink()
    served.write_bytes(served.read_bytes()[:-1] + b"x")
    assert publisher.run("pbmc", out) == 1
    assert "checksums.json" in capsys.readouterr().err
    assert [path.name for path in local.parent.iterdir()] == ["checksums.json"]
    assert (out / "pbmc.h5ad").read_bytes() == before


def test_a_damaged_local_file_is_fetched_anew(publisher: Publisher, out: Path) -> None:
    served = publisher.publish("pbmc") / "10x-Multiome-Pbmc10k-RNA.h5ad"
    assert publisher.run("pbmc", out) == 0
    local = out / "downloads/pbmc" / served.name
    local.write_bytes(b"damaged")
    assert publisher.run("pbmc", out) == 0
    assert local.read_bytes() == served.read_bytes()


def test_a_file_put_there_by_hand_is_taken(publisher: Publisher, out: Path) -> None:
    served = publisher.publish("pbmc") / "10x-Multiome-Pbmc10k-RNA.h5ad"
    local = out / "downloads/pbmc" / served.name
    local.parent.mkdir(parents=True)
    local.write_bytes(served.read_bytes())
    assert publisher.run("pbmc", out) == 0
    assert publisher.asked == []


def lose_major_cluster(folder: Path) -> None:
    path = folder / "GSE154763_PAAD_metadata.csv.gz"
    pd.read_csv(path).rename(columns={"MajorCluster": "Cluster"}).to_csv(path, index=False)


def lose_cell_type(folder: Path) -> None:
    adata = anndata.read_h5ad(folder / "10x-Multiome-Pbmc10k-RNA.h5ad")
    del adata.obs["cell_type"]
    adata.write_h5ad(folder / "10x-Multiome-Pbmc10k-RNA.h5ad")


def lose_counts(folder: Path) -> None:
    adata = anndata.read_h5ad(folder / "plain.h5ad")
    del adata.layers["counts"]
    adata.write_h5ad(folder / "plain.h5ad")
    (path,) = folder.glob("*.gz")
    path.write_bytes(gzip.compress((folder / "plain.h5ad").read_bytes(), 1))


def cut_short(folder: Path) -> None:
    (path,) = folder.glob("*.gz")
    path.write_bytes(path.read_bytes()[:-4000])


def scale_counts(folder: Path) -> None:
    adata = anndata.read_h5ad(folder / "10x-Multiome-Pbmc10k-RNA.h5ad")
    adata.X = adata.X * 0.3
    adata.write_h5ad(folder / "10x-Multiome-Pbmc10k-RNA.h5ad")


def answer_with_a_page(folder: Path) -> None:
    (folder / "151508_filtered_feature_bc_matrix.h5").write_text("<html>try later</html>")


def take_away(folder: Path) -> None:
    (folder / "151672_tissue_positions_list.txt").unlink()


def lose_a_spot(folder: Path) -> None:
    path = folder / "151672_tissue_positions_list.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def name_a_cell_twice(folder: Path) -> None:
    path = folder / "GSE154763_PAAD_metadata.csv.gz"
    table = pd.read_csv(path)
    pd.concat([table, table[:1]]).to_csv(path, index=False)


def lose_a_gene(folder: Path) -> None:
    spots = [f"ACGT{spot}-1" for spot in range(20)]
    matrix = np.ones((20, N_GENES - 1))
    write_10x(folder / "151670_filtered_feature_bc_matrix.h5", matrix, spots)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("pan_cancer", lose_major_cluster, "MajorCluster in GSE154763_PAAD_metadata.csv.gz; found"),
        ("pbmc", lose_cell_type, "cell_type in obs of 10x-Multiome-Pbmc10k-RNA.h5ad; found only"),
        ("bmmc", lose_counts, "the parts of .*BMMC_processed.h5ad that its publisher describes"),
        ("bmmc", cut_short, "a whole .gz archive"),
        ("pbmc", scale_counts, "expected counts in X of 10x"),
        ("dlpfc", answer_with_a_page, "begins with .*<html>tr.* a page"),
        ("dlpfc", take_away, "404.* run again later"),
        ("pan_cancer", name_a_cell_twice, "every index once in .*; found 1 again, AAAC17-1 first"),
        ("dlpfc", lose_a_gene, "the same genes in every slice, 12 of them; found others in 151670"),
        ("dlpfc", lose_a_spot, "every spot of .* in 151672_tissue.*; found 1 without, ACGT0-1"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    publisher: Publisher,
    out: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    name: str,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    damage(publisher.publish(name))
    assert publisher.run(name, out) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"{name}: expected")
    assert "To mend it" in error
    assert re.search(said, error), error
    assert [path.name for path in out.iterdir()] == ["downloads"]
    assert not (out / "downloads" / name / "checksums.json").exists()


def test_what_was_published_is_held_to(
    script: Callable[[str], ModuleType],
    publisher: Publisher,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the true numbers, the small files of these tests are refused."""
    publisher.publish("bmmc")
    recipe = publisher.recipes.RECIPES["bmmc"]
    true = script("recipe.sources").BMMC.expected
    publisher.recipes.RECIPES["bmmc"] = replace(
        recipe, source=replace(recipe.source, expected=true)
    )
    assert publisher.run("bmmc", out) == 1
    assert "expected 69249 cells in bmmc; found 234" in capsys.readouterr().err


def test_one_failure_stops_no_other(
    publisher: Publisher, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("bmmc", "dlpfc", "pbmc"):
        publisher.publish(name)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "reactome.gmt").write_text("A\tb\tGENE1\n")
    assert publisher.run("all", out, "--gene-sets", str(tmp_path / "sets")) == 1
    tasks = json.loads((out / "tasks.json").read_text())
    assert [task["name"] for task in tasks] == ["paper:bmmc", "paper:dlpfc", "paper:pbmc_halves"]
    assert (out / "gene_sets" / "reactome.gmt").is_file()
    assert publisher.run("dlpfc", out) == 0  # a task is replaced, not doubled
    assert len(json.loads((out / "tasks.json").read_text())) == 3
    assert "ready: python benchmarks/transfer.py" in capsys.readouterr().err


def test_the_list_names_sources_and_splits(
    recipes: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recipes.main(["--list"]) == 0
    said = capsys.readouterr().out
    for word in ("GSE194122", "GSE154763", "Maynard", "10x Genomics", "the first six slices"):
        assert word in said


@pytest.mark.parametrize(
    "words", [[], ["bmmc"], ["liver", "--out", "x"], ["bmmc", "--out", "x", "--mirror", "nowhere"]]
)
def test_a_wrong_command_is_refused(recipes: ModuleType, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        recipes.main(words)
    assert stopped.value.code == 2
