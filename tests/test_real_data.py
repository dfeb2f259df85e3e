"""The main job on real data: chemistry to chemistry, from files, as a user would run it."""

from __future__ import annotations

import json
import sys
from unittest import mock

import anndata
import numpy as np
import pytest

import plkd
from plkd.cli import main
from plkd.config import TrainConfig
from plkd.data.expression import ExpressionKind, recognise
from plkd.errors import GeneMatchError

pytestmark = pytest.mark.real_data


def test_every_file_is_recognised_as_counts(data_dir):
    files = sorted(data_dir.glob("*.h5ad"))
    assert files
    for path in files:
        found = recognise(anndata.read_h5ad(path).X, slot=path.name)
        assert found.kind is ExpressionKind.COUNTS, path.name


@pytest.fixture(scope="module")
def sides(data_dir):
    cells = anndata.read_h5ad(data_dir / "symphony_pbmc_3tech.h5ad")
    query = cells.obs["batch"] == "5p"
    counts = cells.obs.loc[~query, "cell_type"].value_counts()
    known = cells.obs["cell_type"].isin(counts.index[counts >= 5])  # as tasks.json has it
    return cells[~query & known].copy(), cells[query & known].copy()


@pytest.fixture(scope="module")
def model(sides, data_dir):
    sets = plkd.pp.read_gene_sets(data_dir / "gene_sets" / "reactome.gmt")
    annotator = plkd.CellAnnotator(sets, training=TrainConfig(hold_out=0), device="cpu")
    return annotator.fit(sides[0], labels_key="cell_type", batch_key="batch")


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_another_chemistry_is_annotated(sides, model, network):
    query = sides[1].copy()
    plkd.tl.annotate(query, model, with_=network)
    assert plkd.tl.evaluate(query, labels_key="cell_type").macro_f1 > 0.88


def test_the_same_cells_as_log1p_in_another_gene_order_get_the_same_answer(sides, model):
    import scanpy as sc

    query = sides[1].copy()
    plkd.tl.annotate(query, model, probabilities=True)
    other = sides[1][:, np.random.default_rng(0).permutation(sides[1].n_vars)].copy()
    sc.pp.normalize_total(other, target_sum=1e4)
    sc.pp.log1p(other)
    plkd.tl.annotate(other, model, probabilities=True)
    assert other.uns["plkd"]["expression"] == "log1p"
    assert np.allclose(other.obsm["plkd_proba"], query.obsm["plkd_proba"], atol=1e-4)


def test_mouse_cells_are_refused_by_a_human_model(model, data_dir):
    mouse = anndata.read_h5ad(data_dir / "snareseq_cortex_rna.h5ad")
    with pytest.raises(GeneMatchError, match="mouse"):
        plkd.tl.annotate(mouse, model)


def test_from_files_on_the_command_line(sides, model, tmp_path, capsys):
    model.save(tmp_path / "model")
    unlabelled = sides[1].copy()
    unlabelled.write_h5ad(tmp_path / "query.h5ad")
    command = f"annotate {tmp_path}/query.h5ad --model {tmp_path}/model --out {tmp_path}/out.h5ad"
    assert run(command.split()) == 0
    scores = f"evaluate {tmp_path}/out.h5ad --labels cell_type --json {tmp_path}/scores.json"
    assert run(scores.split()) == 0
    assert json.loads((tmp_path / "scores.json").read_text())["macro_f1"] > 0.88
    capsys.readouterr()


def run(arguments):
    with mock.patch.object(sys, "argv", ["plkd", *arguments]), pytest.raises(SystemExit) as done:
        main()
    return done.value.code or 0
