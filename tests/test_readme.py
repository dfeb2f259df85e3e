"""What the README tells users to type works, on toy files of the names that it uses."""

from __future__ import annotations

import re
import shlex
import shutil
import warnings
from dataclasses import fields
from pathlib import Path

import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import pyplot as plt
from scipy import sparse
from typer.testing import CliRunner

from plkd.cli import app
from plkd.config import TeacherConfig, TrainConfig
from toy import toy_programmes, toy_query, toy_reference, toy_truth, write_gmt
from toy_genome import Gene, gtf_text, write

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
[SHELL] = [
    block
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    if block.startswith("plkd ")
]
COMMANDS = [shlex.split(line, comments=True) for line in SHELL.splitlines()]
SHORT = {"teacher_epochs": 8, "student_epochs": 8, "min_steps": 150}
N_CELLS = 240


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the README names: a reference, a query, its peaks, slices, gene sets."""
    folder = tmp_path_factory.mktemp("readme")
    reference, query, slices = toy_reference(), toy_query(N_CELLS), toy_query(N_CELLS)
    for cells in (reference, query, slices):
        cells.obs["cell_type"] = (
            cells.obs["cell_type"].astype(str).replace("NK cell", "NK").astype("category")
        )
        cells.obs["donor"] = cells.obs["batch"]
    slices.obsm["spatial"] = np.stack(np.divmod(np.arange(N_CELLS), 16), axis=1).astype(float)
    slices.obs["slice"] = np.where(np.arange(N_CELLS) < N_CELLS // 2, "one", "two")
    reference.write_h5ad(folder / "reference.h5ad")
    query.write_h5ad(folder / "query.h5ad")
    slices.write_h5ad(folder / "slices.h5ad")
    write_gmt(folder / "reactome.gmt", toy_programmes())
    genes = [
        Gene(name, "chr1", 300_000 + 60_000 * place, 305_000 + 60_000 * place, "+")
        for place, name in enumerate(toy_truth().genes)
    ]
    write(folder / "gencode.gtf.gz", gtf_text(genes))
    names = [f"chr1:{gene.start + 50}-{gene.start + 350}" for gene in genes]
    counts = sparse.csr_matrix(query[:, list(toy_truth().genes)].X)
    AnnData(counts, obs=query.obs[[]], var=pd.DataFrame(index=names)).write_h5ad(
        folder / "peaks.h5ad"
    )
    lines = sorted(
        (genes[gene].start + 100, cell)
        for cell, gene in zip(*counts.nonzero(), strict=True)
        for _ in range(int(counts[cell, gene]))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MuData: both have the same genes
        both = mudata.MuData({"rna": query, "gene_activity": query.copy()})
        both.write_h5mu(folder / "multiome.h5mu")
    text = "".join(f"chr1\t{at}\t{at + 100}\t{query.obs_names[cell]}\t1\n" for at, cell in lines)
    write(folder / "fragments.tsv.gz", text)
    return folder


@pytest.fixture
def at_hand(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a copy of that folder; models are trained shortly and have few patterns."""
    folder = shutil.copytree(files, tmp_path / "here")
    monkeypatch.chdir(folder)
    for config, short in ((TrainConfig, SHORT), (TeacherConfig, {"n_patterns": 24})):
        defaults = tuple(short.get(each.name, each.default) for each in fields(config))
        monkeypatch.setattr(config.__init__, "__defaults__", defaults)
    return folder


def test_what_is_typed_in_python_works(at_hand: Path) -> None:
    assert len(PYTHON) == 3
    names: dict[str, object] = {}
    for block in PYTHON:
        exec(compile(block, "README.md", "exec"), names)  # noqa: S102
    plt.close("all")
    assert (names["query"].obs["plkd_label"] == names["query"].obs["cell_type"]).mean() > 0.7
    assert {"report.html", "nk.graphml", "model"} <= {path.name for path in at_hand.iterdir()}
    assert names["joint"].n_obs == names["ref"].n_obs + N_CELLS


def test_what_is_typed_in_a_shell_works(at_hand: Path) -> None:
    assert len(COMMANDS) == 14
    for command in COMMANDS:
        done = CliRunner().invoke(app, command[1:])
        assert done.exit_code == 0, f"{command}: {done.output}"
