"""The command ``plkd audit``, the options that it alone has, and what it says."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plkd.cli import options as o
from plkd.cli.output import contradiction_text, duration, n_of, table
from plkd.cli.steps import answer, prepare

if TYPE_CHECKING:
    from plkd.tools.audit_results import AuditedType, LabelAudit

AUDIT_EXAMPLES = """[bold]Examples[/bold]
  plkd audit ref.h5ad --labels cell_type -o audit.csv
  plkd audit ref.h5ad --labels cell_type --batch donor -o audit.csv --top 30"""
_OUTPUT, _RUNNING = "Output", "Running"
SHOWN_TYPES = 20
SHOWN_BATCHES = 20
SHOWN_SUGGESTIONS = 3


def _csv_target(value: Path) -> Path:
    """Refuse a table that is not named like one: a slip must not hit a data file."""
    if value.suffix.lower() != ".csv":
        raise typer.BadParameter("give a file name that ends in .csv")
    return value


Batch = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="KEY",
        help="Column of obs with the batches (donor, sample, study), told apart in the counts.",
        rich_help_panel="Input",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="AUDIT.csv",
        callback=_csv_target,
        help="Table of all labelled cells, the most suspect first.",
        rich_help_panel=_OUTPUT,
    ),
]
Top = Annotated[
    int,
    typer.Option(
        "--top",
        min=0,
        help="Most suspect cells in the summary; the table has all.",
        rich_help_panel=_OUTPUT,
    ),
]
NGenes = Annotated[
    int,
    typer.Option(
        "--n-genes", min=2, help="Highly variable genes to use.", rich_help_panel=_RUNNING
    ),
]
Seed = Annotated[int, o.seed_option("Which cells are judged by which others.", _RUNNING)]


def audit(
    reference: o.Reference,
    labels: o.Labels,
    out: Out,
    batch: Batch = None,
    layer: o.Layer = None,
    use_raw: o.UseRaw = False,
    expression: o.ExpressionOption = None,
    top: Top = 10,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    n_genes: NGenes = 2000,
    seed: Seed = 0,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Say which cells of a reference look mislabelled, before it is learned from.

    Each label is judged by the cell's neighbours and by a classifier that has not seen it.
    No model is needed and the reference is not changed.
    """
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.tools.audit_labels import audit_file

    began = time.perf_counter()
    found = audit_file(
        reference,
        out,
        labels_key=labels,
        batch_key=batch,
        n_genes=n_genes,
        layer=layer,
        use_raw=use_raw,
        expression=None if expression is None else expression.value,
        seed=seed,
        overwrite=overwrite,
    )
    seconds = time.perf_counter() - began
    given = ["--batch", batch] if batch is not None else []
    given += ["--layer", layer] if layer is not None else []
    given += ["--use-raw"] if use_raw else []
    given += ["--expression", expression.value] if expression is not None else []
    said = audit_text(found, reference=reference, out=out, top=top, seconds=seconds, options=given)
    numbers = {"reference": str(reference), "out": str(out), **found.as_dict()}
    answer(said, numbers, json_to=json_to, overwrite=overwrite, quiet=quiet)


def audit_text(
    found: LabelAudit,
    *,
    reference: Path,
    out: Path,
    top: int,
    seconds: float,
    options: Sequence[str] = (),
) -> str:
    """Say how many labels look wrong, which ones most, of which types, and what to do.

    Training is told the same ``options`` of where the values and the batches are.
    """
    train = ["plkd", "train", str(reference), "--labels", found.labels_key, *options]
    lines = [
        f"Judged {n_of(found.n_cells, 'label')} of {n_of(len(found.classes), 'cell type')} in "
        f"{duration(seconds)}: "
        f"{found.n_doubtful:,} look wrong ({found.share_of_doubtful:.1%})."
    ]
    if found.n_unlabelled:
        lines.append(f"Left out, without a label: {n_of(found.n_unlabelled, 'cell')}.")
    shown = found.to_frame().head(top)
    if len(shown):
        head = ("score", "neighbours", "label", "looks like", "cell")
        rows = [
            (f"{row.score:.3f}", f"{row.neighbor_share:.0%}", row.label, row.suggestion, row.cell)
            for row in shown.itertuples()
        ]
        lines += ["", "Most suspect (score: probability of the label):", table(head, rows)]
    doubted = sorted(found.per_type(), key=lambda each: -each.n_doubtful)
    doubted = [each for each in doubted if each.n_doubtful]
    if doubted:
        lines += ["", "By type:", *map(_of_type, doubted[:SHOWN_TYPES])]
        more = len(doubted) - SHOWN_TYPES
        lines += [f"  and {n_of(more, 'more type')}"] * (more > 0)
    if found.batches is not None:
        lines += ["", *_by_batch(found)]
    if found.contradicted:
        lines += ["", "Named otherwise by the other batches:"]
        lines += [f"  {contradiction_text(each)}" for each in found.contradicted]
    return "\n".join(
        [
            *lines,
            "",
            f"Written: {out}",
            "Next:    look at its first cells; where they are wrong, correct or clear "
            f"obs['{found.labels_key}']",
            f"         {shlex.join(train)} --out MODEL/ --doubtful-labels 0   "
            "(sets aside what is more likely wrong than right)",
        ]
    )


def _of_type(each: AuditedType) -> str:
    looks = list(each.suggestions.items())
    shown = ", ".join(f"{n:,} like {name}" for name, n in looks[:SHOWN_SUGGESTIONS])
    more = len(looks) - SHOWN_SUGGESTIONS
    others = f" and {sum(n for _, n in looks[SHOWN_SUGGESTIONS:]):,} like others"
    return f"  of {each.n_cells:,} {each.cell_type} {shown}{others if more > 0 else ''}"


def _by_batch(found: LabelAudit) -> list[str]:
    batches = sorted(found.per_batch().items(), key=lambda each: -each[1][1] / each[1][0])
    rows = [(f"{n:,}", f"{bad:,}", f"{bad / n:.1%}", name) for name, (n, bad) in batches]
    lines = [table(("cells", "look wrong", "share", "batch"), rows[:SHOWN_BATCHES])]
    more = len(rows) - SHOWN_BATCHES
    return [*lines, *[f"  and {more} more"] * (more > 0)]
