"""Auditing the labels of a reference, in memory and as a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.data.labels import encode_labels
from plkd.errors import InputError, OutputExistsError
from plkd.tools.audit_labels import audit_file
from plkd.tools.audit_results import LabelAudit
from plkd.trust.label_audit import judge_labels
from toy import toy_reference, without_a_name

COLUMNS = ["cell", "rank", "label", "suggestion", "score", "neighbor_share", "doubtful"]


@pytest.fixture(scope="module")
def mixed() -> tuple[AnnData, pd.Series]:
    """A reference of which 12 of 240 labels are wrong and 5 are missing; the truth of all."""
    cells = toy_reference(240, 120)
    truth = cells.obs["cell_type"].astype(str)
    labels = truth.to_numpy(dtype=object).copy()
    chosen = np.random.default_rng(0).permutation(240)
    types = np.array(sorted(set(truth)), dtype=object)
    for cell in chosen[:12]:
        labels[cell] = types[types != labels[cell]][0]
    labels[chosen[12:17]] = None
    cells.obs["given"] = labels
    return cells, truth


@pytest.fixture(scope="module")
def audit(mixed: tuple[AnnData, pd.Series]) -> LabelAudit:
    return plkd.tl.audit_labels(mixed[0], labels_key="given", batch_key="batch")


def test_wrong_labels_come_first_with_what_they_are(
    mixed: tuple[AnnData, pd.Series], audit: LabelAudit
) -> None:
    cells, truth = mixed
    table = audit.to_frame()
    assert list(table.columns) == [*COLUMNS, "batch", "other_batches"]
    assert set(table["other_batches"]) == {""}
    assert table["rank"].tolist() == list(range(1, 236))
    assert table["score"].is_monotonic_increasing
    given = cells.obs["given"].dropna()
    assert sorted(table["cell"]) == sorted(given.index)
    assert (table["label"].to_numpy() == given[table["cell"]].to_numpy()).all()
    assert (table["batch"].to_numpy() == cells.obs["batch"][table["cell"]].astype(str)).all()
    first = table.head(14)
    wrong = given[given != truth[given.index]].index
    assert len(wrong) == 12
    assert set(wrong) <= set(first["cell"])
    hit = first[first["cell"].isin(wrong)]
    assert (hit["suggestion"].to_numpy() == truth[hit["cell"]].to_numpy()).mean() > 0.9


def test_scores_are_those_of_the_arrays(mixed: tuple[AnnData, pd.Series]) -> None:
    cells = mixed[0][mixed[0].obs["given"].notna()].copy()
    counts = cells.X.toarray().astype(float)
    log1p = np.log1p(1e4 * counts / counts.sum(1, keepdims=True))
    labels = encode_labels(cells.obs["given"])
    expected = judge_labels(type(cells.X)(log1p.astype(np.float32)), labels.codes, 4, seed=3)
    found = plkd.tl.audit_labels(cells, labels_key="given", seed=3)
    assert found.batches is None
    by_name = dict(zip(found.cells, found.scores, strict=True))
    score = [by_name[name] for name in cells.obs_names]
    np.testing.assert_allclose(score, expected.score, atol=1e-4)
    assert list(found.to_frame().columns) == COLUMNS


def test_sums(audit: LabelAudit) -> None:
    table = audit.to_frame()
    assert (audit.n_cells, audit.n_unlabelled) == (235, 5)
    assert audit.n_doubtful == table["doubtful"].sum() >= 11
    assert audit.share_of_doubtful == audit.n_doubtful / 235
    for each in audit.per_type():
        own = table[table["label"] == each.cell_type]
        doubted = own[own["doubtful"]]
        assert (each.n_cells, each.n_doubtful) == (len(own), len(doubted))
        assert each.suggestions == doubted["suggestion"].value_counts().to_dict()
        assert list(each.suggestions.values()) == sorted(each.suggestions.values(), reverse=True)
        assert each.cell_type not in each.suggestions
    for name, (n, bad) in audit.per_batch().items():
        own = table[table["batch"] == name]
        assert (n, bad) == (len(own), own["doubtful"].sum())
    numbers = audit.as_dict()
    assert sum(each["cells"] for each in numbers["types"].values()) == 235
    assert sum(each["doubtful"] for each in numbers["batches"].values()) == audit.n_doubtful
    assert repr(audit) == f"LabelAudit: 235 labels of 4 cell types, {audit.n_doubtful} look wrong"


def test_the_reference_is_not_changed_and_the_answer_is_the_same_again() -> None:
    cells = toy_reference(120, 80)
    before = cells.copy()
    first, again = (plkd.tl.audit_labels(cells, labels_key="cell_type") for _ in range(2))
    pd.testing.assert_frame_equal(first.to_frame(), again.to_frame())
    pd.testing.assert_frame_equal(cells.obs, before.obs)
    assert (cells.X != before.X).nnz == 0
    with pytest.raises(InputError, match="pass batch_key"):
        first.per_batch()


def test_a_layer_and_fewer_genes() -> None:
    cells = toy_reference(120, 80)
    whole = plkd.tl.audit_labels(cells, labels_key="cell_type")
    cells.layers["counts"], cells.X = cells.X, cells.X * 0
    layer = plkd.tl.audit_labels(cells, labels_key="cell_type", layer="counts")
    np.testing.assert_array_equal(layer.scores, whole.scores)
    few = plkd.tl.audit_labels(cells, labels_key="cell_type", layer="counts", n_genes=40)
    assert np.abs(few.scores - whole.scores).max() > 1e-4


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"labels_key": "nothing"}, r"'nothing' in obs \(labels_key\); found 'cell_type', 'batch'"),
        ({"labels_key": "cell_type", "batch_key": "lane"}, r"'lane' in obs \(batch_key\)"),
        ({"labels_key": "alike"}, "at least two cell types in obs\\['alike'\\]"),
    ],
)
def test_columns_that_do_not_fit(keys: dict[str, str], message: str) -> None:
    cells = toy_reference(30, 80)
    cells.obs["alike"] = "T"
    message = message.replace("'cell_type', 'batch'", "'cell_type', 'batch', 'alike'")
    with pytest.raises(InputError, match=message):
        plkd.tl.audit_labels(cells, **keys)


def test_file_and_memory_agree_and_the_table_is_whole_or_not_there(
    mixed: tuple[AnnData, pd.Series], audit: LabelAudit, tmp_path: Path
) -> None:
    cells = mixed[0].copy()
    cells.write_h5ad(tmp_path / "ref.h5ad")
    out = tmp_path / "audit.csv"
    with pytest.raises(InputError, match="'lane' in obs of"):
        audit_file(tmp_path / "ref.h5ad", out, labels_key="given", batch_key="lane")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ref.h5ad"]
    found = audit_file(tmp_path / "ref.h5ad", out, labels_key="given", batch_key="batch")
    pd.testing.assert_frame_equal(found.to_frame(), audit.to_frame())
    table = pd.read_csv(out, keep_default_na=False)
    pd.testing.assert_frame_equal(table, audit.to_frame(), rtol=1e-5, check_dtype=False)
    assert table.columns[0] == "cell"
    with pytest.raises(OutputExistsError):
        audit_file(tmp_path / "ref.h5ad", out, labels_key="given")
    audit_file(tmp_path / "ref.h5ad", out, labels_key="given", overwrite=True)
    assert "batch" not in pd.read_csv(out)
    with pytest.raises(InputError, match="not the input"):
        audit_file(tmp_path / "ref.h5ad", tmp_path / "ref.h5ad", labels_key="given", overwrite=True)


def test_cells_without_a_batch_are_refused() -> None:
    cells = toy_reference(60)
    cells.obs["lane"] = cells.obs["batch"].astype(object).where(np.arange(60) > 1)
    with pytest.raises(
        InputError, match=r"each of 60 cells in obs, column 'lane'; found none for 2"
    ):
        plkd.tl.audit_labels(cells, labels_key="cell_type", batch_key="lane")


def test_labels_that_look_like_missing_ones_are_warned_about() -> None:
    cells = toy_reference(60)
    cells.obs["given"] = cells.obs["cell_type"].astype(object).where(np.arange(60) > 3).astype(str)
    with pytest.warns(UserWarning, match=r"'nan' \(4 cells\)") as caught:
        plkd.tl.audit_labels(cells, labels_key="given")
    assert Path(caught[0].filename) == Path(__file__)


def test_every_cell_is_looked_at() -> None:
    """What the values are is told by blocks of cells; cell 300 is between two of them."""
    cells = toy_reference(6000, 60)
    cells.X.data[cells.X.indptr[300]] = np.nan
    with pytest.raises(InputError, match=r"1 NaN value\(s\), the first in cell 300 "):
        plkd.tl.audit_labels(cells, labels_key="cell_type")


def test_one_gene_is_too_few() -> None:
    with pytest.raises(InputError, match="n_genes of 2 or more"):
        plkd.tl.audit_labels(toy_reference(60), labels_key="cell_type", n_genes=1)


def test_what_the_other_batches_call_a_label() -> None:
    whole = toy_reference(900, n_types=6)
    cells = without_a_name(whole, "Dendritic cell", called="Monocyte", batch="donor 2")
    found = plkd.tl.audit_labels(cells, labels_key="cell_type", batch_key="batch")
    (each,) = found.contradicted
    assert (each.batch, each.label, each.looks_like) == ("donor 2", "Monocyte", "Dendritic cell")
    table = found.to_frame()
    called = table[table["other_batches"] != ""]
    assert set(called["other_batches"]) == {"Dendritic cell"}
    assert set(called["label"]) == {"Monocyte"}
    assert set(called["batch"]) == {"donor 2"}
    assert len(called) == each.n_cells
    assert (cells.obs["truth"][called["cell"]] == "Dendritic cell").mean() > 0.95
    assert found.as_dict()["contradicted"] == [asdict(each)]
    without = plkd.tl.audit_labels(cells, labels_key="cell_type")
    assert without.contradicted == ()
    assert list(without.to_frame().columns) == COLUMNS
