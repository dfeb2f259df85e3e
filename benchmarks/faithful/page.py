"""The page of the benchmark of explanations, written from its rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from faithful.claims import (
    CLAIMED,
    WORDS,
    deletion_claims,
    planted_claims,
    stability_claims,
    textbook_claims,
)
from faithful.deletion import MODES, SHAP
from faithful.names import called, in_order
from faithful.tables import (
    BETWEEN,
    TOP,
    areas,
    by_seed,
    by_task,
    overlaps,
    planted,
    rank_ranges,
    textbook_counts,
    textbook_sums,
)
from faithful.textbook import SOURCES, markers_of, sources_of
from results import markdown, plus_minus

if TYPE_CHECKING:
    import pandas as pd

COMMAND = "python benchmarks/faithfulness.py --data FOLDER"


def page(numbers: pd.DataFrame, genes: pd.DataFrame) -> str:
    """Return the page in Markdown from all rows; parts that have none are left out."""
    claims: dict[str, list[str]] = {
        "Deletion and insertion": deletion_claims(numbers) if len(numbers) else [],
        "Stability": stability_claims(genes) if len(genes) else [],
        "Textbook markers": textbook_claims(genes) if len(genes) else [],
        "Planted pathways": planted_claims(numbers) if len(numbers) else [],
    }
    said = [f"- *{title}.* {' '.join(lines)}" for title, lines in claims.items() if lines]
    parts = ["# Does the explanation hold?", HOW, "## What holds and what does not"]
    parts += ["\n".join(said), "![Curves, stability, markers, planted sets](faithfulness.png)"]
    sections: dict[str, Callable[[], list[str]]] = {
        "Deletion and insertion": lambda: deletion_section(numbers),
        "Stability": lambda: stability_section(genes),
        "Textbook markers": lambda: textbook_section(genes),
        "Planted pathways": lambda: planted_section(numbers),
    }
    for letter, (title, section) in zip("abcd", sections.items(), strict=True):
        if claims[title]:
            parts += [f"## ({letter}) {title}", *section()]
    return "\n\n".join(parts) + "\n"


HOW = (
    f"Made by `{COMMAND}`; what was run is in `faithfulness.csv` (numbers) and "
    "`faithfulness_genes.csv` (the first genes of each type by every method). plkd runs at its "
    "defaults with the organism's Reactome sets, and `plkd.tl.attributions`, `plkd.tl.patterns` "
    "and `plkd.tl.marker_genes` at theirs. Genes are ranked on the reference of a transfer task "
    "(`benchmarks/tasks.py`), all methods choose among the model's genes, and the same fitted "
    "models serve parts a, b and c. In these three, rows of attention and of the consensus are "
    'older than the present default of `plkd.tl.patterns` (`feature="rise"`), which names other '
    "patterns and some other consensus genes; part d is of the present one. Numbers are means ± "
    "standard deviations over seeds; the sentences are computed from them."
)

DELETION = (
    "The first k genes of a ranking are deleted in cells of the query, which no ranking has seen, "
    "or only these are inserted, and the Student's mean probability of the cells' true type is "
    "read, at k = 0, 1, 2, 5, 10, 20, 50, 100, 200. The area is that under the curve over "
    "log2(1 + k), as a share of its width: small is good for deletion, large for insertion, and "
    "large for the area between the two. It is averaged over types, then over tasks. At most 300 "
    "cells of a type; random is the mean of five orders. Expression (the type's mean, whatever it "
    "is elsewhere) is a plain control. Each cell's own SHAP sees the cell that is changed, and is "
    "no alternative. SHAP ranks first the genes that speak for the type by being expressed; "
    "SHAP, signed all genes by their mean value."
)


def deletion_section(numbers: pd.DataFrame) -> list[str]:
    """Return the tables of areas: over tasks, task by task, type by type."""
    parts = [DELETION, markdown(over_tasks(numbers), "area, mean over tasks")]
    for way, base in CLAIMED:
        found = areas(numbers, way, base)
        if len(found):
            parts.append(f"### {WORDS[way, base].capitalize()}, by task and type")
            parts.append(markdown(by_type(found), "task, type"))
    return parts


def over_tasks(numbers: pd.DataFrame) -> pd.DataFrame:
    """Return the areas of every way, methods down."""
    import pandas as pd

    columns = {}
    for way, base in (*MODES, (BETWEEN, "")):
        found = areas(numbers, way, base)
        if len(found):
            seeds = by_seed(found)
            columns[WORDS[way, base]] = {
                called(method): plus_minus(seeds[method].mean(), seeds[method].std())
                for method in in_order(seeds.columns)
            }
    return pd.DataFrame(columns).fillna("–")


def by_type(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean areas over seeds, tasks and their types down, methods across."""
    import pandas as pd

    methods = in_order(found["method"])
    tasks = by_task(found)
    types = found.groupby(["task", "cell_type", "method"])["value"].mean()
    lines = {}
    for task in dict.fromkeys(found["task"]):
        lines[f"**{task}**"] = [plus_minus(*tasks.loc[(task, method)]) for method in methods]
        for name in dict.fromkeys(found.loc[found["task"] == task, "cell_type"]):
            values = types[task, name]
            lines[f"{task}: {name}"] = [f"{values[method]:.3f}" for method in methods]
    columns = [called(method) for method in methods]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns)


