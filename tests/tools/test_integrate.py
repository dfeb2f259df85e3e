"""A joint embedding of AnnData in memory: stacked, paired, of batches, of a MuData."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.config import TeacherConfig, TrainConfig
from plkd.errors import GeneMatchError, InputError, NotFittedError
from plkd.model.annotator import CellAnnotator
from plkd.tools.joint_alignment import aligned
from plkd.tools.joint_blocks import side_by_side
from plkd.tools.joint_obs import distinct_names
from toy import toy_query, toy_reference


@pytest.fixture
def other() -> AnnData:
    """Cells of one more batch; twenty bear names of the query's."""
    return toy_query(50, n_genes=120, seed=7)


@pytest.fixture(scope="module")
def second() -> CellAnnotator:
    """A model of other widths, barely trained."""
    training = TrainConfig(teacher_epochs=1, student_epochs=1, min_steps=0, hold_out=0.0)
    model = CellAnnotator(teacher=TeacherConfig(n_patterns=4), training=training, device="cpu")
    return model.fit(toy_reference(120, n_genes=120), labels_key="cell_type")


def embedding(adata: AnnData, model: CellAnnotator, **options: Any) -> np.ndarray:
    return plkd.tl.annotate(adata, model, copy=True, **options).obsm["X_plkd"]


def same_cells(adata: AnnData, seed: int = 3) -> AnnData:
    """Another modality: the same cells in another order, measured anew."""
    order = np.random.default_rng(seed).permutation(adata.n_obs)
    new = adata[order].copy()
    new.X = new.X + new.X.multiply(new.X > 2)
    return new


def unchanged(before: AnnData, after: AnnData) -> bool:
    return (
        before.obs.equals(after.obs)
        and list(before.obsm) == list(after.obsm)
        and list(before.uns) == list(after.uns)
        and (before.X != after.X).nnz == 0
    )


# --- stacked ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("network", "width"), [("student", 128), ("teacher", 48)])
def test_stacked_cells_have_the_embedding_of_each_alone(query, other, annotator, network, width):
    before = copy.deepcopy(query), copy.deepcopy(other)
    joint = plkd.tl.integrate({"A": query, "B": other}, annotator, with_=network, align=False)
    assert joint.shape == (115, 0)
    found = joint.obsm["X_plkd"]
    assert (found.dtype, found.shape) == (np.float32, (115, width))
    expected = [embedding(each, annotator, with_=network) for each in (query, other)]
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=0, atol=1e-5)
    layer = joint.obs["plkd_layer"]
    assert isinstance(layer.dtype, pd.CategoricalDtype)
    assert list(layer) == ["A"] * 65 + ["B"] * 50
    assert list(joint.obs_names) == [*query.obs_names, *other.obs_names]
    assert joint.obs["plkd_no_counts"].dtype == bool
    assert list(joint.obs["cell_type"]) == [*query.obs["cell_type"], *other.obs["cell_type"]]
    assert unchanged(before[0], query)
    assert unchanged(before[1], other)


def test_what_was_done_is_said(query, other, annotator):
    said = plkd.tl.integrate([query, other], annotator, batch_key="batch").uns["plkd"]
    assert (said["n_cells"], said["n_no_counts"], said["width"]) == (115, 0, 128)
    assert (said["network"], said["paired"], said["batch_key"]) == ("student", False, "batch")
    assert list(said["layers"]) == ["0", "1"]
    assert said["plkd_version"] == plkd.__version__
    first = said["layers"]["0"]
    assert (first["n_cells"], first["genes_found"], first["expression"]) == (65, 120, "counts")
    assert first["model"] == annotator.fingerprint()
    assert "batch_key" not in plkd.tl.integrate([query, other], annotator).uns["plkd"]


def test_only_names_that_meet_are_changed(query, other, annotator):
    other.obs_names = [*query.obs_names[:20], *other.obs_names[20:]]
    joint = plkd.tl.integrate([query, other], annotator, names=["A", "B"])
    assert joint.obs_names.is_unique
    wanted = [f"{name}-A" for name in query.obs_names[:20]] + list(query.obs_names[20:])
    wanted += [f"{name}-B" for name in query.obs_names[:20]] + list(other.obs_names[20:])
    assert list(joint.obs_names) == wanted


def test_names_stay_apart_whatever_they_are():
    inputs = [["a", "a", "b", "c-X"], ["c", "a-X", "b"], ["c", "b"]]
    made = distinct_names([pd.Index(cells) for cells in inputs], ["X", "Y", "Z"])
    assert made == [["a", "a-1", "b-X", "c-X"], ["c-Y", "a-X", "b-Y"], ["c-Z", "b-Z"]]
    clash = distinct_names([pd.Index(["b", "b-Y"]), pd.Index(["b"])], ["X", "Y"])
    assert clash == [["b-X", "b-Y"], ["b-Y-1"]]


