"""The page of the audit's benchmark: its tables, and sentences that are computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown, per_task, plus_minus
from study.audit_fits import AS_THEY_ARE as OWN_LABELS
from study.audit_fits import BELIEVED, FITS, LEFT_OUT, SET_ASIDE, WRONG_SHARES, named
from study.names import LOOKS, NETWORKS
from study.rows import extent, full_grid, over_seeds
from study.words import listed, scored, signed

if TYPE_CHECKING:
    import pandas as pd

PLKD, NEIGHBOURS, CLASSIFIER = "plkd", "neighbours", "classifier"
CLEANLAB, CHANCE = "cleanlab's recipe", "chance"
METHODS = (PLKD, NEIGHBOURS, CLASSIFIER, CLEANLAB, CHANCE)
PLANTED, AS_THEY_ARE = "planted", "as they are"
AIM = 0.9
REGAINED = 0.5

HOW = (
    "Made by `python benchmarks/audit.py --data FOLDER`; what is done, and what the methods are, "
    "stands at its head. In the reference of each task 10 % of the labels were replaced by another "
    "type's, cell and type by chance; seeds {seeds}; means ± standard deviations over seeds. "
    "Tasks that learn from the same cells count once. Labels of the data sets that are wrong to "
    "begin with count as right, so no ranking can reach 1 where there are some. "
    "The audit's rule was chosen on these references with the wrong labels of seeds 0 and 1 "
    "(`docs/log.md`)."
)
DOUBTS = (
    "Doubtful are the labels that the audit reports as such. *Recall* is the share of the planted "
    "labels among them, *precision* the share of them that was planted; *as they are* are the "
    "labels of the data set, none replaced."
)


def page(table: pd.DataFrame, fits: pd.DataFrame) -> str:
    """Return the page in Markdown from the rows of ``audit.csv`` and of ``audit_fits.csv``."""
    planted = table[table["setting"] == PLANTED]
    seeds = ", ".join(str(seed) for seed in sorted({int(seed) for seed in planted["seed"]}))
    sentences = [aim(planted), against_recipe(planted), doubts_in_words(table), regained(fits)]
    said = "\n".join(f"- {sentence}" for sentence in sentences if sentence)
    parts = [
        "# Wrong labels in a reference",
        HOW.format(seeds=seeds),
        f"## What the numbers show\n\n{said}",
        "## Planted labels among the most suspect 12 %\n\n"
        + markdown(per_task(planted, "recall", METHODS), "task"),
        "## Area under the ROC curve\n\n" + markdown(per_task(planted, "auroc", METHODS), "task"),
        f"## How many labels are doubted\n\n{DOUBTS}\n\n{markdown(doubted(table), 'task')}",
    ]
    if len(fits):
        text = markdown(fitted(fits), "labels")
        parts.append(f"## Training on wrong labels\n\n{how_fitted(fits)}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def how_fitted(fits: pd.DataFrame) -> str:
    """Return what the table of the fits holds."""
    return (
        f"Macro F1 on the query, mean of {extent(full_grid(fits))}. What is run stands at the head "
        "of `benchmarks/study/audit_fits.py`. The rule by which labels are set aside was chosen "
        "without a query, but not on other references: of `3tech:to_5p` on this one with these "
        "wrong labels, of the others on parts of them with wrong labels of their own "
        "(`docs/log.md`)."
    )


def means(planted: pd.DataFrame) -> pd.Series:
    """Return the share of planted labels that each method finds, mean of the tasks."""
    return planted.groupby(["method", "task"])["recall"].mean().groupby("method").mean()


def aim(planted: pd.DataFrame) -> str:
    """Return whether 90 % of the planted labels are among the first 12 %, and where not."""
    own = planted[planted["method"] == PLKD].groupby("task", sort=False)["recall"].mean()
    below = [f"{task} ({value:.3f})" for task, value in own.items() if value < AIM]
    holds = "**Holds**" if own.mean() >= AIM else "**Does not hold**"
    where = f"Below it: {listed(below)}." if below else "No task is below it."
    return (
        f"{holds}: of 10 % planted wrong labels, 90 % among the most suspect 12 %, on average over "
        f"{len(own)} references. It is {own.mean():.3f}. {where}"
    )


def against_recipe(planted: pd.DataFrame) -> str:
    """Return how the audit stands to cleanlab's recipe and to each of its witnesses alone."""
    mean = means(planted)
    rest = [name for name in (NEIGHBOURS, CLASSIFIER, CLEANLAB) if name in mean.index]
    if not rest:
        return ""
    told = [f"{name} ({mean[name]:.3f}, {signed(mean[name] - mean[PLKD])})" for name in rest]
    return f"On the same labels: {listed(told)}; the audit {mean[PLKD]:.3f}."


