"""The command ``plkd smooth``, the options that it alone has, and what it says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plkd.cli import options as o
from plkd.cli.output import table
from plkd.cli.steps import answer, prepare
from plkd.keys import DEFAULT_KEY, SlotNames

if TYPE_CHECKING:
    from plkd.tools.smoothing import SmoothingSummary

SMOOTH_EXAMPLES = """[bold]Examples[/bold]
  plkd annotate spots.h5ad -m model/ -o annotated.h5ad --probabilities
  plkd smooth annotated.h5ad -o smoothed.h5ad --batch slice
  plkd smooth annotated.h5ad -o smoothed.h5ad --batch slice --radius 150"""
_INPUT, _OUTPUT, _SMOOTHING = "Input", "Output", "Smoothing"
SHOWN_SLICES = 20

AnnotatedFile = Annotated[
    Path,
    typer.Argument(
        metavar="ANNOTATED.h5ad",
        help="File that [bold]plkd annotate --probabilities[/bold] wrote, with coordinates.",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="OUT.h5ad",
        help="The file with smoothed labels beside those of the annotation.",
        rich_help_panel=_OUTPUT,
    ),
]
Slices = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="KEY",
        help="Column of obs with the slices: each has coordinates of its own.",
        rich_help_panel=_INPUT,
    ),
]
Coordinates = Annotated[
    str,
    typer.Option(
        "--coordinates",
        metavar="SLOT",
        help="Slot of obsm with the coordinates.",
        rich_help_panel=_INPUT,
    ),
]
KeyAdded = Annotated[
    str,
    typer.Option(
        "--key-added",
        metavar="KEY",
        help="Name that the annotation was written under.",
        rich_help_panel=_INPUT,
    ),
]
Weight = Annotated[
    float,
    typer.Option(
        "--weight",
        min=0.0,
        max=1.0,
        help="How much neighbours count against the spot itself: 0 nothing, 0.5 both alike; below "
        "1.",
        rich_help_panel=_SMOOTHING,
    ),
]
Neighbors = Annotated[
    int | None,
    typer.Option(
        "--neighbors",
        min=1,
        help="The nearest so many. [dim]default: 6 (Visium's grid); with --radius, all within it",
        rich_help_panel=_SMOOTHING,
    ),
]
Radius = Annotated[
    float | None,
    typer.Option(
        "--radius",
        help="No neighbour is farther away, in the units of the coordinates.",
        rich_help_panel=_SMOOTHING,
    ),
]


def smooth(
    annotated: AnnotatedFile,
    out: Out,
    batch: Slices = None,
    coordinates: Coordinates = "spatial",
    weight: Weight = 0.7,
    neighbors: Neighbors = None,
    radius: Radius = None,
    key_added: KeyAdded = DEFAULT_KEY,
    overwrite: o.Overwrite = False,
    json_to: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Let the neighbours of each spot on its slice have a say in its label.

    For types that lie in layers or patches; where they lie scattered, it wipes out the rare ones.
    What the annotation said stays in the file.
    """
    prepare(json_to=json_to, overwrite=overwrite)
    from plkd.tools.smooth_labels import N_NEIGHBORS, smooth_labels_file

    began = time.perf_counter()
    summary = smooth_labels_file(
        annotated,
        out,
        batch_key=batch,
        weight=weight,
        n_neighbors=N_NEIGHBORS if neighbors is None and radius is None else neighbors,
        radius=radius,
        coordinates=coordinates,
        key_added=key_added,
        overwrite=overwrite,
    )
    said = smoothing_text(
        summary, out=out, key_added=key_added, seconds=time.perf_counter() - began
    )
    numbers = {"out": str(out), **summary.as_dict()}
    answer(said, numbers, json_to=json_to, overwrite=overwrite, quiet=quiet)


def smoothing_text(summary: SmoothingSummary, *, out: Path, key_added: str, seconds: float) -> str:
    """Say how many labels changed, on which slices, and where they are."""
    slots = SlotNames(key_added)
    lines = [
        f"Smoothed the labels of {summary.n_cells:,} cells in {seconds:.1f} s: "
        f"{summary.n_changed:,} changed ({summary.n_changed / max(summary.n_cells, 1):.1%}); "
        f"{summary.mean_neighbors:.1f} neighbours each, weight {summary.weight:g}."
    ]
    if summary.n_unknown:
        lines.append(f"Left as they are, unknown: {summary.n_unknown:,} cells.")
    if summary.batch_key is not None:
        rows = [(f"{n:,}", name) for name, n in summary.slices.items()]
        more = len(rows) - SHOWN_SLICES
        lines += ["", table(("cells", "slice"), rows[:SHOWN_SLICES])]
        lines += [f"  and {more} more"] * (more > 0)
    return "\n".join(
        [
            *lines,
            "",
            f"Written: {out}",
            f"         obs['{slots.smoothed_label}'], obs['{slots.smoothed_confidence}']",
            f"Next:    plkd evaluate {out} --labels KEY --prediction-key {slots.smoothed_label}"
            "   (where the true types are known)",
        ]
    )