def test_columns_of_all_inputs_are_kept_and_can_be_written(query, other, annotator, tmp_path):
    query.obs["depth"] = np.arange(65)
    query.obs["flag"] = [True, False] * 32 + [True]
    query.obs["mixed"] = range(65)
    other.obs["mixed"] = "text"
    other.obs["empty"] = np.array([None] * 50, dtype=object)
    query.obs["kind"] = pd.Categorical(["x"] * 65)
    other.obs["kind"] = pd.Categorical(["y"] * 50)
    joint = plkd.tl.integrate([query, other], annotator)
    joint.write_h5ad(tmp_path / "joint.h5ad")
    obs = anndata.read_h5ad(tmp_path / "joint.h5ad").obs
    np.testing.assert_array_equal(obs["depth"][:65], np.arange(65))
    assert obs["depth"][65:].isna().all()
    assert list(obs["flag"][:2]) == [True, False]
    assert obs["flag"][65:].isna().all()
    assert list(obs["mixed"].astype(str).iloc[[0, 64, 65]]) == ["0", "64", "text"]
    assert list(obs["kind"].cat.categories) == ["x", "y"]
    assert obs["empty"].isna().all()
    assert list(query.obs["mixed"]) == list(range(65))


def test_a_cell_without_counts_is_marked(query, other, annotator):
    other.X.data[other.X.indptr[4] : other.X.indptr[5]] = 0
    joint = plkd.tl.integrate([query, other], annotator)
    assert list(np.flatnonzero(joint.obs["plkd_no_counts"])) == [69]
    assert joint.uns["plkd"]["n_no_counts"] == 1


def test_one_annotated_before_is_taken_as_any_other(query, other, annotator):
    expected = plkd.tl.integrate([query, other], annotator)
    plkd.tl.annotate(query, annotator)
    joint = plkd.tl.integrate([query, other], annotator)
    np.testing.assert_array_equal(joint.obsm["X_plkd"], expected.obsm["X_plkd"])
    assert joint.obs["plkd_no_counts"].dtype == bool
    assert joint.obs["plkd_label"][65:].isna().all()


def test_cells_annotated_and_then_joined_without_uns_are_taken(query, other, annotator):
    parts = {"a": query, "b": other}
    expected = plkd.tl.integrate(anndata.concat(parts, label="slice"), annotator, batch_key="slice")
    for each in parts.values():
        plkd.tl.annotate(each, annotator)
    joined = anndata.concat(parts, label="slice")
    assert "plkd" not in joined.uns
    joint = plkd.tl.integrate(joined, annotator, batch_key="slice")
    np.testing.assert_array_equal(joint.obsm["X_plkd"], expected.obsm["X_plkd"])
    joined.obs["plkd_no_counts"] = "mine"
    with pytest.raises(InputError, match="'plkd_no_counts', not written by plkd"):
        plkd.tl.integrate(joined, annotator, batch_key="slice")


def test_slots_have_another_name(query, other, annotator):
    joint = plkd.tl.integrate([query, other], annotator, key_added="mine")
    assert set(joint.obs) >= {"mine_layer", "mine_no_counts"}
    assert (list(joint.obsm), list(joint.uns)) == (["X_mine"], ["mine"])


def test_layer_raw_and_gene_key(query, other, annotator):
    expected = plkd.tl.integrate([query, other], annotator).obsm["X_plkd"]
    for each in (query, other):
        each.var["name"] = list(each.var_names)
        each.var_names = [f"gene {i}" for i in range(120)]
        each.layers["counts"] = each.X.copy()
        each.raw = each.copy()
        each.X = each.X * 0
    for options in ({"layer": "counts"}, {"use_raw": True}):
        joint = plkd.tl.integrate([query, other], annotator, gene_key="name", **options)
        np.testing.assert_allclose(joint.obsm["X_plkd"], expected, atol=1e-6)


@pytest.mark.parametrize("slot", ["layer", "use_raw"])
def test_one_input_alone_may_be_read_elsewhere(query, annotator, slot):
    rna, atac = query.copy(), same_cells(query)
    expected = plkd.tl.integrate({"rna": rna, "atac": atac}, annotator, paired=True)
    rna.layers["counts"], rna.raw = rna.X.copy(), rna.copy()
    rna.X = rna.X * -1.0
    options = {slot: {"rna": {"layer": "counts", "use_raw": True}[slot]}}
    joint = plkd.tl.integrate({"rna": rna, "atac": atac}, annotator, paired=True, **options)
    np.testing.assert_array_equal(joint.obsm["X_plkd"], expected.obsm["X_plkd"])
    numbered = {slot: {0: options[slot]["rna"]}}
    joint = plkd.tl.integrate([rna, atac], annotator, paired=True, **numbered)
    np.testing.assert_array_equal(joint.obsm["X_plkd"], expected.obsm["X_plkd"])
    with pytest.raises(InputError, match=f"out of 'rna', 'atac'; found {slot} of 'adt'"):
        plkd.tl.integrate({"rna": rna, "atac": atac}, annotator, **{slot: {"adt": True}})


