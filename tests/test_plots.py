from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import plkd
from plkd.errors import InputError
from plkd.plots import coordinates, figure
from plkd.plots.types import GREY, GREY_OF_UNKNOWN, PALETTE, looks_of

N_CELLS = 60
TYPES = np.array(["B cell", "T cell", "A monocyte with a long name"])


@pytest.fixture(autouse=True)
def _no_figure_left() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def annotated() -> AnnData:
    rng = np.random.default_rng(0)
    truth = np.arange(N_CELLS) % 3
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(TYPES[truth]),
            "plkd_label": pd.Categorical(TYPES[np.where(rng.random(N_CELLS) < 0.2, 0, truth)]),
            "plkd_confidence": rng.random(N_CELLS).astype(np.float32),
        },
        index=[f"cell{i}" for i in range(N_CELLS)],
    )
    embedding = rng.normal(size=(N_CELLS, 5)).astype(np.float32) + 4 * truth[:, None]
    obsm = {"X_plkd": embedding, "xy": rng.normal(size=(N_CELLS, 2))}
    return AnnData(np.zeros((N_CELLS, 2), dtype=np.float32), obs=obs, obsm=obsm)


@pytest.fixture
def report() -> plkd.metrics.ClassificationReport:
    truth = ["B"] * 4 + ["T"] * 6
    return plkd.metrics.report(truth, ["B", "B", "B", "odd"] + ["T"] * 6)


def drawn_cells(ax: plt.Axes) -> int:
    return sum(len(points.get_offsets()) for points in ax.collections)


def test_three_panels_hold_every_cell(annotated: AnnData) -> None:
    panels = plkd.pl.embedding(annotated, "cell_type", coordinates="xy", show=False)
    assert [ax.get_title(loc="left") for ax in panels] == [
        "Truth (cell_type)",
        "Annotation (plkd_label)",
        "Confidence",
    ]
    assert [drawn_cells(ax) for ax in panels] == [N_CELLS] * 3


def test_without_truth_there_are_two_panels(annotated: AnnData) -> None:
    panels = plkd.pl.embedding(annotated, coordinates="xy", show=False)
    assert [ax.get_title(loc="left") for ax in panels] == ["Annotation (plkd_label)", "Confidence"]


def test_each_cell_stands_at_its_place_in_its_colour(annotated: AnnData) -> None:
    truth, _, confidence = plkd.pl.embedding(
        annotated, "cell_type", coordinates="xy", show=False, seed=3
    )
    looks = looks_of(sorted(TYPES), None)
    coloured = {
        tuple(np.round(xy, 6)): tuple(colour[:3])
        for points in truth.collections
        for xy, colour in zip(points.get_offsets(), points.get_facecolors(), strict=True)
    }
    xy = [tuple(np.round(row, 6)) for row in annotated.obsm["xy"]]
    for place, name in zip(xy, annotated.obs["cell_type"], strict=True):
        assert coloured[place] == pytest.approx(to_rgb(looks[name].colour))
    [points] = confidence.collections
    shown = dict(
        zip(map(tuple, np.round(points.get_offsets(), 6)), points.get_array(), strict=True)
    )
    for place, value in zip(xy, annotated.obs["plkd_confidence"], strict=True):
        assert shown[place] == pytest.approx(value)


def test_doubtful_cells_lie_on_top(annotated: AnnData) -> None:
    panels = plkd.pl.embedding(annotated, coordinates="xy", show=False)
    values = panels[-1].collections[0].get_array()
    assert np.all(np.diff(values) <= 0)


def test_user_data_is_not_changed(annotated: AnnData) -> None:
    before = annotated.copy()
    plkd.pl.embedding(annotated, "cell_type", show=False)
    assert list(annotated.obsm) == list(before.obsm)
    assert not annotated.uns
    assert not annotated.obsp
    pd.testing.assert_frame_equal(annotated.obs, before.obs)
    for slot in before.obsm:
        np.testing.assert_array_equal(annotated.obsm[slot], before.obsm[slot])


@pytest.mark.parametrize("rep", ["X_plkd", "X_pca", None])
def test_umap_is_taken_only_when_it_stands_on_the_embedding(
    annotated: AnnData, rep: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinates, "_umap", lambda values, seed: np.full((len(values), 2), 7.0))
    annotated.obsm["X_umap"] = annotated.obsm["xy"]
    if rep is not None:
        annotated.uns["neighbors"] = {"params": {"use_rep": rep}}
    panels = plkd.pl.embedding(annotated, show=False)
    found = np.asarray(panels[-1].collections[0].get_offsets())
    assert bool(np.all(found == 7.0)) is (rep != "X_plkd")


def test_umap_of_a_seed_is_the_same_and_keeps_types_apart(annotated: AnnData) -> None:
    values = annotated.obsm["X_plkd"]
    one, two = coordinates._umap(values, 0), coordinates._umap(values, 0)
    np.testing.assert_array_equal(one, two)
    distances = np.linalg.norm(one[:, None] - one[None], axis=2) + 1e9 * np.eye(N_CELLS)
    types = annotated.obs["cell_type"].to_numpy()
    assert np.mean(types[distances.argmin(axis=1)] == types) > 0.9


