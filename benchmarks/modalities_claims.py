"""What the rows of the benchmark across modalities say in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ours import ADAPTED
from results import plus_minus
from study.words import listed
from transfer_methods import SEE_THE_QUERY, is_peer

if TYPE_CHECKING:
    import pandas as pd

TASKS = {
    "RNA → RNA": "cortex:rna",
    "ATAC → ATAC": "cortex:atac",
    "RNA → ATAC": "cortex:rna_to_atac",
}
RNA_MODEL, EACH = "RNA", "each its own"
"""Whose models annotated: that of RNA both modalities, or each modality its own."""
WHOLE = "all"
NAMES = {"plkd student": "Student", "plkd teacher": "Teacher", ADAPTED: "adapted Student"}
AIM_ACROSS = 0.28
"""Macro F1 that RNA -> ATAC is to reach at least."""


def score_sentences(table: pd.DataFrame) -> list[str]:
    """Return how plkd's networks stand to the peers on each task."""
    said = []
    for title, task in TASKS.items():
        own = table[table["task"] == task]
        peers = own[own["method"].map(is_peer)]
        for method in NAMES:
            mine = own[own["method"] == method]
            if mine.empty or peers.empty:
                continue
            words, holds = [], True
            for measure, name in (("macro_f1", "macro F1"), ("accuracy", "accuracy")):
                score = mine[measure].mean()
                theirs = peers.groupby("method")[measure].mean().sort_values(ascending=False)
                better = [_named(peer, value) for peer, value in theirs.items() if value >= score]
                holds &= not better
                words.append(
                    f"{name} {score:.3f}, "
                    + (f"not above {listed(better)}" if better else f"above all ({_best(theirs)})")
                )
            verdict = "**Holds**" if holds else "**Does not hold**"
            said.append(
                f"{title}. {verdict}: the {NAMES[method]} above every peer on both measures; "
                f"{'; '.join(words)}.{_aim(task, mine)}"
            )
    return said


def agreement_sentences(agreement: pd.DataFrame) -> list[str]:
    """Return how far the modalities agree, and what agreement is worth."""
    if agreement.empty:
        return []
    said = []
    whole = agreement[agreement["type"] == WHOLE]
    for models in (RNA_MODEL, EACH):
        own = whole[(whole["models"] == models) & (whole["method"] == "plkd student")]
        if own.empty:
            continue
        by = "the model of RNA" if models == RNA_MODEL else "the model of its own modality"
        said.append(
            f"Annotated by {by}, RNA and ATAC of a cell bear the same label in "
            f"{spread(own, 'agreement')} of the cells (chance: {own['chance'].mean():.3f}; kappa "
            f"{spread(own, 'kappa')}; Student).{_worth(own)}"
        )
    return said


def depth_sentences(depth: pd.DataFrame) -> list[str]:
    """Return how far the modalities are apart in depth and confidence."""
    if depth.empty:
        return []
    own = depth[(depth["models"] == RNA_MODEL) & (depth["method"] == "plkd student")]
    mean = own.groupby("modality")[["counts", "genes", "confidence", "weight_share"]].mean()
    if not {"RNA", "ATAC"} <= set(mean.index):
        return []
    ratio = mean.loc["RNA", "counts"] / max(mean.loc["ATAC", "counts"], 1e-9)
    kinds = listed(sorted(set(own["expression"])))
    return [
        f"A cell has {mean.loc['RNA', 'counts']:.0f} counts of RNA and "
        f"{mean.loc['ATAC', 'counts']:.0f} of gene activity ({ratio:.1f} times as many); their "
        f"values are recognised as {kinds} and brought to one scale by the input contract. The "
        f"Student of RNA is sure of RNA with {mean.loc['RNA', 'confidence']:.2f} and of ATAC with "
        f"{mean.loc['ATAC', 'confidence']:.2f} (median confidence).",
        *(_drift(depth, *of) for of in (("RNA", RNA_MODEL), ("ATAC", RNA_MODEL), ("ATAC", EACH))),
    ]


def _aim(task: str, mine: pd.DataFrame) -> str:
    if task != TASKS["RNA → ATAC"]:
        return ""
    met = "met" if mine["macro_f1"].mean() >= AIM_ACROSS else "not met"
    return f" The aim, macro F1 of at least {AIM_ACROSS}, is {met}."


def _best(theirs: pd.Series) -> str:
    return f"the best, {theirs.index[0]}, has {theirs.iloc[0]:.3f}"


def _named(peer: str, score: float) -> str:
    return f"{peer} ({score:.3f}{', sees the query' if peer in SEE_THE_QUERY else ''})"


def _worth(own: pd.DataFrame) -> str:
    """Return whether a label on which the modalities agree is right more often."""
    same, not_same = own["right_where_same"].mean(), own["right_where_not"].mean()
    if same != same or not_same != not_same:
        return ""
    often = "more often right" if same > not_same else "not more often right"
    return (
        f" Where they agree, the label is {often} than where they do not ({same:.3f} against "
        f"{not_same:.3f} of the RNA labels)."
    )


def _drift(depth: pd.DataFrame, modality: str, models: str) -> str:
    """Return what annotation says of how far a modality is from the reference."""
    own = depth[
        (depth["modality"] == modality)
        & (depth["models"] == models)
        & (depth["method"] == "plkd student")
    ]
    if own.empty:
        return ""
    said = [text for text in own["drift"] if isinstance(text, str) and text]
    by = "RNA" if models == RNA_MODEL else modality
    head = f"{modality} to the Student of {by}: annotation warns"
    if not said:
        return f"{head} of no drift."
    return f'{head}, in {len(said)} of {len(own)} seeds, "{said[0]}".'


def spread(rows: pd.DataFrame, name: str) -> str:
    """Return mean and deviation of a column over seeds."""
    return plus_minus(rows[name].mean(), rows[name].std())