def test_chunks_do_not_matter(query, other, annotator):
    whole = plkd.tl.integrate([query, other], annotator).obsm["X_plkd"]
    parts = plkd.tl.integrate([query, other], annotator, chunk_size=7).obsm["X_plkd"]
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-5)


def test_batches_of_one_anndata_are_its_layers(annotator):
    cells = toy_reference(60, n_genes=120, seed=5)
    joint = plkd.tl.integrate(cells, annotator, batch_key="batch", align=False)
    assert list(joint.obs["plkd_layer"]) == list(cells.obs["batch"])
    assert list(joint.obs["batch"]) == list(cells.obs["batch"])
    assert list(joint.obs_names) == list(cells.obs_names)
    np.testing.assert_allclose(joint.obsm["X_plkd"], embedding(cells, annotator), atol=1e-5)


# --- aligned ----------------------------------------------------------------------------------


def probabilities(adata: AnnData, model: CellAnnotator) -> np.ndarray:
    return plkd.tl.annotate(adata, model, copy=True, probabilities=True).obsm["plkd_proba"]


def test_layers_and_their_batches_are_aligned(query, other, annotator):
    query.obs["batch"], other.obs["batch"] = ["x", "y"] * 32 + ["x"], "x"
    inputs = [query, other]
    joint = plkd.tl.integrate(inputs, annotator, batch_key="batch")
    points = np.concatenate([embedding(each, annotator) for each in inputs])
    shares = np.concatenate([probabilities(each, annotator) for each in inputs])
    layers = np.repeat([0, 2], [65, 50]) + np.append((query.obs["batch"] == "y"), [0] * 50)
    expected = aligned(points, shares, layers)
    np.testing.assert_allclose(joint.obsm["X_plkd"], expected, atol=1e-3)
    assert np.abs(expected - points).max() > 0.1
    assert joint.uns["plkd"]["aligned"]


def test_true_types_have_no_part_in_it(query, other, annotator):
    expected = plkd.tl.integrate([query, other], annotator).obsm["X_plkd"]
    for each in (query, other):
        each.obs["cell_type"] = "one"
    found = plkd.tl.integrate([query, other], annotator).obsm["X_plkd"]
    np.testing.assert_array_equal(found, expected)


def test_a_cell_without_counts_is_not_aligned(query, other, annotator):
    other.X.data[other.X.indptr[4] : other.X.indptr[5]] = 0
    joint = plkd.tl.integrate([query, other], annotator)
    alone = embedding(other, annotator)
    np.testing.assert_allclose(joint.obsm["X_plkd"][69], alone[4], atol=1e-5)


def test_paired_blocks_are_aligned_by_batch(query, annotator):
    atac = same_cells(query)
    options: dict[str, Any] = {"paired": True, "batch_key": "batch"}
    query.obs["batch"] = ["x", "y"] * 32 + ["x"]
    atac.obs["batch"] = query.obs["batch"][atac.obs_names]
    joint = plkd.tl.integrate({"rna": query, "atac": atac}, annotator, **options)
    codes = (query.obs["batch"] == "y").to_numpy().astype(int)
    block = aligned(embedding(query, annotator), probabilities(query, annotator), codes)
    divided = joint.uns["plkd"]["layers"]["rna"]["divided_by"]
    expected = (block - block.mean(0)) / divided
    np.testing.assert_allclose(joint.obsm["X_plkd"][:, :128], expected, atol=1e-3)
    raw = plkd.tl.integrate({"rna": query, "atac": atac}, annotator, align=False, **options)
    assert (joint.uns["plkd"]["aligned"], raw.uns["plkd"]["aligned"]) == (True, False)
    assert np.abs(joint.obsm["X_plkd"] - raw.obsm["X_plkd"]).max() > 0.01


# --- weights and structure --------------------------------------------------------------------


@pytest.fixture
def grouping() -> CellAnnotator:
    """A model that held enough cells out to know the axes of its reference."""
    return CellAnnotator.load(Path(__file__).parents[1] / "model_files" / "v5")


@pytest.fixture
def three() -> AnnData:
    return toy_query(90, n_genes=60, n_types=3)