def doubts_in_words(table: pd.DataFrame) -> str:
    """Return how many labels the audit doubts where 10 % are wrong and where none was replaced."""
    own = table[table["method"] == PLKD]
    share = (own["n_doubtful"] / own["n_cells"]).groupby([own["setting"], own["task"]]).mean()
    mean = share.groupby("setting").mean()
    if AS_THEY_ARE not in mean.index:
        return ""
    clean = share[AS_THEY_ARE]
    return (
        f"The audit calls {mean[PLANTED]:.1%} of the labels doubtful where 10 % were replaced, and "
        f"{mean[AS_THEY_ARE]:.1%} of the labels as they are ({clean.min():.1%} to "
        f"{clean.max():.1%})."
    )


def regained(fits: pd.DataFrame) -> str:
    """Return how much of the macro F1 that wrong labels cost is regained by setting some aside."""
    if not len(fits):
        return ""
    grid = full_grid(fits)
    mean = grid.groupby(["method", "setting"])["macro_f1"].mean()
    said = []
    for wrong in WRONG_SHARES:
        for method in NETWORKS:
            settings = (OWN_LABELS, named(wrong, BELIEVED), named(wrong, SET_ASIDE))
            if any((method, setting) not in mean.index for setting in settings):
                continue  # not run
            clean, believed, aside = (mean[method, setting] for setting in settings)
            lost = clean - believed
            part = f", {(aside - believed) / lost:.0%} of what was lost" if lost > 0 else ""
            part += regained_by_seed(grid[grid["method"] == method], settings)
            known = (method, named(wrong, LEFT_OUT))
            if known in mean.index:
                part += f"; {mean[known]:.3f} with the wrong ones left out by hand"
            holds = lost <= 0 or aside - believed >= REGAINED * lost
            said.append(
                f"{'**holds**' if holds else '**does not hold**'} for the {LOOKS[method].name}, "
                f"{wrong} ({clean:.3f} with the labels as they are, {believed:.3f} with all "
                f"believed, {aside:.3f} with doubtful ones set aside{part})"
            )
    return f"Half of the lost macro F1 regained: {'; '.join(said)}." if said else ""


def regained_by_seed(rows: pd.DataFrame, settings: tuple[str, str, str]) -> str:
    """Return the same share seed by seed, of one network; nothing of one seed."""
    scores = rows.groupby(["seed", "setting"])["macro_f1"].mean().unstack("setting")
    clean, believed, aside = (scores[setting] for setting in settings)
    lost = clean - believed
    if len(scores) < 2 or (lost <= 0).any():
        return ""
    return f" (by seed {listed([f'{share:.0%}' for share in (aside - believed) / lost])})"


def doubted(table: pd.DataFrame) -> pd.DataFrame:
    """Return by task how many labels are doubted, and how rightly."""
    import pandas as pd

    own = table[table["method"] == PLKD]
    lines = {}
    for task, rows in own.groupby("task", sort=False):
        planted, clean = (rows[rows["setting"] == name] for name in (PLANTED, AS_THEY_ARE))
        right = planted["n_doubtful_wrong"]
        shares = (
            planted["n_doubtful"] / planted["n_cells"],
            right / planted["n_wrong"],
            right / planted["n_doubtful"],
        )
        before = (clean["n_doubtful"] / clean["n_cells"]).mean()
        lines[task] = [
            *(plus_minus(each.mean(), each.std()) for each in shares),
            "–" if before != before else f"{before:.3f}",
        ]
    heads = ["share doubted", "recall", "precision", "share doubted as they are"]
    return pd.DataFrame(lines.values(), index=list(lines), columns=heads)


def fitted(fits: pd.DataFrame) -> pd.DataFrame:
    """Return macro F1 by setting and network."""
    import pandas as pd

    scores = over_seeds(full_grid(fits), "macro_f1", ["setting", "method"])
    ran = [setting for setting in FITS if (fits["setting"] == setting).any()]
    lines = [[scored(scores, (setting, method)) for method in NETWORKS] for setting in ran]
    heads = [LOOKS[method].name for method in NETWORKS]
    return pd.DataFrame(lines, index=ran, columns=heads)
