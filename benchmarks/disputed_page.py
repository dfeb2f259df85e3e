"""The page of the disputed cells: its tables, and sentences that are computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown, plus_minus
from study.names import STUDENT
from transfer_methods import METHODS, blind, is_peer

if TYPE_CHECKING:
    import pandas as pd

LABEL, RIVAL = "CD14 Mono", "DC"
RIVAL_MARKERS = f"{RIVAL} markers of those called {LABEL}"
HOW = (
    "Made by `python benchmarks/disputed.py --data FOLDER`; what is done stands at its head. Of "
    f"the query of `pbmc:to_zheng` {{n_cells}} cells are labelled {LABEL}. Macro F1 is over the "
    "types of the query, with these cells (as in [transfer.md](transfer.md), where all labels "
    "count as true) and without them; ± is over seeds."
)


def page(table: pd.DataFrame, genes: pd.DataFrame) -> str:
    """Return the page in Markdown from the rows of both files."""
    n_cells = int(genes.loc[genes["group"].str.endswith("disputed"), "n_cells"].iloc[0])
    sentences = [markers_say(genes), called(table), methods_say(table)]
    said = "\n".join(f"- {sentence}" for sentence in sentences)
    return "\n\n".join(
        [
            "# Cells whose label their markers contradict",
            HOW.format(n_cells=n_cells),
            f"## What the numbers show\n\n{said}",
            "## Marker genes\n\nMean of log1p counts per 10,000; in brackets how many cells.",
            markdown(means(genes), "marks, gene"),
            "## Methods",
            f"{RIVAL_MARKERS}: mean over cells and genes; {markers_elsewhere(genes)}.",
            f"{markdown(scores(table), 'method')}\n",
        ]
    )


def means(genes: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each gene as text, groups of cells across."""
    wide = genes.pivot(index=["marks", "gene"], columns="group", values="mean")
    order = genes.drop_duplicates("group").set_index("group")["n_cells"]
    rows = genes.drop_duplicates(["marks", "gene"]).set_index(["marks", "gene"]).index
    text = wide.loc[rows, order.index].map("{:.2f}".format)
    text.columns = [f"{group} ({n_cells})" for group, n_cells in order.items()]
    text.index = [f"{marks}, {gene}" for marks, gene in text.index]
    return text


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """Return macro F1 with and without the cells, and what they are called, methods down."""
    import pandas as pd

    by_method = table.groupby("method")
    mean, spread = by_method.mean(numeric_only=True), by_method.std(numeric_only=True)
    columns = {
        "macro F1": "macro_f1",
        "without them": "without",
        f"called {LABEL}": "called_as_labelled",
        f"called {RIVAL}": "called_rival",
        "called otherwise": "called_other",
        RIVAL_MARKERS: "rival_markers",
    }
    there = [method for method in METHODS if method in mean.index]
    lines = {
        method: [
            plus_minus(mean.loc[method, name], spread.loc[method, name])
            if name in ("macro_f1", "without", "rival_markers")
            else f"{mean.loc[method, name]:.0f}"
            for name in columns.values()
        ]
        for method in there
    }
    return pd.DataFrame.from_dict(lines, orient="index", columns=list(columns))


def markers_elsewhere(genes: pd.DataFrame) -> str:
    """Return the mean over the other type's markers of each group of cells."""
    mean = genes[genes["marks"] == RIVAL].groupby("group", sort=False)["mean"].mean()
    return ", ".join(f"{group} {value:.2f}" for group, value in mean.items())


def markers_say(genes: pd.DataFrame) -> str:
    """Return which of the two types the cells are closer to, gene by gene."""
    wide = genes.pivot(index=["marks", "gene"], columns="group", values="mean")
    (own,) = [group for group in wide if group.endswith("disputed")]
    (label,) = [group for group in wide if group.startswith(LABEL) and group != own]
    (rival,) = [group for group in wide if group.startswith(RIVAL)]
    nearer = (wide[own] - wide[rival]).abs() < (wide[own] - wide[label]).abs()
    return (
        f"By {int(nearer.sum())} of {len(nearer)} marker genes the cells are closer to {rival} "
        f"than to {label}."
    )


def called(table: pd.DataFrame) -> str:
    """Return how many methods call most of the cells by the other type."""
    mean = table.groupby("method").mean(numeric_only=True)
    n_cells = mean[["called_as_labelled", "called_rival", "called_other"]].sum(axis=1)
    most = int((mean["called_rival"] > n_cells / 2).sum())
    return f"{most} of {len(mean)} methods call more than half of them {RIVAL}."


def methods_say(table: pd.DataFrame) -> str:
    """Return where plkd's Student stands with and without the cells, among those that are blind."""
    mean = table.groupby("method").mean(numeric_only=True)
    peers = [method for method in blind(list(mean.index)) if is_peer(method)]
    each = []
    for measure, words in (("macro_f1", "With them"), ("without", "without them")):
        best = mean.loc[peers, measure].idxmax()
        ours = mean.loc[STUDENT, measure]
        each.append(
            f"{words} the Student has {ours:.3f} and the best peer that does not see the query, "
            f"{best}, {mean.loc[best, measure]:.3f} ({ours - mean.loc[best, measure]:+.3f})"
        )
    return f"{'; '.join(each)}."