def test_modalities_count_as_their_models_named_held_out_cells(three, grouping):
    poor = copy.deepcopy(grouping)
    scores = [model.summary_["held_out"] for model in (grouping, poor)]
    scores[1]["student_macro_f1"] = scores[0]["student_macro_f1"] / 3
    inputs = {"rna": three, "atac": same_cells(three)}
    joint = plkd.tl.integrate(inputs, [grouping, poor], paired=True)
    said = [each["weight"] for each in joint.uns["plkd"]["layers"].values()]
    np.testing.assert_allclose(said, [1.5, 0.5])
    width = joint.obsm["X_plkd"].shape[1] // 2
    spread = [(joint.obsm["X_plkd"][:, part] ** 2).sum(1).mean() for part in np.split(
        np.arange(2 * width), 2)]  # fmt: skip
    np.testing.assert_allclose(np.sqrt(spread), said, rtol=1e-4)
    del scores[1]["student_macro_f1"]
    joint = plkd.tl.integrate(inputs, [grouping, poor], paired=True)
    assert [each["weight"] for each in joint.uns["plkd"]["layers"].values()] == [1, 1]


def test_axes_of_the_reference_stand_beside_the_embedding(three, grouping):
    other = toy_query(70, n_genes=60, n_types=3, seed=8)
    plain = plkd.tl.integrate([three, other], grouping, align=False)
    joint = plkd.tl.integrate([three, other], grouping, align=False, structure=0.5)
    assert (plain.uns["plkd"]["structure"], joint.uns["plkd"]["structure"]) == (0, 0.5)
    points, width = joint.obsm["X_plkd"], plain.obsm["X_plkd"].shape[1]
    assert points.shape == (160, width + 20)
    spread = [np.sqrt((part**2).sum(1).mean()) for part in (points[:, :width], points[:, width:])]
    np.testing.assert_allclose(spread, [1, 0.5], rtol=1e-4)
    embedded = plain.obsm["X_plkd"] - plain.obsm["X_plkd"].mean(0)
    np.testing.assert_allclose(points[:, :width] * embedded.std() / points[:, :width].std(),
                               embedded, atol=1e-3)  # fmt: skip
    axes = grouping.trust_.groups.axes
    counts = np.concatenate([three.X.toarray(), other.X.toarray()])
    log1p = np.log1p(counts / counts.sum(1, keepdims=True) * 1e4)
    genes = three.var_names.get_indexer(grouping.genes_.names)
    along = log1p[:, genes] @ axes.T
    for found, expected in zip(points[:, width:].T, along.T, strict=True):
        assert np.corrcoef(found, expected)[0, 1] > 0.9999


def test_paired_modalities_keep_differences_within_types(three, grouping):
    inputs = {"rna": three, "atac": same_cells(three)}
    assert plkd.tl.integrate(inputs, grouping, paired=True).uns["plkd"]["structure"] == 1
    bare = copy.deepcopy(grouping)
    bare.trust_ = None
    assert plkd.tl.integrate(inputs, bare, paired=True).uns["plkd"]["structure"] == 0


def test_structure_that_cannot_be_is_refused(query, other, annotator, grouping):
    with pytest.raises(InputError, match="knows the principal axes"):
        plkd.tl.integrate([query, other], annotator, structure=1)
    for wrong in (-1, np.nan, np.inf):
        with pytest.raises(InputError, match="a structure of 0 or more"):
            plkd.tl.integrate([query, other], grouping, structure=wrong)


# --- paired -----------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["student", "teacher"])
def test_paired_blocks_stand_side_by_side_alike_in_spread(query, annotator, network):
    atac = same_cells(query)
    joint = plkd.tl.integrate({"rna": query, "atac": atac}, annotator, paired=True, with_=network)
    assert list(joint.obs_names) == list(query.obs_names)
    assert "plkd_layer" not in joint.obs
    order = atac.obs_names.get_indexer(query.obs_names)
    width = joint.obsm["X_plkd"].shape[1] // 2
    alone = embedding(query, annotator, with_=network), embedding(atac, annotator, with_=network)
    for place, (name, block) in enumerate(zip(("rna", "atac"), (alone[0], alone[1][order]))):  # noqa: B905
        found = joint.obsm["X_plkd"][:, place * width : (place + 1) * width]
        said = joint.uns["plkd"]["layers"][name]
        assert said["columns"] == [place * width, (place + 1) * width]
        centred = block - block.mean(0)
        np.testing.assert_allclose(found * said["divided_by"], centred, atol=1e-4)
        apart = [((a - b) ** 2).sum() for a in found for b in found]
        assert np.mean(apart) == pytest.approx(2, rel=1e-3)


