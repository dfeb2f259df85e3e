"""What the commands tell a person when they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plkd.data.atac.activity_results import GeneActivitySummary
    from plkd.demo import DemoResult
    from plkd.metrics import ClassificationReport
    from plkd.model.inspection import PartCheck
    from plkd.trust.other_batches import ContradictedLabel

CONFUSIONS = 5
SHORT_HASH = 12


def training_text(info: dict[str, Any], seconds: float) -> str:
    """Say what was learned; ``info`` is what ``describe_model`` gives."""
    summary = info["summary"]
    lines = [
        f"Trained on {n_of(summary.get('n_cells', 0), 'cell')} in {duration(seconds)}: "
        f"{n_of(info['n_classes'], 'cell type')}, {n_of(info['n_genes'], 'gene')}, "
        f"{n_of(info['n_patterns'], 'pattern')}."
    ]
    if why := _why_so_many(summary.get("macro_f1_by_n_genes")):
        lines += [f"So many genes: {why}."]
    held_out = summary.get("held_out")
    if held_out:
        lines += [_held_out(held_out)]
    if summary.get("labels_set_aside", {}).get("n_cells"):
        said = [
            *_set_aside(summary["labels_set_aside"]),
            "plkd audit tells which labels look wrong",
        ]
        lines += [f"{'Labels set aside:' * (not i):<18}{line}." for i, line in enumerate(said)]
    path = info["path"]
    return "\n".join(
        [
            *lines,
            "",
            f"Written: {path}",
            f"Next:    plkd annotate QUERY.h5ad --model {path} --out OUT.h5ad",
        ]
    )


def adapting_text(info: dict[str, Any], seconds: float) -> str:
    """Say to what a model was adapted; ``info`` is what ``describe_model`` gives."""
    adapted, path = info["summary"]["adapted"], info["path"]
    return (
        f"Adapted to {n_of(adapted['n_cells'], 'cell')} in {duration(seconds)}; "
        f"{adapted['named_otherwise']:.1%} of them are named otherwise by their own means.\n\n"
        f"Written: {path}\n"
        f"Next:    plkd annotate QUERY.h5ad --model {path} --out OUT.h5ad"
    )


def evaluation_text(report: ClassificationReport) -> str:
    """Say how good an annotation is, per type, and what is confused with what."""
    lines = [
        f"Accuracy {report.accuracy:.3f}, macro F1 {report.macro_f1:.3f} "
        f"({n_of(report.n_cells, 'cell')}, {n_of(len(report.per_type), 'type')})."
    ]
    if report.hierarchical is not None:
        near = report.hierarchical
        lines.append(
            f"With near misses counted for what they share with the truth: F1 {near.f1:.3f} "
            f"(precision {near.precision:.3f}, recall {near.recall:.3f})."
        )
    if report.n_unlabelled:
        lines.append(f"Left out, without a true type: {n_of(report.n_unlabelled, 'cell')}.")
    if report.n_no_prediction:
        lines.append(f"Counted as wrong, without a label: {n_of(report.n_no_prediction, 'cell')}.")
    head = ("cells", "precision", "recall", "F1", "cell type")
    rows = [
        (f"{t.support:,}", f"{t.precision:.3f}", f"{t.recall:.3f}", f"{t.f1:.3f}", t.type)
        for t in sorted(report.per_type, key=lambda t: (-t.support, t.type))
    ]
    lines += ["", table(head, rows)]
    groups = [
        (f"{g.n_cells:,}", f"{g.precision:.3f}", f"{g.recall:.3f}", f"{g.f1:.3f}", g.name)
        for g in report.abundance
        if g.precision is not None and g.recall is not None and g.f1 is not None
    ]
    if len(groups) > 1:
        lines += ["", "Means over the types, by cells of a type:", table((*head[:4], ""), groups)]
    mistakes = _mistakes(report)
    if mistakes:
        lines += ["", "Most often confused:", *mistakes]
    return "\n".join(lines)


def explanation_text(summary: dict[str, Any], *, out: Path, seconds: float) -> str:
    """Say which genes mark each type; ``summary`` is that of an explanation."""
    types = summary["types"]
    lines = [
        f"Explained {n_of(len(types), 'cell type')} on {n_of(summary['n_cells_read'], 'cell')} "
        f"in {duration(seconds)}.",
        f"SHAP values add up to {summary['completeness_residual']['max']:.0e} of the range of the "
        "logits.",
        "",
        marker_table({name: found["markers"] for name, found in types.items()}),
        "",
        f"Written: {out}",
    ]
    files = summary["files"]
    lines += [f"         {name}" for name in files if "/" not in name]
    n_networks = sum(name.endswith(".graphml") for name in files)
    return "\n".join(
        [*lines, f"         networks/ ({n_of(n_networks, 'network')}, each a picture)"]
    )


def marker_table(markers: Mapping[str, Sequence[str]]) -> str:
    """Lay out the first marker genes of each type, types to the left."""
    if not any(markers.values()):
        return "  no gene is named by both Teacher and Student"
    width = max(map(len, markers))
    return "\n".join(
        f"  {name.ljust(width)}  {' '.join(genes) or '(none that both networks name)'}"
        for name, genes in markers.items()
    )


def activity_text(summary: GeneActivitySummary, *, out: Path, seconds: float) -> str:
    """Say what gene activity was made of, and whether the genome build fits."""
    kinds = f" ({', '.join(summary.biotypes[:3])})" if 0 < len(summary.biotypes) <= 3 else ""
    lines = [
        f"Added up {summary.n_regions:,} {summary.source} of {n_of(summary.n_cells, 'cell')} for "
        f"{n_of(summary.n_genes, 'gene')}{kinds} of {summary.annotation} in {duration(seconds)}.",
        f"In genes: {summary.n_regions_in_genes / max(summary.n_regions, 1):.1%} of the "
        f"{summary.source}; {n_of(summary.n_genes_without_counts, 'gene')} and "
        f"{n_of(summary.n_cells_without_counts, 'cell')} have no count.",
    ]
    if summary.crowding is not None:
        lines.append(
            f"Genome build: {summary.crowding:.1f} times as many {summary.source} near the starts "
            "of genes as near by (about 1 in another build)."
        )
    if summary.unknown_chromosomes:
        names = ", ".join(summary.unknown_chromosomes[:5])
        more = len(summary.unknown_chromosomes) - 5
        lines.append(f"Not in the annotation: {names}{f' and {more} more' if more > 0 else ''}.")
    lines += ["", f"Written: {out}", f"Next:    plkd annotate {out} --model MODEL/ --out OUT.h5ad"]
    return "\n".join(lines)


def info_text(info: dict[str, Any]) -> str:
    """Say what a saved model is."""
    summary, contract = info["summary"], info["contract"]
    why = _why_so_many(summary.get("macro_f1_by_n_genes"))
    facts = [
        ("model", info["path"]),
        ("hash", info["model_hash"][:SHORT_HASH]),
        ("format", f"version {info['format_version']}, written by plkd {info['plkd_version']}"),
        ("expects", _contract(contract)),
        ("genes", f"{info['n_genes']:,}{f' ({why})' if why else ''}"),
        ("patterns", f"{info['n_patterns']:,}"),
        ("cell types", f"{info['n_classes']:,}: {', '.join(info['classes'])}"),
        ("seed", str(info["seed"])),
    ]
    if "fingerprint" in info:
        facts.insert(1, ("name", f"{info['fingerprint']}  (as uns of annotated files calls it)"))
    if "reference_note" in contract:
        kind = contract.get("reference_expression", "values")
        facts.append(("reference", f"{kind} ({contract['reference_note']})"))
    if "n_cells" in summary:
        facts.append(("trained on", n_of(summary["n_cells"], "cell")))
    if summary.get("held_out"):
        facts.append(("held out", _held_out(summary["held_out"])))
    if "share_of_doubtful" in summary.get("labels_set_aside", {}):
        said = _set_aside(summary["labels_set_aside"])
        facts += [("set aside" * (not i), line) for i, line in enumerate(said)]
    if "adapted" in summary:
        facts.append(("adapted to", f"{n_of(summary['adapted']['n_cells'], 'cell')} of a query"))
    for name, n_bytes in info["parts"].items():
        state = "  (not there)" if name in info["missing_parts"] else ""
        facts.append(("file", f"{name}, {_size(n_bytes)}{state}"))
    return "\n".join(f"{name:<11}{value}" for name, value in facts)


def verification_text(checks: Sequence[PartCheck]) -> str:
    """Say of each file whether it is as it was written."""
    return "\n".join(
        f"{'ok     ' if check.ok else 'DAMAGED'}  {check.name}: {check.detail}" for check in checks
    )


def demo_text(result: DemoResult) -> str:
    """Say what the demo did and what to look at."""
    return "\n".join(
        [
            f"Trained on {n_of(result.n_reference, 'cell')}, annotated "
            f"{n_of(result.n_query, 'cell')} that it had not seen, in {duration(result.seconds)}.",
            evaluation_text(result.report),
            "",
            "Marker genes on which Teacher and Student agree, from the cells trained on:",
            marker_table(result.markers),
            "",
            f"Model:     {result.model}",
            f"Annotated: {result.annotated}",
            f"Picture:   {result.picture}",
            f"Scores:    {result.evaluation}",
            f"To read:   {result.page}",
            f"Why:       {result.explanation}/ (markers, patterns, gene networks, pictures)",
            "Next:      plkd train YOUR_REFERENCE.h5ad --labels KEY --out MODEL/",
        ]
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns: numbers to the right, the last column to the left."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head) - 1)]
    lines = [
        "  ".join([*(cell.rjust(w) for cell, w in zip(row, widths, strict=False)), row[-1]])
        for row in (head, *rows)
    ]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _mistakes(report: ClassificationReport) -> list[str]:
    found = [
        (int(count), truth, predicted)
        for truth, counts in zip(report.labels, report.confusion, strict=True)
        for predicted, count in zip(report.labels, counts, strict=True)
        if count and truth != predicted
    ]
    found.sort(key=lambda each: (-each[0], each[1:]))
    return [
        f"  {n_of(n, 'cell')} of {truth} called {said}" for n, truth, said in found[:CONFUSIONS]
    ]


def _held_out(held_out: dict[str, Any]) -> str:
    batches = held_out.get("batches") or []
    shown = ", ".join(map(str, batches[:3])) + (
        f" and {len(batches) - 3} more" * (len(batches) > 3)
    )
    scores = [
        f"{name} {held_out[key]:.3f}"
        for name, key in (("Teacher", "teacher_macro_f1"), ("Student", "student_macro_f1"))
        if held_out.get(key) is not None
    ]
    return (
        f"Macro F1 on {n_of(held_out.get('n_cells', 0), 'held-out cell')}"
        f"{f' (batch {shown})' if batches else ''}: {', '.join(scores) or 'not measured'}."
    )


def _why_so_many(f1: dict[str, float] | None) -> str:
    """Say by what the number of genes was chosen; nothing where it was not."""
    each = ", ".join(f"with {int(n):,} {value:.3f}" for n, value in (f1 or {}).items())
    return each and f"macro F1 of the nearest type mean on held-out cells {each}"


def _set_aside(found: dict[str, Any]) -> list[str]:
    """Say which labels were not learned from, and why; a line for each reason."""
    from plkd.trust.other_batches import ContradictedLabel

    contradicted = [ContradictedLabel(**each) for each in found.get("contradicted", ())]
    n_doubtful = found["n_cells"] - sum(each.n_cells for each in contradicted)
    share = f"{found['share_of_doubtful']:.1%} of all are contradicted by the cells around them"
    doubtful = [f"{n_of(n_doubtful, 'label')}; {share}"]
    return doubtful * (n_doubtful > 0 or not contradicted) + [
        contradiction_text(each) for each in contradicted
    ]


def contradiction_text(each: ContradictedLabel) -> str:
    """Say that the other batches call the cells of a label otherwise."""
    return (
        f"{each.n_cells:,} of {each.n_labelled:,} {each.label} of {each.batch}: the other batches "
        f"say {each.looks_like}, a type that {each.batch} does not name"
    )


def _contract(contract: dict[str, Any]) -> str:
    target = contract.get("target_sum")
    scaled = f" of counts per {target:,.0f}" if target else ""
    return f"{contract.get('expression')}{scaled} (counts are brought into it)"


def n_of(count: int, thing: str) -> str:
    """Say how many of a thing, in the plural where it is."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes:,} bytes"


def duration(seconds: float) -> str:
    """Say how long something took."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"
