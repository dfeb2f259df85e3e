"""Slices of tissue: which panels there are, where each spot lies and in which colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import plkd
from plkd.errors import InputError
from plkd.plots.types import looks_of

TYPES = np.array(["L1", "L2", "WM"])
SIDE = 6
N_SPOTS = 2 * SIDE**2


@pytest.fixture
def slices() -> AnnData:
    """Two square slices at the same coordinates; the second is twice as wide apart."""
    rng = np.random.default_rng(0)
    xy = np.array([(x, y) for y in range(SIDE) for x in range(SIDE)], dtype=float)
    truth = rng.integers(3, size=N_SPOTS)
    obs = pd.DataFrame(
        {
            "layer": pd.Categorical(TYPES[truth]),
            "slice": pd.Categorical(np.repeat(["b", "a"], SIDE**2), categories=["b", "a", "empty"]),
            "plkd_label": pd.Categorical(TYPES[np.where(rng.random(N_SPOTS) < 0.3, 0, truth)]),
            "plkd_confidence": rng.random(N_SPOTS).astype(np.float32),
        },
        index=[f"spot{i}" for i in range(N_SPOTS)],
    )
    where = np.concatenate([xy, 2 * xy + 100])
    return AnnData(np.zeros((N_SPOTS, 1), np.float32), obs=obs, obsm={"spatial": where})


def smoothed(adata: AnnData) -> AnnData:
    adata.obs["plkd_label_smoothed"] = adata.obs["plkd_label"].to_numpy()[::-1]
    return adata


def titles(panels: list[plt.Axes]) -> list[str]:
    return [ax.get_title(loc="left") for ax in panels]


def drawn(ax: plt.Axes) -> dict[tuple[float, ...], tuple[float, ...]]:
    return {
        tuple(xy): tuple(colour[:3])
        for points in ax.collections
        for xy, colour in zip(points.get_offsets(), points.get_facecolors(), strict=True)
    }


def test_a_row_a_slice_in_the_order_of_the_categories(slices: AnnData) -> None:
    panels = plkd.pl.spatial(slices, "layer", batch_key="slice", show=False)
    assert titles(panels) == ["Truth", "Annotation", "Confidence", "", "", ""]
    assert [ax.get_ylabel() for ax in panels] == ["b", "", "", "a", "", ""]
    for ax, at in zip(panels, [0, 0, 0, 100, 100, 100], strict=True):
        points = np.concatenate([c.get_offsets() for c in ax.collections])
        assert len(points) == SIDE**2
        assert points.min() == at


def test_smoothed_labels_are_drawn_where_they_were_made(slices: AnnData) -> None:
    panels = plkd.pl.spatial(smoothed(slices), batch_key="slice", show=False)
    assert titles(panels)[:3] == ["Annotation", "Smoothed", "Confidence"]
    assert len(panels) == 6


def test_each_spot_lies_at_its_place_in_its_colour(slices: AnnData) -> None:
    panels = plkd.pl.spatial(smoothed(slices), "layer", batch_key="slice", show=False)
    looks = looks_of(sorted(TYPES), None)
    columns = ("layer", "plkd_label", "plkd_label_smoothed")
    for ax, column in zip(panels[4:7], columns, strict=True):
        found = drawn(ax)
        own = slices[slices.obs["slice"] == "a"]
        for place, name in zip(own.obsm["spatial"], own.obs[column], strict=True):
            assert found[tuple(place)] == pytest.approx(to_rgb(looks[name].colour))
    [points] = panels[3].collections
    own = slices[slices.obs["slice"] == "b"]
    np.testing.assert_allclose(points.get_array(), own.obs["plkd_confidence"])
    np.testing.assert_array_equal(points.get_offsets(), own.obsm["spatial"])


def test_the_image_is_upside_down_unless_told_otherwise(slices: AnnData) -> None:
    assert all(ax.yaxis_inverted() for ax in plkd.pl.spatial(slices, show=False))
    plain = plkd.pl.spatial(slices, invert_y=False, show=False)
    assert not any(ax.yaxis_inverted() for ax in plain)


def test_neighbouring_spots_do_not_touch(slices: AnnData) -> None:
    fig = plkd.pl.spatial(slices, "layer", batch_key="slice", return_fig=True)
    fig.draw_without_rendering()
    for ax, apart in zip(fig.axes[:6], [1, 1, 1, 2, 2, 2], strict=True):
        pixels = np.diff(ax.transData.transform([(0, 0), (apart, 0)])[:, 0])[0]
        [size] = ax.collections[0].get_sizes()
        diameter = np.sqrt(size) * fig.dpi / 72
        assert 0.5 * pixels < diameter < pixels or size == pytest.approx(144)


def test_a_point_size_is_taken(slices: AnnData) -> None:
    panels = plkd.pl.spatial(slices, point_size=3.5, show=False)
    assert {float(c.get_sizes()[0]) for ax in panels for c in ax.collections} == {3.5}


def test_slices_are_chosen(slices: AnnData) -> None:
    assert len(plkd.pl.spatial(slices, batch_key="slice", batches="a", show=False)) == 2
    both = plkd.pl.spatial(slices, batch_key="slice", batches=["a", "b"], show=False)
    assert [ax.get_ylabel() for ax in both] == ["a", "", "b", ""]


def test_without_slices_all_spots_are_one_row(slices: AnnData) -> None:
    annotation, confidence = plkd.pl.spatial(slices, show=False)
    assert sum(len(c.get_offsets()) for c in annotation.collections) == N_SPOTS
    assert len(confidence.collections[0].get_offsets()) == N_SPOTS


def test_the_legend_names_the_types_once(slices: AnnData) -> None:
    slices.obs.loc["spot0", "layer"] = None
    panels = plkd.pl.spatial(slices, "layer", batch_key="slice", show=False)
    legends = [ax.get_legend() for ax in panels]
    assert [legend is not None for legend in legends] == [False, True, *[False] * 4]
    names = [text.get_text() for text in legends[1].get_texts()]
    assert names == [*sorted(TYPES), "no label"]


def test_nothing_is_changed(slices: AnnData) -> None:
    before = slices.copy()
    plkd.pl.spatial(slices, "layer", batch_key="slice", show=False)
    pd.testing.assert_frame_equal(slices.obs, before.obs)
    assert list(slices.obsm) == ["spatial"]
    assert not slices.uns


def test_saved_shown_returned(
    slices: AnnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plkd.pl.spatial(slices, save=tmp_path / "new" / "map.png") is None
    assert (tmp_path / "new" / "map.png").read_bytes().startswith(b"\x89PNG")
    assert not plt.get_fignums()
    assert isinstance(plkd.pl.spatial(slices, return_fig=True), Figure)
    calls: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    assert plkd.pl.spatial(slices, show=True) is None
    assert calls == [1]


def test_own_axes_are_drawn_in(slices: AnnData) -> None:
    _, axes = plt.subplots(2, 3)
    found = plkd.pl.spatial(slices, "layer", batch_key="slice", axes=axes)
    assert found == list(axes.ravel())
    with pytest.raises(InputError, match="expected 4 axes; found 6"):
        plkd.pl.spatial(slices, batch_key="slice", axes=axes)


@pytest.mark.parametrize("n", [1, 2])
def test_few_spots_can_be_drawn(slices: AnnData, n: int) -> None:
    few = slices[:n].copy()
    few.obsm["spatial"] = np.zeros((n, 2))
    assert len(plkd.pl.spatial(few, show=False)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"labels_key": "layers"}, "a column 'layers' in obs; found 'layer', 'slice'"),
        ({"batch_key": "slices"}, "a column 'slices' in obs"),
        ({"key_added": "mine"}, "a column 'mine_label' in obs"),
        ({"coordinates": "xy"}, "'xy' in obsm; found 'spatial'"),
        ({"batch_key": "slice", "batches": ["c"]}, "batches among 'b', 'a'; found 'c'"),
        ({"batch_key": "slice", "batches": []}, "batches among 'b', 'a'; found none"),
        ({"batches": ["a"]}, "a batch_key with batches; found none"),
    ],
)
def test_what_is_not_there_is_named(
    slices: AnnData, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plkd.pl.spatial(slices, show=False, **arguments)


def test_spots_without_slice_or_place_are_named(slices: AnnData) -> None:
    slices.obs.loc["spot1", "slice"] = None
    with pytest.raises(InputError, match=r"a slice for each spot.*found none for 1"):
        plkd.pl.spatial(slices, batch_key="slice", show=False)
    slices.obsm["spatial"][2, 1] = np.nan
    with pytest.raises(InputError, match="with NaN or infinite numbers"):
        plkd.pl.spatial(slices, show=False)


def test_axes_may_lie_in_a_figure_within_a_figure(slices: AnnData, tmp_path: Path) -> None:
    whole = plt.figure(figsize=(8, 6))
    inner = whole.subfigures(1, 2)[0]
    panels = plkd.pl.spatial(
        slices,
        "layer",
        batch_key="slice",
        axes=inner.subplots(2, 3),
        save=tmp_path / "slices.png",
        show=False,
    )
    assert len(panels) == 6
    assert (tmp_path / "slices.png").stat().st_size > 1000
    plt.close(whole)
