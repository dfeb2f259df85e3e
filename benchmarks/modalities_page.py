"""The page of the benchmark across modalities: its tables, and how they were made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modalities_claims import (
    EACH,
    NAMES,
    RNA_MODEL,
    TASKS,
    WHOLE,
    agreement_sentences,
    depth_sentences,
    score_sentences,
    spread,
)
from results import Row as Score
from results import frame, markdown, plus_minus
from transfer_methods import METHODS, SEE_THE_QUERY, WITHOUT_RANDOMNESS

if TYPE_CHECKING:
    import pandas as pd

PAPER = {
    "Seurat": (0.912, 0.905, 0.701, 0.700, 0.748, 0.739, 0.869, 0.864),
    "ACTINN": (0.854, 0.839, 0.791, 0.777, 0.812, 0.799, 0.760, 0.752),
    "CellTypist": (0.697, 0.643, 0.668, 0.612, 0.755, 0.714, 0.723, 0.701),
    "TOSICA": (0.915, 0.903, 0.905, 0.905, 0.874, 0.869, 0.821, 0.819),
    "Cellcano": (0.864, 0.853, 0.946, 0.940, 0.855, 0.841, 0.922, 0.921),
    "KIDA": (0.949, 0.932, 0.951, 0.944, 0.925, 0.917, 0.923, 0.914),
    "the paper's own": (0.951, 0.939, 0.956, 0.952, 0.938, 0.922, 0.936, 0.921),
}
"""Table 4 of the paper: accuracy and macro F1 on Ma-2020 RNA and ATAC, Muto-2021 RNA and ATAC."""


def page(scores: Sequence[Score], agreement: pd.DataFrame, depth: pd.DataFrame) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    scores
        Rows of ``transfer.csv`` and ``peers.csv``; those of other tasks are left out.
    agreement, depth
        Rows of ``modalities.csv`` and ``modalities_depth.csv``; may be empty.
    """
    table = frame([row for row in scores if row.task in TASKS.values()])
    said = [*score_sentences(table), *agreement_sentences(agreement), *depth_sentences(depth)]
    parts = ["# Annotation across modalities", HOW]
    said = [line for line in said if line]
    if said:
        parts.append("## What the numbers show\n\n" + "\n".join(f"- {line}" for line in said))
    parts.append("![Macro F1 by task, agreement by type](modalities.png)")
    parts.append(
        f"## Accuracy and macro F1 (the paper's Table 4)\n\n{markdown(table_4(table), '')}"
    )
    parts.append(STARRED)
    if len(agreement):
        parts.append(f"## Agreement of RNA and ATAC of one cell\n\n{AGREEMENT}")
        parts.append(markdown(agreement_table(agreement), "annotated by"))
        parts.append(f"### By type\n\n{BY_TYPE}\n\n{markdown(type_table(agreement), 'type')}")
    if len(depth):
        parts.append(f"## What annotation says of each modality\n\n{DEPTH}")
        parts.append(markdown(depth_table(depth), "modality, model"))
    parts.append(f"## What the paper reports\n\n{REPORTED}\n\n{paper()}")
    return "\n\n".join(parts) + "\n"


HOW = (
    "Made by `python benchmarks/modalities.py --data FOLDER`. SNARE-seq of the mouse cortex (Chen "
    "et al. 2019): RNA and ATAC of the same 10,309 cells, 15 types, 12 batches; 09A to 09F are "
    "learned, 09G to 09L annotated. ATAC is read as gene activity (gene body and 2 kb upstream). "
    "Scores are those of `transfer.py` (tasks `cortex:rna`, `cortex:atac`, `cortex:rna_to_atac`); "
    "labels that agree are counted here. Numbers are means ± standard deviations over seeds; "
    "agreement and what annotation says are of seed 0 alone."
)
STARRED = (
    "\\* sees the query while it learns. Methods without randomness ran once. The rest of their "
    "setting is in [transfer](transfer.md)."
)
AGREEMENT = (
    "Of the unseen cells, the share whose RNA and ATAC bear the same label, what chance would "
    "give, and Cohen's kappa; then the share of RNA labels that are right, of the cells that "
    "agree and of those that do not. Labels are the best types of the reference, of cells called "
    "unknown as well. Agreement needs no truth, and is not one."
)
BY_TYPE = (
    "2 × cells that both call so, over cells that RNA and that ATAC call so; Student, mean over "
    "seeds. A dash: no seed called a cell so."
)
DEPTH = (
    "Median counts and genes of an unseen cell as it is; the rest is what `plkd.tl.annotate` "
    "wrote: how the values were recognised, how many of the model's genes were found and what "
    "share of its weight they carry, cells without a count in them, cells called unknown, and the "
    "median confidence of the Student. All cells are brought to 10,000 counts before the networks "
    "see them: depth itself is gone then, what stays is how sparse and how noisy a shallow cell "
    "is."
)
REPORTED = (
    "Table 4, accuracy / macro F1. Its data (SHARE-seq skin, Ma 2020; kidney, Muto 2021) are "
    "others than ours, and its text does not say which cells were learned and which annotated, "
    "nor gives it RNA → ATAC or a number for agreement. It leaves Chen-2019, the cortex used "
    "here, to integration (Figure 6). The numbers are not to be compared with ours."
)


