"""The page of the integration benchmark, written from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from integrated.claims import sentences
from integrated.means import BOTH, groups, rows_of, score, written
from integrated.names import (
    ALL,
    BATCHES,
    FIGURE_6,
    LOOKS,
    MEASURES,
    PAIRED,
    PAPER_FIGURE_6,
    PAPER_TABLE_3,
    SEES_QUERY,
    SEES_TYPES,
    TABLE_3,
    UNPAIRED,
    UNSEEN,
    WITHOUT_RANDOMNESS,
)
from results import markdown
from study.words import listed

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    PAIRED: "Multiome, paired: RNA and ATAC of a cell side by side",
    UNPAIRED: "Multiome, unpaired: RNA and ATAC as layers",
}


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from all rows."""
    parts = ["# Batches and modalities joined", how(table)]
    said = sentences(table)
    if said:
        body = "\n".join(f"- {sentence}" for sentence in said)
        parts.append(f"## What holds and what does not\n\n{body}")
    parts.append("![kBET and cell type ASW; overall score](integration.png)")
    parts.append(f"## What the paper reports\n\n{paper()}")
    for part, data in groups(table):
        if part == BATCHES:
            parts += batches(table, data)
        else:
            parts += multiome(table, part, data)
    parts.append(f"## The measures\n\n{READING}")
    return "\n\n".join(parts) + "\n"


def how(table: pd.DataFrame) -> str:
    """Return the paragraph that says how the numbers were made."""
    seeds = sorted({int(seed) for seed in table["seed"]})
    most = int(table["n_cells"].max())
    return (
        "Made by `python benchmarks/integration.py --data FOLDER`; the rows are in "
        f"`integration.csv`. Seeds {', '.join(map(str, seeds))}; a number is the mean over the "
        "tasks of a data set, then over seeds, ± the standard deviation over seeds; PCA and PCA + "
        f"LSI have no randomness and ran once.{fewer(table)} plkd learned the "
        "reference of each task and embeds reference and query together by "
        "`plkd.tl.integrate` (the Student's 128 or the Teacher's "
        "48 dimensions, and for paired modalities 20 axes of the reference beside each): "
        "its networks have not seen the query, but for the adapted Student; the "
        "batches of all cells are then aligned, by the types that it names. The form of this "
        "alignment was chosen by kBET, which knows no types, on `pbmc:to_kang_stim` and "
        "`kang8:donors`: for these two the comparison is not blind. The peers learn on "
        "all cells. Who is told the types of the reference stands in the tables: measured on "
        "cells whose types a method was told, types stand apart more easily, so the same measures "
        f"are given of the query's cells alone. At most {most:,} cells are measured, drawn by "
        "chance, the same ones for every method. Seconds are those of embedding the cells: plkd's "
        "model was there, and so was the scVI that scANVI starts from."
    )


def fewer(table: pd.DataFrame) -> str:
    """Say which methods with randomness ran with fewer seeds than others; empty where none did."""
    seeds = {
        LOOKS[str(method)].name: sorted({int(seed) for seed in rows["seed"]})
        for method, rows in table.groupby("method")
        if method not in WITHOUT_RANDOMNESS
    }
    most = max(map(len, seeds.values()), default=0)
    few = [
        f"{name} (seed {', '.join(map(str, its))})"
        for name, its in seeds.items()
        if len(its) < most
    ]
    return f" Ran with fewer seeds: {listed(few)}." if few else ""


READING = (
    "Formulas and sources are in the docstrings of `plkd.metrics`. kBET: share of neighbourhoods "
    "whose batches are mixed as all cells are; where batches differ in their types (the studies "
    "of `pbmc_cross_study` do) it stays far below 1 even if each type is perfectly mixed, so it "
    "is also given within types. Cell type ASW is rescaled to [0, 1], 0.5 where types overlap. "
    "ARI and NMI are of k-means with as many clusters as types. Biology is the mean of MAP, cell "
    "type ASW and NC; batch removal that of SAS, layer ASW and GC; overall 0.6 biology + 0.4 "
    "batch removal. NC compares neighbours with those in PCA of RNA and LSI of the regions of "
    "ATAC."
)


