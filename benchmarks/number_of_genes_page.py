"""The page of the number of genes: its tables, and sentences that are computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown
from study.words import signed

if TYPE_CHECKING:
    import pandas as pd

CELLS, BATCHES = "cells", "batches"
WHOLE = "all"
HOW = (
    "Made by `python benchmarks/number_of_genes.py --data FOLDER`; what is done stands at its "
    "head. What more genes (4,000, or all where a file has fewer) gain over 2,000 in macro F1 of "
    "the nearest type mean, for every set of batches of the references in a file, whole and by "
    "draws of their cells (three seeds). plkd takes more genes where held-out cells gain "
    "{least:g}. That number was chosen by the whole sets, with whole fits beside them "
    "(`docs/log.md`); the draws are to say how often chance decides otherwise."
)


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from the rows of ``number_of_genes.csv``."""
    from plkd.data.number_of_genes import LEAST_GAIN

    gains = gained(table)
    said = "\n".join(f"- {sentence}" for sentence in sentences(gains, LEAST_GAIN))
    return "\n\n".join(
        [
            "# How many genes a model should have",
            HOW.format(least=LEAST_GAIN),
            f"## What the numbers show\n\n{said}",
            f"## What more genes gain\n\n{markdown(summary(gains, LEAST_GAIN), 'file, cells')}",
            f"## Whole sets of batches\n\n{markdown(each(gains), 'batches')}\n",
        ]
    )


def gained(table: pd.DataFrame) -> pd.DataFrame:
    """Return macro F1 with fewer and with more genes and their difference, a line a comparison."""
    by = ["file", "batches", "cells", "seed", "held_out"]
    wide = table.set_index([*by, "genes"])["macro_f1"].unstack("genes")
    wide["gain"] = wide["more"] - wide["fewer"]
    return wide.reset_index()


def sentences(gains: pd.DataFrame, least: float) -> list[str]:
    """Return what whole sets of each file gain, and how many would be given more genes."""
    said = []
    for file, own in gains[gains["cells"].astype(str) == WHOLE].groupby("file", sort=False):
        words = []
        for held_out in (CELLS, BATCHES):
            gain = own.loc[own["held_out"] == held_out, "gain"]
            if len(gain):
                words.append(
                    f"{signed(gain.mean())} on held-out {held_out} ({signed(gain.min())} to "
                    f"{signed(gain.max())}; {int((gain >= least).sum())} of {len(gain)} sets of "
                    f"batches gain {least:g})"
                )
        said.append(f"`{file}`: more genes gain {' and '.join(words)}.")
    return said


def summary(gains: pd.DataFrame, least: float) -> pd.DataFrame:
    """Return the gains of each file and number of cells, and how many reach the least, as text."""
    import pandas as pd

    lines, names = [], []
    for (file, cells), own in gains.groupby(["file", gains["cells"].astype(str)], sort=False):
        line = []
        for held_out in (CELLS, BATCHES):
            gain = own.loc[own["held_out"] == held_out, "gain"]
            few = f"{int((gain >= least).sum())} of {len(gain)}"
            between = f"{signed(gain.mean())} ({signed(gain.min())} to {signed(gain.max())})"
            line += [between, few] if len(gain) else ["–", "–"]
        lines.append(line)
        names.append(f"{file}, {cells}")
    heads = [
        head
        for held in (CELLS, BATCHES)
        for head in (f"gain on held-out {held}", f"sets of batches that gain {least:g}")
    ]
    return pd.DataFrame(lines, index=names, columns=heads)


def each(gains: pd.DataFrame) -> pd.DataFrame:
    """Return macro F1 of every whole set of batches, as text."""
    whole = gains[gains["cells"].astype(str) == WHOLE]
    wide = whole.set_index(["batches", "held_out"])[["fewer", "more"]].unstack("held_out")
    wide = wide.reindex(whole["batches"].unique())
    wide = wide.reindex(columns=[(n, h) for h in (CELLS, BATCHES) for n in ("fewer", "more")])
    wide.columns = [f"held-out {held}, {number}" for number, held in wide.columns]
    return wide.map(lambda value: "–" if value != value else f"{value:.3f}")