def stability_section(genes: pd.DataFrame) -> list[str]:
    """Return the overlaps by task and type, and the ranks of SHAP's genes over seeds."""
    import pandas as pd

    found = overlaps(genes)
    methods = in_order(found["method"])
    lines = {}
    for task in dict.fromkeys(found["task"]):
        here = found[found["task"] == task]
        for name, part in ((f"**{task}**", here), *here.groupby("cell_type", sort=False)):
            title = name if part is here else f"{task}: {name}"
            mean = part.groupby("method")["overlap"].mean()
            lines[title] = [f"{mean[m]:.2f}" if m in mean else "–" for m in methods]
    columns = [called(method) for method in methods]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    n_runs = genes[genes["method"] == SHAP].groupby("task")["run"].nunique().max()
    return [
        f"Share of the first {TOP} genes of a type that two models have in common, the mean over "
        f"all pairs of {n_runs} models of the same reference that differ in their seed alone. "
        "Wilcoxon's test has no seed: it is run on the reference's cells drawn anew with "
        "replacement, five times.",
        markdown(table, "task, type"),
        "### How unsure each rank is",
        f"The first {TOP} genes of SHAP by their median rank over the models, with the best and "
        "the worst rank; > is behind the end of a model's list. **Bold** genes are textbook "
        "markers of the type.",
        markdown(ranks(genes), "task, type"),
    ]


def ranks(genes: pd.DataFrame) -> pd.DataFrame:
    """Return the genes of each type with their ranks over seeds, in words."""
    import pandas as pd

    table = rank_ranges(genes, SHAP)
    lines = {
        f"{task}: {name}": [", ".join(rank_in_words(one) for one in part.itertuples())]
        for (task, name), part in table.groupby(["task", "cell_type"], sort=False)
    }
    return pd.DataFrame.from_dict(lines, orient="index", columns=["genes: best–worst rank"])


def rank_in_words(one: object) -> str:
    """Return "**CD79A** 1–3", "LTB 4–>30"."""
    gene, best, worst = one.gene, int(one.best), int(one.worst)
    name = f"**{gene}**" if gene in markers_of(one.cell_type) else gene
    last = f">{worst - 1}" if one.missing else str(worst)
    return f"{name} {best}" if last == str(best) else f"{name} {best}–{last}"


def textbook_section(genes: pd.DataFrame) -> list[str]:
    """Return the counts by method and task, then by type, and the sources of the list."""
    import pandas as pd

    counts = textbook_counts(genes)
    sums = textbook_sums(counts)
    methods = in_order(sums.index)
    shown = sums.loc[methods].map(lambda value: "–" if value != value else f"{value:.1f}")
    shown.index = [called(method) for method in methods]
    types = counts.groupby(["task", "cell_type", "method"])["count"].mean()
    lines = {}
    for task, name in dict.fromkeys(zip(counts["task"], counts["cell_type"], strict=True)):
        values = types[task, name]
        cells = [f"{values[m]:.1f}" if m in values else "–" for m in methods]
        lines[f"{task}: {name}"] = [*cells, " ".join(sources_of(name))]
    columns = [*(called(method) for method in methods), "sources"]
    table = pd.DataFrame.from_dict(lines, orient="index", columns=columns)
    skipped = sorted({name for name in genes["cell_type"] if not markers_of(name)})
    left_out = f" Types without a list are left out: {', '.join(skipped)}." if skipped else ""
    sources = "\n".join(f"- {key}: {text}" for key, text in SOURCES.items())
    return [
        f"How many of the first {TOP} genes of a type are textbook markers of it, the mean over "
        "models. The list (`benchmarks/faithful/textbook.py`) was written from knowledge of the "
        "field before any ranking was looked at; it is the same for all methods, and the methods "
        f"choose among the same genes.{left_out}",
        markdown(shown, "of the first ten, sum over types"),
        markdown(table, "task, type"),
        f"Sources:\n\n{sources}",
    ]


def planted_section(numbers: pd.DataFrame) -> list[str]:
    """Return AUROC, AUROC apart and first places of every score."""
    import pandas as pd

    measures = ("AUROC", "AUROC, apart", "first")
    found = {measure: planted(numbers, measure) for measure in measures}
    keys = list(found["AUROC"].index)
    lines = {
        f"{how}: {called(method)}": [plus_minus(*found[m].loc[(how, method)]) for m in measures]
        for how, method in sorted(keys, key=lambda key: (key[0] != "mask", in_order([key[1]])))
    }
    table = pd.DataFrame.from_dict(lines, orient="index", columns=list(measures))
    near = planted(numbers, "near misses")["mean"].mean()
    return [
        "Cells of six types are simulated in 1,000 genes of the 50 Hallmark sets; two sets are "
        "switched on in each type, one more in some cells of all types "
        "(`benchmarks/faithful/simulation.py`). For each type the AUROC tells planted sets from "
        "all others, by the scores that `benchmarks/faithful/planted.py` names. Sets overlap: a "
        f"type has {near:.1f} near misses on average, sets that share a quarter or more of their "
        "genes with a planted one and are up in the type for that reason. Plain AUROC counts them "
        "as mistakes; apart leaves them out. First is the share of planted sets among as many "
        "first places.",
        markdown(table, "patterns: score"),
    ]
