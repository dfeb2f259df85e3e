"""Arguments and options of the command line: each is named and explained once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

_INPUT, _TRAINING = "Input", "Training"
_OUTPUT, _RUNNING = "Output", "Running"


class Network(StrEnum):
    """Which network annotates."""

    STUDENT = "student"
    TEACHER = "teacher"


class Device(StrEnum):
    """Where the arithmetic happens."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class Expression(StrEnum):
    """What the values are, where they cannot tell."""

    COUNTS = "counts"
    LOG1P = "log1p"


class Preset(StrEnum):
    """How training is set."""

    DEFAULT = "default"
    PAPER = "paper"


def json_target(value: str | None) -> str | None:
    """Refuse a JSON output that is not named like one: a slip must not hit a data file."""
    if value not in (None, "-") and not str(value).endswith(".json"):
        raise typer.BadParameter("give a file name that ends in .json, or - for standard output")
    return value


# --- input ----------------------------------------------------------------------------------

Reference = Annotated[
    Path,
    typer.Argument(
        metavar="REF.h5ad", help="Annotated reference: counts or log1p counts, labels in obs."
    ),
]
Query = Annotated[Path, typer.Argument(metavar="QUERY.h5ad|.zarr", help="Cells to annotate.")]
Annotated_ = Annotated[
    Path,
    typer.Argument(metavar="ANNOTATED.h5ad", help="File that [bold]plkd annotate[/bold] wrote."),
]
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL/", help="Folder of a saved model.")]
ModelOption = Annotated[
    Path,
    typer.Option(
        "--model", "-m", metavar="MODEL/", help="Folder of a saved model.", rich_help_panel=_INPUT
    ),
]
Labels = Annotated[
    str,
    typer.Option(
        "--labels", metavar="KEY", help="Column of obs with the cell types.", rich_help_panel=_INPUT
    ),
]
Batch = Annotated[
    str | None,
    typer.Option(
        "--batch",
        metavar="KEY",
        help="Column of obs with the batches (donor, sample, study); whole batches are then held "
        "out to choose the number of epochs.",
        rich_help_panel=_INPUT,
    ),
]
GeneSetFile = Annotated[
    Path | None,
    typer.Option(
        "--gene-sets",
        metavar="FILE.gmt",
        help="Gene sets that name the patterns; without them the patterns are learned.",
        rich_help_panel=_INPUT,
    ),
]
Layer = Annotated[
    str | None,
    typer.Option(
        "--layer", metavar="NAME", help="Take this layer in place of X.", rich_help_panel=_INPUT
    ),
]
UseRaw = Annotated[
    bool, typer.Option("--use-raw", help="Take raw.X in place of X.", rich_help_panel=_INPUT)
]
GeneKey = Annotated[
    str | None,
    typer.Option(
        "--gene-key",
        metavar="KEY",
        help="Column of var with the gene names, in place of var_names.",
        rich_help_panel=_INPUT,
    ),
]
ExpressionOption = Annotated[
    Expression | None,
    typer.Option(
        "--expression",
        help="What the values are; needed only where they cannot tell.",
        rich_help_panel=_INPUT,
    ),
]
PredictionKey = Annotated[
    str,
    typer.Option(
        "--prediction-key",
        metavar="KEY",
        help="Column of obs with the predicted types.",
        rich_help_panel=_INPUT,
    ),
]

# --- training -------------------------------------------------------------------------------

NGenes = Annotated[
    int | None,
    typer.Option(
        "--n-genes",
        min=2,
        help="Highly variable genes to use. [dim]default: 2,000, or 4,000 where these name "
        "held-out cells better",
        rich_help_panel=_TRAINING,
    ),
]
Patterns = Annotated[
    int | None,
    typer.Option(
        "--patterns", min=2, help="Patterns at most. [dim]default: 300", rich_help_panel=_TRAINING
    ),
]
PresetOption = Annotated[
    Preset,
    typer.Option(
        "--preset",
        help="default: what measured best; paper: SGD, 6 epochs, no augmentation.",
        rich_help_panel=_TRAINING,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        "--epochs",
        min=1,
        help="Passes of the Teacher over the reference, at most. Default: as the preset says.",
        rich_help_panel=_TRAINING,
    ),
]
StudentEpochs = Annotated[
    int | None,
    typer.Option(
        "--student-epochs",
        min=1,
        help="Passes of the Student over the reference, at most. Default: as the preset says.",
        rich_help_panel=_TRAINING,
    ),
]
DoubtfulLabels = Annotated[
    float | None,
    typer.Option(
        "--doubtful-labels",
        metavar="SHARE",
        min=0.0,
        max=1.0,
        help="Set labels aside that are likely wrong where more than this share is doubtful: "
        "0 whenever one is; 1 never, nor what other batches contradict. "
        "[dim]default: 0.05; never in the preset paper",
        rich_help_panel=_TRAINING,
    ),
]


def seed_option(what: str, panel: str) -> Any:
    """Return the option of a seed in the range that every source of randomness takes."""
    return typer.Option("--seed", min=0, max=2**32 - 1, help=what, rich_help_panel=panel)


Seed = Annotated[int, seed_option("The same seed gives the same model on a CPU.", _TRAINING)]

# --- output ---------------------------------------------------------------------------------

ModelOut = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="MODEL/", help="Folder for the model.", rich_help_panel=_OUTPUT
    ),
]
AnnotatedOut = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="OUT.h5ad|.zarr",
        help="The query with labels, confidence and embedding.",
        rich_help_panel=_OUTPUT,
    ),
]
DemoOut = Annotated[
    Path,
    typer.Option(
        "--out", "-o", metavar="DIR", help="Folder for what it writes.", rich_help_panel=_OUTPUT
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace outputs that exist.", rich_help_panel=_OUTPUT)
]
Probabilities = Annotated[
    bool,
    typer.Option(
        "--probabilities", help="Also write the probability of every type.", rich_help_panel=_OUTPUT
    ),
]
KeyAdded = Annotated[
    str,
    typer.Option(
        "--key-added",
        metavar="KEY",
        help="Written as obs\\['KEY_label'], obs\\['KEY_confidence'] and so on, obsm\\['X_KEY'].",
        rich_help_panel=_OUTPUT,
    ),
]
Json = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE.json|-",
        callback=json_target,
        help="Write the numbers as JSON to a file, or to standard output (-) in place of the "
        "summary.",
        rich_help_panel=_OUTPUT,
    ),
]

# --- running --------------------------------------------------------------------------------

WithNetwork = Annotated[
    Network,
    typer.Option(
        "--with",
        help="student: fast; teacher: slower, its embedding is the paper's c_r.",
        rich_help_panel=_RUNNING,
    ),
]
DeviceOption = Annotated[
    Device,
    typer.Option(
        "--device",
        help="auto takes a GPU where there is one; on a Mac only to train.",
        rich_help_panel=_RUNNING,
    ),
]
Devices = Annotated[
    int,
    typer.Option(
        "--devices",
        min=1,
        help="Train on so many devices, one process each.",
        rich_help_panel=_RUNNING,
    ),
]
ChunkSize = Annotated[
    int,
    typer.Option(
        "--chunk-size",
        min=1,
        help="Cells taken at a time; a few times as many are in memory.",
        rich_help_panel=_RUNNING,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="CPU threads. Default: all.", rich_help_panel=_RUNNING),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No progress and no summary.", rich_help_panel=_RUNNING),
]
