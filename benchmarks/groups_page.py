"""The page of groups without networks: its tables, and sentences that are computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown

if TYPE_CHECKING:
    import pandas as pd

MOST = "most"
"""As many cells as are drawn at most, or all of a smaller reference."""

OTHERS = "all others"
"""The reference is all batches but the query."""

KIND = "file, reference"
PAIR = [KIND, "task", "reference", "query", "left_out"]
HOW = (
    "Made by `python benchmarks/groups.py --data FOLDER`; what is done stands at its head. A pair "
    "is a query, one batch of a task's reference, and a type that is left out of all other batches "
    "or of one, its reference. Means are over the pairs of a line of the first table, then over "
    "these lines. Nothing is trained: whole fits have the networks' energy and doubt beside this "
    "([trust.md](trust.md)). What plkd does with groups was in part chosen on such pairs "
    "([log](../log.md))."
)
COLUMNS = {
    "auroc_distance": "AUROC, distance alone",
    "auroc": "AUROC, groups too",
    "unknown_known_distance": "known cells called unknown, distance alone",
    "unknown_known_together": "known ones, groups too",
    "unknown_new_distance": "new cells called unknown, distance alone",
    "unknown_new_together": "new ones, groups too",
}
READINGS = {
    "auroc_distance": "distance",
    "auroc_far": "how far groups are",
    "auroc_crowded": "how crowded",
    "auroc": "all",
    "unknown_known_together": "known cells called unknown",
    "unknown_new_together": "new cells called unknown",
}
MEAN = "mean"


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from the rows of ``groups.csv``."""
    kinds = table["reference"].map(lambda name: "several" if name == OTHERS else "one")
    kinds = table["file"].str.removesuffix(".h5ad") + ", " + kinds + " batches"
    kinds = kinds.str.replace("one batches", "one batch")
    table = table.assign(cells=table["cells"].astype(str), **{KIND: kinds})
    own = table[table["n_axes"] == table["n_axes"].iloc[0]]
    most = own[own["cells"] == MOST]
    sizes, axes = by_size(own), by_axes(table)
    said = "\n".join(f"- {sentence}" for sentence in sentences(most, sizes, axes))
    parts = [
        "# New types told without any network",
        HOW,
        f"## What the numbers show\n\n{said}",
        f"## By kind\n\n{markdown(as_text(by_kind(most, READINGS)), KIND)}",
    ]
    if len(sizes):
        parts.append(
            "## By the number of reference cells\n\n"
            f"{int(sizes['pairs'].iloc[0])} pairs whose references have more cells than the "
            "smaller draws; shares of groups are counted in as many as there are groups.\n\n"
            f"{markdown(as_text(sizes[[*COLUMNS]].rename(columns=COLUMNS)), 'cells')}\n\n"
            "Known cells called unknown, groups too, by kind; of all pairs of which so many cells "
            f"can be drawn:\n\n{markdown(as_text(false_alarms(own)), KIND)}"
        )
    parts.append(
        "## By the axes along which groups are made\n\n"
        f"AUROC of all readings.\n\n{markdown(as_text(axes), KIND)}\n"
    )
    return "\n\n".join(parts)


def by_kind(rows: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """Return the mean of each file and kind of reference, and the mean of these last."""
    means = rows.groupby(KIND, sort=False)[[*columns]].mean()
    means.loc[MEAN] = means.mean()
    return means.rename(columns=columns)


def by_size(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means by the number of cells, of pairs that have every number."""
    import pandas as pd

    sizes = list(dict.fromkeys(rows["cells"]))
    there = rows.groupby(PAIR)["cells"].transform("nunique") == len(sizes)
    lines = {}
    for size in sizes if len(sizes) > 1 else ():
        own = rows[there & (rows["cells"] == size)]
        if len(own):
            means = own.groupby(KIND)[[*COLUMNS]].mean().mean()
            lines[size] = {**means, "n_cells": own["n_cells"].max(), "pairs": len(own)}
    return pd.DataFrame.from_dict(lines, orient="index")


def false_alarms(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of known cells called unknown of each kind, by the number of cells."""
    wide = rows.groupby([KIND, "cells"], sort=False)["unknown_known_together"].mean()
    wide = wide.unstack("cells")[list(dict.fromkeys(rows["cells"]))]
    wide.columns = [name if name == MOST else f"{name} cells" for name in wide.columns]
    return wide


def by_axes(table: pd.DataFrame) -> pd.DataFrame:
    """Return AUROC of each kind by the number of axes, and the mean of the kinds."""
    most = table[table["cells"] == MOST]
    wide = most.groupby([KIND, "n_axes"], sort=False)["auroc"].mean().unstack("n_axes")
    wide.loc[MEAN] = wide.mean()
    wide.columns = [f"{n} axes" for n in wide.columns]
    return wide


def sentences(most: pd.DataFrame, sizes: pd.DataFrame, axes: pd.DataFrame) -> list[str]:
    """Return what groups add to the distance of the cells alone, and what few cells cost."""
    from plkd.model.halves import FEWEST_LABELLED

    means = by_kind(most, {name: name for name in COLUMNS}).loc[MEAN]
    better = (most["auroc"] > most["auroc_distance"]).sum()
    said = [
        f"AUROC of {len(most)} pairs of {most['file'].nunique()} files: {means['auroc']:.3f} with "
        f"groups, {means['auroc_distance']:.3f} by the distance of each cell alone; groups are "
        f"better on {better} pairs. Of known cells {share(means['unknown_known_together'])} are "
        f"called unknown ({share(means['unknown_known_distance'])} by distance alone), of new ones "
        f"{share(means['unknown_new_together'])} ({share(means['unknown_new_distance'])})."
    ]
    for size, line in sizes.iterrows():
        few = str(size).isdecimal() and int(str(size)) < FEWEST_LABELLED
        which = "too few for plkd to ask groups" if few else "enough"
        cells = f"up to {int(line['n_cells']):,}" if size == MOST else size
        said.append(
            f"From {cells} cells ({which}): AUROC {line['auroc']:.3f}, known cells called unknown "
            f"{share(line['unknown_known_together'])}, new ones "
            f"{share(line['unknown_new_together'])}."
        )
    first = axes.columns[0]
    others = [f"{axes.loc[MEAN, name]:.3f} along {name}" for name in axes.columns[1:]]
    if others:
        said.append(
            f"AUROC along {first}, plkd's, {axes.loc[MEAN, first]:.3f}; {', '.join(others)}."
        )
    return said


def share(value: float) -> str:
    """Return "5.0 %"."""
    return f"{100 * value:.1f} %"


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return numbers with three decimals."""
    return table.map(lambda value: "–" if value != value else f"{value:.3f}")