def test_umap_of_a_few_cells_is_drawn(annotated: AnnData) -> None:
    panels = plkd.pl.embedding(annotated[:12].copy(), show=False)
    assert drawn_cells(panels[0]) == 12


def test_large_data_is_drawn_from_some_cells(
    annotated: AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinates, "_umap", lambda values, seed: values[:, :2])
    panels = plkd.pl.embedding(annotated, "cell_type", max_cells=20, show=False)
    assert [drawn_cells(ax) for ax in panels] == [20] * 3
    everything = plkd.pl.embedding(annotated, "cell_type", max_cells=None, show=False)
    assert drawn_cells(everything[0]) == N_CELLS


def test_cells_without_truth_are_grey_and_in_the_legend(annotated: AnnData) -> None:
    annotated.obs.loc["cell0", "cell_type"] = None
    panels = plkd.pl.embedding(annotated, "cell_type", coordinates="xy", show=False)
    texts = [text.get_text() for text in panels[1].get_legend().get_texts()]
    assert texts == [*sorted(TYPES), "no label"]
    assert len(panels[0].collections[0].get_offsets()) == 1
    assert drawn_cells(panels[0]) == N_CELLS


def test_legend_stands_beside_and_within_the_figure(annotated: AnnData) -> None:
    fig = plkd.pl.embedding(annotated, "cell_type", coordinates="xy", return_fig=True)
    fig.canvas.draw()
    _, annotation, confidence = fig.axes[:3]
    legend = annotation.get_legend().get_window_extent()
    assert legend.x0 >= annotation.get_window_extent().x1
    assert legend.x1 <= confidence.get_window_extent().x0
    assert fig.bbox.y0 <= legend.y0 <= legend.y1 <= fig.bbox.y1


def test_palette_by_type_and_in_order() -> None:
    assert looks_of(["a", "b"], {"b": "red"})["b"].colour == "red"
    assert looks_of(["a", "b"], {"b": "red"})["a"].colour == PALETTE[0]
    assert [look.colour for look in looks_of(["a", "b"], ["blue", "red"]).values()] == [
        "blue",
        "red",
    ]


def test_a_palette_may_be_named_and_is_not_given_twice() -> None:
    assert looks_of(["a", "b"], "tab20")["b"].colour == "#aec7e8"
    assert len(set(looks_of([f"type {i}" for i in range(15)], "viridis").values())) == 15
    assert looks_of(["a", "b"], {"b": PALETTE[0]})["a"].colour == PALETTE[1]
    assert looks_of(["a"], {})["a"].colour == PALETTE[0]
    red = (1.0, 0.0, 0.0)  # any colour of matplotlib's, as scanpy keeps them at times
    assert looks_of(["a", "b"], [red, "blue"])["a"].colour == red
    assert looks_of(["a", "b"], {"b": red})["a"].colour == PALETTE[0]
    for wrong in ("no such palette", []):
        with pytest.raises(InputError, match="palette"):
            looks_of(["a"], wrong)
    with pytest.warns(UserWarning, match="some look alike"):
        looks_of([f"type {i}" for i in range(4 * len(PALETTE) + 1)], None)


def test_unknown_is_grey_and_last_unless_it_is_given_a_colour() -> None:
    names = ["a", "unknown", "v"]
    for palette in (None, "tab20", ["blue", "red", "green"], {"a": "blue"}):
        looks = looks_of(names, palette)
        assert list(looks) == ["a", "v", "unknown"]
        assert looks.pop("unknown").colour == GREY_OF_UNKNOWN
        assert looks == looks_of(["a", "v"], palette)
    assert looks_of(names, {"unknown": "red"})["unknown"].colour == "red"
    assert GREY_OF_UNKNOWN not in {*PALETTE, GREY}
    looks = looks_of([f"type {i}" for i in range(4 * len(PALETTE))] + ["unknown"], None)
    assert len(set(looks.values())) == 4 * len(PALETTE) + 1


def test_unknown_cells_are_grey_in_the_figure(annotated: AnnData) -> None:
    labels = annotated.obs["plkd_label"].astype(object)
    labels.iloc[:5] = "unknown"
    annotated.obs["plkd_label"] = labels
    annotated.obs.loc["cell9", "cell_type"] = None
    panels = plkd.pl.embedding(annotated, "cell_type", coordinates="xy", show=False)
    texts = [text.get_text() for text in panels[1].get_legend().get_texts()]
    assert texts == [*sorted(TYPES), "unknown", "no label"]
    colours = np.concatenate([points.get_facecolors() for points in panels[1].collections])
    assert np.isclose(colours[:, :3], to_rgb(GREY_OF_UNKNOWN)).all(axis=1).sum() == 5


def test_no_two_types_look_the_same() -> None:
    looks = looks_of([f"type {i}" for i in range(4 * len(PALETTE))], None)
    assert len(set(looks.values())) == 4 * len(PALETTE)
    assert len(set(PALETTE)) == len(PALETTE)