def table_4(table: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy / macro F1 of every method on the three tasks."""
    import pandas as pd

    methods = [m for m in METHODS if (table["method"] == m).any()]
    columns: dict[str, list[str]] = {}
    for title, task in TASKS.items():
        own = table[table["task"] == task]
        for measure, short in (("accuracy", "Acc"), ("macro_f1", "F1")):
            columns[f"{title} {short}"] = [
                _of_method(own[own["method"] == method], measure, method) for method in methods
            ]
    names = [f"{method} \\*" if method in SEE_THE_QUERY else method for method in methods]
    return pd.DataFrame(columns, index=names)


def agreement_table(agreement: pd.DataFrame) -> pd.DataFrame:
    """Return agreement over all cells, by models and network."""
    import pandas as pd

    whole = agreement[agreement["type"] == WHOLE]
    heads = {
        "agreement": "agreement",
        "chance": "by chance",
        "kappa": "kappa",
        "right_where_same": "right where they agree",
        "right_where_not": "right where not",
    }
    lines = {}
    for models in (RNA_MODEL, EACH):
        for method in ("plkd student", "plkd teacher"):
            own = whole[(whole["models"] == models) & (whole["method"] == method)]
            if len(own):
                by = "model of RNA" if models == RNA_MODEL else "each its own model"
                lines[f"{by}, {NAMES[method]}"] = [spread(own, name) for name in heads]
    return pd.DataFrame(lines.values(), index=list(lines), columns=list(heads.values()))


def type_table(agreement: pd.DataFrame) -> pd.DataFrame:
    """Return agreement of each type under the Student, the most frequent in RNA first."""
    import pandas as pd

    own = agreement[(agreement["type"] != WHOLE) & (agreement["method"] == "plkd student")]
    cells = own[own["models"] == EACH].groupby("type")["n_rna"].mean()
    order = cells.sort_values(ascending=False).index
    columns: dict[str, list[str]] = {"cells, by RNA": [f"{cells[name]:.0f}" for name in order]}
    for models, title in ((RNA_MODEL, "model of RNA"), (EACH, "each its own model")):
        mean = own[own["models"] == models].groupby("type")["agreement"].mean()
        columns[title] = [f"{mean[name]:.3f}" if name in mean else "–" for name in order]
    return pd.DataFrame(columns, index=list(order))


def depth_table(depth: pd.DataFrame) -> pd.DataFrame:
    """Return what annotation says of each modality, of the Student, mean over seeds."""
    import pandas as pd

    own = depth[depth["method"] == "plkd student"]
    lines = {}
    for (modality, models), rows in own.groupby(["modality", "models"], sort=False):
        by = "RNA" if models == RNA_MODEL else modality
        lines[f"{modality}, model of {by}"] = [
            f"{rows['counts'].mean():.0f}",
            f"{rows['genes'].mean():.0f}",
            ", ".join(sorted(set(rows["expression"]))),
            f"{rows['genes_found'].mean():.0f}",
            f"{rows['weight_share'].mean():.0%}",
            f"{rows['n_no_counts'].mean():.0f}",
            f"{(rows['n_unknown'] / rows['n_cells']).mean():.1%}",
            plus_minus(rows["confidence"].mean(), rows["confidence"].std()),
        ]
    heads = "counts|genes|values|genes found|of the weight|without a count|unknown|confidence"
    return pd.DataFrame(lines.values(), index=list(lines), columns=heads.split("|"))


def paper() -> str:
    """Return the paper's Table 4, of the methods that run here in some form, and the best."""
    import pandas as pd

    heads = ["Ma-2020 RNA", "Ma-2020 ATAC", "Muto-2021 RNA", "Muto-2021 ATAC"]
    cells = [
        [f"{line[place]:.3f} / {line[place + 1]:.3f}" for place in range(0, 8, 2)]
        for line in PAPER.values()
    ]
    return markdown(pd.DataFrame(cells, index=list(PAPER), columns=heads), "method")


def _of_method(rows: pd.DataFrame, measure: str, method: str) -> str:
    deviation = float("nan") if method in WITHOUT_RANDOMNESS else rows[measure].std()
    return plus_minus(rows[measure].mean(), deviation)
