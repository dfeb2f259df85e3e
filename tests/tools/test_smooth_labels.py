"""Labels of spots on slices, smoothed over their neighbours: in memory and from file to file."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import plkd
from plkd.errors import InputError, OutputExistsError
from plkd.tools.annotate import annotate_file
from plkd.tools.smooth_labels import smooth_labels_file
from toy import toy_query

CLASSES = ("L1", "L2", "WM")
SMOOTHED, CONFIDENCE = "plkd_label_smoothed", "plkd_confidence_smoothed"


def spots(*, seed: int = 0, side: int = 15) -> AnnData:
    """Two slices at the same coordinates, three bands each, those of the second upside down."""
    rng = np.random.default_rng(seed)
    xy = np.array([(x, y) for y in range(side) for x in range(side)], dtype=float)
    band = np.minimum(xy[:, 1] * 3 // side, 2).astype(int)
    truth = np.concatenate([band, 2 - band])
    noise = rng.dirichlet(np.ones(3), len(truth))
    probabilities = (0.25 * np.eye(3)[truth] + 0.75 * noise).astype(np.float32)
    codes = probabilities.argmax(axis=1)
    obs = pd.DataFrame(
        {
            "truth": np.array(CLASSES)[truth],
            "slice": np.repeat(["one", "two"], len(xy)),
            "plkd_label": pd.Categorical.from_codes(codes, categories=list(CLASSES)),
            "plkd_confidence": probabilities.max(axis=1),
            "plkd_no_counts": False,
        },
        index=[f"spot{i}" for i in range(len(truth))],
    )
    said = {
        "plkd_version": "0",
        "classes": np.array(CLASSES, dtype=object),
        "network": "student",
        "model": "abc",
    }
    return AnnData(
        np.zeros((len(truth), 2), dtype=np.float32),
        obs=obs,
        obsm={"spatial": np.concatenate([xy, xy]), "plkd_proba": probabilities},
        uns={"plkd": said},
    )


def accuracy(adata: AnnData, column: str) -> float:
    return float((adata.obs[column].astype(str) == adata.obs["truth"]).mean())


def test_layers_are_found_again() -> None:
    adata = spots()
    before = adata.copy()
    assert plkd.tl.smooth_labels(adata, batch_key="slice") is None
    assert accuracy(adata, "plkd_label") < 0.85
    assert accuracy(adata, SMOOTHED) > 0.93
    assert list(adata.obs[SMOOTHED].cat.categories) == list(CLASSES)
    assert adata.obs[CONFIDENCE].dtype == np.float32
    pd.testing.assert_frame_equal(adata.obs[before.obs.columns], before.obs)
    assert list(adata.obsm) == list(before.obsm)


def test_what_was_done_is_said() -> None:
    adata = spots()
    plkd.tl.smooth_labels(adata, batch_key="slice", weight=0.5, radius=1.1)
    said = adata.uns["plkd_smoothing"]
    changed = (adata.obs[SMOOTHED].astype(str) != adata.obs["plkd_label"].astype(str)).sum()
    assert said["n_changed"] == changed > 0
    assert "slices" not in said  # their names may be keys that no file takes
    assert (said["weight"], said["n_neighbors"], said["radius"]) == (0.5, 6, 1.1)
    assert (said["network"], said["model"], said["batch_key"]) == ("student", "abc", "slice")
    assert said["mean_neighbors"] == pytest.approx((4 * 13**2 + 3 * 4 * 13 + 2 * 4) / 225, abs=1e-3)
    assert "radius" not in spots_smoothed(radius=None).uns["plkd_smoothing"]


def spots_smoothed(**options: object) -> AnnData:
    return plkd.tl.smooth_labels(spots(), copy=True, **options)


def test_slices_do_not_hear_each_other() -> None:
    apart = spots_smoothed(batch_key="slice")
    for name in ("one", "two"):
        alone = spots()[apart.obs["slice"] == name].copy()
        plkd.tl.smooth_labels(alone)
        np.testing.assert_array_equal(alone.obs[SMOOTHED], apart.obs.loc[alone.obs_names, SMOOTHED])
    together = spots_smoothed()
    assert accuracy(together, SMOOTHED) < accuracy(apart, SMOOTHED)


def test_weight_zero_changes_nothing() -> None:
    adata = spots_smoothed(batch_key="slice", weight=0.0)
    np.testing.assert_array_equal(adata.obs[SMOOTHED], adata.obs["plkd_label"])
    np.testing.assert_allclose(adata.obs[CONFIDENCE], adata.obs["plkd_confidence"], atol=1e-5)


def test_copy_leaves_the_input_as_it_is() -> None:
    adata = spots()
    changed = plkd.tl.smooth_labels(adata, copy=True)
    assert SMOOTHED in changed.obs
    assert SMOOTHED not in adata.obs
    assert "plkd_smoothing" not in adata.uns


@pytest.mark.parametrize("why", ["no counts", "label"])
def test_unknown_spots_stay_unknown_and_say_nothing(why: str) -> None:
    adata = spots()
    silent = np.zeros(adata.n_obs, dtype=bool)
    silent[[3, 100, 300]] = True
    adata.obsm["plkd_proba"][silent] = [0.98, 0.01, 0.01]
    adata.obs["plkd_label"] = adata.obs["plkd_label"].astype(str).mask(silent, "unknown")
    if why == "no counts":
        adata.obs["plkd_no_counts"] = silent
    plkd.tl.smooth_labels(adata, batch_key="slice")
    assert set(adata.obs.loc[silent, SMOOTHED]) == {"unknown"}
    assert set(adata.obs.loc[silent, CONFIDENCE]) == {0.0}
    assert adata.uns["plkd_smoothing"]["n_unknown"] == 3
    without = spots()[~silent].copy()
    plkd.tl.smooth_labels(without, batch_key="slice")
    np.testing.assert_array_equal(adata.obs.loc[~silent, SMOOTHED], without.obs[SMOOTHED])


def test_a_type_called_unknown_is_a_type() -> None:
    adata = spots()
    names = ["L1", "L2", "unknown"]
    adata.uns["plkd"]["classes"] = np.array(names, dtype=object)
    adata.obs["plkd_label"] = adata.obs["plkd_label"].cat.rename_categories(names)
    plkd.tl.smooth_labels(adata, batch_key="slice")
    expected = spots_smoothed(batch_key="slice").obs[SMOOTHED].cat.rename_categories(names)
    np.testing.assert_array_equal(adata.obs[SMOOTHED], expected)
    assert adata.uns["plkd_smoothing"]["n_unknown"] == 0


def test_an_earlier_smoothing_is_replaced() -> None:
    adata = spots_smoothed(batch_key="slice", weight=0.1)
    plkd.tl.smooth_labels(adata, batch_key="slice", weight=0.8)
    expected = spots_smoothed(batch_key="slice", weight=0.8)
    np.testing.assert_array_equal(adata.obs[SMOOTHED], expected.obs[SMOOTHED])
    assert adata.uns["plkd_smoothing"]["weight"] == 0.8


def test_slots_have_another_name(annotator, query) -> None:
    query.obsm["where"] = np.random.default_rng(0).normal(size=(65, 2))
    plkd.tl.annotate(query, annotator, probabilities=True, key_added="mine")
    plkd.tl.smooth_labels(query, key_added="mine", coordinates="where")
    assert {"mine_label_smoothed", "mine_confidence_smoothed"} <= set(query.obs)
    said = query.uns["mine_smoothing"]
    assert (said["model"], said["coordinates"]) == (annotator.fingerprint(), "where")
    assert set(query.obs["mine_label_smoothed"]) <= set(annotator.classes_)


def broken(what: str) -> AnnData:
    adata = spots()
    if what == "not annotated":
        del adata.uns["plkd"], adata.obs["plkd_confidence"]
    elif what == "joined":
        halves = [adata[adata.obs["slice"] == name].copy() for name in ("one", "two")]
        adata = anndata.concat(halves)
    elif what == "no label":
        del adata.obs["plkd_label"]
    elif what == "no probabilities":
        del adata.obsm["plkd_proba"]
    elif what == "no coordinates":
        del adata.obsm["spatial"]
    elif what == "lost spot":
        adata.obsm["spatial"][0, 0] = np.nan
    elif what == "no slice":
        adata.obs.loc["spot3", "slice"] = None
    elif what == "other types":
        adata.obs["plkd_label"] = "B cell"
    elif what == "taken":
        adata.obs[SMOOTHED] = "mine"
    return adata


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("not annotated", r"no uns\['plkd'\] of plkd's\. To mend it: run plkd\.tl\.annotate"),
        ("joined", r"whose uns\['plkd'\] was lost: obs was copied or .*uns_merge='same'"),
        ("no label", r"no obs\['plkd_label'\]"),
        ("no probabilities", "'plkd_proba' in obsm; found 'spatial'. To mend it: annotate with"),
        ("no coordinates", "'spatial' in obsm; found 'plkd_proba'"),
        ("lost spot", "NaN or infinite in 1 cells"),
        ("no slice", "a batch for each of 450 cells in obs, column 'slice'; found none for 1"),
        ("other types", "types of the model in obs.*'B cell'"),
        ("taken", r"obs\['plkd_label_smoothed'\], not written by plkd"),
    ],
)
def test_what_does_not_fit_is_named(what: str, message: str, tmp_path: Path) -> None:
    adata = broken(what)
    with pytest.raises(InputError, match=message):
        plkd.tl.smooth_labels(adata, batch_key="slice")
    adata.write_h5ad(tmp_path / "in.h5ad")
    with pytest.raises(InputError, match=message):
        smooth_labels_file(tmp_path / "in.h5ad", tmp_path / "out.h5ad", batch_key="slice")
    assert not (tmp_path / "out.h5ad").exists()


def test_file_gives_what_memory_gives(tmp_path: Path) -> None:
    adata = spots()
    adata.obs["plkd_no_counts"] = np.arange(adata.n_obs) == 7
    adata.obs["plkd_label"] = adata.obs["plkd_label"].astype(str)
    adata.obs.loc["spot7", "plkd_label"] = "unknown"
    adata.write_h5ad(tmp_path / "in.h5ad")
    summary = smooth_labels_file(tmp_path / "in.h5ad", tmp_path / "out.h5ad", batch_key="slice")
    plkd.tl.smooth_labels(adata, batch_key="slice")
    written = anndata.read_h5ad(tmp_path / "out.h5ad")
    np.testing.assert_array_equal(written.obs[SMOOTHED], adata.obs[SMOOTHED])
    np.testing.assert_array_equal(written.obs[CONFIDENCE], adata.obs[CONFIDENCE])
    assert dict(written.uns["plkd_smoothing"]) == adata.uns["plkd_smoothing"] == summary.for_uns()
    assert summary.as_dict() == {**summary.for_uns(), "slices": {"one": 225, "two": 225}}
    assert list(written.obs.columns) == list(adata.obs.columns)
    np.testing.assert_array_equal(written.obsm["plkd_proba"], adata.obsm["plkd_proba"])
    with pytest.raises(OutputExistsError):
        smooth_labels_file(tmp_path / "in.h5ad", tmp_path / "out.h5ad", batch_key="slice")
    again = smooth_labels_file(tmp_path / "out.h5ad", tmp_path / "more.h5ad", batch_key="slice")
    assert again == summary


@pytest.mark.parametrize("to_file", [False, True])
def test_annotating_again_forgets_what_was_smoothed(annotator, query, tmp_path, to_file) -> None:
    query.obsm["spatial"] = np.random.default_rng(0).random((query.n_obs, 2))
    plkd.tl.annotate(query, annotator, probabilities=True)
    plkd.tl.smooth_labels(query)
    query.obs["mine_smoothed"] = 1
    assert SMOOTHED in query.obs
    if to_file:
        query.write_h5ad(tmp_path / "in.h5ad")
        annotate_file(tmp_path / "in.h5ad", annotator, tmp_path / "out.h5ad")
        query = anndata.read_h5ad(tmp_path / "out.h5ad")
    else:
        plkd.tl.annotate(query, annotator)
    assert not {SMOOTHED, CONFIDENCE} & set(query.obs)
    assert "plkd_smoothing" not in query.uns
    assert "mine_smoothed" in query.obs
    assert "plkd_label" in query.obs


@pytest.mark.parametrize("names", [("m1/s2", "m1"), ("m1", "m1/s2"), (".", "/x")])
def test_slices_may_have_any_name(names: tuple[str, str], tmp_path: Path) -> None:
    adata = spots()
    adata.obs["slice"] = np.repeat(list(names), 225)
    expected = spots_smoothed(batch_key="slice").obs[SMOOTHED]
    adata.write_h5ad(tmp_path / "spots.h5ad")
    said = smooth_labels_file(tmp_path / "spots.h5ad", tmp_path / "file.h5ad", batch_key="slice")
    assert said.slices == dict.fromkeys(names, 225)
    plkd.tl.smooth_labels(adata, batch_key="slice")
    adata.write_h5ad(tmp_path / "memory.h5ad")
    for name in ("file", "memory"):
        again = anndata.read_h5ad(tmp_path / f"{name}.h5ad")
        assert list(again.obs[SMOOTHED]) == list(expected)
        assert again.uns["plkd_smoothing"]["batch_key"] == "slice"


def test_a_copy_of_cells_on_disk_lies_in_memory(tmp_path: Path) -> None:
    spots().write_h5ad(tmp_path / "spots.h5ad")
    backed = anndata.read_h5ad(tmp_path / "spots.h5ad", backed="r")
    new = plkd.tl.smooth_labels(backed, batch_key="slice", copy=True)
    assert not new.isbacked
    assert SMOOTHED not in backed.obs
    pd.testing.assert_series_equal(
        new.obs[SMOOTHED], spots_smoothed(batch_key="slice").obs[SMOOTHED]
    )
    backed.file.close()


def test_a_cell_that_was_never_annotated_has_no_answer() -> None:
    adata = spots()
    adata.obs["plkd_no_counts"] = pd.array([pd.NA, *[False] * 449], dtype="boolean")
    plkd.tl.smooth_labels(adata, batch_key="slice")
    assert adata.obs[SMOOTHED].iloc[0] == "unknown"


def test_slices_annotated_one_by_one_are_joined_with_uns(annotator) -> None:
    slices = {name: toy_query(40, n_genes=120, seed=seed) for name, seed in (("a", 5), ("b", 6))}
    for each in slices.values():
        each.obsm["spatial"] = np.random.default_rng(0).random((40, 2))
    slices["b"].X.data[: slices["b"].X.indptr[1]] = 0  # what is said of the two differs
    for each in slices.values():
        plkd.tl.annotate(each, annotator, probabilities=True)
    lost = anndata.concat(slices, label="slice")
    with pytest.raises(InputError, match="uns_merge='same'"):
        plkd.tl.smooth_labels(lost, batch_key="slice")
    with pytest.raises(InputError, match="uns_merge='same'"):
        plkd.tl.deepest_types(lost, {"B cell": "Lymphocyte", "T cell": "Lymphocyte"})
    with pytest.raises(InputError, match=r"was lost: obs was copied or .*uns_merge='same'"):
        plkd.tl.annotate(lost, annotator)
    plkd.tl.annotate(lost, annotator, key_added="again")
    joined = anndata.concat(slices, label="slice", uns_merge="same")
    plkd.tl.smooth_labels(joined, batch_key="slice")
    assert joined.uns["plkd_smoothing"]["model"] == annotator.fingerprint()
    for name, alone in slices.items():
        plkd.tl.smooth_labels(alone)
        found = joined.obs.loc[joined.obs["slice"] == name, SMOOTHED]
        assert list(found) == list(alone.obs[SMOOTHED])
