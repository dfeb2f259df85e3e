"""The ranking of marker genes: bars as long as the table says, in its order, each input refused."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import plkd
from plkd.errors import InputError
from plkd.plots.marker_ranking import NAMED_BY, _n_columns
from plkd.tools.gene_attributions import GeneAttributions
from plkd.tools.marker_results import MarkerGene, MarkerGenes

TYPES = ("B cell", "T cell", "A monocyte with quite a long name, of the second kind")


def table_of(types: tuple[str, ...] = TYPES, n_genes: int = 12, seed: int = 0) -> pd.DataFrame:
    """Candidates of each type as ``plkd.tl.marker_genes`` ranks them; a third of each kind."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, name in enumerate(types):
        kinds = [(True, True)] * 4 + [(False, True)] * (n_genes - 8) + [(True, False)] * 4
        for rank, (teacher, student) in enumerate(kinds, start=1):
            rows.append(
                {
                    "cell_type": name,
                    "gene": f"GENE{number}{rank}",
                    "rank": rank,
                    "shap": float(rng.uniform(0.05, 0.4)),
                    "q": float(rng.random()) if teacher else np.nan,
                    "in_teacher": teacher,
                    "in_student": student,
                    "consensus": teacher and student,
                    "mean_in": 2.0,
                    "mean_out": 1.0,
                    "detected_in": float(rng.random()),
                    "detected_out": float(rng.random()),
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def table() -> pd.DataFrame:
    return table_of()


@pytest.fixture
def values() -> GeneAttributions:
    rng = np.random.default_rng(1)
    mean_abs = rng.uniform(0, 0.3, (3, 20))
    mean_abs[1] = np.nan
    return GeneAttributions(
        types=TYPES,
        genes=tuple(f"G{i}" for i in range(20)),
        n_cells=np.array([5, 0, 7]),
        mean_abs=mean_abs,
        mean=mean_abs,
        difference=mean_abs,
        n_left_out=0,
        background=np.arange(3),
        logit_range=4.0,
        max_residual=0.0,
        median_residual=0.0,
    )


def bars(ax: plt.Axes) -> pd.DataFrame:
    """What is drawn: genes from above down with the length and the fill of their bars."""
    drawn = {round(bar.get_y() + bar.get_height() / 2): bar for bar in ax.patches}
    genes = [text.get_text() for text in ax.get_yticklabels()]
    return pd.DataFrame(
        {
            "gene": genes,
            "shap": [drawn[place].get_width() for place in range(len(genes))],
            "fill": [drawn[place].get_facecolor()[:3] for place in range(len(genes))],
        }
    )


def test_each_type_has_its_panel_with_the_genes_of_the_table(table: pd.DataFrame) -> None:
    panels = plkd.pl.marker_genes(table, show=False)
    assert [ax.get_title(loc="left").replace("\n", " ") for ax in panels] == list(TYPES)
    for ax, name in zip(panels, TYPES, strict=True):
        wanted = table[table["cell_type"] == name].head(10)
        drawn = bars(ax)
        assert drawn["gene"].tolist() == wanted["gene"].tolist()
        np.testing.assert_allclose(drawn["shap"], wanted["shap"])
        top, bottom = ax.get_ylim()[::-1]
        assert top < 0 < 9 < bottom


def test_the_order_is_that_of_the_ranks_and_not_of_the_rows(table: pd.DataFrame) -> None:
    shuffled = table.sample(frac=1, random_state=3)
    panels = plkd.pl.marker_genes(shuffled, cell_types=TYPES, show=False)
    for ax, name in zip(panels, TYPES, strict=True):
        wanted = table[table["cell_type"] == name].head(10)
        assert bars(ax)["gene"].tolist() == wanted["gene"].tolist()


def test_fill_says_who_names_a_gene(table: pd.DataFrame) -> None:
    [ax] = plkd.pl.marker_genes(table, cell_types="B cell", n_genes=12, show=False)
    of_type = table[table["cell_type"] == "B cell"]
    pairs = zip(of_type["in_teacher"], of_type["in_student"], strict=True)
    wanted = [to_rgb(NAMED_BY[pair][0]) for pair in pairs]
    np.testing.assert_allclose(np.stack(bars(ax)["fill"]), wanted, atol=1e-6)
    assert len(set(bars(ax)["fill"])) == 3


def test_detection_stands_beside_the_bars(table: pd.DataFrame) -> None:
    [ax] = plkd.pl.marker_genes(table, cell_types=["T cell"], show=False)
    [strip] = ax.child_axes
    wanted = table[table["cell_type"] == "T cell"].head(10)
    lines, outside, inside = strip.collections
    np.testing.assert_allclose(inside.get_offsets()[:, 0], wanted["detected_in"])
    np.testing.assert_allclose(outside.get_offsets()[:, 0], wanted["detected_out"])
    np.testing.assert_array_equal(inside.get_offsets()[:, 1], range(10))
    assert len(lines.get_paths()) == 10
    assert strip.get_ylim() == ax.get_ylim()


def test_strip_and_bars_do_not_overlap(table: pd.DataFrame) -> None:
    fig = plkd.pl.marker_genes(table, return_fig=True)
    fig.canvas.draw()
    for ax in fig.axes:
        [strip] = ax.child_axes
        longest = max(bar.get_window_extent().x1 for bar in ax.patches)
        assert longest < strip.get_window_extent().x0
        assert strip.get_window_extent().x1 <= ax.get_window_extent().x1 + 1


def test_names_of_genes_and_types_do_not_reach_into_the_next_panel() -> None:
    table = table_of(tuple(f"{name} {i}" for i in range(2) for name in TYPES), n_genes=9)
    table.loc[table["rank"] == 1, "gene"] = "ENSG00000000419.14"
    fig = plkd.pl.marker_genes(table, return_fig=True)
    fig.canvas.draw()
    renderer = fig.canvas.get_renderer()
    boxes = [ax.get_tightbbox(renderer) for ax in fig.axes]
    for i, one in enumerate(boxes):
        assert fig.bbox.x0 <= one.x0 < one.x1 <= fig.bbox.x1
        for other in boxes[:i]:
            assert not one.overlaps(other)
    [legend] = fig.legends
    assert legend.get_window_extent().y1 < min(box.y0 for box in boxes)


def test_the_legend_says_only_what_is_drawn(table: pd.DataFrame) -> None:
    fig = plkd.pl.marker_genes(table, n_genes=4, return_fig=True)
    [legend] = fig.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [
        "named by Teacher and Student",
        "detected, % of the type's cells",
        "detected, % of all other cells",
    ]
    full = plkd.pl.marker_genes(table, n_genes=12, return_fig=True)
    assert len(full.legends[0].get_texts()) == 5


def test_scale_is_shared_unless_it_is_not_wanted(table: pd.DataFrame) -> None:
    shared = {ax.get_xlim() for ax in plkd.pl.marker_genes(table, show=False)}
    own = plkd.pl.marker_genes(table, share_scale=False, show=False)
    assert len(shared) == 1
    assert len({ax.get_xlim() for ax in own}) == 3
    for ax in own:
        assert ax.get_xlim()[1] > bars(ax)["shap"].max()


def test_types_are_drawn_in_the_order_asked_for(table: pd.DataFrame) -> None:
    panels = plkd.pl.marker_genes(table, cell_types=["T cell", "B cell", "T cell"], show=False)
    assert [ax.get_title(loc="left") for ax in panels] == ["T cell", "B cell"]


def test_a_file_that_is_read_back_gives_the_same_picture(table: pd.DataFrame) -> None:
    written = StringIO(table.to_csv(index=False))
    read = plkd.pl.marker_genes(pd.read_csv(written), n_genes=12, show=False)
    direct = plkd.pl.marker_genes(table, n_genes=12, show=False)
    for one, other in zip(read, direct, strict=True):
        pd.testing.assert_frame_equal(bars(one), bars(other))


def test_the_result_of_marker_genes_is_drawn(table: pd.DataFrame, values: GeneAttributions) -> None:
    rows = tuple(MarkerGene(**row) for row in table.to_dict("records"))
    found = MarkerGenes(
        rows=rows,
        cell_types=TYPES,
        n_cells=(4, 4, 4),
        n_genes=10,
        attributions=values,
        patterns=None,  # type: ignore[arg-type]  # not looked at
        networks=(),
    )
    for one, other in zip(
        plkd.pl.marker_genes(found, show=False),
        plkd.pl.marker_genes(table, show=False),
        strict=True,
    ):
        pd.testing.assert_frame_equal(bars(one), bars(other))


def test_attributions_are_the_students_genes(values: GeneAttributions) -> None:
    fig = plkd.pl.marker_genes(values, n_genes=5, return_fig=True)
    assert [ax.get_title(loc="left").split(",")[0] for ax in fig.axes] == [
        "B cell",
        "A monocyte with\nquite a long name",
    ]
    drawn = bars(fig.axes[0])
    order = np.argsort(-values.mean_abs[0])[:5]
    assert drawn["gene"].tolist() == [f"G{i}" for i in order]
    np.testing.assert_allclose(drawn["shap"], values.mean_abs[0, order])
    assert not fig.axes[0].child_axes
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "named by the Student alone"
    ]


def test_the_table_is_not_changed(table: pd.DataFrame) -> None:
    before = table.copy(deep=True)
    plkd.pl.marker_genes(table, n_genes=3, show=False)
    pd.testing.assert_frame_equal(table, before)


def test_types_without_a_value_of_their_own_are_drawn(table: pd.DataFrame) -> None:
    table["shap"] = 0.0
    panels = plkd.pl.marker_genes(table, share_scale=False, show=False)
    assert all(ax.get_xlim()[1] > 0 for ax in panels)


@pytest.mark.parametrize(
    ("n_types", "n_columns"), [(1, 1), (3, 3), (5, 3), (8, 4), (10, 4), (12, 4), (13, 5), (25, 5)]
)
def test_many_types_are_wrapped(n_types: int, n_columns: int) -> None:
    assert _n_columns(n_types) == n_columns


def test_wrapped_panels_stand_in_rows() -> None:
    table = table_of(tuple(f"type {i}" for i in range(5)), n_genes=9)
    fig = plkd.pl.marker_genes(table, n_genes=2, return_fig=True)
    assert [ax.get_subplotspec().rowspan.start for ax in fig.axes] == [0, 0, 0, 1, 1]
    assert [ax.get_subplotspec().colspan.start for ax in fig.axes] == [0, 1, 2, 0, 1]
    labelled = [bool(ax.get_xlabel()) for ax in fig.axes]
    assert labelled == [False, False, True, True, True]  # the lowest of each column


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_saved_and_nothing_returned_or_left_open(
    table: pd.DataFrame, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "new" / f"markers.{ending}"
    assert plkd.pl.marker_genes(table, save=path) is None
    assert path.read_bytes().startswith(b"\x89PNG" if ending == "png" else b"%PDF")
    assert not plt.get_fignums()


def test_figure_is_returned_where_asked_for(table: pd.DataFrame) -> None:
    assert isinstance(plkd.pl.marker_genes(table, return_fig=True), Figure)


@pytest.mark.parametrize(
    ("backend", "arguments", "shown"),
    [
        ("module://inline", {}, True),
        ("agg", {}, False),
        ("agg", {"show": True}, True),
        ("module://inline", {"show": False}, False),
    ],
)
def test_shown_only_where_asked_or_seen(
    table: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    arguments: dict[str, bool],
    shown: bool,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(1))
    monkeypatch.setattr(mpl, "get_backend", lambda: backend)
    plkd.pl.marker_genes(table, **arguments)
    assert bool(calls) is shown


def test_axes_of_the_caller_are_drawn_in(table: pd.DataFrame) -> None:
    fig, axes = plt.subplots(1, 3, figsize=(12, 3))
    assert plkd.pl.marker_genes(table, axes=axes) == list(axes)
    assert len(bars(axes[2])) == 10
    assert fig.axes == list(axes)
    legends = [ax.get_legend() for ax in axes]
    assert legends[1:] == [None, None]
    assert len(legends[0].get_texts()) == 5
    _, ax = plt.subplots()
    assert plkd.pl.marker_genes(table, cell_types="B cell", axes=ax) == [ax]


def test_genes_are_written_no_higher_than_their_rows_on_low_axes(table: pd.DataFrame) -> None:
    fig, ax = plt.subplots(figsize=(4, 1.6))
    plkd.pl.marker_genes(table, cell_types="B cell", axes=ax)
    fig.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.get_yticklabels()]
    for above, below in pairwise(boxes):
        assert above.y0 >= below.y0
        assert above.y0 > below.y1 - 0.3 * below.height


def test_wrong_number_of_axes_is_refused(table: pd.DataFrame) -> None:
    _, axes = plt.subplots(1, 2)
    with pytest.raises(InputError, match="expected 3 axes; found 2"):
        plkd.pl.marker_genes(table, axes=axes)


def test_unknown_types_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"among 'B cell', 'T cell', .*; found 'NK', 'odd'"):
        plkd.pl.marker_genes(table, cell_types=["NK", "B cell", "odd"])
    with pytest.raises(InputError, match="found none"):
        plkd.pl.marker_genes(table, cell_types=[])