def test_weights_change_how_much_a_block_counts(query, annotator):
    inputs = {"rna": query, "atac": same_cells(query)}
    alike = plkd.tl.integrate(inputs, annotator, paired=True)
    weighed = plkd.tl.integrate(inputs, annotator, paired=True, weights=[1, 0.25])
    expected = alike.obsm["X_plkd"] * np.repeat([1, 0.25], 128)
    np.testing.assert_allclose(weighed.obsm["X_plkd"], expected, rtol=1e-5, atol=1e-6)
    assert weighed.uns["plkd"]["layers"]["atac"]["weight"] == 0.25


def test_blocks_of_any_scale_and_width_count_the_same():
    rng = np.random.default_rng(0)
    blocks = [
        (1e-3 * rng.normal(size=(200, 5)) + 9).astype(np.float32),
        (1e3 * rng.normal(size=(200, 40))).astype(np.float32),
        np.full((200, 3), 7, dtype=np.float32),
    ]
    facts: list[dict[str, Any]] = [{}, {}, {}]
    joint = side_by_side(blocks, [1.0, 1.0, 1.0], facts)
    spread = [joint[:, a:b].var(axis=0).sum() for a, b in (f["columns"] for f in facts)]
    np.testing.assert_allclose(spread, [1, 1, 0], rtol=1e-3)
    assert facts[2]["divided_by"] == 0
    np.testing.assert_allclose(joint.mean(0), 0, atol=1e-4)


def test_each_modality_may_have_its_own_model(query, annotator, second):
    atac = same_cells(query)
    inputs = {"rna": query, "atac": atac}
    joint = plkd.tl.integrate(inputs, [annotator, second], paired=True)
    by_name = plkd.tl.integrate(inputs, {"atac": second, "rna": annotator}, paired=True)
    np.testing.assert_array_equal(joint.obsm["X_plkd"], by_name.obsm["X_plkd"])
    layers = joint.uns["plkd"]["layers"]
    assert layers["rna"]["model"] == annotator.fingerprint()
    assert layers["atac"]["model"] == second.fingerprint()
    block = embedding(atac, second)[atac.obs_names.get_indexer(query.obs_names)]
    found = joint.obsm["X_plkd"][:, 128:] * layers["atac"]["divided_by"]
    np.testing.assert_allclose(found, block - block.mean(0), atol=1e-4)


def test_columns_that_differ_stand_once_for_each_modality(query, annotator, tmp_path):
    atac = same_cells(query)
    query.obs["depth"], atac.obs["depth"] = np.arange(65), np.arange(65)
    atac.obs["peaks"] = np.arange(65)
    atac.obs["cell_type"] = atac.obs["cell_type"].astype(str)  # the same, said otherwise
    query.obs["share"] = atac.obs["share"] = np.nan
    joint = plkd.tl.integrate({"rna": query, "atac": atac}, annotator, paired=True)
    expected = {"cell_type", "batch", "peaks", "share", "rna:depth", "atac:depth"}
    assert set(joint.obs) == {*expected, "plkd_no_counts"}
    np.testing.assert_array_equal(joint.obs["rna:depth"], np.arange(65))
    assert joint.obs["atac:depth"][atac.obs_names[3]] == 3
    joint.write_h5ad(tmp_path / "joint.h5ad")
    assert set(anndata.read_h5ad(tmp_path / "joint.h5ad").obs) == set(joint.obs)


def test_a_paired_cell_without_counts_in_one_modality_is_marked(query, annotator):
    atac = same_cells(query)
    atac.X.data[atac.X.indptr[4] : atac.X.indptr[5]] = 0
    joint = plkd.tl.integrate([query, atac], annotator, paired=True)
    marked = joint.obs_names[joint.obs["plkd_no_counts"]]
    assert list(marked) == [atac.obs_names[4]]


def test_order_of_paired_cells_does_not_matter(query, annotator):
    one, other = (same_cells(query, seed) for seed in (1, 2))
    first = plkd.tl.integrate([query, one], annotator, paired=True)
    second = plkd.tl.integrate([query, other], annotator, paired=True)
    np.testing.assert_allclose(first.obsm["X_plkd"], second.obsm["X_plkd"], atol=1e-5)


# --- MuData -----------------------------------------------------------------------------------


@pytest.fixture
def mudata(query: AnnData) -> Any:
    md = pytest.importorskip("mudata")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = md.MuData({"rna": query, "atac": same_cells(query)})
    data.obs["donor"] = "d1"
    data.obs["rna:own"] = 1
    return data


