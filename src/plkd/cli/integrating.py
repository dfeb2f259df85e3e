"""The command ``plkd integrate``, the options that it alone has, and what it says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plkd.cli import options as o
from plkd.cli.output import table
from plkd.cli.steps import answer, prepare
from plkd.keys import DEFAULT_KEY, SlotNames

if TYPE_CHECKING:
    from plkd.tools.joining import IntegrationSummary

INTEGRATE_EXAMPLES = """[bold]Examples[/bold]
  plkd integrate one.h5ad two.h5ad -m model/ -o joint.h5ad --umap
  plkd integrate cells.h5ad --batch donor -m model/ -o joint.h5ad
  plkd integrate rna.h5ad activity.h5ad --paired -m rna-model/ -m atac-model/ -o joint.h5ad
  plkd integrate m.h5mu --paired --modality rna --modality gene_activity -m model/ -o joint.h5ad"""
_INPUT, _OUTPUT = "Input", "Output"
SHOWN_LAYERS = 20

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="CELLS.h5ad",
        help="Files to integrate; one alone with --batch, or one h5mu of several modalities.",
    ),
]
ModelFolders = Annotated[
    list[Path],
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL/",
        help="Folder of a saved model; for paired files one for each may be given, in their order.",
        rich_help_panel=_INPUT,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of a file, once for each in their order. [dim]default: as the file is called",
        rich_help_panel=_INPUT,
    ),
]
Modalities = Annotated[
    list[str] | None,
    typer.Option(
        "--modality",
        metavar="NAME",
        help="Of an h5mu: a modality to integrate, once for each; leave out those of peaks or "
        "proteins. [dim]default: all",
        rich_help_panel=_INPUT,
    ),
]


def layers_given(values: Sequence[str] | None) -> str | dict[str, str] | None:
    """Return the layer of all inputs, or those of some by the names of the inputs."""
    if not values:
        return None
    if len(values) == 1 and "=" not in values[0]:
        return values[0]
    named = {name: layer for name, _, layer in (value.partition("=") for value in values)}
    if len(named) < len(values) or not all(named.values()):
        raise typer.BadParameter("give one layer for all, or NAME=LAYER once for each of some")
    return named


def check_layers(values: list[str] | None) -> list[str] | None:
    """Refuse layers that are not said clearly, before any work is done."""
    layers_given(values)
    return values


Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        metavar="LAYER|NAME=LAYER",
        callback=check_layers,
        help="Take this layer in place of X: of all files or, once for each, of the file of that "
        "name.",
        rich_help_panel=_INPUT,
    ),
]
Batches = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="KEY",
        help="Column of obs with the batches; needed for one file alone.",
        rich_help_panel=_INPUT,
    ),
]
Paired = Annotated[
    bool,
    typer.Option(
        "--paired",
        help="The files are modalities of the same cells: one place for each cell.",
        rich_help_panel=_INPUT,
    ),
]
Weights = Annotated[
    list[float] | None,
    typer.Option(
        "--weight",
        metavar="NUMBER",
        help="How much a paired file counts, once for each. "
        "[dim]default: as its model did on held-out cells",
        rich_help_panel=_INPUT,
    ),
]
Align = Annotated[
    bool,
    typer.Option(
        "--align/--no-align",
        help="Bring each type, as the model names it, to stand alike in all batches.",
        rich_help_panel=_OUTPUT,
    ),
]
Structure = Annotated[
    float | None,
    typer.Option(
        "--structure",
        min=0.0,
        metavar="NUMBER",
        help="How much differences within types count. [dim]default: 1 if paired, else 0",
        rich_help_panel=_OUTPUT,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="JOINT.h5ad",
        help="Joint embedding and obs of all cells, without genes; a zarr store where it is named "
        ".zarr.",
        rich_help_panel=_OUTPUT,
    ),
]
KeyAdded = Annotated[
    str,
    typer.Option(
        "--key-added",
        metavar="KEY",
        help="Written as obsm\\['X_KEY'] and obs\\['KEY_layer'].",
        rich_help_panel=_OUTPUT,
    ),
]
Neighbors = Annotated[
    bool,
    typer.Option("--neighbors", help="Add scanpy's neighbours.", rich_help_panel=_OUTPUT),
]
Umap = Annotated[
    bool,
    typer.Option("--umap", help="Add scanpy's neighbours and UMAP.", rich_help_panel=_OUTPUT),
]
NNeighbors = Annotated[
    int,
    typer.Option("--n-neighbors", min=2, help="Neighbours of a cell.", rich_help_panel=_OUTPUT),
]
Seed = Annotated[int, o.seed_option("Of the UMAP.", _OUTPUT)]


def integrate(
    files: Files,
    model: ModelFolders,
    out: Out,
    batch: Batches = None,
    paired: Paired = False,
    name: Names = None,
    modality: Modalities = None,
    weight: Weights = None,
    align: Align = True,
    structure: Structure = None,
    layer: Layers = None,
    use_raw: o.UseRaw = False,
    gene_key: o.GeneKey = None,
    expression: o.ExpressionOption = None,
    neighbors: Neighbors = False,
    umap: Umap = False,
    n_neighbors: NNeighbors = 15,
    seed: Seed = 0,
    key_added: KeyAdded = DEFAULT_KEY,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    with_: o.WithNetwork = o.Network.STUDENT,
    device: o.DeviceOption = o.Device.AUTO,
    chunk_size: o.ChunkSize = 4096,
    threads: o.Threads = None,
    quiet: o.Quiet = False,
) -> None:
    """Bring batches or modalities into one joint embedding.

    The files are not changed: the output is a new one, with the cells of all and without genes.
    Expression is read in chunks, so memory does not grow with the genes.
    """
    prepare(threads=threads, json_to=json_to, overwrite=overwrite)
    from plkd.cli.progress_bars import cell_progress
    from plkd.model.annotator import CellAnnotator
    from plkd.tools.integrate import integrate_files

    began = time.perf_counter()
    models = {
        folder: CellAnnotator.load(folder, with_teacher=with_ is o.Network.TEACHER)
        for folder in dict.fromkeys(model)
    }
    for annotator in models.values():
        annotator.device = device.value
    with cell_progress("integrating", quiet=quiet) as progress:
        summary = integrate_files(
            files,
            [models[folder] for folder in model],
            out,
            names=name,
            modalities=modality,
            batch_key=batch,
            paired=paired,
            weights=weight,
            with_=with_.value,
            align=align,
            structure=structure,
            layer=layers_given(layer),
            use_raw=use_raw,
            gene_key=gene_key,
            expression=None if expression is None else expression.value,
            key_added=key_added,
            neighbors=neighbors,
            umap=umap,
            n_neighbors=n_neighbors,
            seed=seed,
            chunk_size=chunk_size,
            overwrite=overwrite,
            progress=progress,
        )
    said = integration_text(
        summary, out=out, key_added=key_added, umap=umap, seconds=time.perf_counter() - began
    )
    numbers = {"out": str(out), **summary.as_dict()}
    answer(said, numbers, json_to=json_to, overwrite=overwrite, quiet=quiet)


def integration_text(
    summary: IntegrationSummary, *, out: Path, key_added: str, umap: bool, seconds: float
) -> str:
    """Say what was joined, how its genes met the model's, and where the embedding is."""
    slots = SlotNames(key_added)
    how = "paired, side by side" if summary.paired else "stacked"
    how += ", batches aligned" * summary.aligned
    lines = [
        f"Integrated {summary.n_cells:,} cells of {len(summary.layers)} "
        f"input{'s' * (len(summary.layers) != 1)}, {how}, with the "
        f"{summary.network.capitalize()} in {seconds:.1f} s."
    ]
    if summary.n_no_counts:
        lines.append(f"Without a count in any of the model's genes: {summary.n_no_counts:,} cells.")
    rows = [
        (f"{each['n_cells']:,}", f"{each['genes_found']:,}", f"{each['weight_share']:.0%}", name)
        for name, each in summary.layers.items()
    ]
    lines += ["", *_shown(("cells", "genes found", "of the weight", "input"), rows)]
    if summary.batches:
        counts = [(f"{count:,}", name) for name, count in summary.batches.items()]
        lines += ["", *_shown(("cells", "batch"), counts)]
    written = [f"obsm['{slots.embedding}'] ({summary.width} wide)"]
    written += [] if summary.paired else [f"obs['{slots.layer}']"]
    written += ["obsm['X_umap']"] if umap else []
    draw = f"sc.pp.neighbors(adata, use_rep='{slots.embedding}'); sc.tl.umap(adata); "
    colour = "" if summary.paired else f", color='{slots.layer}'"
    return "\n".join(
        [
            *lines,
            "",
            f"Written: {out}",
            f"         {', '.join(written)}",
            f"Next:    {'' if umap else draw}sc.pl.umap(adata{colour})",
        ]
    )


def _shown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out the first rows and say how many more there are."""
    more = len(rows) - SHOWN_LAYERS
    return [table(head, rows[:SHOWN_LAYERS]), *[f"  and {more} more"] * (more > 0)]
