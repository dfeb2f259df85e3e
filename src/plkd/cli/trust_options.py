"""Options of ``plkd annotate`` that say how much doubt a user wants to hear of."""

from __future__ import annotations

from typing import Annotated

import typer

_TRUST = "What to believe"

FalseAlarm = Annotated[
    float,
    typer.Option(
        "--false-alarm",
        min=0.0,
        metavar="SHARE",
        help="Share of cells of known types that may be called unknown; 0 calls none so.",
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
        help="Share of cells whose set of types may miss the true one.",
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
