"""Options of ``plkd annotate`` that say how much doubt a user wants to hear of."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_TRUST = "What to believe"

FalseAlarm = Annotated[
    float,
    typer.Option(
        "--false-alarm",
        min=0.0,
        metavar="SHARE",
        help="Share of cells of known types that may be called unknown, below 1; 0 calls none so.",
        rich_help_panel=_TRUST,
    ),
]
ErrorRate = Annotated[
    float,
    typer.Option(
        "--error-rate",
        min=0.0,
        max=1.0,
        metavar="SHARE",
        help="Share of cells whose set of types may miss the true one; above 0, below 1.",
        rich_help_panel=_TRUST,
    ),
]
SetsByType = Annotated[
    bool,
    typer.Option(
        "--sets-by-type",
        help="Hold the error rate within each type, rare ones too; sets are larger.",
        rich_help_panel=_TRUST,
    ),
]
AgainstReference = Annotated[
    bool,
    typer.Option(
        "--against-reference",
        help="Judge novelty by the reference alone: for a query of mostly new types.",
        rich_help_panel=_TRUST,
    ),
]
Hierarchy = Annotated[
    Path | None,
    typer.Option(
        "--hierarchy",
        metavar="FILE",
        help="Types and their parents (CSV, obo): cells also get the deepest type that is sure.",
        rich_help_panel=_TRUST,
    ),
]
MinConfidence = Annotated[
    float,
    typer.Option(
        "--min-confidence",
        min=0.0,
        max=1.0,
        metavar="P",
        help="How sure the deepest type has to be; above 0.",
        rich_help_panel=_TRUST,
    ),
]
