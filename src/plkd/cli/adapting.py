"""The command ``plkd adapt``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import output as text
from plkd.cli.steps import answer, prepare

ADAPT_EXAMPLES = """[bold]Example[/bold]
  plkd adapt query.h5ad -m model/ -o model-for-query/
  plkd annotate query.h5ad -m model-for-query/ -o annotated.h5ad"""

Query = Annotated[
    Path, typer.Argument(metavar="QUERY.h5ad", help="Cells to adapt to; they need no labels.")
]
MaxCells = Annotated[
    int,
    typer.Option(
        "--max-cells",
        min=2,
        help="Cells to learn from, at most, held in memory; of more, some are drawn.",
        rich_help_panel="Running",
    ),
]
Seed = Annotated[
    int | None,
    o.seed_option("Decides the order of the cells; without it the seed of the model.", "Running"),
]


def adapt(
    query: Query,
    model: o.ModelOption,
    out: o.ModelOut,
    layer: o.Layer = None,
    use_raw: o.UseRaw = False,
    gene_key: o.GeneKey = None,
    expression: o.ExpressionOption = None,
    max_cells: MaxCells = 20_000,
    seed: Seed = None,
    device: o.DeviceOption = o.Device.AUTO,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Adapt a model to a query by the query's own unlabelled cells, in seconds.

    The new model is for this query and others of its batch; the old one stays as it is.
    """
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import training_progress
    from plkd.config import AdaptConfig
    from plkd.data.cell_files import open_cells
    from plkd.data.source import source_from_file
    from plkd.errors import InputError
    from plkd.model.adapting import adapted_model
    from plkd.model.annotator import CellAnnotator
    from plkd.model.files import check_output, describe_model
    from plkd.training.progress import Silent

    began = time.perf_counter()
    check_output(out, overwrite=overwrite)
    if out.exists() and model.exists() and out.samefile(model):
        raise InputError(
            "another folder for the adapted model",
            f"{out} for both",
            "choose another --out: the model is needed for other queries",
        )
    annotator = CellAnnotator.load(model)
    annotator.device = device.value
    with open_cells(query) as file, training_progress(quiet=quiet) as progress:
        adapted = adapted_model(
            annotator,
            source_from_file(file, layer=layer, use_raw=use_raw),
            gene_key=gene_key,
            expression=None if expression is None else expression.value,
            config=AdaptConfig(max_cells=max_cells),
            seed=annotator.seed if seed is None else seed,
            progress=progress or Silent(),
        )
    adapted.save(out, overwrite=overwrite)
    described = describe_model(out)
    said = text.adapting_text(described, time.perf_counter() - began)
    answer(said, described, json_to=json_to, overwrite=overwrite, quiet=quiet)