@pytest.mark.parametrize("paired", [True, False])
def test_modalities_of_a_mudata_are_the_inputs(mudata, annotator, paired):
    before = {name: copy.deepcopy(each) for name, each in mudata.mod.items()}
    joint = plkd.tl.integrate(mudata, annotator, paired=paired)
    expected = plkd.tl.integrate(dict(mudata.mod), annotator, paired=paired)
    np.testing.assert_array_equal(joint.obsm["X_plkd"], expected.obsm["X_plkd"])
    assert list(joint.obs_names) == list(expected.obs_names)
    assert list(joint.uns["plkd"]["layers"]) == ["rna", "atac"]
    assert set(joint.obs["donor"]) == {"d1"}
    assert "rna:own" not in joint.obs
    assert all(unchanged(before[name], each) for name, each in mudata.mod.items())


@pytest.fixture
def multiome(query: AnnData) -> Any:
    """Genes, peaks, and genes again: the activity of the peaks."""
    md = pytest.importorskip("mudata")
    import warnings

    peaks = same_cells(query, seed=1)
    peaks.var_names = [f"chr1:{100 * place}-{100 * place + 50}" for place in range(peaks.n_vars)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return md.MuData({"rna": query, "atac": peaks, "gene_activity": same_cells(query)})


@pytest.mark.parametrize("names", [["rna", "gene_activity"], ["gene_activity", "rna"]])
def test_modalities_of_genes_are_chosen(multiome, annotator, second, names):
    models = {"rna": annotator, "gene_activity": second}
    joint = plkd.tl.integrate(multiome, models, paired=True, modalities=names)
    inputs = {name: multiome.mod[name] for name in names}
    expected = plkd.tl.integrate(inputs, models, paired=True)
    np.testing.assert_array_equal(joint.obsm["X_plkd"], expected.obsm["X_plkd"])
    assert list(joint.uns["plkd"]["layers"]) == names
    assert list(joint.obs_names) == list(expected.obs_names)


def test_peaks_among_modalities_say_how_to_choose(multiome, annotator):
    with pytest.raises(GeneMatchError, match=r"in 'atac': .*modalities \(--modality\)"):
        plkd.tl.integrate(multiome, annotator, paired=True)


@pytest.mark.parametrize(
    ("modalities", "message"),
    [
        (["rna", "adt"], "out of 'rna', 'atac', 'gene_activity', each once; found 'adt'"),
        (["rna", "rna"], "each once; found 'rna'"),
        ("adt", "found 'adt'"),
        ([], "at least one input"),
    ],
)
def test_modalities_that_do_not_fit_are_refused(multiome, annotator, modalities, message):
    with pytest.raises(InputError, match=message):
        plkd.tl.integrate(multiome, annotator, modalities=modalities)


def test_modalities_are_those_of_a_mudata(query, other, annotator):
    for data, kind in (({"rna": query, "atac": other}, "dict"), (query, "AnnData")):
        with pytest.raises(InputError, match=f"of a MuData.*found {kind} and modalities"):
            plkd.tl.integrate(data, annotator, modalities=["rna"])


def test_a_mudata_that_shares_variables_is_refused(query, annotator):
    shared = SimpleNamespace(mod={"a": query}, n_mod=1, axis=1, obs=query.obs)
    with pytest.raises(InputError, match="axis=1"):
        plkd.tl.integrate(shared, annotator)


def test_a_mudata_with_a_name_twice_is_refused(query, annotator):
    twice = pd.DataFrame(index=["a", "a"])
    shared = SimpleNamespace(mod={"a": query, "b": query}, n_mod=2, axis=0, obs=twice)
    with pytest.raises(InputError, match="cell of a MuData; found 'a' more than once"):
        plkd.tl.integrate(shared, annotator)


# --- neighbours and UMAP ----------------------------------------------------------------------


@pytest.mark.parametrize("umap", [True, False])
def test_neighbours_and_umap_are_scanpys_on_the_joint_embedding(
    query, other, annotator, monkeypatch, umap
):
    import scanpy as sc

    asked = []
    monkeypatch.setattr(sc.pp, "neighbors", lambda adata, **more: asked.append(more))
    monkeypatch.setattr(sc.tl, "umap", lambda adata, **more: asked.append(more))
    options = {"umap": True} if umap else {"neighbors": True}
    plkd.tl.integrate([query, other], annotator, **options, seed=4, n_neighbors=200)
    wanted = {"n_neighbors": 114, "use_rep": "X_plkd", "random_state": 4}
    assert asked == [wanted, {"init_pos": "random", "random_state": 4}][: 1 + umap]


@pytest.mark.slow
def test_umap_is_there_and_can_be_written(query, other, annotator, tmp_path):
    joint = plkd.tl.integrate([query, other], annotator, umap=True)
    assert joint.obsm["X_umap"].shape == (115, 2)
    assert joint.uns["neighbors"]["params"]["use_rep"] == "X_plkd"
    assert "connectivities" in joint.obsp
    joint.write_h5ad(tmp_path / "joint.h5ad")
    again = plkd.tl.integrate([query, other], annotator, umap=True)
    np.testing.assert_array_equal(again.obsm["X_umap"], joint.obsm["X_umap"])


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["one"]}, "a name for each of 2 inputs; found 1"),
        ({"names": ["one", "one"]}, "a name of its own for each input.*'one'"),
        ({"names": ["one", ""]}, "without '/'"),
        ({"names": ["a/b", "c"]}, "found 'a/b'"),
        ({"batch_key": "donor"}, "a column 'donor' in obs of '0'; found 'cell_type', 'batch'"),
        ({"weights": [1, 1]}, "weights with paired inputs only"),
        ({"key_added": "a/b"}, "key_added"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"with_": "nobody"}, "'student' or 'teacher'"),
        ({"neighbors": True, "n_neighbors": 1}, "n_neighbors of 2 or more"),
        ({"layer": "none"}, "a layer 'none'"),
        ({"gene_key": "none"}, "none"),
    ],
)
def test_bad_options_are_refused(query, other, annotator, options, message):
    with pytest.raises(InputError, match=message) as caught:
        plkd.tl.integrate([query, other], annotator, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "at least one input"),
        ("a.h5ad", "several AnnData; found str"),
        (3, "found int"),
        ([np.zeros((3, 3))], "'0': ndarray"),
        ({"a": None}, "'a': NoneType"),
    ],
)
def test_what_is_no_anndata_is_refused(annotator, data, message):
    with pytest.raises(InputError, match=message):
        plkd.tl.integrate(data, annotator)


