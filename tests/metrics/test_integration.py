"""The report on a joint embedding: every measure, and only those that the input allows."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest

from plkd import metrics
from plkd.errors import InputError

BATCH_MEASURES = ("seurat_alignment_score", "omics_layer_asw", "kbet", "kbet_per_type")


def test_scores_are_the_papers() -> None:
    assert metrics.biology_conservation(0.9, 0.6, 0.3) == pytest.approx(0.6)
    assert metrics.batch_removal(1.0, 0.5, 0.9) == pytest.approx(0.8)
    assert metrics.overall_score(0.5, 1.0) == pytest.approx(0.7)


def test_report_is_the_sum_of_its_parts(cells: Any) -> None:
    points, types, batches = cells.points, cells.types, cells.batches
    report = metrics.integration_report(points, types, batches, original=cells.before, seed=3)
    assert (report.n_cells, report.n_types, report.n_batches) == (90, 3, 3)
    assert (report.n_unlabelled, report.n_not_drawn) == (0, 0)
    clusters = metrics.kmeans_clusters(points, 3, seed=3)
    expected = {
        "mean_average_precision": metrics.mean_average_precision(points, types),
        "cell_type_asw": metrics.cell_type_asw(points, types),
        "neighbor_conservation": metrics.neighbor_conservation(points, cells.before, batches),
        "seurat_alignment_score": metrics.seurat_alignment_score(points, batches, seed=3),
        "omics_layer_asw": metrics.omics_layer_asw(points, batches, types),
        "graph_connectivity": metrics.graph_connectivity(points, types),
        "kbet": metrics.kbet(points, batches),
        "kbet_per_type": metrics.kbet_per_type(points, batches, types),
        "ari": metrics.ari(types, clusters),
        "nmi": metrics.nmi(types, clusters),
    }
    found = report.as_dict()
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    biology = np.mean([report.mean_average_precision, report.cell_type_asw,
                       expected["neighbor_conservation"]])  # fmt: skip
    removal = np.mean([expected["seurat_alignment_score"], expected["omics_layer_asw"],
                       report.graph_connectivity])  # fmt: skip
    assert report.biology_conservation == pytest.approx(biology)
    assert report.batch_removal == pytest.approx(removal)
    assert report.overall == pytest.approx(0.6 * biology + 0.4 * removal)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_share_reaches_every_measure_that_has_one(cells: Any) -> None:
    points, types, batches = cells.points, cells.types, cells.batches
    report = metrics.integration_report(points, types, batches, original=cells.before, share=0.2)
    assert report.mean_average_precision == pytest.approx(
        metrics.mean_average_precision(points, types, share=0.2)
    )
    assert report.neighbor_conservation == pytest.approx(
        metrics.neighbor_conservation(points, cells.before, batches, share=0.2)
    )
    assert report.seurat_alignment_score == pytest.approx(
        metrics.seurat_alignment_score(points, batches, share=0.2)
    )


def test_without_batches_what_needs_them_is_none(cells: Any) -> None:
    report = metrics.integration_report(cells.points, cells.types, original=cells.before)
    assert all(getattr(report, name) is None for name in BATCH_MEASURES)
    assert (report.n_batches, report.batch_removal, report.overall) == (0, None, None)
    assert report.biology_conservation is not None
    assert report.neighbor_conservation == metrics.neighbor_conservation(cells.points, cells.before)


def test_without_original_biology_and_overall_are_none(cells: Any) -> None:
    report = metrics.integration_report(cells.points, cells.types, cells.batches)
    assert (report.neighbor_conservation, report.biology_conservation) == (None, None)
    assert report.overall is None
    assert report.batch_removal is not None


def test_types_that_no_two_batches_share(cells: Any) -> None:
    report = metrics.integration_report(cells.points, cells.types, cells.types)
    assert (report.omics_layer_asw, report.kbet_per_type, report.batch_removal) == (None,) * 3
    assert report.seurat_alignment_score is not None
    assert report.kbet is not None


def test_a_batch_of_one_measured_cell_cannot_be_aligned(cells: Any) -> None:
    batches, types = cells.batches.astype(object), cells.types.astype(object)
    batches[:3] = "four"
    types[1:3] = None
    report = metrics.integration_report(cells.points, types, batches)
    assert report.n_batches == 4
    assert (report.seurat_alignment_score, report.batch_removal) == (None, None)
    assert report.omics_layer_asw is not None
    assert report.kbet is not None


def test_many_batches_are_aligned_and_have_an_overall_score() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    types, batches = np.resize(["a", "b"], 400), np.repeat(np.arange(100), 4)
    report = metrics.integration_report(points, types, batches, original=points)
    assert report.n_batches == 100
    assert report.seurat_alignment_score == metrics.seurat_alignment_score(points, batches)
    assert report.batch_removal is not None
    assert report.overall is not None


@pytest.mark.parametrize("wrap", [list, pd.Series, pd.Categorical])
def test_cells_without_a_type_are_left_out_of_all(cells: Any, wrap: Any) -> None:
    types = cells.types.astype(object)
    types[::7] = None
    own = np.flatnonzero([kind is not None for kind in types])
    report = metrics.integration_report(
        cells.points, wrap(types), wrap(cells.batches), original=cells.before
    )
    assert report.n_unlabelled == 90 - len(own)
    expected = metrics.integration_report(
        cells.points[own], cells.types[own], cells.batches[own], original=cells.before[own]
    )
    found, wanted = report.as_dict(), expected.as_dict()
    assert wanted.pop("n_unlabelled") == 0
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


def test_spaces_by_batch_follow_the_cells_that_are_measured(cells: Any) -> None:
    types = cells.types.astype(object)
    types[::7] = ""
    spaces = {name: cells.before[cells.batches == name] for name in set(cells.batches)}
    options = {"max_cells": 60, "seed": 4}
    report = metrics.integration_report(
        cells.points, types, cells.batches, original=spaces, **options
    )
    expected = metrics.integration_report(
        cells.points, types, cells.batches, original=cells.before, **options
    )
    assert report == expected
    assert (report.n_cells, report.n_unlabelled, report.n_not_drawn) == (60, 13, 17)


def test_a_space_for_each_modality_is_averaged(cells: Any) -> None:
    spaces = [cells.before, cells.points[:, :2]]
    report = metrics.integration_report(cells.points, cells.types, cells.batches, original=spaces)
    single = [metrics.neighbor_conservation(cells.points, s, cells.batches) for s in spaces]
    assert report.neighbor_conservation == pytest.approx(np.mean(single))
    assert single[0] != single[1]


def test_own_clusters_are_taken(cells: Any) -> None:
    report = metrics.integration_report(cells.points, cells.types, clusters=cells.types)
    assert (report.ari, report.nmi) == (1, 1)


def test_an_integration_is_seen() -> None:
    """Batches shuffled among cells are mixed, batches moved apart are not; types stay as before."""
    rng = np.random.default_rng(0)
    types = rng.choice(["a", "b", "c"], 900)
    batches = rng.choice(["x", "y"], 900)
    points = 8 * np.eye(3)[np.unique(types, return_inverse=True)[1]] + rng.normal(size=(900, 3))
    mixed = metrics.integration_report(points, types, batches, original=points)
    apart = metrics.integration_report(
        points + 6 * (batches == "x")[:, None], types, batches, original=points
    )
    assert min(mixed.kbet, mixed.kbet_per_type, mixed.seurat_alignment_score) > 0.9
    assert mixed.omics_layer_asw > 0.95
    assert max(apart.kbet, apart.kbet_per_type, apart.seurat_alignment_score) < 0.05
    assert apart.omics_layer_asw < 0.6
    assert mixed.neighbor_conservation == apart.neighbor_conservation == 1
    assert mixed.overall > apart.overall + 0.2


@pytest.mark.slow
def test_memory_does_not_grow_with_the_square_of_the_cells() -> None:
    peaks = {}
    for n_cells in (4000, 8000):
        rng = np.random.default_rng(0)
        types, batches = rng.integers(0, 3, n_cells), rng.choice(["x", "y"], n_cells)
        points = (types[:, None] + rng.normal(size=(n_cells, 8))).astype(np.float32)
        metrics.integration_report(points[:50], types[:50], batches[:50])  # imports what it needs
        tracemalloc.start()
        metrics.integration_report(points, types, batches, original=points)
        peaks[n_cells] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peaks[8000] < 8 * 8000**2 / 3
    assert peaks[8000] < 1.3 * peaks[4000]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"types": ["T"] * 89}, "'types' with a value for each of 90 cells; found 89"),
        ({"types": ["T"] * 90}, "2 groups or more in 'types'; found one, 'T'"),
        ({"types": [None] * 90}, "two cells or more with a type; found 0 of 90"),
        ({"types": range(90)}, "a type of two cells or more"),
        ({"batches": ["x"] * 90}, "2 groups or more in 'batches'"),
        ({"batches": ["x"] * 89}, "'batches' with a value for each of 90"),
        ({"batches": [None, *["x"] * 89]}, "'batches' with a value for every cell"),
        ({"types": ["a", "b"] * 10 + [None] * 70, "batches": ["x"] * 20 + ["y"] * 70},
         "measured cells of two batches or more; found cells with a type in 'x' only"),
        ({"original": np.zeros((3, 2))}, "'original' with a row for each of 90"),
        ({"original": [np.zeros((90, 2)), np.full((90, 1), np.nan)]}, "numbers in 'original'"),
        ({"clusters": [0] * 89}, "'clusters' with a value for each of 90"),
        ({"max_cells": 1}, "max_cells of 2 or more; found 1"),
        ({"share": 2.0}, "share of the cells"),
        ({"embedding": np.full((90, 4), np.inf)}, "finite numbers in 'embedding'"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(cells: Any, change: dict[str, Any], message: str) -> None:
    given = {
        "embedding": cells.points,
        "types": cells.types,
        "batches": cells.batches,
        **change,
    }
    with pytest.raises(InputError, match=message):
        metrics.integration_report(
            given.pop("embedding"), given.pop("types"), given.pop("batches"), **given
        )
