"""What the rows say in sentences: what holds of each part, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faithful.deletion import ALTERNATIVES, MODES, OWN, SHAP, SIGNED
from faithful.lists import CELLTYPIST, CONSENSUS, RESAMPLED
from faithful.names import called, in_order
from faithful.planted import ATTENTION, DRAWN, ENRICHMENT, LEARNED, MASK, PATTERN, SET_MEAN
from faithful.tables import (
    BETWEEN,
    SIGNS,
    TOP,
    areas,
    by_seed,
    by_task,
    overlaps,
    planted,
    textbook_counts,
    textbook_sums,
)
from results import plus_minus
from study.words import listed, opened

if TYPE_CHECKING:
    import pandas as pd

STABLE, FOUND = 0.7, 0.95
"""What is aimed at: overlap of two seeds' first ten genes, AUROC under the mask (above)."""

WORDS = {
    ("deletion", "zero"): "deleted to zero",
    ("insertion", "background"): "inserted into the background",
    ("deletion", "background"): "deleted to the background",
    ("insertion", "zero"): "inserted into nothing",
    (BETWEEN, ""): "between the two curves",
}
CLAIMED = (*MODES[:2], (BETWEEN, ""))


def deletion_claims(numbers: pd.DataFrame) -> list[str]:
    """Return what the curves say: the claimed ways one by one, then the others."""
    said = []
    for way, base in CLAIMED:
        found = areas(numbers, way, base)
        if len(found):
            said.append(way_sentence(found, way, base))
            said.append(task_sentence(found, way))
    others = [mode for mode in MODES if mode not in CLAIMED]
    verdicts = [
        f"{WORDS[mode]}, {losses_in_words(areas(numbers, *mode), mode[0])}"
        for mode in others
        if len(areas(numbers, *mode))
    ]
    if verdicts:
        said.append(opened(f"the other way round: {'; '.join(verdicts)}."))
    said.append(signed_sentence(numbers))
    own = by_seed(areas(numbers, "deletion", "zero"))
    if {OWN, SHAP} <= set(own.columns):
        said.append(
            f"A cell's genes by its own SHAP values bring the area of deletion to "
            f"{own[OWN].mean():.3f} (the type's ranking: {own[SHAP].mean():.3f})."
        )
    return [sentence for sentence in said if sentence]


def signed_sentence(numbers: pd.DataFrame) -> str:
    """Return where all genes by mean SHAP, absent ones included, beat every alternative."""
    found = {mode: by_seed(areas(numbers, *mode)) for mode in MODES}
    there = {mode: means for mode, means in found.items() if SIGNED in means.columns}
    if not there:
        return ""
    won = [WORDS[mode] for mode, means in there.items() if not lost_to(means, mode[0], SIGNED)]
    lost = [WORDS[mode] for mode in there if WORDS[mode] not in won]
    head = "SHAP, signed, which also ranks genes that speak for the type by their absence,"
    if not won:
        return f"{head} beats the alternatives in every seed in no way."
    tail = f", not {listed(lost)}" if lost else ""
    return f"{head} beats all alternatives in every seed {listed(won)}{tail}."


def way_sentence(found: pd.DataFrame, way: str, base: str) -> str:
    """Return how SHAP's area stands to the alternatives', and in how many seeds."""
    means = by_seed(found)
    lost = lost_to(means, way)
    where = "below" if SIGNS[way] < 0 else "above"
    area = plus_minus(means[SHAP].mean(), means[SHAP].std())
    if not lost:
        return (
            f"**Holds**, {WORDS[way, base]}: SHAP's mean area, {area}, is {where} that of "
            f"{listed([called(m) for m in present(means)])} in each of {len(means)} seeds."
        )
    losses = listed(
        [
            f"{called(method)} ({means[method].mean():.3f}; SHAP is {where} it in "
            f"{wins} of {len(means)} seeds)"
            for method, wins in lost.items()
        ]
    )
    return (
        f"**Does not hold**, {WORDS[way, base]}: SHAP's mean area, {area}, is not {where} that of "
        f"{losses}."
    )


def task_sentence(found: pd.DataFrame, way: str) -> str:
    """Return the tasks in which an alternative's mean is as good or better; "" where none is."""
    means = by_task(found)["mean"].unstack("method")
    if len(means) < 2:
        return ""
    beaten = [
        f"{listed([called(m) for m in present(means) if not better(row[SHAP], row[m], way)])} "
        f"in `{task}`"
        for task, row in means.iterrows()
        if any(not better(row[SHAP], row[m], way) for m in present(means))
    ]
    return f"Task by task it is matched or beaten by {listed(beaten)}." if beaten else ""


def losses_in_words(found: pd.DataFrame, way: str) -> str:
    """Return in which seeds SHAP is not the best of all, in a few words."""
    means = by_seed(found)
    lost = lost_to(means, way)
    if not lost:
        return f"SHAP is the best in each of {len(means)} seeds"
    each = [f"{called(m)} ({wins} of {len(means)} seeds won)" for m, wins in lost.items()]
    return f"SHAP does not beat {listed(each)} in every seed"