def test_names_are_given_once(query, other, annotator):
    with pytest.raises(InputError, match="names once"):
        plkd.tl.integrate({"a": query, "b": other}, annotator, names=["a", "b"])


def test_one_anndata_needs_a_batch_key(query, annotator):
    with pytest.raises(InputError, match="several inputs, or one with a batch_key"):
        plkd.tl.integrate(query, annotator)


def test_every_cell_needs_a_batch(query, other, annotator):
    other.obs["batch"] = other.obs["batch"].astype(object)
    other.obs.iloc[:3, other.obs.columns.get_loc("batch")] = None
    other.obs.iloc[3, other.obs.columns.get_loc("batch")] = ""
    for data, where in (([query, other], "'1'"), (other, "'0'")):
        with pytest.raises(InputError, match=f"each of 50 cells in obs of {where}.* none for 4"):
            plkd.tl.integrate(data, annotator, batch_key="batch")


def test_paired_cells_that_do_not_meet_are_named(query, annotator):
    atac = same_cells(query)[:58].copy()
    atac.obs_names = ["stranger", *atac.obs_names[1:]]
    with pytest.raises(InputError) as caught:
        plkd.tl.integrate({"rna": query, "atac": atac}, annotator, paired=True)
    said = str(caught.value)
    assert "and 3 more only in 'rna'; 'stranger' only in 'atac'" in said
    assert sum(f"'{name}'" in said for name in query.obs_names) == 5


def test_paired_cells_need_names_of_their_own(query, annotator):
    atac = same_cells(query)
    index = list(atac.obs_names)
    atac.obs.index = [index[1], *index[1:]]
    with pytest.raises(InputError, match=f"'{index[1]}' more than once"):
        plkd.tl.integrate([query, atac], annotator, paired=True)
    with pytest.raises(InputError, match="more than once"):
        plkd.tl.integrate([atac, atac], annotator, paired=True)


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -1], [1, np.nan], [1, np.inf]])
def test_bad_weights_are_refused(query, annotator, weights):
    with pytest.raises(InputError, match="a weight above 0 for each of 2"):
        plkd.tl.integrate([query, same_cells(query)], annotator, paired=True, weights=weights)


def test_one_input_cannot_be_paired(query, annotator):
    with pytest.raises(InputError, match="two paired inputs"):
        plkd.tl.integrate([query], annotator, paired=True)


def test_a_batch_key_on_which_modalities_differ_is_refused(query, annotator):
    atac = same_cells(query)
    atac.obs["batch"] = "another"
    with pytest.raises(InputError, match=r"'batch' in obs; found .*'0:batch', '1:batch'"):
        plkd.tl.integrate([query, atac], annotator, paired=True, batch_key="batch")


