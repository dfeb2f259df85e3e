"""The page and the figure of the imbalance study, written from its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown
from study.figures import INK, legend_below, line, panels, plain
from study.names import LOOKS, STUDENT, in_order
from study.rows import extent, full_grid, over_seeds
from study.words import in_words, listed, outcome, scored

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Pair = tuple[str, str]

PAPER = {100: 0.76, 500: 0.46}
"""F1 of cDC2_CXCL9 beside Mono_CD14 in the paper's text."""
HELD_AGAINST: Pair = ("CD14 Mono", "DC")
"""The pair that the paper's figures are held against."""
MEASURES = {
    "f1": "F1 of the rare type in the query",
    "f1_same_ratio": "F1 of the rare type, were the query's ratio that of the reference",
    "recall": "Recall of the rare type",
}


def pairs_of(table: pd.DataFrame) -> dict[Pair, pd.DataFrame]:
    """Return by pair the rows on which its methods and ratios can be compared."""
    pairs = table[["major", "rare"]].drop_duplicates().itertuples(index=False)
    whole = {
        (major, rare): full_grid(table[(table["major"] == major) & (table["rare"] == rare)])
        for major, rare in pairs
    }
    return {pair: grid for pair, grid in whole.items() if len(grid)}


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from all rows of the study."""
    pairs = pairs_of(table)
    parts = ["# Rare types at 100:1 to 500:1 (Figure 7 of the paper)", how(table, pairs)]
    said = [sentence for pair, grid in pairs.items() for sentence in sentences(pair, grid)]
    if said:
        body = "\n".join(f"- {sentence}" for sentence in said)
        parts.append(f"## What the numbers show\n\n{body}")
        parts.append("![F1 of the rare type by ratio](imbalance.png)")
    parts.append(paper())
    for (major, rare), grid in pairs.items():
        parts.append(f"## {major} : {rare}")
        for measure, title in MEASURES.items():
            parts.append(f"{title}:\n\n{markdown(ratio_table(grid, measure), 'ratio')}")
    return "\n\n".join(parts) + "\n"


def how(table: pd.DataFrame, pairs: dict[Pair, pd.DataFrame]) -> str:
    """Return the paragraph that says how the numbers were made."""
    compared = "Nothing can be compared yet: no pair has a row of every method and ratio."
    if pairs:
        each = [f"{major} : {rare} ({extent(grid)})" for (major, rare), grid in pairs.items()]
        compared = f"Compared: {listed(each)}, what every method was run on."
    rest = len(table) - sum(map(len, pairs.values()))
    return (
        f"Made by `python benchmarks/studies.py imbalance --data FOLDER`. {compared}"
        f"{f' {rest} further rows are in the CSV only.' if rest else ''} A number is the mean over "
        "seeds ± their standard deviation; the seed also decides which cells are drawn. The "
        "query keeps all its cells of the two types. The pairs, how cells are drawn and the "
        "second F1, which is held to the reference's ratio, are described at the head of "
        "`benchmarks/study/imbalance.py`."
    )


def paper() -> str:
    """Return what the paper says at Figure 7."""
    return (
        "## What the paper reports\n\nCD14 monocytes (11,511 cells) beside three kinds of "
        "dendritic cells, each subsampled. In its text, for cDC2_CXCL9: F1 of about "
        f"{PAPER[100]} at 100:1 and about {PAPER[500]} at 500:1. The others are in its figure "
        "only; it names neither deviations nor other methods, nor the ratio among its test cells."
    )


def sentences(pair: Pair, grid: pd.DataFrame) -> list[str]:
    """Return what the numbers of a pair show, at the highest ratio and on the way to it."""
    major, rare = pair
    f1 = over_seeds(grid, "f1", ["ratio", "method"])
    methods = in_order(grid["method"])
    if STUDENT not in methods:
        return []
    ratios = grid.loc[grid["method"] == STUDENT, "ratio"]
    few, most = int(ratios.min()), int(ratios.max())
    said = [student_sentence(pair, grid, most)]
    others = [method for method in methods if method != STUDENT and (most, method) in f1.index]
    if others:
        scores = {method: float(f1.loc[(most, method), "mean"]) for method in others}
        stands = outcome(float(f1.loc[(most, STUDENT), "mean"]), scores)
        each = listed([f"{in_words(m)} {scored(f1, (most, m))}" for m in others])
        said.append(f"On the same cells of {major} : {rare} the Student's F1 is {stands} ({each}).")
    if few < most:
        said.append(
            f"From {few}:1 to {most}:1 the Student's F1 of {rare} beside {major} goes from "
            f"{scored(f1, (few, STUDENT))} to {scored(f1, (most, STUDENT))}."
        )
    return said


def student_sentence(pair: Pair, grid: pd.DataFrame, ratio: int) -> str:
    """Return the Student's two F1 at a ratio, held against the paper's for the nearest pair."""
    major, rare = pair
    ours = grid[(grid["ratio"] == ratio) & (grid["method"] == STUDENT)]
    found = {name: over_seeds(ours, name, ["ratio"]) for name in ("f1", "f1_same_ratio")}
    there = ["", ""]
    if pair == HELD_AGAINST and ratio in PAPER:
        above = [float(scores.loc[ratio, "mean"]) > PAPER[ratio] for scores in found.values()]
        there = [
            f" ({'above' if is_so else 'not above'} the paper's {PAPER[ratio]})" for is_so in above
        ]
    drawn = ours.iloc[0]
    return (
        f"{major} : {rare} at {ratio}:1, from {drawn['reference_rare']} {rare} and "
        f"{drawn['reference_major']:,} {major} cells: the Student's F1 of {rare} is "
        f"{scored(found['f1'], ratio)}{there[0]}; were the query at {ratio}:1 as well, "
        f"{scored(found['f1_same_ratio'], ratio)}{there[1]}."
    )


def ratio_table(grid: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a measure, ratios down (with the cells drawn) and methods across."""
    import pandas as pd

    scores = over_seeds(grid, measure, ["ratio", "method"])
    methods = in_order(grid["method"])
    lines = {}
    for ratio, rows in grid.groupby("ratio"):
        drawn = rows.iloc[0]
        name = f"{ratio}:1 ({drawn['reference_major']:,} : {drawn['reference_rare']} cells)"
        lines[name] = [scored(scores, (ratio, method)) for method in methods]
    return pd.DataFrame.from_dict(
        lines, orient="index", columns=[LOOKS[method].name for method in methods]
    )


