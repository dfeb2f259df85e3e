"""What the rows of the ablation study say in sentences, beside what the paper reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.names import STUDENT, TEACHER, in_order
from study.rows import full_grid, over_seeds
from study.words import in_words, listed, opened, outcome, percent, signed

if TYPE_CHECKING:
    import pandas as pd

STANDARD, LOSSES, MASK = "standard", "without L1 and L4", "without mask"
NOISES = {"noise 0.1": 0.1, "noise 0.15": 0.15, "noise 0.2": 0.2}
MOST = "noise 0.2"
SETTINGS = (STANDARD, LOSSES, MASK, *NOISES)
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1", "ari": "ARI"}
AIM = 97
"""Share of its clean macro F1, in percent, that the Student is to keep with 20 % wrong labels."""
PAPER = {
    STANDARD: (0.974, 0.935, 0.981, 0.966),
    LOSSES: (0.905, 0.526, 0.897, 0.405),
    MASK: (0.962, 0.928, 0.969, 0.914),
    "noise 0.1": (0.942, 0.908, 0.944, 0.906),
    "noise 0.15": (0.892, 0.868, 0.901, 0.831),
    "noise 0.2": (0.868, 0.768, 0.862, 0.795),
}
"""Table 5 of the paper: accuracy and ARI of the Teacher, accuracy and ARI of the Student."""
PAPER_SAYS = (
    "Its text says that the Student falls more slowly than the Teacher as labels become wrong. By "
    "its table the Student loses less accuracy than the Teacher at a share of 0.15 only (0.080 "
    "against 0.082), and more at 0.1 (0.037 against 0.032) and at 0.2 (0.119 against 0.106). At "
    "0.2 the Student keeps 87.9 % of its clean accuracy and the Teacher 89.1 %."
)


def kept(grid: pd.DataFrame, measure: str, setting: str = MOST) -> pd.DataFrame:
    """Return by method the share of a clean measure that a setting keeps: mean and std over seeds.

    The measure is averaged over tasks, then divided by that of the standard, for each seed.
    """
    each = grid.groupby(["setting", "method", "seed"])[measure].mean()
    share = (each[setting] / each[STANDARD]).dropna()
    return share.groupby("method").agg(["mean", "std"])


def beside_standard(table: pd.DataFrame, setting: str) -> pd.DataFrame:
    """Return the rows on which a setting can be compared with the standard; none if it has none."""
    grid = full_grid(table[table["setting"].isin([STANDARD, setting])])
    return grid if {STANDARD, setting} <= set(grid["setting"]) else grid.iloc[:0]


def sentences(table: pd.DataFrame) -> list[str]:
    """Return what the numbers show, each on all tasks that have what it compares."""
    noise, losses, mask = (beside_standard(table, setting) for setting in (MOST, LOSSES, MASK))
    said: list[str] = []
    if len(noise) and STUDENT in kept(noise, "macro_f1").index:
        said += noise_sentences(noise)
    if len(losses):
        said.append(change_sentence(losses, LOSSES))
    if len(mask):
        said.append(change_sentence(mask, MASK))
    return [sentence for sentence in said if sentence]


def noise_sentences(grid: pd.DataFrame) -> list[str]:
    """Return the sentences on 20 % wrong labels: the aim, and the other methods."""
    share, accuracy = kept(grid, "macro_f1"), kept(grid, "accuracy")
    student = float(share.loc[STUDENT, "mean"])
    met = "met" if student >= AIM / 100 else "not met"
    said = [
        f"With 20 % wrong labels the Student keeps {percent(share, STUDENT)} of its clean macro F1 "
        f"(the aim, at least {AIM} %, is {met}) and {percent(accuracy, STUDENT)} of its clean "
        "accuracy (the paper's Student: 87.9 %)."
    ]
    others = [method for method in in_order(share.index) if method != STUDENT]
    if others:
        each = listed([f"{in_words(method)} {percent(share, method)}" for method in others])
        stands = outcome(student, {m: float(share.loc[m, "mean"]) for m in others})
        said.append(
            f"Of their clean macro F1 the others keep: {each}. The Student's share is {stands}."
        )
        said.append(height_sentence(grid, others))
    return said


def height_sentence(grid: pd.DataFrame, others: list[str]) -> str:
    """Return how the macro F1 itself compares at most noise: who falls far may have stood high."""
    scores = over_seeds(grid, "macro_f1", ["setting", "method"])["mean"][MOST]
    stands = outcome(float(scores[STUDENT]), {method: float(scores[method]) for method in others})
    return (
        f"Its macro F1 itself, {scores[STUDENT]:.3f} with 20 % wrong labels, is {stands} (best of "
        f"the others: {max(scores[method] for method in others):.3f})."
    )


def change_sentence(grid: pd.DataFrame, setting: str) -> str:
    """Return how far a setting moves accuracy, macro F1 and ARI of both networks."""
    parts = []
    for method, place in ((TEACHER, 0), (STUDENT, 2)):
        ran = set(grid.loc[grid["method"] == method, "setting"])
        if not {STANDARD, setting} <= ran:
            continue
        changes = []
        for key, name in MEASURES.items():
            mean = over_seeds(grid, key, ["setting", "method"])["mean"]
            changes.append(f"{name} {signed(mean[setting, method] - mean[STANDARD, method])}")
        theirs = [PAPER[setting][place + i] - PAPER[STANDARD][place + i] for i in (0, 1)]
        parts.append(
            f"{in_words(method)} moves by {listed(changes)} (the paper's: accuracy "
            f"{signed(theirs[0])}, ARI {signed(theirs[1])})"
        )
    return opened(f"{setting}, {'; '.join(parts)}.") if parts else ""