def paper() -> str:
    """Return what the paper says, and how its data differ."""
    import pandas as pd

    lines = {
        f"{data}, {method}": [f"{kbet:.2f}", f"{asw:.2f}"]
        for data, methods in PAPER_TABLE_3.items()
        for method, (kbet, asw) in methods.items()
    }
    table = pd.DataFrame(lines.values(), index=list(lines), columns=["kBET", "cell type ASW"])
    overall = ", ".join(f"{data} {value:.3f}" for data, value in PAPER_FIGURE_6.items())
    return (
        f"{markdown(table, 'Table 3')}\n\nFigure 6, overall score: {overall} (KIDA, the next best, "
        "0.856 on 10x-Multiome).\n\nTable 3 is on bone marrow (69,249 cells, 13 batches) and "
        "pan-cancer myeloid cells (71,113 cells, 13 cancers), ours on blood of four studies and "
        "of eight donors; the paper does not say how large its neighbourhoods are, nor whether "
        "its ASW is rescaled, and compares with PCA alone. Chen-2019 is the cortex used here; the "
        "paper has 9,190 cells and 22 types of it, ours are 10,309 cells and 15 coarser types, of "
        "which half of the batches were learned. It does not say which cells were learned, nor "
        "what its layers are where a cell has one place for both modalities. The numbers are not "
        "to be compared."
    )


def batches(table: pd.DataFrame, data: str) -> list[str]:
    """Return the sections of one data set with batches."""
    own, unseen = (rows_of(table, BATCHES, data, cells) for cells in (ALL, UNSEEN))
    tasks = sorted(set(own["task"]))
    title = f"## Batches: `{data}` (Table 3's measures)"
    many = f"Mean of {len(tasks)} tasks" if len(tasks) > 1 else "Task"
    text = (
        f"{many}: {', '.join(f'`{task}`' for task in tasks)}. Reference and unseen query together."
    )
    parts = [title, text, markdown(scores(own, ("kbet", "cell_type_asw", BOTH, *TABLE_3[2:])), "")]
    if len(tasks) > 1:
        parts.append(markdown(by_task(own, tasks), "kBET / cell type ASW"))
    measures = [name for name in TABLE_3 if unseen[name].notna().any()]
    parts += ["The query's cells alone:", markdown(scores(unseen, measures), "")]
    return parts


def multiome(table: pd.DataFrame, part: str, data: str) -> list[str]:
    """Return the section of the multiome, paired or not."""
    layers = "12 sequencing batches" if part == PAIRED else "RNA and ATAC"
    parts = [
        f"## {TITLES[part]} (Figure 6's measures)",
        f"`{data}`; the layers to be mixed are {layers}.",
    ]
    for cells, which in ((ALL, "All cells:"), (UNSEEN, "Cells of the batches never learned:")):
        own = rows_of(table, part, data, cells)
        parts += [which, markdown(scores(own, FIGURE_6), "")]
    return parts


def scores(own: pd.DataFrame, measures: Sequence[str]) -> pd.DataFrame:
    """Return measures of every method, and what it is told."""
    import pandas as pd

    methods = [method for method in LOOKS if (own["method"] == method).any()]
    names = {**MEASURES, BOTH: "mean of both"}
    columns = {
        names[measure]: [written(score(own, method, measure)) for method in methods]
        for measure in measures
    }
    columns["told the types"] = ["yes" if method in SEES_TYPES else "no" for method in methods]
    columns["sees the query"] = [
        "yes" if method in SEES_QUERY else "to align" for method in methods
    ]
    seconds = own.groupby("method")["seconds"].mean()
    columns["seconds"] = [f"{seconds[method]:.0f}" for method in methods]
    return pd.DataFrame(columns, index=[LOOKS[method].name for method in methods])


def by_task(own: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Return kBET and cell type ASW of every method on every task."""
    import pandas as pd

    methods = [method for method in LOOKS if (own["method"] == method).any()]
    columns = {}
    for task in tasks:
        lines = own[own["task"] == task].groupby("method")[["kbet", "cell_type_asw"]].mean()
        columns[task] = [
            f"{lines.loc[method, 'kbet']:.3f} / {lines.loc[method, 'cell_type_asw']:.3f}"
            if method in lines.index
            else "–"
            for method in methods
        ]
    return pd.DataFrame(columns, index=[LOOKS[method].name for method in methods])
