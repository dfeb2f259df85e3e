"""The heat map of patterns: which squares, in which order, where a star stands."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import plkd
from plkd.errors import InputError
from plkd.tools.pattern_results import Patterns, TypePattern

TYPES = ("B cell", "Monocyte", "T cell")
PATTERNS = ("REACTOME_T", "B_SET", "UNUSED_SET", "MONO_SET", "LYMPHOID_SET", "free")
SCORE = np.array(
    [
        # T, B, unused, mono, lymphoid, free
        [1.0, 9.0, -2.0, -18.0, 6.0, 0.5],
        [-5.0, -4.0, -1.0, 5.0, -3.0, 4.0],
        [8.0, -6.0, -3.0, -7.0, 7.0, 0.4],
    ]
)


def found_with(types: tuple[str, ...], names: tuple[str, ...], score: np.ndarray) -> Patterns:
    """What ``plkd.tl.patterns`` gives for these scores; a score above 2 is sure."""
    p_adj = np.where(np.abs(score) > 2, 0.01, 0.5)
    top = tuple(
        TypePattern(
            types[row],
            names[column],
            float(score[row, column]),
            float(p_adj[row, column]),
            ("A", "B"),
            ("REACTOME_CELL_CYCLE", "OTHER") if names[column] == "free" else (),
        )
        for row in range(len(types))
        for column in np.argsort(-score[row], kind="stable")
        if score[row, column] > 0
    )
    nothing = np.zeros((0, len(names)))
    return Patterns(
        top=top,
        cell_types=types,
        pattern_names=names,
        gene_names=("A", "B"),
        gene_weights=np.ones((2, len(names))),
        held=np.ones((2, len(names)), dtype=bool),
        score=score,
        p_adj=p_adj,
        rollout_of_type=score,
        norm_of_type=score,
        cells=np.arange(0),
        codes=np.arange(0),
        features=nothing,
        rollout=nothing,
        enriched={"free": ()} if "free" in names else {},
        model="none",
    )


@pytest.fixture
def found() -> Patterns:
    return found_with(TYPES, PATTERNS, SCORE)


def names_of(ax: plt.Axes) -> tuple[list[str], list[str]]:
    return [t.get_text() for t in ax.get_yticklabels()], [
        t.get_text() for t in ax.get_xticklabels()
    ]


def stars(ax: plt.Axes) -> set[tuple[int, int]]:
    """Row and column of each star."""
    [points] = ax.collections
    return {(int(row), int(column)) for column, row in points.get_offsets()}


def test_first_patterns_of_the_types_stand_along_the_diagonal(found: Patterns) -> None:
    ax = plkd.pl.patterns(found, n_patterns=2, show=False)
    rows, columns = names_of(ax)
    assert rows == ["B set", "Mono set", "free: Cell cycle", "T", "Lymphoid set"]
    assert columns == list(TYPES)


def test_colours_are_scores_by_the_largest_of_the_type(found: Patterns) -> None:
    ax = plkd.pl.patterns(found, n_patterns=2, show=False)
    [image] = ax.images
    wanted = (SCORE / np.array([[18.0], [5.0], [8.0]]))[:, [1, 3, 5, 0, 4]].T
    np.testing.assert_allclose(image.get_array(), wanted)
    assert image.get_clim() == (-1, 1)
    assert ax.figure.axes[1].get_ylabel() == "score, share of the type's largest"


def test_stars_stand_on_sure_first_patterns_only(found: Patterns) -> None:
    ax = plkd.pl.patterns(found, n_patterns=3, show=False)
    rows, columns = names_of(ax)
    named = {(rows[row], columns[column]) for row, column in stars(ax)}
    assert named == {
        ("B set", "B cell"),
        ("Lymphoid set", "B cell"),
        ("Mono set", "Monocyte"),
        ("free: Cell cycle", "Monocyte"),
        ("T", "T cell"),
        ("Lymphoid set", "T cell"),
    }
    # high and sure, but not among the first of the type
    only = plkd.pl.patterns(found, n_patterns=1, show=False)
    assert len(stars(only)) == 3
    [legend] = only.figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["the type's first, adjusted p < 0.05"]


def test_types_are_drawn_in_the_order_asked_for(found: Patterns) -> None:
    ax = plkd.pl.patterns(found, n_patterns=1, cell_types=["T cell", "B cell"], show=False)
    assert names_of(ax) == (["T", "B set"], ["T cell", "B cell"])
    assert stars(ax) == {(0, 0), (1, 1)}
    one = plkd.pl.patterns(found, n_patterns=1, cell_types="Monocyte", show=False)
    assert names_of(one) == (["Mono set"], ["Monocyte"])


def test_more_patterns_than_there_are_give_all_that_mark_a_type(found: Patterns) -> None:
    ax = plkd.pl.patterns(found, n_patterns=100, show=False)
    assert len(names_of(ax)[0]) == 5


def test_what_was_found_is_not_changed(found: Patterns) -> None:
    before = copy.deepcopy(found)
    plkd.pl.patterns(found, show=False)
    assert found.top == before.top
    np.testing.assert_array_equal(found.score, before.score)
    np.testing.assert_array_equal(found.p_adj, before.p_adj)


@pytest.mark.parametrize("n_types", [1, 8, 25])
def test_names_can_be_read_and_are_not_cut_off(n_types: int) -> None:
    rng = np.random.default_rng(0)
    types = tuple(f"a cell type with a long name, number {i}" for i in range(n_types))
    names = tuple(f"REACTOME_{'SIGNALING_BY_SOME_RECEPTOR_' * 3}{i}" for i in range(90))
    fig = plkd.pl.patterns(
        found_with(types, names, rng.normal(size=(n_types, 90))), return_fig=True
    )
    fig.canvas.draw()
    ax = fig.axes[0]
    for labels, side in ((ax.get_yticklabels(), "y"), (ax.get_xticklabels(), "x")):
        boxes = [label.get_window_extent() for label in labels]
        for box in boxes:
            assert fig.bbox.x0 <= box.x0 <= box.x1 <= fig.bbox.x1
            assert fig.bbox.y0 <= box.y0 <= box.y1 <= fig.bbox.y1
        for one, other in pairwise(boxes):
            gap = one.y0 - other.y1 if side == "y" else other.x0 - one.x1
            assert gap > 0
    [legend] = fig.legends
    assert legend.get_window_extent().y1 <= min(
        label.get_window_extent().y0 for label in ax.get_xticklabels()
    )


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_saved_and_nothing_returned_or_left_open(
    found: Patterns, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "new" / f"patterns.{ending}"
    assert plkd.pl.patterns(found, save=str(path)) is None
    assert path.read_bytes().startswith(b"\x89PNG" if ending == "png" else b"%PDF")
    assert not plt.get_fignums()


def test_figure_is_returned_where_asked_for(found: Patterns) -> None:
    assert isinstance(plkd.pl.patterns(found, return_fig=True), Figure)


@pytest.mark.parametrize(
    ("backend", "arguments", "shown"),
    [
        ("module://inline", {}, True),
        ("agg", {}, False),
        ("module://inline", {"show": False}, False),
    ],
)
def test_shown_only_where_asked_or_seen(
    found: Patterns,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    arguments: dict[str, bool],
    shown: bool,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    monkeypatch.setattr(mpl, "get_backend", lambda: backend)
    plkd.pl.patterns(found, **arguments)
    assert bool(calls) is shown


def test_axes_of_the_caller_are_drawn_in(found: Patterns) -> None:
    fig, ax = plt.subplots()
    assert plkd.pl.patterns(found, ax=ax) is ax
    assert len(ax.images) == 1
    assert not fig.legends
    assert "adjusted p < 0.05" in ax.get_legend().get_texts()[0].get_text()


def test_unknown_types_are_refused(found: Patterns) -> None:
    with pytest.raises(InputError, match="among 'B cell', 'Monocyte', 'T cell'; found 'NK'"):
        plkd.pl.patterns(found, cell_types=["NK", "B cell"])
    with pytest.raises(InputError, match="found none"):
        plkd.pl.patterns(found, cell_types=[])


@pytest.mark.parametrize("n_patterns", [0, -1])
def test_too_few_patterns_are_refused(found: Patterns, n_patterns: int) -> None:
    with pytest.raises(InputError, match=f"n_patterns of 1 or more; found {n_patterns}"):
        plkd.pl.patterns(found, n_patterns=n_patterns)


def test_types_that_no_pattern_marks_are_refused(found: Patterns) -> None:
    with pytest.raises(InputError, match="a pattern that marks a type; found none"):
        plkd.pl.patterns(replace(found, top=()))
    only_low = replace(found, top=tuple(t for t in found.top if t.cell_type != "T cell"))
    with pytest.raises(InputError, match="a pattern that marks a type"):
        plkd.pl.patterns(only_low, cell_types=["T cell"])


@pytest.mark.parametrize("thing", [None, {}, np.zeros(3)])
def test_other_things_are_refused(thing: object) -> None:
    with pytest.raises(
        InputError, match=f"what plkd.tl.patterns returned; found a {type(thing).__name__}"
    ):
        plkd.pl.patterns(thing)  # type: ignore[arg-type]