def test_models_that_do_not_fit_are_refused(query, other, annotator, second):
    two = [query, other]
    for model, message in (
        ("model/", r"CellAnnotator, or one for each input; found 'str'.*CellAnnotator\.load"),
        (None, "found 'NoneType'"),
        ([annotator, "x"], "found 'str'"),
        ([annotator] * 3, "one for each of 2 inputs; found 3 models"),
        ([annotator, second], "one model for cells that are stacked; found 2 models"),
        ({"0": annotator, "2": second}, "a model for each of '0', '1'; found models for '0', '2'"),
    ):
        with pytest.raises(InputError, match=message):
            plkd.tl.integrate(two, model)
    joint = plkd.tl.integrate(two, [annotator, annotator])  # one model, said twice
    assert joint.n_obs == 115
    with pytest.raises(NotFittedError):
        plkd.tl.integrate(two, CellAnnotator())


def test_a_model_without_its_teacher_says_so(query, other, annotator, tmp_path):
    annotator.save(tmp_path / "model")
    student = CellAnnotator.load(tmp_path / "model", with_teacher=False)
    with pytest.raises(InputError, match="with its Teacher"):
        plkd.tl.integrate([query, other], student, with_="teacher")


@pytest.mark.parametrize("column", ["plkd_layer", "plkd_no_counts"])
def test_columns_of_the_user_are_not_overwritten(query, other, annotator, column):
    other.obs[column] = "mine"
    with pytest.raises(InputError, match=f"obs in '1'.*'{column}'.*key_added"):
        plkd.tl.integrate([query, other], annotator)
    assert set(other.obs[column]) == {"mine"}


def test_genes_and_values_are_checked_in_every_input(query, other, annotator):
    with pytest.raises(GeneMatchError):
        plkd.tl.integrate([query, other[:, :10].copy()], annotator)
    other.X.data[0] = -1
    with pytest.raises(InputError, match="negative"):
        plkd.tl.integrate([query, other], annotator)


def test_too_few_cells_for_a_umap(query, other, annotator):
    with pytest.raises(InputError, match="at least 10 cells"):
        plkd.tl.integrate([query[:4].copy(), other[:4].copy()], annotator, umap=True)


@pytest.mark.slow
def test_many_cells_have_neighbours_too():
    import scanpy as sc

    cells = anndata.AnnData(np.zeros((8300, 1), dtype=np.float32))
    cells.obsm["X_plkd"] = np.random.default_rng(0).normal(size=(8300, 8)).astype(np.float32)
    sc.pp.neighbors(cells, n_neighbors=15, use_rep="X_plkd", random_state=0)
    assert cells.obsp["connectivities"].shape == (8300, 8300)


def test_categories_of_several_kinds_can_be_written(query, other, annotator, tmp_path):
    query.obs["donor"] = pd.Categorical([1, 2] * 32 + [1])
    other.obs["donor"] = pd.Categorical(["1", "x"] * 25)
    query.obs["flag"] = pd.Categorical([True, False] * 32 + [True])
    other.obs["flag"] = pd.Categorical(["no"] * 50)
    joint = plkd.tl.integrate({"A": query, "B": other}, annotator)
    joint.write_h5ad(tmp_path / "joint.h5ad")
    again = anndata.read_h5ad(tmp_path / "joint.h5ad").obs
    assert list(again["donor"].astype(str).iloc[[0, 1, 65, 66]]) == ["1", "2", "1", "x"]
    assert list(again["flag"].astype(str).iloc[[0, 65]]) == ["True", "no"]


@pytest.mark.parametrize("paired", [True, False])
def test_a_model_that_was_not_fitted_is_refused(query, paired):
    with pytest.raises(NotFittedError):
        plkd.tl.integrate([query, query.copy()], CellAnnotator(), paired=paired, structure=1.0)


def test_a_misspelt_network_is_named(query, other, grouping):
    with pytest.raises(InputError, match="Student"):
        plkd.tl.integrate([query, other], grouping, with_="Student")


def test_models_may_be_named_by_numbers_as_inputs_are(query, annotator):
    named = {0: query, 1: same_cells(query)}
    joint = plkd.tl.integrate(named, dict.fromkeys(named, annotator), paired=True)
    assert joint.n_obs == 65


def test_an_error_says_which_input_it_is_of(query, other, annotator):
    query.layers["counts"] = query.X.copy()
    with pytest.raises(InputError, match="in 'two': no layers"):
        plkd.tl.integrate({"one": query, "two": other}, annotator, layer="counts")
    late = other.copy()
    late.X.data[-1] = np.nan
    with pytest.raises(InputError, match="in 'two': "):
        plkd.tl.integrate({"one": query, "two": late}, annotator, chunk_size=16)
    strange = other.copy()
    strange.var_names = [f"strange{i}" for i in range(strange.n_vars)]
    with pytest.raises(GeneMatchError, match="in 'B': "):
        plkd.tl.integrate({"A": query, "B": strange}, annotator)
