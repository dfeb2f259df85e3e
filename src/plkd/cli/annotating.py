"""The command ``plkd annotate``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import trust_options as trust
from plkd.cli.annotation_text import annotation_text
from plkd.cli.steps import answer, named_like, prepare
from plkd.keys import DEFAULT_KEY

PAGES = (".html", ".htm")

ANNOTATE_EXAMPLES = """[bold]Examples[/bold]
  plkd annotate query.h5ad -m model/ -o annotated.h5ad
  plkd annotate query.h5ad -m model/ -o annotated.h5ad --report report.html
  plkd annotate query.h5ad -m model/ -o annotated.h5ad --with teacher
  plkd annotate query.h5ad -m model/ -o annotated.h5ad --json - --quiet"""


Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="REPORT.html",
        callback=named_like(*PAGES),
        help="Also write a page to read: types, how sure, why, what is unknown.",
        rich_help_panel="Output",
    ),
]


def annotate(
    query: o.Query,
    model: o.ModelOption,
    out: o.AnnotatedOut,
    report: Report = None,
    layer: o.Layer = None,
    use_raw: o.UseRaw = False,
    gene_key: o.GeneKey = None,
    expression: o.ExpressionOption = None,
    false_alarm: trust.FalseAlarm = 0.05,
    error_rate: trust.ErrorRate = 0.1,
    sets_by_type: trust.SetsByType = False,
    against_reference: trust.AgainstReference = False,
    hierarchy: trust.Hierarchy = None,
    min_confidence: trust.MinConfidence = 0.8,
    probabilities: o.Probabilities = False,
    key_added: o.KeyAdded = DEFAULT_KEY,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    with_: o.WithNetwork = o.Network.STUDENT,
    device: o.DeviceOption = o.Device.AUTO,
    chunk_size: o.ChunkSize = 4096,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Give every cell of a query a cell type or "unknown", a confidence and an embedding.

    The query needs no labels and is not changed: the output is a new file.
    It is read in chunks, so memory does not grow with it.
    """
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import cell_progress
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.annotate import annotate_file

    if report is not None:
        from plkd.report import check_report

        check_report(report, overwrite=overwrite)  # before the work, not after it
    began = time.perf_counter()
    kind = None if expression is None else expression.value
    annotator = CellAnnotator.load(model, with_teacher=with_ is o.Network.TEACHER)
    annotator.device = device.value
    with cell_progress(quiet=quiet) as progress:
        summary = annotate_file(
            query,
            annotator,
            out,
            with_=with_.value,
            layer=layer,
            use_raw=use_raw,
            gene_key=gene_key,
            expression=kind,
            key_added=key_added,
            false_alarm=false_alarm,
            error_rate=error_rate,
            sets_by_type=sets_by_type,
            batch_effect=not against_reference,
            hierarchy=hierarchy,
            min_confidence=min_confidence,
            probabilities=probabilities,
            chunk_size=chunk_size,
            overwrite=overwrite,
            progress=progress,
        )
    seconds = time.perf_counter() - began
    numbers = {"out": str(out), **summary.as_dict()}
    if report is not None:
        from plkd.report import write_report

        write_report(
            out,
            report,
            model=annotator,
            key_added=key_added,
            layer=layer,
            use_raw=use_raw,
            gene_key=gene_key,
            expression=kind,
            overwrite=overwrite,
        )
        numbers["report"] = str(report)
    said = annotation_text(
        summary,
        out=out,
        report=report,
        key_added=key_added,
        probabilities=probabilities,
        hierarchy=hierarchy is not None,
        seconds=seconds,
    )
    answer(said, numbers, json_to=json_to, overwrite=overwrite, quiet=quiet)
