"""The command ``plkd evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import output as text
from plkd.cli.annotating import Report
from plkd.cli.steps import answer, named_like, prepare
from plkd.cli.trust_text import trust_text
from plkd.keys import SlotNames, key_of_label

PREDICTION_KEY = SlotNames().label
FIGURES = (".png", ".pdf", ".svg")

EVALUATE_EXAMPLES = """[bold]Examples[/bold]
  plkd evaluate annotated.h5ad --labels cell_type
  plkd evaluate annotated.h5ad --labels cell_type --json scores.json
  plkd evaluate annotated.h5ad --labels cell_type --hierarchy parents.csv
  plkd evaluate annotated.h5ad --labels cell_type --figure reliability.png
  plkd evaluate annotated.h5ad --labels cell_type --batch donor --report report.html"""


ConfidenceKey = Annotated[
    str | None,
    typer.Option(
        "--confidence-key",
        metavar="KEY",
        help="Column of obs with the confidence. Default: what [bold]plkd annotate[/bold] wrote "
        "beside the predicted types; none for the deepest ones of a hierarchy.",
        rich_help_panel="Input",
    ),
]
Batch = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="KEY",
        help="Column of obs with the batches, to tell of each by itself.",
        rich_help_panel="Input",
    ),
]
Hierarchy = Annotated[
    Path | None,
    typer.Option(
        "--hierarchy",
        metavar="FILE",
        help="Types and their parents (CSV, obo): near misses are scored as well.",
        rich_help_panel="Input",
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL/",
        help="Model that annotated: the page of --report then has the genes of each type.",
        rich_help_panel="Input",
    ),
]
Figure = Annotated[
    Path | None,
    typer.Option(
        "--figure",
        metavar="FILE.png",
        callback=named_like(*FIGURES),
        help="Draw confidence against accuracy (a reliability diagram).",
        rich_help_panel="Output",
    ),
]


def evaluate(
    annotated: o.Annotated_,
    labels: o.Labels,
    prediction_key: o.PredictionKey = PREDICTION_KEY,
    confidence_key: ConfidenceKey = None,
    batch: Batch = None,
    hierarchy: Hierarchy = None,
    model: Model = None,
    figure: Figure = None,
    report: Report = None,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Compare an annotation with the true cell types: accuracy, macro F1, figures per type.

    Where annotation wrote a confidence, sets of types or "unknown", it says what they are worth.
    """
    if model is not None and report is None:
        raise typer.BadParameter("--model is for the page: give --report as well")
    prepare(json_to=json_to, overwrite=overwrite)
    from plkd.outputs import refuse_existing, replace_when_done
    from plkd.tools.evaluate import evaluate_file

    if figure is not None:
        refuse_existing(figure, overwrite=overwrite)
    if report is not None:
        from plkd.model.annotator import CellAnnotator
        from plkd.report import check_report, write_report

        key_added = key_of_label(prediction_key)
        check_report(report, overwrite=overwrite)
        annotator = None if model is None else CellAnnotator.load(model, with_teacher=False)
    found = evaluate_file(
        annotated,
        labels_key=labels,
        prediction_key=prediction_key,
        confidence_key=confidence_key,
        batch_key=batch,
        hierarchy=hierarchy,
    )
    said = "\n\n".join(filter(None, (text.evaluation_text(found), trust_text(found.trust))))
    written = [str(path) for path in (figure, report) if path is not None]
    if figure is not None:
        from plkd.plots.reliability_diagram import reliability

        with replace_when_done(figure, overwrite=overwrite, source=annotated) as partial:
            reliability(found, save=partial)
    if report is not None:
        write_report(
            annotated,
            report,
            model=annotator,
            labels_key=labels,
            batch_key=batch,
            key_added=key_added,
            overwrite=overwrite,
        )
    if written:
        said += f"\n\nWritten: {', '.join(written)}"
    answer(said, found.as_dict(), json_to=json_to, overwrite=overwrite, quiet=quiet)
