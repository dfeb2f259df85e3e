"""What the rows of the label-transfer benchmark say, in sentences that are computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ours import ADAPTED, NETWORKS
from results import complete_methods
from study.words import listed, signed, verdict
from transfer_methods import blind, is_peer, seeing

if TYPE_CHECKING:
    import pandas as pd

TEACHER, STUDENT = NETWORKS
DISPUTED = "pbmc:to_zheng"
"""Task some of whose labels their cells' markers contradict (``disputed.py``)."""

FAR_BELOW = 0.02
"""What no task should be below the best peer by."""
LOWERED = 0.01
"""What adapting should lower no task by."""


def sentences(table: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Return a sentence for each thing that is aimed at; none where there is nothing to compare.

    Parameters
    ----------
    table
        Rows as :func:`results.frame` gives them.
    methods
        Those that are shown.
    """
    whole = complete_methods(table, methods)
    peers = [method for method in blind(whole) if is_peer(method)]
    said = []
    if STUDENT in whole and peers:
        said += [on_average(table, peers), each_task(table, peers), ranked(table, blind(whole))]
    if ADAPTED in whole:
        said += [
            against(table, peer) for peer in seeing(methods) if (table["method"] == peer).any()
        ]
        if STUDENT in whole:
            said.append(lowered(table))
    return [sentence for sentence in said if sentence]


def of_tasks(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the mean over seeds, tasks down and methods across."""
    tasks = list(dict.fromkeys(table["task"]))
    means = table.groupby(["task", "method"])[measure].mean().unstack("method")
    return means.reindex(index=tasks)


def on_average(table: pd.DataFrame, peers: Sequence[str]) -> str:
    """Return how the Student's averages stand to those of the best peers, and to all at once."""
    parts, holds = [], []
    for title, measure in (("macro F1", "macro_f1"), ("accuracy", "accuracy")):
        means = of_tasks(table, measure).mean()
        best = means[list(peers)].idxmax()
        holds.append(means[STUDENT] > means[best])
        parts.append(f"{title} {means[STUDENT]:.3f} (best peer: {best}, {means[best]:.3f})")
    f1 = of_tasks(table, "macro_f1")
    chosen = f1[list(peers)].max(axis=1).mean()
    return (
        f"{verdict(holds)}: without seeing the query the Student is above every peer on the "
        f"average of the tasks, in {listed(parts)}. Peers chosen with hindsight, the best of "
        f"{len(peers)} on each task, would reach {chosen:.3f}, which is "
        f"{signed(f1[STUDENT].mean() - chosen)} to the Student."
    )


def each_task(table: pd.DataFrame, peers: Sequence[str]) -> str:
    """Return on which tasks the Student is far below the best peer, and below whom."""
    f1 = of_tasks(table, "macro_f1")
    best = f1[list(peers)]
    apart = f1[STUDENT] - best.max(axis=1)
    low = [
        f"`{task}` ({signed(value)}, {best.loc[task].idxmax()})"
        for task, value in apart.items()
        if value < -FAR_BELOW
    ]
    where = f" Below it: {listed(low)}." if low else ""
    if apart.get(DISPUTED, 0.0) < -FAR_BELOW:
        where += f" Which cells decide `{DISPUTED}`: [disputed.md](disputed.md)."
    return (
        f"{verdict([not low])}: on no task more than {FAR_BELOW} of macro F1 below the best peer "
        f"of that task; on {int((apart > 0).sum())} of {len(apart)} above it.{where}"
    )


def ranked(table: pd.DataFrame, methods: Sequence[str]) -> str:
    """Return the Student's mean rank by macro F1 among all methods that do not see the query."""
    ranks = of_tasks(table, "macro_f1")[list(methods)].rank(axis=1, ascending=False).mean()
    others = ranks.drop(STUDENT)
    return (
        f"{verdict([ranks[STUDENT] < others.min()])}: the Student's mean rank is the best, "
        f"{ranks[STUDENT]:.2f} of {len(ranks)} methods; {others.idxmin()} {others.min():.2f}."
    )


def against(table: pd.DataFrame, peer: str) -> str:
    """Return how adapting stands to a peer that sees the query, on the tasks that it ran on."""
    if not is_peer(peer):
        return ""
    f1 = of_tasks(table, "macro_f1")[[ADAPTED, peer]].dropna()
    seconds = of_tasks(table, "fit_seconds").loc[f1.index, [ADAPTED, peer]].dropna()
    mine, theirs = f1.mean()
    times = seconds[peer].mean() / seconds[ADAPTED].mean()
    lead = [f"`{task}`" for task in f1.index if f1.loc[task, peer] > f1.loc[task, ADAPTED]]
    ahead = f" {peer} is ahead on {listed(lead)}." if lead else ""
    speed = ""  # of a peer that was not timed
    if times >= 1.5:
        speed = f" {peer} takes {times:.0f} times as long."
    elif times < 1.5:
        speed = f" {peer} takes no longer."
    return (
        f"{verdict([mine > theirs])}: adapted to the query, macro F1 {mine:.3f} is above {peer}'s "
        f"{theirs:.3f} ({len(f1)} of {table['task'].nunique()} tasks).{speed}{ahead}"
    )


def lowered(table: pd.DataFrame) -> str:
    """Return which tasks adapting lowers, against the Student as it is."""
    f1 = of_tasks(table, "macro_f1")
    gain = f1[ADAPTED] - f1[STUDENT]
    low = [f"`{task}` ({signed(value)})" for task, value in gain.items() if value < -LOWERED]
    where = f" By more: {listed(low)}." if low else ""
    return (
        f"{verdict([not low])}: adapting lowers no task by more than {LOWERED} of macro F1; it "
        f"gains {signed(gain.mean())} on average.{where}"
    )
