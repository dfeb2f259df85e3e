"""What ``plkd evaluate`` tells a person of confidence, sets and unknown cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plkd.cli.output import table

if TYPE_CHECKING:
    from plkd.metrics import TrustReport
    from plkd.metrics.trust_results import CalibrationReport, RejectionReport, SetCoverage

NEW_TYPES = 3


def trust_text(trust: TrustReport | None) -> str:
    """Say what confidence, sets and "unknown" are worth; nothing where none was measured."""
    if trust is None:
        return ""
    lines = _rejection(trust.rejection)
    if trust.best_label_accuracy is not None:
        lines.append(
            f"Best known type, unknown cells included: accuracy {trust.best_label_accuracy:.3f}."
        )
    parts = ["\n".join(lines)]
    if trust.calibration is not None:
        parts.append(_calibration(trust.calibration))
    if trust.sets:
        parts.append(_sets(trust.sets))
    return "\n\n".join(filter(None, parts))


def _rejection(found: RejectionReport) -> list[str]:
    lines = []
    if found.n_unknown:
        others = (
            "no cell has a type"
            if found.accuracy_of_named is None
            else f"accuracy of the others {found.accuracy_of_named:.3f}"
        )
        share = found.n_unknown / found.n_cells
        lines.append(f"Unknown: {_cells(found.n_unknown)} ({share:.1%}); {others}.")
    if found.new_types:
        shown = ", ".join(found.new_types[:NEW_TYPES])
        more = len(found.new_types) - NEW_TYPES
        said = [f"{found.unknown_of_new:.1%} are called unknown"]
        if found.unknown_of_known is not None:
            said.append(f"of all others {found.unknown_of_known:.1%}")
        if found.auroc is not None:
            said.append(f"AUROC of the novelty {found.auroc:.3f}")
        lines.append(
            f"Of types that the model lacks ({shown}{f' and {more} more' if more > 0 else ''}): "
            f"{_cells(found.n_new)}; {'; '.join(said)}."
        )
    return lines


def _calibration(found: CalibrationReport) -> str:
    head = (
        f"Confidence {found.mean_confidence:.3f} on average, accuracy {found.accuracy:.3f}: "
        f"expected calibration error {found.ece:.3f}\n"
        f"({found.adaptive_ece:.3f} in bins of equal numbers of cells), "
        f"Brier score {found.brier:.3f}."
    )
    rows = [
        (
            f"{each.n_cells:,}",
            f"{each.confidence:.3f}",
            f"{each.accuracy:.3f}",
            f"{each.low:.2f} to {each.high:.2f}",
        )
        for each in found.curve
        if each.confidence is not None and each.accuracy is not None
    ]
    return f"{head}\n{table(('cells', 'confidence', 'accuracy', 'between'), rows)}"


def _sets(sets: tuple[SetCoverage, ...]) -> str:
    rows = [
        (
            f"{each.n_cells:,}",
            f"{each.coverage:.3f}",
            f"{each.mean_size:.2f}",
            "all cells" if each.batch is None else each.batch,
        )
        for each in sets
    ]
    head = "Sets of types: how often they hold the true one, and how large they are:"
    return f"{head}\n{table(('cells', 'coverage', 'types', ''), rows)}"


def _cells(count: int) -> str:
    return f"{count:,} cell{'' if count == 1 else 's'}"
