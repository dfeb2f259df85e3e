"""The command ``plkd explain`` and the options that it alone has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import output as text
from plkd.cli.steps import answer, prepare

EXPLAIN_EXAMPLES = """[bold]Examples[/bold]
  plkd explain ref.h5ad -m model/ -o explanation/ --labels cell_type
  plkd explain ref.h5ad -m model/ -o explanation/ --gene-sets hallmark.gmt --top 20"""
_INPUT, _OUTPUT, _RUNNING = "Input", "Output", "Running"

Cells = Annotated[
    Path,
    typer.Argument(metavar="REF.h5ad", help="Cells to explain: the reference, or annotated ones."),
]
Labels = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="KEY",
        help="Column of obs with the cell types; without it the types that the model gives.",
        rich_help_panel=_INPUT,
    ),
]
GeneSetFile = Annotated[
    Path | None,
    typer.Option(
        "--gene-sets",
        metavar="FILE.gmt",
        help="Gene sets that say what learned patterns mean; without them those of the model.",
        rich_help_panel=_INPUT,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR/",
        help="Folder for tables, networks and pictures.",
        rich_help_panel=_OUTPUT,
    ),
]
Top = Annotated[
    int,
    typer.Option(
        "--top",
        min=1,
        help="Marker genes of a type in the summary and the picture; the table has all candidates.",
        rich_help_panel=_OUTPUT,
    ),
]
MaxCells = Annotated[
    int,
    typer.Option(
        "--max-cells",
        min=1,
        help="Cells that are read closely, and held in memory, at most; of more, as many of each "
        "type are drawn.",
        rich_help_panel=_RUNNING,
    ),
]
Seed = Annotated[int, o.seed_option("Which cells are drawn.", _RUNNING)]


def explain(
    cells: Cells,
    model: o.ModelOption,
    out: Out,
    labels: Labels = None,
    gene_sets: GeneSetFile = None,
    layer: o.Layer = None,
    use_raw: o.UseRaw = False,
    gene_key: o.GeneKey = None,
    expression: o.ExpressionOption = None,
    top: Top = 10,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    max_cells: MaxCells = 20_000,
    chunk_size: o.ChunkSize = 4096,
    seed: Seed = 0,
    device: o.DeviceOption = o.Device.AUTO,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Say why: marker genes, patterns and gene networks of every cell type, with pictures.

    A marker is a gene that both networks of the model name for a type.
    The file is read in chunks, so memory does not grow with it.
    """
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import cell_progress
    from plkd.data.gene_sets import read_gene_sets
    from plkd.explanation import check_explanation, explain_file
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.marker_search import N_CANDIDATES, MarkerOptions

    began = time.perf_counter()
    check_explanation(out, overwrite=overwrite)
    annotator = CellAnnotator.load(model)
    annotator.device = device.value
    options = MarkerOptions(
        labels_key=labels,
        n_genes=top,
        n_candidates=max(N_CANDIDATES, top),
        sets=read_gene_sets(gene_sets) if gene_sets else None,
        gene_key=gene_key,
        expression=None if expression is None else expression.value,
        max_cells=max_cells,
        chunk_size=chunk_size,
        seed=seed,
    )
    with cell_progress("explaining", quiet=quiet) as progress:
        explained = explain_file(
            cells,
            annotator,
            out,
            options=options,
            layer=layer,
            use_raw=use_raw,
            overwrite=overwrite,
            progress=progress,
        )
    said = text.explanation_text(explained.summary, out=out, seconds=time.perf_counter() - began)
    numbers = {"out": str(out), **explained.summary}
    answer(said, numbers, json_to=json_to, overwrite=overwrite, quiet=quiet)
