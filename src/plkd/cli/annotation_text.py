"""What ``plkd annotate`` tells a person when it is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from plkd.cli.output import duration, n_of, table
from plkd.keys import SlotNames

if TYPE_CHECKING:
    from plkd.tools.annotation_summary import AnnotationSummary

COMMONEST = 10


def annotation_text(
    summary: AnnotationSummary,
    *,
    out: Path,
    key_added: str,
    probabilities: bool,
    hierarchy: bool = False,
    report: Path | None = None,
    seconds: float,
) -> str:
    """Say which labels were given, how sure they are, and where they are."""
    slots = SlotNames(key_added)
    written = [f"obs['{slots.label}']", f"obs['{slots.confidence}']", f"obsm['{slots.embedding}']"]
    if summary.error_rate is not None:
        named = (slots.best_label, slots.novelty, slots.type_set)
        written[1:1] = [f"obs['{name}']" for name in named]
    if hierarchy:
        written.append(f"obs['{slots.deepest}']")
    if probabilities:
        written.append(f"obsm['{slots.probabilities}']")
    lines = [
        f"Annotated {n_of(summary.n_cells, 'cell')} with the {summary.network.capitalize()} "
        f"in {duration(seconds)}.",
        f"Genes: {summary.genes_found:,} of the model's {summary.genes_of_model:,} found "
        f"({summary.gene_share:.0%}; {summary.weight_share:.0%} of its weight), "
        f"by {summary.matched_by}.",
        f"Values: {summary.expression} ({summary.expression_note}).",
    ]
    if summary.n_no_counts:
        lines.append(f"Without a count in any of these genes: {n_of(summary.n_no_counts, 'cell')}.")
    if summary.error_rate is None:
        lines.append(
            "The model has not learned when to be believed: no cell with counts is called unknown, "
            "there are no sets."
        )
    if summary.false_alarm:
        lines.append(
            f"Unlike the reference and called unknown: "
            f"{n_of(summary.n_unknown - summary.n_no_counts, 'cell')} "
            f"({summary.false_alarm:.0%} expected of cells of known types)."
        )
    lines += [f"Look twice: {said}." for said in summary.drift]
    rows = [
        (
            f"{label['cells']:,}",
            f"{label['cells'] / max(summary.n_cells, 1):.1%}",
            f"{label['median_confidence']:.2f}",
            name,
        )
        for name, label in list(summary.labels.items())[:COMMONEST]
    ]
    lines += ["", table(("cells", "share", "median confidence", "cell type"), rows)]
    more = len(summary.labels) - COMMONEST
    if more > 0:
        lines.append(f"  and {n_of(more, 'rarer type')}")
    return "\n".join(
        [
            *lines,
            "",
            f"Written: {out}",
            f"         {', '.join(written)}",
            *([] if report is None else [f"Report:  {report}"]),
            f"Next:    sc.pp.neighbors(adata, use_rep='{slots.embedding}'); sc.tl.umap(adata)",
            f"         plkd evaluate {out} --labels KEY"
            + ("" if key_added == "plkd" else f" --prediction-key {slots.label}")
            + "   (where the true types are known)",
        ]
    )
