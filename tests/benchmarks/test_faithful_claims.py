"""What the page of the benchmark of explanations says of its rows, whichever way they fall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

BASE = {"shap": 0.3, "wilcoxon": 0.4, "attention": 0.5, "expression": 0.6, "random": 0.8}
TYPES = ("B", "NK")


@pytest.fixture
def claims(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faithful.claims")


@pytest.fixture
def tables(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faithful.tables")


def measured(
    script: Callable[[str], ModuleType],
    change: Callable[[str, str, int], float] = lambda task, method, seed: 0.0,
    seeds: tuple[int, ...] = (0, 1, 2),
) -> pd.DataFrame:
    """Areas of deletion as in ``BASE`` (of insertion one less that), with a change of each."""
    rows, modes = script("faithful.rows"), script("faithful.deletion").MODES
    made = []
    for task in ("a:one", "b:two"):
        for method, area in BASE.items():
            for seed in seeds:
                for way, base in modes:
                    value = area + change(task, method, seed)
                    value = value if way == "deletion" else 1 - value
                    place = {"seed": seed, "base": base}
                    made += [
                        rows.row(
                            *("deletion", task, method),
                            measure=f"{way} area",
                            value=value,
                            cell_type=name,
                            **place,
                        )
                        for name in TYPES
                    ]
                    made += [
                        rows.row(
                            *("deletion", task, method),
                            measure=way,
                            value=value,
                            step=step,
                            **place,
                        )
                        for step in (0, 1, 10)
                    ]
    return pd.DataFrame(made)


def listed(
    script: Callable[[str], ModuleType], lists: Mapping[tuple[str, int, str], list[str]]
) -> pd.DataFrame:
    """Lists of a task by method, run and type."""
    rows = script("faithful.rows")
    return pd.DataFrame(
        [
            one
            for (method, run, name), genes in lists.items()
            for one in rows.gene_rows("a:one", method, run, tops={name: genes}, offered="genes-1")
        ]
    )


def planted_rows(script: Callable[[str], ModuleType], auroc: float) -> pd.DataFrame:
    rows = script("faithful.rows")
    scores = {("mask", "pattern score"): auroc, ("learned", "enrichment"): 0.7}
    measures = {"AUROC": 0.0, "AUROC, apart": 0.01, "first": -0.2, "near misses": 2.0}
    return pd.DataFrame(
        rows.row(
            *("planted", how, method),
            seed=seed,
            measure=measure,
            value=value + more,
            cell_type=name,
        )
        for (how, method), value in scores.items()
        for seed in (0, 1)
        for measure, more in measures.items()
        for name in ("type 1", "type 2")
    )


def test_areas_are_averaged_over_types_then_tasks(
    script: Callable[[str], ModuleType], tables: ModuleType
) -> None:
    numbers = measured(script)
    more = numbers[(numbers["task"] == "a:one") & (numbers["cell_type"] == "B")]
    numbers = pd.concat([numbers, more.assign(cell_type="third")])  # a type more in one task
    numbers.loc[numbers["task"] == "b:two", "value"] += 0.1
    means = tables.by_seed(tables.areas(numbers, "deletion", "zero"))
    assert list(means.index) == [0, 1, 2]
    assert means["shap"].to_numpy() == pytest.approx(0.35)
    between = tables.by_seed(tables.areas(numbers, "between", ""))
    assert between["shap"].to_numpy() == pytest.approx(0.4)


def test_only_seeds_of_all_tasks_are_compared(
    script: Callable[[str], ModuleType], tables: ModuleType
) -> None:
    numbers = measured(script)
    numbers = numbers[~((numbers["task"] == "b:two") & (numbers["seed"] == 2))]
    assert set(tables.areas(numbers, "deletion", "zero")["seed"]) == {0, 1}


def test_deletion_holds(script: Callable[[str], ModuleType], claims: ModuleType) -> None:
    said = claims.deletion_claims(measured(script))
    assert said[0] == (
        "**Holds**, deleted to zero: SHAP's mean area, 0.300 ± 0.000, is below that of Wilcoxon, "
        "attention, expression and random in each of 3 seeds."
    )
    assert [sentence.split(",")[0] for sentence in said[:3]] == ["**Holds**"] * 3
    assert "is above that of Wilcoxon" in said[1]
    assert said[3].startswith("The other way round: deleted to the background, SHAP is the best")


def test_one_lost_seed_is_enough_not_to_hold(
    script: Callable[[str], ModuleType], claims: ModuleType
) -> None:
    def change(task: str, method: str, seed: int) -> float:
        return -0.2 if (method, seed) == ("wilcoxon", 1) else 0.0

    said = claims.deletion_claims(measured(script, change))
    assert said[0] == (
        "**Does not hold**, deleted to zero: SHAP's mean area, 0.300 ± 0.000, is not below that of "
        "Wilcoxon (0.333; SHAP is below it in 2 of 3 seeds)."
    )
    assert "SHAP does not beat Wilcoxon (2 of 3 seeds won) in every seed" in said[-1]


def test_the_signed_ranking_has_a_sentence_of_its_own(
    script: Callable[[str], ModuleType], claims: ModuleType
) -> None:
    numbers = measured(script)
    assert claims.signed_sentence(numbers) == ""
    signed = numbers[numbers["method"] == "shap"].assign(method="shap, signed")
    to_zero = (signed["measure"] == "deletion area") & (signed["base"] == "zero")
    signed.loc[to_zero, "value"] += 0.2
    said = claims.signed_sentence(pd.concat([numbers, signed]))
    assert said.endswith(
        "beats all alternatives in every seed inserted into the background, deleted to the "
        "background and inserted into nothing, not deleted to zero."
    )


def test_a_task_that_is_lost_is_named(
    script: Callable[[str], ModuleType], claims: ModuleType
) -> None:
    def change(task: str, method: str, seed: int) -> float:
        return -0.15 if (task, method) == ("b:two", "wilcoxon") else 0.0

    said = claims.deletion_claims(measured(script, change))
    assert said[0].startswith("**Holds**")
    assert said[1] == "Task by task it is matched or beaten by Wilcoxon in `b:two`."


def lists_of_seeds(shared: int) -> dict[tuple[str, int, str], list[str]]:
    """Two seeds whose first ten genes of B cells share so many."""
    common = [f"c{n}" for n in range(shared)]
    return {
        ("shap", seed, "B"): [*common, *(f"s{seed}{n}" for n in range(20 - shared))]
        for seed in (0, 1)
    }


@pytest.mark.parametrize(("shared", "verdict"), [(7, "Holds"), (6, "Does not hold")])
def test_stability_against_the_aim(
    script: Callable[[str], ModuleType], claims: ModuleType, shared: int, verdict: str
) -> None:
    said = claims.stability_claims(listed(script, lists_of_seeds(shared)))
    assert said[0].startswith(f"**{verdict}**: two models of different seeds share 0.{shared}0 of")
    assert f"`a:one` 0.{shared}0" in said[0]


def test_overlaps_are_of_all_pairs(script: Callable[[str], ModuleType], tables: ModuleType) -> None:
    genes = [f"g{n}" for n in range(30)]
    lists = {("shap", seed, "B"): genes[2 * seed : 2 * seed + 12] for seed in range(3)}
    found = tables.overlaps(listed(script, lists)).set_index(["one", "other"])["overlap"]
    assert found.to_dict() == {(0, 1): 0.8, (0, 2): 0.6, (1, 2): 0.8}


def test_short_lists_share_less(script: Callable[[str], ModuleType], tables: ModuleType) -> None:
    lists = {("consensus", seed, "B"): ["x", "y", "z"] for seed in (0, 1)}
    assert tables.overlaps(listed(script, lists))["overlap"].tolist() == [0.3]


def test_ranks_over_seeds(script: Callable[[str], ModuleType], tables: ModuleType) -> None:
    lists = {
        ("shap", 0, "B"): ["CD79A", "odd", "MS4A1"],
        ("shap", 1, "B"): ["CD79A", "MS4A1", "odd"],
        ("shap", 2, "B"): ["MS4A1", "CD79A", "CD74"],
    }
    found = tables.rank_ranges(listed(script, lists)).set_index("gene")
    assert found.loc["CD79A", ["median", "best", "worst"]].tolist() == [1, 1, 2]
    assert found.loc["odd", ["median", "best", "worst", "missing"]].tolist() == [3, 2, 4, 1]
    assert list(found.index) == ["CD79A", "MS4A1", "odd", "CD74"]
    in_words = script("faithful.page").rank_in_words
    words = [in_words(one) for one in found.reset_index().itertuples()]
    assert words == ["**CD79A** 1–2", "**MS4A1** 1–3", "odd 2–>3", "**CD74** 3–>3"]


def test_textbook_counts_and_verdicts(
    script: Callable[[str], ModuleType], claims: ModuleType, tables: ModuleType
) -> None:
    lists = {
        ("shap", 0, "B"): ["CD79A", "MS4A1", "odd"],
        ("shap", 1, "B"): ["CD79A", "odd", "even"],
        ("consensus", 0, "B"): ["odd"],
        ("wilcoxon", 0, "B"): ["CD79A"],
        ("shap", 0, "Neuron"): ["CD79A"],
        ("shap", 1, "Neuron"): ["CD79A"],
        ("wilcoxon", 0, "Neuron"): ["CD79A"],
        ("wilcoxon, resampled", 0, "B"): ["CD79A", "MS4A1"],
    }
    genes = listed(script, lists)
    counts = tables.textbook_counts(genes)
    assert set(counts["cell_type"]) == {"B"}
    sums = tables.textbook_sums(counts)["sum"].to_dict()
    assert sums == {"shap": 1.5, "consensus": 0, "wilcoxon": 1}
    said = claims.textbook_claims(genes)
    assert said == [
        "Of 10 genes (10 of each type) textbook markers are: SHAP 1.5, consensus 0.0 and Wilcoxon "
        "1.0.",
        "**Holds** for SHAP: at least as many as Wilcoxon in all.",
        "**Does not hold** for consensus: fewer than Wilcoxon in all. It names fewer in `a:one`.",
        "CellTypist has not run on every task here.",
    ]


def test_only_ten_genes_count(script: Callable[[str], ModuleType], tables: ModuleType) -> None:
    lists = {("shap", 0, "B"): [*(f"odd{n}" for n in range(9)), "CD79A", "MS4A1"]}
    assert tables.textbook_counts(listed(script, lists))["count"].tolist() == [1]


@pytest.mark.parametrize(("auroc", "verdict"), [(0.96, "Holds"), (0.95, "Does not hold")])
def test_planted_against_the_aim(
    script: Callable[[str], ModuleType], claims: ModuleType, auroc: float, verdict: str
) -> None:
    said = claims.planted_claims(planted_rows(script, auroc))
    assert said[0].startswith(f"**{verdict}** under the mask: plain AUROC {auroc:.3f}")
    assert said[1] == "Learned patterns, named by enrichment, with 0.700 ± 0.000."


def test_page_and_figure_of_all_parts(script: Callable[[str], ModuleType]) -> None:
    numbers = pd.concat([measured(script), planted_rows(script, 0.97)], ignore_index=True)
    genes = listed(
        script, {**lists_of_seeds(6), ("wilcoxon", 0, "B"): ["CD79A"], ("shap", 0, "X"): ["y"]}
    )
    text = script("faithful.page").page(numbers, genes)
    for part in ("(a) Deletion and insertion", "(b) Stability", "(c) Textbook markers", "(d) Pla"):
        assert f"\n## {part}" in text
    assert "| SHAP | 0.300 ± 0.000 | 0.700 ± 0.000 |" in text
    assert "Types without a list are left out: X." in text
    assert "| mask: pattern score | 0.970 ± 0.000 | 0.980 ± 0.000 | 0.770 ± 0.000 |" in text
    assert "nan" not in text
    figure = script("faithful.figure").figure(numbers, genes)
    curves, _, _, shared, markers, found = figure.axes
    assert [line.get_label() for line in curves.lines] == [
        *("SHAP", "Wilcoxon", "attention", "expression", "random"),
    ]
    np.testing.assert_allclose(curves.lines[0].get_ydata(), 0.3)
    assert [bar.get_width() for bar in shared.patches] == [pytest.approx(0.6)]
    assert len(markers.patches) == 2
    assert len(found.patches) == 2


def test_a_part_alone_has_a_page(script: Callable[[str], ModuleType]) -> None:
    empty, page = pd.DataFrame(), script("faithful.page").page
    text = page(planted_rows(script, 0.97), empty)
    assert "## (d) Planted" in text
    assert "## (a)" not in text
    assert "## (c)" in page(empty, listed(script, {("wilcoxon", 0, "B"): ["CD79A"]}))
    figure = script("faithful.figure").figure
    assert len(figure(planted_rows(script, 0.97), empty).axes) == 6


def test_textbook_has_genes_and_sources(script: Callable[[str], ModuleType]) -> None:
    textbook = script("faithful.textbook")
    for name in (*textbook.MARKERS, *textbook.ALSO_CALLED):
        assert len(textbook.markers_of(name)) >= 15, name
        sources = textbook.sources_of(name)
        assert len(sources) >= 2
        assert set(sources) <= set(textbook.SOURCES)
    parts = [part for parts in textbook.MARKERS.values() for part in parts]
    assert {source for part in parts for source in part} == set(textbook.SOURCES)
    for part in parts:
        genes = [gene for names in part.values() for gene in names.split()]
        assert len(genes) == len(set(genes)), part
        assert all(gene == gene.upper() or "orf" in gene for gene in genes)


def test_textbook_tells_types_apart(script: Callable[[str], ModuleType]) -> None:
    markers_of = script("faithful.textbook").markers_of
    assert "CD8A" in markers_of("T_CD8")
    assert "CD8A" not in markers_of("T_CD4")
    assert "CD3D" in markers_of("CD4 T") & markers_of("CD8 T")
    assert "S100A9" not in markers_of("FCGR3A Mono")
    assert "SDPR" in markers_of("Mk")  # the old symbol of CAVIN2
    assert markers_of("Mono_CD16") == markers_of("FCGR3A Mono")
    assert not markers_of("Neuron")
    for name in ("B", "NK", "CD14 Mono"):
        assert not markers_of(name) & {"PTPRC", "B2M", "MALAT1"}
