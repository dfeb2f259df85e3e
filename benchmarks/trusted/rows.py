"""Rows of the trust benchmark: what a run gives, where it is kept, which runs are missing.

A run is a task, a left-out type (or nothing), a method and a seed. ``trust.csv`` has the rows of
plkd, ``trust_peers.csv`` those of the peers, ``trust_bins.csv`` the points of the reliability
diagrams of both. A run without a type has rows for both parts: of how its cells stand out, and of
the confidence on the cells of all other types.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from study.rows import Row, frame, read_rows, write_rows
from trusted.answers import Answer
from trusted.measures import about_confidence, about_novelty, among, bins_of
from trusted.names import KNOWN, LEFT_OUT, NOTHING, PEERS, WITHOUT_RANDOMNESS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "part",
    "task",
    "left_out",
    "by_rule",
    "method",
    "seed",
    "n_new",
    "n_known",
    "auroc",
    "fpr95",
    "unknown_of_known",
    "unknown_of_new",
    "accuracy",
    "accuracy_of_kept",
    "ece",
    "brier",
    "coverage",
    "set_size",
    "n_batches",
    "worst_batch",
    "worst_coverage",
    "fit_seconds",
    "predict_seconds",
)
BIN_COLUMNS = (
    "task",
    "left_out",
    "method",
    "seed",
    "by_rule",
    "bin",
    "n_cells",
    "confidence",
    "bin_accuracy",
)
FILES = ("trust.csv", "trust_peers.csv", "trust_bins.csv")


class Run(NamedTuple):
    """What names a run; ``seed`` is ``None`` of methods without randomness."""

    task: str
    left_out: str
    method: str
    seed: int | None


class Found(NamedTuple):
    """What a run gives: rows of measures, and the points of its reliability diagram."""

    rows: list[Row]
    bins: list[Row]


def run_of(task: str, left_out: str, method: str, seed: int) -> Run:
    """Return what names a run."""
    return Run(task, left_out, method, None if method in WITHOUT_RANDOMNESS else int(seed))


def found(
    run: Run, answer: Answer, *, truth: np.ndarray, batches: np.ndarray, by_rule: bool
) -> Found:
    """Return the rows and bins of one answer.

    Parameters
    ----------
    truth, batches
        Types and batches of the query's cells, ``(n_cells,)``.
    by_rule
        Whether the left-out type is the one that the rule takes, or none is left out.
    """
    known = truth != run.left_out
    head = {**run._asdict(), "by_rule": int(by_rule), "seed": run.seed or 0}
    seconds = {
        "fit_seconds": round(answer.fit_seconds, 2),
        "predict_seconds": round(answer.predict_seconds, 3),
    }
    parts = {}
    if run.left_out != NOTHING:
        parts[LEFT_OUT] = about_novelty(answer, truth, run.left_out)
    if answer.confidence is not None:
        parts[KNOWN] = about_confidence(among(answer, known), truth[known], batches[known])
    rows = [
        {name: {"part": part, **head, **measures, **seconds}.get(name) for name in COLUMNS}
        for part, measures in parts.items()
    ]
    bins = bins_of(among(answer, known), truth[known])
    return Found(rows, [{**head, **one} for one in bins])


class KeptRuns:
    """Rows and bins by run, in the three files of a folder; a run takes the place of its last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[Run, Found] = {}
        for name in FILES[:2]:
            for row in read_rows(folder / name):
                self._of(row).rows.append(row)
        for row in read_rows(folder / FILES[2]):
            if _run(row) in self._runs:
                self._of(row).bins.append(row)

    def __contains__(self, run: Run) -> bool:
        """Say whether there are rows of a run."""
        return run in self._runs

    def put(self, runs: dict[Run, Found]) -> None:
        """Keep what runs gave, and write all files."""
        self._runs.update(runs)
        self._runs = dict(sorted(self._runs.items(), key=lambda item: item[0].method in PEERS))
        for name, peers in zip(FILES, (False, True), strict=False):
            its = [found for run, found in self._runs.items() if (run.method in PEERS) is peers]
            if its:
                write_rows(self._folder / name, [row for found in its for row in found.rows])
        write_rows(self._folder / FILES[2], self._bins())

    def table(self) -> pd.DataFrame:
        """Return all rows as a table."""
        rows = [row for its in self._runs.values() for row in its.rows]
        return frame(rows).reindex(columns=list(COLUMNS))

    def bins(self) -> pd.DataFrame:
        """Return the points of all reliability diagrams as a table."""
        return frame(self._bins()).reindex(columns=list(BIN_COLUMNS))

    def _bins(self) -> list[Row]:
        return [row for its in self._runs.values() for row in its.bins]

    def _of(self, row: Row) -> Found:
        return self._runs.setdefault(_run(row), Found([], []))


def _run(row: Row) -> Run:
    return run_of(row["task"], row["left_out"], row["method"], row["seed"])
