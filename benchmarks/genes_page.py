"""The page of the choice of genes: its tables, and sentences that are computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results import markdown
from study.words import listed, signed

if TYPE_CHECKING:
    import pandas as pd

ALL, EXPRESSED = "among all", "expressed by some type"
MEAN, RIDGE = "nearest type mean", "ridge regression"
HOW = (
    "Made by `python benchmarks/genes.py --data FOLDER`; what is done, and what the two choices "
    "are, stands at its head. Macro F1 on each batch of a reference, held out while the others "
    "chose the genes and taught a simple classifier; mean over the batches of a reference, then "
    "over the {references} references that have several batches and more genes than are chosen. "
    "The rule was chosen on such batches of these references, and by whole fits (`docs/log.md`)."
)


def page(table: pd.DataFrame) -> str:
    """Return the page in Markdown from the rows of ``genes.csv``."""
    said = "\n".join(f"- {sentence}" for sentence in sentences(table))
    return "\n\n".join(
        [
            "# Which genes a model should have",
            HOW.format(references=table["task"].nunique()),
            f"## What the numbers show\n\n{said}",
            f"## Means over references\n\n{markdown(means(table), 'genes, classifier')}",
            f"## Every reference\n\n{markdown(each(table), 'reference, genes')}\n",
        ]
    )


def by_reference(table: pd.DataFrame) -> pd.DataFrame:
    """Return macro F1 with the choices across, by number of genes, classifier and reference."""
    by = ["n_genes", "method", "task", "choice"]
    return table.groupby(by, sort=False)["macro_f1"].mean().unstack("choice")[[ALL, EXPRESSED]]


def sentences(table: pd.DataFrame) -> list[str]:
    """Return, for each number of genes, what plkd's choice gains, and where most and least."""
    found = by_reference(table)
    gain = found[EXPRESSED] - found[ALL]
    said = []
    for n_genes, its in gain.groupby("n_genes"):
        each = [
            f"{signed(its.xs(method, level='method').mean())} for the {method}"
            for method in (MEAN, RIDGE)
        ]
        mean = its.groupby("task").mean()
        said.append(
            f"{n_genes:,} genes: plkd's choice gains {listed(each)}. Of {len(mean)} references "
            f"{int((mean > 0).sum())} gain and {int((mean < 0).sum())} lose (mean of both "
            f"classifiers); least `{mean.idxmin()}` ({signed(mean.min())}), most "
            f"`{mean.idxmax()}` ({signed(mean.max())})."
        )
    return said


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Return the means over references as text."""
    found = by_reference(table).groupby(["n_genes", "method"], sort=False).mean()
    found["difference"] = found[EXPRESSED] - found[ALL]
    found.index = [f"{n_genes:,}, {method}" for n_genes, method in found.index]
    return _text(found)


def each(table: pd.DataFrame) -> pd.DataFrame:
    """Return every reference, both classifiers and choices across, as text."""
    found = by_reference(table).unstack("method").swaplevel(axis=1)
    found = found[[(method, choice) for method in (MEAN, RIDGE) for choice in (ALL, EXPRESSED)]]
    found = found.sort_index(level="n_genes", sort_remaining=False)
    found.columns = [f"{method}, {choice}" for method, choice in found.columns]
    found.index = [f"{task}, {n_genes:,}" for n_genes, task in found.index]
    return _text(found)


def _text(numbers: pd.DataFrame) -> pd.DataFrame:
    text = numbers.map("{:.3f}".format)
    if "difference" in numbers:
        text["difference"] = numbers["difference"].map(signed)
    return text
