"""Tables of numbers from the rows of all parts; pages, claims and the figure are made of them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from faithful.textbook import markers_of

if TYPE_CHECKING:
    import pandas as pd

TOP = 10
"""Genes of a type that are compared and counted."""

BETWEEN = "between"
SIGNS = {"deletion": -1, "insertion": 1, BETWEEN: 1}
"""Whether a larger area is better (1) or a smaller one (-1)."""


def areas(numbers: pd.DataFrame, way: str, base: str) -> pd.DataFrame:
    """Return the areas of a way and base: columns task, method, seed, cell_type, value.

    ``way`` "between" is the area between the two curves that are claimed: that of insertion into
    the background less that of deletion to zero. Only seeds that all tasks have take part.
    """
    if way == BETWEEN:
        key = ["task", "method", "seed", "cell_type"]
        up, down = areas(numbers, "insertion", "background"), areas(numbers, "deletion", "zero")
        both = up.merge(down, on=key, suffixes=("", "_down"))
        return both.assign(value=both["value"] - both["value_down"])[[*key, "value"]]
    chosen = numbers[
        (numbers["part"] == "deletion")
        & (numbers["measure"] == f"{way} area")
        & (numbers["base"] == base)
    ]
    seeds = chosen.groupby("task")["seed"].agg(set)
    common = set.intersection(*seeds) if len(seeds) else set()
    kept = chosen[chosen["seed"].isin(common)]
    return kept[["task", "method", "seed", "cell_type", "value"]].reset_index(drop=True)


def by_seed(found: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over types, then over tasks: seeds down, methods across."""
    each = found.groupby(["task", "seed", "method"])["value"].mean()
    return each.groupby(["seed", "method"]).mean().unstack("method")


def by_task(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean and std over seeds of the mean over types, indexed by task and method."""
    each = found.groupby(["task", "method", "seed"])["value"].mean()
    return each.groupby(["task", "method"]).agg(["mean", "std"])


def overlaps(genes: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the first ten genes that two runs have in common.

    Returns
    -------
    A row for each task, method, type and pair of runs of it; columns task, method, cell_type,
    one, other and overlap, in [0, 1].
    """
    import pandas as pd

    rows = []
    top = genes[genes["rank"] <= TOP]
    for (task, method, name), lists in top.groupby(["task", "method", "cell_type"], sort=False):
        of_run = {run: set(part["gene"]) for run, part in lists.groupby("run")}
        for one, other in combinations(sorted(of_run), 2):
            shared = len(of_run[one] & of_run[other]) / TOP
            rows.append((task, method, name, one, other, shared))
    columns = ["task", "method", "cell_type", "one", "other", "overlap"]
    return pd.DataFrame(rows, columns=columns)


def rank_ranges(genes: pd.DataFrame, method: str = "shap") -> pd.DataFrame:
    """Return where the genes of a method stand over its runs, the first ten of each type.

    A gene that a run's list does not hold counts as standing behind its end.

    Returns
    -------
    Columns task, cell_type, gene, median, best, worst (the rank just behind the end of the longest
    list where the gene is not in all lists) and missing (runs whose list does not hold it).
    """
    import pandas as pd

    rows = []
    lists = genes[genes["method"] == method]
    for (task, name), part in lists.groupby(["task", "cell_type"], sort=False):
        wide = part.pivot_table(index="gene", columns="run", values="rank")
        filled = wide.fillna(part["rank"].max() + 1)
        table = pd.DataFrame(
            {
                "task": task,
                "cell_type": name,
                "gene": filled.index,
                "median": filled.median(axis=1).to_numpy(),
                "best": filled.min(axis=1).to_numpy(),
                "worst": filled.max(axis=1).to_numpy(),
                "missing": wide.isna().sum(axis=1).to_numpy(),
                "mean": filled.mean(axis=1).to_numpy(),
            }
        )
        rows.append(table.sort_values(["median", "mean", "gene"]).head(TOP).drop(columns="mean"))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def textbook_counts(genes: pd.DataFrame) -> pd.DataFrame:
    """Return how many of the first ten genes are textbook markers, the mean over runs.

    Returns
    -------
    Types that have a list; columns task, method, run, cell_type and count, in [0, 10].
    """
    top = genes[(genes["rank"] <= TOP) & (genes["method"] != "wilcoxon, resampled")]
    top = top[[bool(markers_of(name)) for name in top["cell_type"]]]
    pairs = zip(top["gene"], top["cell_type"], strict=True)
    hit = [gene in markers_of(name) for gene, name in pairs]
    counted = top.assign(count=hit).groupby(["task", "method", "run", "cell_type"], sort=False)
    return counted["count"].sum().reset_index()


def textbook_sums(counts: pd.DataFrame) -> pd.DataFrame:
    """Return the sum over types, the mean over runs: methods down, tasks across, then "sum"."""
    each = counts.groupby(["task", "method", "run"], sort=False)["count"].sum()
    wide = each.groupby(["method", "task"], sort=False).mean().unstack("task")
    wide = wide.reindex(columns=list(dict.fromkeys(counts["task"])))
    return wide.assign(sum=wide.sum(axis=1, skipna=False))


def planted(numbers: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return a measure's mean and std over seeds (of the mean over types), by how and method."""
    chosen = numbers[(numbers["part"] == "planted") & (numbers["measure"] == measure)]
    each = chosen.groupby(["task", "method", "seed"])["value"].mean()
    return each.groupby(["task", "method"]).agg(["mean", "std"])