@pytest.mark.parametrize("column", ["cell_type", "gene", "rank", "shap", "in_teacher"])
def test_missing_columns_are_named(table: pd.DataFrame, column: str) -> None:
    with pytest.raises(InputError, match=f"found no '{column}'"):
        plkd.pl.marker_genes(table.drop(columns=column))


def test_detection_is_left_out_where_a_column_of_it_is_missing(table: pd.DataFrame) -> None:
    panels = plkd.pl.marker_genes(table.drop(columns="detected_out"), show=False)
    assert not any(ax.child_axes for ax in panels)


def test_empty_tables_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="a table with marker genes; found no rows"):
        plkd.pl.marker_genes(table.head(0))


@pytest.mark.parametrize("thing", [None, {"B cell": ["CD19"]}, "markers.csv"])
def test_other_things_are_refused(thing: object) -> None:
    with pytest.raises(InputError, match=f"found a {type(thing).__name__}"):
        plkd.pl.marker_genes(thing)  # type: ignore[arg-type]


def test_attributions_without_cells_are_refused(values: GeneAttributions) -> None:
    with pytest.raises(InputError, match="no rows"):
        plkd.pl.marker_genes(replace(values, n_cells=np.zeros(3, np.int64)))


@pytest.mark.parametrize("n_genes", [0, -2])
def test_too_few_genes_are_refused(table: pd.DataFrame, n_genes: int) -> None:
    with pytest.raises(InputError, match=f"n_genes of 1 or more; found {n_genes}"):
        plkd.pl.marker_genes(table, n_genes=n_genes)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("shap", np.nan, "from 0 to infinity in the column shap; found nan for 'GENE02'"),
        ("shap", -1.0, "from 0 to infinity in the column shap"),
        ("shap", np.inf, "in the column shap; found inf"),
        ("rank", np.nan, "in the column rank"),
        ("detected_in", 1.5, "from 0 to 1 in the column detected_in; found 1.5"),
        ("detected_out", np.nan, "in the column detected_out"),
        ("gene", None, "a gene in each row; found none in row"),
        ("cell_type", None, "a cell_type in each row; found none in row"),
    ],
)
def test_values_out_of_range_are_refused(
    table: pd.DataFrame, column: str, value: float | None, message: str
) -> None:
    table.loc[1, column] = value
    with pytest.raises(InputError, match=message):
        plkd.pl.marker_genes(table)


def test_yes_and_no_are_not_taken_for_true(table: pd.DataFrame) -> None:
    table["in_teacher"] = np.where(table["in_teacher"], "yes", "no")
    with pytest.raises(InputError, match="True or False in the column in_teacher; found 'yes'"):
        plkd.pl.marker_genes(table)
