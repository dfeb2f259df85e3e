"""What the measures of trust hand back: frozen records, ready to be printed or written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ReliabilityBin:
    """Cells of about one confidence.

    Attributes
    ----------
    low, high
        Ends of the bin, in [0, 1]; the upper one belongs to it.
    n_cells
        Number of cells in it.
    confidence, accuracy
        Their mean confidence and the share of right answers, in [0, 1]; None without cells.
    """

    low: float
    high: float
    n_cells: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class CalibrationReport:
    """Whether a confidence is the probability that the answer is right.

    Attributes
    ----------
    n_cells
        Number of cells that were measured.
    mean_confidence, accuracy
        Over all of them, in [0, 1].
    ece
        Expected calibration error over 15 bins of equal width, in [0, 1].
    adaptive_ece
        The same over 15 bins of equal numbers of cells.
    brier
        Brier score, in [0, 1].
    curve
        The bins of equal width, from low to high.
    """

    n_cells: int
    mean_confidence: float
    accuracy: float
    ece: float
    adaptive_ece: float
    brier: float
    curve: tuple[ReliabilityBin, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain numbers, ready for JSON.

        Returns
        -------
        The attributes by name; ``curve`` is a list of dictionaries.
        """
        return {**asdict(self), "curve": [asdict(each) for each in self.curve]}


@dataclass(frozen=True)
class SetCoverage:
    """How often the sets of types of some cells hold the true one, and how large they are.

    Attributes
    ----------
    batch
        The batch that the cells are of; None for all cells.
    n_cells
        Number of cells with a true type that were annotated.
    coverage
        Share of them whose set holds it, in [0, 1].
    mean_size
        Types in a set, on average.
    """

    batch: str | None
    n_cells: int
    coverage: float
    mean_size: float


@dataclass(frozen=True)
class RejectionReport:
    """What it is worth to call some cells unknown.

    Attributes
    ----------
    n_cells
        Number of cells with a true type.
    n_unknown
        Number of them called unknown.
    accuracy_of_named
        Share of right labels among the others that were annotated, in [0, 1]; None without any.
    new_types
        True types that the model does not know; None where it is not said which it knows.
    n_new
        Number of cells of these types.
    unknown_of_new, unknown_of_known
        Share of the cells of new and of known types that are called unknown, in [0, 1]; None
        without such cells.
    auroc
        Probability that a cell of a new type has a higher novelty than one of a known type, in
        [0, 1]; None without a novelty, or without cells of both.
    """

    n_cells: int
    n_unknown: int
    accuracy_of_named: float | None
    new_types: tuple[str, ...] | None
    n_new: int
    unknown_of_new: float | None
    unknown_of_known: float | None
    auroc: float | None

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain numbers, ready for JSON.

        Returns
        -------
        The attributes by name; ``new_types`` is a list.
        """
        types = None if self.new_types is None else list(self.new_types)
        return {**asdict(self), "new_types": types}


@dataclass(frozen=True)
class HierarchicalScores:
    """Scores in which a near miss counts for what it shares with the truth.

    Attributes
    ----------
    n_cells
        Number of cells with a true type.
    precision
        Share of what was said that is true, in [0, 1].
    recall
        Share of the truth that was said, in [0, 1].
    f1
        Harmonic mean of both, in [0, 1].
    """

    n_cells: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class TrustReport:
    """Whether an annotation can be trusted: what its confidence, its sets and "unknown" are worth.

    Attributes
    ----------
    rejection
        Cells called unknown.
    best_label_accuracy
        Share of the annotated cells whose best known type is the true one, unknown ones too, in
        [0, 1]; None where it was not written.
    calibration
        Confidence against accuracy, of the cells that are not called unknown; None without a
        confidence or such cells.
    sets
        Coverage over all cells, then by batch where batches were named; empty without sets.
    """

    rejection: RejectionReport
    best_label_accuracy: float | None
    calibration: CalibrationReport | None
    sets: tuple[SetCoverage, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain numbers, ready for JSON.

        Returns
        -------
        The attributes by name, each as plain numbers, lists and dictionaries.
        """
        return {
            "rejection": self.rejection.as_dict(),
            "best_label_accuracy": self.best_label_accuracy,
            "calibration": None if self.calibration is None else self.calibration.as_dict(),
            "sets": [asdict(each) for each in self.sets],
        }
