"""The command ``plkd gene-activity`` and the options that it alone has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from plkd.cli import options as o
from plkd.cli import output as text
from plkd.cli.steps import answer, prepare

ACTIVITY_EXAMPLES = """[bold]Examples[/bold]
  plkd gene-activity peaks.h5ad --genes gencode.gtf.gz -o activity.h5ad
  plkd gene-activity fragments.tsv.gz --genes gencode.gtf.gz -o activity.h5ad --barcodes cells.tsv
  plkd gene-activity multiome.h5mu --modality atac --genes genes.bed -o activity.h5ad"""
_INPUT, _GENES, _OUTPUT = "Input", "Genes", "Output"
ALL = "all"

Atac = Annotated[
    Path,
    typer.Argument(
        metavar="PEAKS.h5ad|FRAGMENTS.tsv.gz",
        help="Counts of peaks named chr:start-end (h5ad, zarr, or h5mu with --modality), or "
        "fragments.",
    ),
]
Genes = Annotated[
    Path,
    typer.Option(
        "--genes",
        "-g",
        metavar="GENES.gtf",
        help="Gene annotation of the same genome build: GTF, GFF3 or BED, plain or gz.",
        rich_help_panel=_INPUT,
    ),
]
Barcodes = Annotated[
    Path | None,
    typer.Option(
        "--barcodes",
        metavar="FILE",
        help="Of fragments: the cells, a barcode a line.",
        rich_help_panel=_INPUT,
    ),
]
MinFragments = Annotated[
    int | None,
    typer.Option(
        "--min-fragments",
        min=1,
        help="Of fragments without --barcodes: barcodes with so many are cells. [dim]default: 1000",
        rich_help_panel=_INPUT,
    ),
]
Modality = Annotated[
    str,
    typer.Option(
        "--modality",
        metavar="NAME",
        help="Of an h5mu file: the modality with the peaks.",
        rich_help_panel=_INPUT,
    ),
]
NoBuildCheck = Annotated[
    bool,
    typer.Option(
        "--no-build-check",
        help="Take the data even if they look like another genome build than the genes.",
        rich_help_panel=_INPUT,
    ),
]
Upstream = Annotated[
    int,
    typer.Option(
        "--upstream", min=0, help="Bases before the start of a gene.", rich_help_panel=_GENES
    ),
]
Downstream = Annotated[
    int,
    typer.Option(
        "--downstream", min=0, help="Bases behind the end of a gene.", rich_help_panel=_GENES
    ),
]
Biotypes = Annotated[
    list[str] | None,
    typer.Option(
        "--biotype",
        metavar="NAME",
        help="Kind of gene to take, where the annotation says it; may be given again; "
        f"{ALL} takes all. [dim]default: protein_coding",
        rich_help_panel=_GENES,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="ACTIVITY.h5ad",
        help="Cells x genes, counts; a zarr store where it is named .zarr.",
        rich_help_panel=_OUTPUT,
    ),
]


def gene_activity(
    atac: Atac,
    genes: Genes,
    out: Out,
    barcodes: Barcodes = None,
    min_fragments: MinFragments = None,
    layer: o.Layer = None,
    modality: Modality = "atac",
    no_build_check: NoBuildCheck = False,
    upstream: Upstream = 2000,
    downstream: Downstream = 0,
    biotype: Biotypes = None,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    chunk_size: o.ChunkSize = 4096,
    quiet: o.Quiet = False,
) -> None:
    """Make ATAC data into counts of genes: what lies in the gene body and 2 kb upstream.

    Its output can be annotated as expression is. Data of another genome build are refused.
    """
    prepare(json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import cell_progress
    from plkd.data.atac.activity_files import gene_activity_file
    from plkd.data.atac.gene_regions import PROTEIN_CODING
    from plkd.data.cell_files import is_cells

    began = time.perf_counter()
    biotypes = tuple(biotype) if biotype else PROTEIN_CODING
    unit = "cells" if is_cells(atac) else "MB"
    with cell_progress("adding up", unit=unit, quiet=quiet) as progress:
        summary = gene_activity_file(
            atac,
            genes,
            out,
            upstream=upstream,
            downstream=downstream,
            biotypes=None if ALL in biotypes else biotypes,
            layer=layer,
            barcodes=barcodes,
            min_fragments=min_fragments,
            modality=modality,
            check_build=not no_build_check,
            chunk_size=chunk_size,
            overwrite=overwrite,
            progress=progress,
        )
    said = text.activity_text(summary, out=out, seconds=time.perf_counter() - began)
    numbers = {"out": str(out), **summary.as_dict()}
    answer(said, numbers, json_to=json_to, overwrite=overwrite, quiet=quiet)