def figure(table: pd.DataFrame) -> Figure:
    """Return a figure: F1 by ratio and method, a panel for each pair."""
    pairs = pairs_of(table)
    drawn, row = panels([3.5] * max(len(pairs), 1), 3.6)
    for axes, (pair, grid) in zip(row, pairs.items(), strict=False):
        draw_pair(axes, pair, grid)
        plain(axes, f"{pair[1]} beside {pair[0]}", across="ratio in the reference")
        axes.set_ylim(-0.03, 1.03)
    row[0].set_ylabel("F1 of the rare type", fontsize=9, color=INK)
    legend_below(drawn, row[0])
    return drawn


def draw_pair(axes: Axes, pair: Pair, grid: pd.DataFrame) -> None:
    """Draw each method's F1, and for the pair nearest to the paper's its two figures."""
    scores = over_seeds(grid, "f1", ["method", "ratio"])
    for place, method in enumerate(in_order(grid["method"])):
        own = scores.loc[method]
        across = [ratio + 8 * place - 12 for ratio in own.index]  # side by side, to be seen
        line(axes, method, across, list(own["mean"]), list(own["std"]))
    if pair == HELD_AGAINST:
        axes.plot(
            list(PAPER),
            list(PAPER.values()),
            marker="o",
            markersize=7,
            markerfacecolor="white",
            color=INK,
            linewidth=0,
            label="the paper, cDC2_CXCL9",
        )
    ratios = sorted(set(grid["ratio"]))
    axes.set_xticks(ratios, [f"{ratio}:1" for ratio in ratios])