# Machado et al. 2009, severity 1
SIGHTS = {
    "normal": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("sight", SIGHTS)
def test_palette_stays_apart_for_colour_blind_eyes(sight: str) -> None:
    rgb = np.array([to_rgb(colour) for colour in PALETTE])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.asarray(SIGHTS[sight]).T, 0, 1)
    encoded = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    apart = np.linalg.norm(encoded[:, None] - encoded[None], axis=2)[np.triu_indices(20, 1)]
    assert apart.min() > 0.1


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_saved_figure_is_written_and_nothing_returned(
    annotated: AnnData, report: plkd.metrics.ClassificationReport, tmp_path: Path, ending: str
) -> None:
    one, two = tmp_path / "new" / f"map.{ending}", tmp_path / f"confusion.{ending}"
    assert plkd.pl.embedding(annotated, coordinates="xy", save=one) is None
    assert plkd.pl.confusion(report, save=str(two)) is None
    magic = b"\x89PNG" if ending == "png" else b"%PDF"
    assert one.read_bytes().startswith(magic)
    assert two.read_bytes().startswith(magic)
    assert not plt.get_fignums()


def test_a_huge_figure_is_drawn_less_finely(
    report: plkd.metrics.ClassificationReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert figure.dots_per_inch(8, 6) == figure.dots_per_inch(35, 35) == 200
    assert figure.dots_per_inch(50, 80) ** 2 * 50 * 80 == pytest.approx(50e6)
    assert figure.dots_per_inch(1, 3000) * 3000 <= 2**16
    monkeypatch.setattr(figure, "MOST_DOTS", 40_000)
    plkd.pl.confusion(report, save=tmp_path / "small.png")
    height, width = plt.imread(tmp_path / "small.png").shape[:2]
    assert 20_000 < height * width < 60_000


def test_return_fig_gives_the_figure(
    annotated: AnnData, report: plkd.metrics.ClassificationReport
) -> None:
    assert isinstance(plkd.pl.embedding(annotated, coordinates="xy", return_fig=True), Figure)
    assert isinstance(plkd.pl.confusion(report, return_fig=True), Figure)


@pytest.mark.parametrize(
    ("backend", "arguments", "shown"),
    [
        ("module://inline", {}, True),
        ("agg", {}, False),
        ("agg", {"show": True}, True),
        ("module://inline", {"show": False}, False),
        ("module://inline", {"return_fig": True}, False),
    ],
)
def test_shown_only_where_asked_or_seen(
    report: plkd.metrics.ClassificationReport,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    arguments: dict[str, bool],
    shown: bool,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    monkeypatch.setattr(mpl, "get_backend", lambda: backend)
    plkd.pl.confusion(report, **arguments)
    assert bool(calls) is shown


def test_own_axes_are_drawn_in(
    annotated: AnnData, report: plkd.metrics.ClassificationReport
) -> None:
    fig, axes = plt.subplots(1, 3)
    assert plkd.pl.embedding(annotated, "cell_type", coordinates="xy", axes=axes) == list(axes)
    assert drawn_cells(axes[0]) == N_CELLS
    _, ax = plt.subplots()
    assert plkd.pl.confusion(report, ax=ax) is ax
    assert fig.axes[0] is axes[0]


def test_wrong_number_of_axes_is_refused(annotated: AnnData) -> None:
    _, axes = plt.subplots(1, 2)
    with pytest.raises(InputError, match="expected 3 axes; found 2"):
        plkd.pl.embedding(annotated, "cell_type", coordinates="xy", axes=axes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels_key": "celltype"}, "a column 'celltype' in obs; found the columns 'cell_type'"),
        ({"key_added": "mine"}, "a column 'mine_label' in obs"),
        ({"coordinates": "X_umap"}, "'X_umap' in obsm; found the slots 'X_plkd', 'xy'"),
    ],
)
def test_missing_slots_are_named(
    annotated: AnnData, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plkd.pl.embedding(annotated, show=False, **arguments)


def test_too_few_cells_for_a_umap_are_refused(annotated: AnnData) -> None:
    with pytest.raises(InputError, match="at least 10 cells"):
        plkd.pl.embedding(annotated[:5].copy(), show=False)


def test_rows_of_the_heat_map_are_per_cent(report: plkd.metrics.ClassificationReport) -> None:
    ax = plkd.pl.confusion(report, show=False)
    np.testing.assert_allclose(ax.images[0].get_array(), [[75, 0, 25], [0, 100, 0]])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["B (4)", "T (6)"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["B", "T", "odd"]
    assert sorted(text.get_text() for text in ax.texts) == ["100", "25", "75"]


def test_labels_of_the_heat_map_are_not_cut_off() -> None:
    names = [f"a cell type with quite a long name, number {i}" for i in range(6)]
    fig = plkd.pl.confusion(plkd.metrics.report(names, names), return_fig=True)
    fig.canvas.draw()
    for label in [*fig.axes[0].get_xticklabels(), *fig.axes[0].get_yticklabels()]:
        box = label.get_window_extent()
        assert fig.bbox.x0 <= box.x0
        assert fig.bbox.y0 <= box.y0
