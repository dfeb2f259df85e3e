"""The page and the figure of the label-transfer benchmark, and what it does when a peer lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

TASKS = ("t1", "t2")


@pytest.fixture
def transfer(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> ModuleType:
    module = script("transfer")
    monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    return module


def row(transfer: ModuleType, task: str, method: str, seed: int, score: float) -> object:
    return transfer.Row(task, method, seed, score, score, 2.0, 1.0, rare_f1=score)


def keep(transfer: ModuleType, *, without: tuple[str, ...] = ()) -> None:
    """Put rows of every method into the files of the results, scores in the order of METHODS."""
    rows = [
        row(transfer, task, method, seed, 0.3 + 0.03 * place + 0.01 * seed)
        for task in TASKS
        for place, method in enumerate(transfer.METHODS)
        for seed in (0, 1, 2)
        if method not in without
    ]
    for name, wanted in (("peers.csv", True), ("transfer.csv", False)):
        lines = [line for line in rows if transfer.is_peer(line.method) is wanted]
        transfer.write_rows(transfer.RESULTS / name, lines)


def test_the_declared_names_are_methods(script: Callable[[str], ModuleType]) -> None:
    methods = script("transfer_methods")
    assert len(set(methods.METHODS)) == len(methods.METHODS)
    assert set(methods.SEE_THE_QUERY) < set(methods.METHODS)
    assert set(methods.WITHOUT_RANDOMNESS) < set(filter(methods.is_peer, methods.METHODS))
    split = methods.blind(methods.METHODS), methods.seeing(methods.METHODS)
    assert sorted(split[0] + split[1]) == sorted(methods.METHODS)
    assert split[1] == list(methods.SEE_THE_QUERY)


def test_tables_are_made_of_kept_rows_alone(
    transfer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(transfer)
    assert transfer.main(["--tables-only"]) == 0
    text = (transfer.RESULTS / "transfer.md").read_text()
    assert capsys.readouterr().out == text
    assert "![Macro F1 of every method on every task](transfer.png)" in text
    assert (transfer.RESULTS / "transfer.png").read_bytes().startswith(b"\x89PNG")
    assert "Not run on every task" not in text
    for title in ("Macro F1", "Rare-type F1", "Accuracy", "Peers that cannot run here"):
        assert f"\n## {title}\n" in text


def test_those_that_see_the_query_have_tables_and_ranks_of_their_own(transfer: ModuleType) -> None:
    keep(transfer)
    transfer.main(["--tables-only"])
    text = (transfer.RESULTS / "transfer.md").read_text()
    before, _, after = text.partition("\n## With the query's cells at hand\n")
    assert "| scanvi |" not in before
    assert "| harmony + knn |" not in before
    own = after.partition("\n## ")[0]
    assert "| plkd student |" not in own
    sees = r"^\| (harmony \+ knn|scanvi|plkd adapted) \|.*\| (\d\.\d\d) \| 2\.0 \|"
    ranks = re.findall(sees, own, re.M)
    assert ranks == [("harmony + knn", "3.00"), ("scanvi", "2.00"), ("plkd adapted", "1.00")]


def test_absent_rows_leave_dashes_and_are_named(transfer: ModuleType) -> None:
    keep(transfer, without=("scanvi",))
    cache = transfer.RESULTS / "peers.csv"
    rows = [*transfer.read_rows(cache), row(transfer, "t2", "scanvi", 0, 0.9)]
    transfer.write_rows(cache, rows)
    transfer.main(["--tables-only"])
    text = (transfer.RESULTS / "transfer.md").read_text()
    assert "Not run on every task with every seed: scanvi (1 of 6)." in text
    assert "| scanvi | – (1 of 2) | – (1 of 2) | – (1 of 2) | – | – | – |" in text
    assert re.search(r"^\| t1 \| 0\.\d+ ± 0\.010 \| – \| 0\.\d+ ± 0\.010 \|$", text, re.M)


def test_peak_memory_is_shown_where_it_was_measured(transfer: ModuleType) -> None:
    keep(transfer)
    (transfer.RESULTS / "memory.csv").write_text(
        "task,method,peak_gib,fit_seconds,predict_seconds\nkang8:donors,svm,1.5,2.0,1.0\n"
    )
    transfer.main(["--tables-only"])
    text = (transfer.RESULTS / "transfer.md").read_text()
    assert re.search(r"^\| svm \|.*\| 1\.50 \|$", text, re.M)
    assert "transfer_memory.py" in text


def test_filtered_tables_are_printed_and_not_written(
    transfer: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(transfer)
    transfer.main(["--tables-only", "--methods", "svm", "--tasks", "t2"])
    assert "| svm |" in capsys.readouterr().out
    assert not (transfer.RESULTS / "transfer.md").exists()


class Bench:
    """Stands for the methods on a task: some are not installed."""

    cells = SimpleNamespace(
        task=SimpleNamespace(name="t"),
        reference=SimpleNamespace(n_obs=4),
        query=SimpleNamespace(n_obs=2),
    )
    truth = np.array(["B", "T"])
    reference_types = np.array(["B", "T", "T", "T"])

    def __init__(self, results: ModuleType, absent: tuple[str, ...]) -> None:
        self.results, self.absent = results, absent
        self.asked: list[tuple[str, int]] = []

    def run(self, methods: list[str], seed: int) -> object:
        for method in methods:
            self.asked.append((method, seed))
            if method in self.absent:
                raise ImportError(f"No module named {method}")
            yield method, self.results.Prediction(self.truth, 1.0, 1.0)


def test_a_peer_that_is_not_installed_is_skipped_aloud(
    transfer: ModuleType,
    script: Callable[[str], ModuleType],
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench, absent = Bench(script("results"), ("scanvi",)), set()
    missing = [("t", m, seed) for seed in (0, 1) for m in ("scanvi", "svm", "plkd student")]
    rows = list(transfer.run_task(bench, missing, absent))
    assert [(line.method, line.seed) for line in rows] == [
        (method, seed) for seed in (0, 1) for method in ("svm", "plkd student")
    ]
    assert bench.asked.count(("scanvi", 0)) == 1
    assert ("scanvi", 1) not in bench.asked
    assert absent == {"scanvi"}
    assert "scanvi is skipped: No module named scanvi" in capsys.readouterr().err


def test_plkd_is_not_skipped(transfer: ModuleType, script: Callable[[str], ModuleType]) -> None:
    bench = Bench(script("results"), ("plkd student",))
    with pytest.raises(ImportError):
        list(transfer.run_task(bench, [("t", "plkd student", 0)], set()))


def test_the_figure_has_a_row_for_every_task_and_the_mean(
    transfer: ModuleType, script: Callable[[str], ModuleType]
) -> None:
    keep(transfer, without=("scanvi",))
    files = (transfer.RESULTS / name for name in ("peers.csv", "transfer.csv"))
    rows = [line for file in files for line in transfer.read_rows(file)]
    rows.append(row(transfer, "t2", "scanvi", 0, 0.9))
    figure = script("transfer_figure")
    table = script("results").frame(rows)
    drawn = figure.draw(table, transfer.METHODS)
    (axes,) = drawn.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [*TASKS, "mean"]
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names == list(transfer.METHODS)
    centre, spread = figure.points(table, "plkd student", TASKS)
    assert len(set(np.round(centre, 6))) == 1
    np.testing.assert_allclose(spread, 0.01)
    centre, _ = figure.points(table, "scanvi", TASKS)
    np.testing.assert_array_equal(centre, [np.nan, 0.9, np.nan])


def test_every_method_looks_different(script: Callable[[str], ModuleType]) -> None:
    figure, methods = script("transfer_figure"), script("transfer_methods").METHODS
    looks = [str(sorted(figure.look(name, methods).items())) for name in methods]
    assert len(set(looks)) == len(methods)
