"""What the trust benchmark is made of: the rule, the measures, means, sentences, page, figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import anndata
import numpy as np
import pandas as pd
import pytest


def side(counts: dict[str, int]) -> anndata.AnnData:
    types = [name for name, n in counts.items() for _ in range(n)]
    obs = pd.DataFrame({"cell_type": types}, index=[f"c{n}" for n in range(len(types))])
    return anndata.AnnData(np.ones((len(types), 2), dtype=np.float32), obs=obs)


def cells_of(
    script: Callable[[str], ModuleType], reference: dict[str, int], query: dict[str, int]
) -> object:
    task = SimpleNamespace(name="t", labels="cell_type")
    return script("tasks").TaskData(task, side(reference), side(query))


@pytest.mark.parametrize(
    ("reference", "query", "rule", "every"),
    [
        # the commonest and one below 5 % do not count, however many query cells they have
        ({"A": 60, "B": 30, "C": 6, "D": 4}, {"A": 90, "B": 20, "C": 30, "D": 80}, "C", "CABD"),
        # equals: the first by name; too few query cells
        ({"A": 60, "B": 20, "C": 20}, {"A": 90, "C": 20, "B": 20}, "B", "BAC"),
        ({"A": 60, "B": 20, "C": 20}, {"A": 90, "C": 9, "B": 0}, "", "A"),
        # of equally common ones the first by name is the commonest
        ({"B": 40, "A": 40, "C": 20}, {"A": 90, "B": 80, "C": 20}, "B", "BAC"),
        # two types have to stay
        ({"A": 60, "B": 20}, {"A": 90, "B": 50}, "", ""),
    ],
)
def test_the_rule(
    script: Callable[[str], ModuleType],
    reference: dict[str, int],
    query: dict[str, int],
    rule: str,
    every: str,
) -> None:
    leaving = script("trusted.leaving")
    cells = cells_of(script, reference, query)
    assert leaving.left_out_types(cells) == list(rule)
    assert leaving.left_out_types(cells, "all") == list(every)


def test_without_a_type_only_the_reference_changes(script: Callable[[str], ModuleType]) -> None:
    cells = cells_of(script, {"A": 3, "B": 2, "C": 1}, {"A": 1, "B": 1})
    less = script("trusted.leaving").without_type(cells, "B")
    assert list(less.reference.obs["cell_type"].cat.categories) == ["A", "C"]
    assert less.reference.n_obs == 4
    assert less.query is cells.query
    assert cells.reference.n_obs == 6


def test_measures_on_cells_counted_by_hand(script: Callable[[str], ModuleType]) -> None:
    measures, answers = script("trusted.measures"), script("trusted.answers")
    answer = answers.Answer(
        labels=np.array(["A", "B", "A", "B", "A", "B"]),
        novelty=np.array([0.1, 0.2, 0.3, 0.96, 0.9, 0.25]),
        confidence=np.array([0.9, 0.8, 0.8, 0.6, 0.5, 0.5]),
        unknown=np.array([False, False, False, True, False, False]),
        sets=[("A",), ("B", "A"), ("B",), ("A",), ("A",), ("B",)],
    )
    truth = np.array(["A", "B", "B", "A", "new", "new"])
    row = measures.about_novelty(answer, truth, "new")
    # of 8 pairs of a new and a known cell, 0.9 wins over three and 0.25 over two
    assert row["auroc"] == pytest.approx(5 / 8)
    assert row["fpr95"] == 0.5  # 0.25 is needed for both new cells; 0.3 and 0.96 are above
    assert (row["n_new"], row["n_known"]) == (2, 4)
    assert row["accuracy"] == 0.5
    assert row["accuracy_of_kept"] == pytest.approx(2 / 3, abs=1e-5)
    assert (row["unknown_of_known"], row["unknown_of_new"]) == (0.25, 0.0)

    known = truth != "new"
    few = measures.among(answer, known)
    batches = np.array(["x", "x", "y", "y"])
    row = measures.about_confidence(few, truth[known], batches)
    # bins: 0.9 alone and right; 0.8 twice, half right; 0.6 alone and wrong
    assert row["ece"] == pytest.approx((0.1 + 2 * 0.3 + 0.6) / 4)
    assert row["coverage"] == 1.0
    assert row["set_size"] == 1.25
    bins = measures.bins_of(few, truth[known])
    assert [(one["n_cells"], one["bin_accuracy"]) for one in bins] == [(1, 0.0), (2, 0.5), (1, 1.0)]
    few = answers.Answer(few.labels, few.novelty, sets=[("A",), ("A",), ("B",), ("A",)])
    row = measures.about_confidence(few, truth[known], batches)
    assert (row["worst_batch"], row["worst_coverage"], row["n_batches"]) == ("x", 0.5, 2)
    assert "ece" not in row
    assert measures.bins_of(few, truth[known]) == []


def test_sure_cells_are_told_apart_to_the_last_digit(script: Callable[[str], ModuleType]) -> None:
    answers = script("trusted.answers")
    probabilities = np.array([[1.0, 1e-12, 0], [1.0, 1e-20, 1e-21], [0.25, 0.5, 0.25]], np.float32)
    np.testing.assert_allclose(answers.rest_of(probabilities), [1e-12, 1.1e-20, 0.5], rtol=1e-6)
    entropy = answers.entropy_of(probabilities)
    assert entropy[0] > entropy[1] > 0
    assert entropy[2] == pytest.approx(1.5 * np.log(2))
    assert answers.entropy_of(np.array([[1.0, 0.0]]))[0] == 0


def rows(
    scores: dict[tuple[str, str], float],
    *,
    part: str = "left out",
    left_out: str = "T",
    by_rule: int = 1,
    **more: float,
) -> list[dict]:
    """Rows of (task, method) with AUROC, or ECE; the second seed 0.02 more."""
    found = []
    for (task, method), value in scores.items():
        once = method in ("celltypist", "logistic unscaled")
        for seed in (0,) if once else (0, 1):
            measured = value + 0.02 * seed
            row = {"part": part, "task": task, "left_out": left_out, "by_rule": by_rule}
            row |= {"method": method, "seed": seed, "n_new": 20, "n_known": 80, "accuracy": 0.9}
            row |= {"auroc": measured, "fpr95": 0.3} if part == "left out" else {"ece": measured}
            if method == "plkd":
                row |= {"unknown_of_known": 0.06, "unknown_of_new": 0.7, "accuracy_of_kept": 0.95}
                row |= {"coverage": 0.91, "set_size": 1.2, "n_batches": 2.0, "worst_batch": "x"}
                row |= {"worst_coverage": 0.8, **more}
            found.append(row)
    return found


def table_of(script: Callable[[str], ModuleType], *parts: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame([row for part in parts for row in part])
    return table.reindex(columns=list(script("trusted.rows").COLUMNS))


NOVELTY = {("t1", "plkd"): 0.95, ("t2", "plkd"): 0.91, ("t1", "max softmax"): 0.80,
           ("t2", "max softmax"): 0.90, ("t1", "celltypist"): 0.7, ("t2", "celltypist"): 0.8,
           ("t1", "scanvi"): 0.8}  # fmt: skip
KNOWN = {("t1", "plkd"): 0.03, ("t2", "plkd"): 0.04, ("t1", "max softmax"): 0.2,
         ("t2", "max softmax"): 0.1, ("t1", "celltypist"): 0.2,
         ("t2", "celltypist"): 0.1}  # fmt: skip


def page_of(script: Callable[[str], ModuleType], table: pd.DataFrame) -> str:
    """Return the page of these rows and of the cost, of nothing else."""
    trusted, nothing = script("trusted.page"), pd.DataFrame()
    beside = trusted.Beside(COST, readings=nothing, limits=nothing, adapted=nothing)
    return trusted.page(table, "left out", beside)


COST = pd.DataFrame(
    [
        {"way": "in memory", "trust": trust, "round": n, "n_cells": 50_000, "seconds": seconds}
        for trust, each in {"on": (1.2, 1.4, 9.0), "off": (1.0, 1.0, 5.0)}.items()
        for n, seconds in enumerate(each)
    ]
)


def test_a_peer_that_ran_on_some_tasks_is_compared_on_these(
    script: Callable[[str], ModuleType],
) -> None:
    known = {**KNOWN, ("t1", "scanvi"): 0.1}
    table = table_of(script, rows(NOVELTY), rows(known, part="known"))
    calibration = script("trusted.claims").sentences(table, COST, "left out")[2]
    mine = script("trusted.tables").by_task(table[table["part"] == "known"], "plkd", "ece")["t1"]
    theirs = script("trusted.tables").by_task(table[table["part"] == "known"], "scanvi", "ece")
    assert list(theirs.index) == ["t1"]
    assert calibration.endswith(
        f"Not run on every task: scANVI (1 of 2 tasks: {theirs['t1']:.3f}; plkd on the same "
        f"{mine:.3f})."
    )


def test_sentences_give_each_aim_its_value(script: Callable[[str], ModuleType]) -> None:
    table = table_of(script, rows(NOVELTY), rows(KNOWN, part="known"))
    said = script("trusted.claims").sentences(table, COST, "left out")
    novelty, unknown, calibration, sets, cost = said
    assert novelty.startswith(
        "**Holds**: AUROC of the novelty of a left-out type 0.940 ± 0.014 (aim: above 0.90, met), "
        "+0.080 to max softmax of the same fits (0.860 ± 0.014; aim: at least +0.05, met)."
    )
    assert "Peers: CellTypist 0.750." in novelty  # scANVI lacks a task
    assert "Not above" not in novelty
    assert unknown.startswith("**Holds**: at the default threshold 6.0 ± 0.0 % of the cells")
    assert "named right in 95.0 %" in unknown
    assert calibration.startswith("**Holds**: ECE of the confidence 0.045 ± 0.014 (aim: at most")
    assert "0.30 of CellTypist's 0.150 (aim: at most 0.5, met)" in calibration
    assert "Uncalibrated: 0.160 ± 0.014. Not run on every task: scANVI." in calibration
    assert sets.startswith("**Holds**: sets at an error rate of 0.1 hold the true type of 0.910")
    assert "The worst batch of all is x of `t1` (0.800, seed 0)." in sets
    assert "takes 1.40 times the seconds in memory (aim: at most 1.3)" in cost
    assert cost.startswith("**Does not hold**")


def test_sentences_where_aims_are_missed(script: Callable[[str], ModuleType]) -> None:
    low = {key: value - 0.1 * (key == ("t2", "plkd")) for key, value in NOVELTY.items()}
    missed = {"unknown_of_known": 0.08, "coverage": 0.86, "set_size": 1.6}
    known = {key: value + 0.05 * (key[1] == "plkd") for key, value in KNOWN.items()}
    table = table_of(script, rows(low), rows(known, part="known", **missed))
    said = script("trusted.claims").sentences(table, COST.iloc[:0], "left out")
    assert "0.890 ± 0.014 (aim: above 0.90, not met)" in said[0]
    assert "+0.030 to max softmax" in said[0]
    assert "Not above 0.90: `t2` (without T, 0.820)." in said[0]
    assert "6.0 ± 0.0 % of the cells of known types are called unknown where one" in said[1]
    assert "where all types are known" not in said[1]  # those were not fitted
    assert "Above 7 %: `t1` 8.0 % and `t2` 8.0 %." in said[1]
    assert "0.63 of CellTypist's 0.150 (aim: at most 0.5, not met)" in said[2]
    assert "Tasks outside: `t1` 0.860 and `t2` 0.860." in said[3]
    assert all(each.startswith("**Does not hold**") for each in said[:4])
    assert said[4] == "Not measured on every task yet: the cost (--cost)."


def test_known_cells_are_of_whole_references_where_all_are_there(
    script: Callable[[str], ModuleType],
) -> None:
    tables = script("trusted.tables")
    parts = [rows(KNOWN, part="known")]
    whole = {key: value + 0.1 for key, value in KNOWN.items()}
    half = {key: value for key, value in whole.items() if key[0] == "t1"}
    known = {"part": "known", "left_out": "(nothing)"}
    assert tables.known_source(table_of(script, *parts)) == "left out"
    assert tables.known_source(table_of(script, *parts, rows(half, **known))) == "left out"
    table = table_of(script, *parts, rows(whole, **known))
    assert tables.known_source(table) == "full"
    for source, ece in (("full", 0.145), ("left out", 0.045)):
        own = tables.known_rows(table, source)
        assert tables.score(own, "plkd", "ece")[0] == pytest.approx(ece)


def test_whole_references_stand_beside_those_without_a_type(
    script: Callable[[str], ModuleType],
) -> None:
    tables, known = script("trusted.tables"), {"part": "known", "left_out": "(nothing)"}
    parts = [rows(NOVELTY), rows(KNOWN, part="known")]
    high = {key: value + 0.1 for key, value in KNOWN.items()}
    half = {key: value for key, value in high.items() if key[0] == "t1"}
    for few in (table_of(script, *parts), table_of(script, *parts, rows(half, **known))):
        assert tables.shown_source(few) == "left out"
        assert len(script("trusted.claims").sentences(few, COST, "left out")) == 5
    assert tables.shown_source(table_of(script, rows(high, **known))) == "full"
    table = table_of(script, *parts, rows(high, **known, unknown_of_known=0.08))
    assert tables.shown_source(table) == "left out"
    said = script("trusted.claims").sentences(table, COST, "left out")
    assert said[5] == (
        "**Does not hold** on whole references: 8.0 ± 0.0 % of the cells are called unknown (not "
        "met), ECE of the confidence is 0.145 ± 0.014 (not met), sets hold the true type of 0.910 "
        "± 0.000 of the cells and have 1.20 types (met), the aims being the same. More than 7 % "
        "unknown: `t1` 8.0 % and `t2` 8.0 %."
    )
    assert said[2].startswith("**Holds**: ECE of the confidence 0.045 ± 0.014")
    text = page_of(script, table)
    assert "| mean | 0.145 ± 0.014 | 0.900 ± 0.000 |" in text.split("## Whole references")[1]


def test_all_types_are_averaged_within_a_task_and_kept_out_of_the_claims(
    script: Callable[[str], ModuleType],
) -> None:
    others = {key: value - 0.3 for key, value in NOVELTY.items() if key[0] == "t1"}
    table = table_of(
        script,
        rows(NOVELTY),
        rows(others, left_out="U", by_rule=0),
        rows(KNOWN, part="known"),
        rows(KNOWN, part="known", left_out="U", by_rule=0, coverage=0.111),
    )
    tables = script("trusted.tables")
    assert tables.tasks_with_every_type(table) == ["t1"]
    own = tables.novelty_rows(table, every_type=True)
    assert tables.by_task(own, "plkd", "auroc")["t1"] == pytest.approx(0.81)
    assert tables.score(tables.novelty_rows(table), "plkd", "auroc")[0] == pytest.approx(0.94)
    text = page_of(script, table)
    assert "### Every type left out in turn" in text
    assert "| `t1`, U | 0.660 | 0.510 |" in text
    assert "0.910" in text
    assert "0.111" not in text


def test_page_and_figure(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    table = table_of(script, rows(NOVELTY), rows(KNOWN, part="known"))
    text = page_of(script, table)
    assert "| task | plkd | max softmax | CellTypist | scANVI |" in text
    assert "| mean | 0.940 ± 0.014 | 0.860 ± 0.014 | 0.750 | – (1 of 2) |" in text
    assert "| t1 | T | 20 | 80 |" in text
    assert "Worst batches: `t1` x (0.800, of 2 batches, seed 0)" in text
    assert "| in memory | 1.00 s | 1.40 s | 1.40 |" in text
    assert "[audit.md](audit.md)" in text

    bins = pd.DataFrame(
        [
            {"task": task, "left_out": "T", "method": method, "seed": 0, "by_rule": 1, "bin": place,
             "n_cells": n, "confidence": 0.1 * place, "bin_accuracy": accuracy}
            for method in ("plkd", "celltypist")
            for task, n, accuracy in (("t1", 60, 0.5), ("t2", 20, 0.9))
            for place in (8, 9)
        ]
    )  # fmt: skip
    bins.loc[bins["bin"] == 9, "n_cells"] = 10
    pooled = script("trusted.tables").pooled_bins(bins, "plkd", "left out")
    assert pooled.loc[8, "n_cells"] == 80
    assert pooled.loc[8, "bin_accuracy"] == pytest.approx((60 * 0.5 + 20 * 0.9) / 80)
    drawn = script("trusted.figure").figure(table, bins, "left out")
    ticks = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert ticks == ["t1\nwithout T", "t2\nwithout T", "mean"]
    lines = [line.get_xdata() for line in drawn.axes[1].lines[1:]]
    assert [list(np.round(line, 3)) for line in lines] == [[0.8], [0.8]]  # few cells: not drawn
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names == ["plkd", "max softmax", "CellTypist", "scANVI"]
    script("study.figures").save(drawn, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_rows_survive_the_files(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    kept_rows, answers = script("trusted.rows"), script("trusted.answers")
    answer = answers.Answer(
        labels=np.array(["A", "B", "B"]),
        novelty=np.array([0.1, 0.2, 0.9]),
        confidence=np.array([0.9, 0.8, 0.7]),
    )
    truth, batches = np.array(["A", "B", "NA"]), np.array(["x", "x", "x"])
    runs = {}
    for task, left_out, method, seed in (
        ("t1", "NA", "celltypist", 2),
        ("t1", "(nothing)", "celltypist", 0),
        ("t1", "NA", "plkd", 0),
    ):
        run = kept_rows.run_of(task, left_out, method, seed)
        runs[run] = kept_rows.found(run, answer, truth=truth, batches=batches, by_rule=True)
    kept_rows.KeptRuns(tmp_path).put(runs)
    again = kept_rows.KeptRuns(tmp_path)
    assert kept_rows.run_of("t1", "NA", "celltypist", 0) in again  # the seed makes no difference
    assert kept_rows.run_of("t1", "NA", "plkd", 0) in again
    assert kept_rows.run_of("t1", "NA", "plkd", 1) not in again
    assert kept_rows.run_of("t1", "(nothing)", "plkd", 0) not in again
    table = again.table()
    assert table["part"].tolist().count("left out") == 2
    assert set(table["left_out"]) == {"NA", "(nothing)"}
    assert len(again.bins()) == 7  # two bins of two known cells, twice; three of the whole
    before = {name: (tmp_path / name).read_text() for name in kept_rows.FILES}
    again.put({})
    assert {name: (tmp_path / name).read_text() for name in kept_rows.FILES} == before


@pytest.mark.parametrize("n_types", [2, 3])
def test_logistic_regression_is_as_sure_as_it_says(
    script: Callable[[str], ModuleType], n_types: int
) -> None:
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    codes = np.arange(60) % n_types
    values = np.eye(3)[codes] * 2 + rng.normal(size=(60, 3))
    obs = pd.DataFrame({"cell_type": np.array(["A", "B", "C"])[codes]}, index=map(str, range(60)))
    cells = anndata.AnnData(sp.csr_matrix(values.astype(np.float32)), obs=obs)
    answer = script("trusted.peer_answers").logistic_regression(cells, cells, 0)
    right = answer.labels == obs["cell_type"].to_numpy()
    assert right.mean() > 0.7
    np.testing.assert_allclose(answer.confidence + answer.novelty, 1)
    assert answer.confidence.min() >= 1 / n_types
    assert answer.confidence[right].mean() > answer.confidence[~right].mean()


@pytest.mark.parametrize("n_types", [2, 3])
def test_celltypist_gives_the_score_of_its_label(
    script: Callable[[str], ModuleType], n_types: int
) -> None:
    pytest.importorskip("celltypist", exc_type=ImportError)
    from toy import toy_query, toy_reference

    sides = script("peers").prepared(toy_reference(90, 60, n_types), toy_query(30, 60, n_types))
    answer = script("trusted.peer_answers").celltypist(*sides, 0)
    np.testing.assert_allclose(answer.confidence + answer.novelty, 1)
    assert (answer.labels == sides[1].obs["cell_type"]).mean() > 0.8
    assert len(np.unique(answer.labels)) == n_types