def lost_to(means: pd.DataFrame, way: str, ours: str = SHAP) -> dict[str, int]:
    """Return the alternatives that SHAP does not beat in every seed, with how many it wins."""
    wins = {
        method: int((SIGNS[way] * (means[ours] - means[method]) > 0).sum())
        for method in present(means)
    }
    return {method: number for method, number in wins.items() if number < len(means)}


def better(one: float, other: float, way: str) -> bool:
    """Say whether an area is better than another."""
    return SIGNS[way] * (one - other) > 0


def present(means: pd.DataFrame) -> list[str]:
    """Return the alternatives that a table has."""
    return [method for method in ALTERNATIVES if method in means.columns]


def stability_claims(genes: pd.DataFrame) -> list[str]:
    """Return how stable the first ten genes are, against the aim, task by task."""
    found = overlaps(genes)
    if not len(found) or SHAP not in set(found["method"]):
        return []
    each = found.groupby(["method", "task"])["overlap"].mean()
    mean = each.groupby("method").mean()
    met = "met" if mean[SHAP] >= STABLE else "not met"
    holds = "Holds" if mean[SHAP] >= STABLE else "Does not hold"
    tasks = listed([f"`{task}` {value:.2f}" for task, value in each[SHAP].items()])
    said = [
        f"**{holds}**: two models of different seeds share {mean[SHAP]:.2f} of their first {TOP} "
        f"genes of a type on average (the aim, at least {STABLE}, is {met}); by task: {tasks}."
    ]
    for method, words in (
        (CONSENSUS, "the consensus markers share {:.2f}"),
        (
            RESAMPLED,
            "Wilcoxon's test, which trains nothing, shares {:.2f} over resampled cells",
        ),
    ):
        if method in mean:
            said.append(opened(words.format(mean[method]) + "."))
    types = found[found["method"] == SHAP].groupby(["task", "cell_type"])["overlap"].mean()
    (task, name), least = types.idxmin(), types.min()
    said.append(
        f"The least stable type is {name} of `{task}` ({least:.2f}). How unsure each rank is, the "
        "table of ranks below says gene by gene."
    )
    return said


def textbook_claims(genes: pd.DataFrame) -> list[str]:
    """Return how many textbook markers each method names, against Wilcoxon's."""
    counts = textbook_counts(genes)
    if not len(counts):
        return []
    sums = textbook_sums(counts)
    total = sums["sum"].dropna()
    n_types = counts.drop_duplicates(["task", "cell_type"]).shape[0]
    each = [f"{called(m)} {total[m]:.1f}" for m in in_order(total.index)]
    said = [f"Of {TOP * n_types} genes ({TOP} of each type) textbook markers are: {listed(each)}."]
    for method in (SHAP, CONSENSUS):
        if {method, "wilcoxon"} <= set(total.index):
            said.append(against_wilcoxon(sums, method))
    if CELLTYPIST not in total.index:
        said.append("CellTypist has not run on every task here.")
    return said


def against_wilcoxon(sums: pd.DataFrame, method: str) -> str:
    """Return whether a method names at least as many textbook markers as Wilcoxon's test."""
    holds = sums.loc[method, "sum"] >= sums.loc["wilcoxon", "sum"]
    tasks = [task for task in sums.columns if task != "sum"]
    fewer = [f"`{t}`" for t in tasks if sums.loc[method, t] < sums.loc["wilcoxon", t]]
    where = f" It names fewer in {listed(fewer)}." if fewer else ""
    if holds:
        return f"**Holds** for {called(method)}: at least as many as Wilcoxon in all.{where}"
    return f"**Does not hold** for {called(method)}: fewer than Wilcoxon in all.{where}"


def planted_claims(numbers: pd.DataFrame) -> list[str]:
    """Return how well planted sets are told from the others, plain AUROC first."""
    scores = planted(numbers, "AUROC")
    if not len(scores):
        return []
    apart, said = planted(numbers, "AUROC, apart"), []
    if (MASK, PATTERN) in scores.index:
        mean, std = scores.loc[(MASK, PATTERN)]
        holds = mean > FOUND
        met = "met" if holds else "not met"
        said.append(
            f"**{'Holds' if holds else 'Does not hold'}** under the mask: plain AUROC "
            f"{plus_minus(mean, std)} (the aim, above {FOUND}, is {met}); "
            f"{plus_minus(*apart.loc[(MASK, PATTERN)])} without the sets that share a quarter of "
            "their genes with a planted one."
        )
    for key, words in (
        ((MASK, DRAWN), "the same score has {} where the weights are drawn at random"),
        ((MASK, ATTENTION), "attention alone tells them apart with {}"),
        ((MASK, SET_MEAN), "the mean expression of a set's genes, with no network, with {}"),
        ((LEARNED, ENRICHMENT), "learned patterns, named by enrichment, with {}"),
    ):
        if key in scores.index:
            said.append(opened(words.format(plus_minus(*scores.loc[key])) + "."))
    return said
