"""The command ``plkd evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import output as text
from plkd.cli.steps import answer, named_like, prepare
from plkd.cli.trust_text import trust_text
from plkd.keys import SlotNames

PREDICTION_KEY = SlotNames().label
FIGURES = (".png", ".pdf", ".svg")

EVALUATE_EXAMPLES = """[bold]Examples[/bold]
  plkd evaluate annotated.h5ad --labels cell_type
  plkd evaluate annotated.h5ad --labels cell_type --json scores.json
  plkd evaluate annotated.h5ad --labels cell_type --hierarchy parents.csv
  plkd evaluate annotated.h5ad --labels cell_type --figure reliability.png"""


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
        help="Column of obs with the batches, to tell the coverage of sets by batch.",
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
    figure: Figure = None,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Compare an annotation with the true cell types: accuracy, macro F1, figures per type.

    Where annotation wrote a confidence, sets of types or "unknown", it says what they are worth.
    """
    prepare(json_to=json_to, overwrite=overwrite)
    from plkd.outputs import refuse_existing, replace_when_done
    from plkd.tools.evaluate import evaluate_file

    if figure is not None:
        refuse_existing(figure, overwrite=overwrite)
    report = evaluate_file(
        annotated,
        labels_key=labels,
        prediction_key=prediction_key,
        confidence_key=confidence_key,
        batch_key=batch,
        hierarchy=hierarchy,
    )
    said = "\n\n".join(filter(None, (text.evaluation_text(report), trust_text(report.trust))))
    if figure is not None:
        from plkd.plots.reliability_diagram import reliability

        with replace_when_done(figure, overwrite=overwrite, source=annotated) as partial:
            reliability(report, save=partial)
        said += f"\n\nWritten: {figure}"
    answer(said, report.as_dict(), json_to=json_to, overwrite=overwrite, quiet=quiet)
