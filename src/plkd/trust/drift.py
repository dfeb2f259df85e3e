"""Whether a query is so unlike the reference that its labels need a second look, in words."""

from __future__ import annotations

from dataclasses import dataclass

from plkd.trust.novelty import FALSE_ALARM

LEAST_WEIGHT = 0.8
"""Share of the model's weight that the query's genes should carry."""

MOST_DEPTH = 2.0
"""How many times more or fewer genes detected are said."""

LEAST_CONFIDENCE = 0.15
"""How far the mean confidence may fall below that of held-out reference cells."""

MOST_UNKNOWN = 0.2


@dataclass(frozen=True)
class Condition:
    """A query, or the held-out cells of a reference, as far as drift looks at them.

    Attributes
    ----------
    weight_share
        Share of the model's weight in genes that were found, in [0, 1].
    genes_detected
        Median number of the model's genes with a count in a cell.
    confidence
        Mean confidence, in [0, 1].
    shift
        By how much a batch effect has raised the novelty scores of all cells; for a reference,
        what made-up batch effects do.
    unknown
        Share of the cells that are called unknown.
    """

    weight_share: float
    genes_detected: float
    confidence: float
    shift: float
    unknown: float


def drift_warnings(
    query: Condition, usual: Condition, *, false_alarm: float = FALSE_ALARM
) -> tuple[str, ...]:
    """Say in what a query is far from the reference; nothing where it is not.

    Parameters
    ----------
    query
        The query.
    usual
        What is usual, by the held-out cells of the reference.
    false_alarm
        Share of cells of known types that the user lets be called unknown.
    """
    said = []
    if query.weight_share < LEAST_WEIGHT:
        said.append(
            f"genes that carry {query.weight_share:.0%} of the model's weight were found, "
            f"{LEAST_WEIGHT:.0%} or more are needed for labels as good as usual"
        )
    if usual.genes_detected > 0:
        times = query.genes_detected / usual.genes_detected
        if times * MOST_DEPTH < 1 or times > MOST_DEPTH:
            said.append(
                f"a cell has {query.genes_detected:.0f} of the model's genes detected (median), "
                f"in the reference {usual.genes_detected:.0f}: another depth or another modality"
            )
    if query.shift > usual.shift:
        said.append(
            "all cells are further from the reference than batch effects explain "
            f"(shift {query.shift:.1f}, usual up to {usual.shift:.1f}): another technology, tissue "
            "or modality, or a query of which most cells are of new types; 'unknown' is told from "
            "the query's other cells, not from the reference"
        )
    if query.confidence < usual.confidence - LEAST_CONFIDENCE:
        said.append(
            f"the mean confidence is {query.confidence:.2f}, {usual.confidence:.2f} on held-out "
            "cells of the reference"
        )
    if query.unknown > max(MOST_UNKNOWN, 2 * false_alarm):
        said.append(f"{query.unknown:.0%} of the cells are called unknown")
    return tuple(said)
