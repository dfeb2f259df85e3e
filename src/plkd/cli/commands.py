"""The command ``plkd``: train, annotate, evaluate, explain, look at a model, see a demo.

Exit codes: 0; 1 when the input is at fault (one line on standard error says how to mend it);
2 when the command is used wrongly; 130 after Ctrl-C. Everything heavy is imported inside the
commands, so that ``plkd --help`` answers at once.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import output as text
from plkd.cli.activity import ACTIVITY_EXAMPLES, gene_activity
from plkd.cli.adapting import ADAPT_EXAMPLES, adapt
from plkd.cli.annotating import ANNOTATE_EXAMPLES, annotate
from plkd.cli.auditing import AUDIT_EXAMPLES, audit
from plkd.cli.errors import PlainErrors, leave_on_sigterm, say_error
from plkd.cli.evaluating import EVALUATE_EXAMPLES, evaluate
from plkd.cli.explaining import EXPLAIN_EXAMPLES, explain
from plkd.cli.integrating import INTEGRATE_EXAMPLES, integrate
from plkd.cli.smoothing import SMOOTH_EXAMPLES, smooth
from plkd.cli.steps import answer, new_annotator, prepare

EXAMPLES = """[bold]Start[/bold]
  plkd demo                                             [dim]see it work, 3 minutes[/dim]
  plkd train ref.h5ad --labels cell_type --batch donor --out model/
  plkd annotate query.h5ad --model model/ --out annotated.h5ad

Help on one command: plkd COMMAND --help"""

app = typer.Typer(
    name="plkd",
    cls=PlainErrors,
    help="Cell types for single-cell data: train once on an annotated reference, then label "
    "every query in seconds.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; the entry point ``plkd``."""
    leave_on_sigterm()
    app(prog_name="plkd")


def _print_version(asked: bool) -> None:
    if asked:
        from plkd.model.manifest import installed_version

        typer.echo(f"plkd {installed_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take what stands before the name of the command."""


@app.command(epilog="[bold]Example[/bold]\n  plkd demo --out plkd-demo")
def demo(
    out: o.DemoOut = Path("plkd-demo"),
    seed: o.Seed = 0,
    device: o.DeviceOption = o.Device.AUTO,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Train, annotate, evaluate and explain on 700 real blood cells. Needs no network."""
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import training_progress
    from plkd.demo import run_demo

    with training_progress(quiet=quiet) as progress:
        result = run_demo(
            out, seed=seed, progress=progress, overwrite=overwrite, device=device.value
        )
    said, scores = text.demo_text(result), result.report.as_dict()
    answer(said, scores, json_to=json_to, overwrite=overwrite, quiet=quiet)


@app.command(
    epilog="""[bold]Examples[/bold]
  plkd train ref.h5ad --labels cell_type --batch donor --out model/
  plkd train ref.h5ad --labels cell_type --gene-sets sets.gmt --out model/
  plkd train ref.h5ad --labels cell_type --layer counts --out model/"""
)
def train(
    reference: o.Reference,
    labels: o.Labels,
    out: o.ModelOut,
    batch: o.Batch = None,
    gene_sets: o.GeneSetFile = None,
    layer: o.Layer = None,
    use_raw: o.UseRaw = False,
    gene_key: o.GeneKey = None,
    expression: o.ExpressionOption = None,
    n_genes: o.NGenes = None,
    patterns: o.Patterns = None,
    preset: o.PresetOption = o.Preset.DEFAULT,
    epochs: o.Epochs = None,
    student_epochs: o.StudentEpochs = None,
    doubtful_labels: o.DoubtfulLabels = None,
    seed: o.Seed = 0,
    device: o.DeviceOption = o.Device.AUTO,
    devices: o.Devices = 1,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Learn the cell types of an annotated reference, once.

    The model is a folder that annotates any number of queries, anywhere.
    Counts and log1p counts are told apart by their values.
    """
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import training_progress
    from plkd.data.cell_files import read_cells
    from plkd.model.files import check_output, describe_model

    began = time.perf_counter()
    check_output(out, overwrite=overwrite)  # before the hours, not after them
    annotator = new_annotator(
        gene_sets,
        n_genes=n_genes,
        patterns=patterns,
        preset=preset,
        epochs=epochs,
        student_epochs=student_epochs,
        doubtful_labels=doubtful_labels,
        seed=seed,
        device=device,
        devices=devices,
    )
    with training_progress(quiet=quiet) as progress:
        annotator.fit(
            read_cells(reference),
            labels_key=labels,
            batch_key=batch,
            layer=layer,
            use_raw=use_raw,
            gene_key=gene_key,
            expression=None if expression is None else expression.value,
            progress=progress,
        )
    if not annotator.is_first_:
        return
    annotator.save(out, overwrite=overwrite)
    described = describe_model(out)
    said = text.training_text(described, time.perf_counter() - began)
    answer(said, described, json_to=json_to, overwrite=overwrite, quiet=quiet)


app.command(epilog=ANNOTATE_EXAMPLES)(annotate)
app.command(epilog=EVALUATE_EXAMPLES)(evaluate)
app.command(epilog=ADAPT_EXAMPLES)(adapt)
app.command(epilog=AUDIT_EXAMPLES)(audit)
app.command(epilog=EXPLAIN_EXAMPLES)(explain)
app.command(epilog=INTEGRATE_EXAMPLES)(integrate)
app.command(epilog=ACTIVITY_EXAMPLES)(gene_activity)
app.command(epilog=SMOOTH_EXAMPLES)(smooth)


@app.command(epilog="[bold]Example[/bold]\n  plkd info model/ --json -")
def info(model: o.ModelFolder, overwrite: o.Overwrite = False, json_to: o.Json = None) -> None:
    """Say what a saved model is: cell types, genes, how it was trained and how well."""
    prepare(json_to=json_to, overwrite=overwrite)
    from plkd.model.files import describe_model

    described = describe_model(model)
    answer(text.info_text(described), described, json_to=json_to, overwrite=overwrite)


@app.command(epilog="[bold]Example[/bold]\n  plkd verify model/ && echo whole")
def verify(model: o.ModelFolder, overwrite: o.Overwrite = False, json_to: o.Json = None) -> None:
    """Check every file of a saved model against its SHA-256; exit code 1 when one differs."""
    prepare(json_to=json_to, overwrite=overwrite)
    from plkd.model.files import verify_model

    checks = verify_model(model)
    numbers = {check.name: {"ok": check.ok, "detail": check.detail} for check in checks}
    answer(text.verification_text(checks), numbers, json_to=json_to, overwrite=overwrite)
    bad = [check.name for check in checks if not check.ok]
    if bad:
        say_error(
            f"expected the files of {model} as they were written; found {', '.join(bad)} damaged. "
            "To mend it: copy the model again from where it was saved"
        )
        raise typer.Exit(1)
