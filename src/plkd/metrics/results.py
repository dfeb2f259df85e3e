"""What the measures hand back: frozen records, ready to be printed or written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from plkd.metrics.trust_results import HierarchicalScores, TrustReport


@dataclass(frozen=True)
class TypeScore:
    """Scores of one cell type.

    Attributes
    ----------
    type
        Name of the type.
    precision
        Share of the cells predicted as this type that are of it, in [0, 1]; 0 when no cell was.
    recall
        Share of this type's cells that were predicted as it, in [0, 1].
    f1
        Harmonic mean of precision and recall, in [0, 1].
    support
        Number of cells of this type in the truth.
    """

    type: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class AbundanceGroup:
    """Mean scores over the cell types of one range of abundance.

    Attributes
    ----------
    name
        Range of cells per type, such as ``"<1000"``.
    n_types
        Number of types in the range.
    n_cells
        Number of cells of these types.
    precision
        Mean over the types, in [0, 1]; None for a range without types.
    recall
        Likewise.
    f1
        Likewise.
    """

    name: str
    n_types: int
    n_cells: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """Every measure of one annotation against its truth.

    Attributes
    ----------
    n_cells
        Number of cells with a truth: those that are scored.
    n_unlabelled
        Number of cells without a truth, which were left out.
    n_no_prediction
        Number of scored cells without a prediction, which count as wrong.
    accuracy
        Share of scored cells whose prediction is right, in [0, 1].
    macro_f1
        Mean F1 over the types present in the truth, in [0, 1].
    per_type
        Scores of each type present in the truth, sorted by name.
    abundance
        Mean scores of the types, grouped by how many cells they have.
    labels
        Names of the rows and columns of ``confusion``: types of the truth and of the predictions.
    confusion
        Numbers of cells, int64 ``(n_labels, n_labels)``; rows are the truth, columns predictions.
    trust
        What confidence, sets and "unknown" are worth; None where only labels were compared.
    hierarchical
        Scores in which a near miss counts; None without a hierarchy.
    """

    n_cells: int
    n_unlabelled: int
    n_no_prediction: int
    accuracy: float
    macro_f1: float
    per_type: tuple[TypeScore, ...]
    abundance: tuple[AbundanceGroup, ...]
    labels: tuple[str, ...]
    confusion: np.ndarray
    trust: TrustReport | None = None
    hierarchical: HierarchicalScores | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain numbers, strings, lists and dictionaries, ready for JSON.

        Returns
        -------
        The attributes by name; ``confusion`` is a dictionary with ``labels`` and ``counts``
        (a list of rows).
        """
        return {
            "n_cells": self.n_cells,
            "n_unlabelled": self.n_unlabelled,
            "n_no_prediction": self.n_no_prediction,
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "per_type": [asdict(score) for score in self.per_type],
            "abundance": [asdict(group) for group in self.abundance],
            "confusion": {"labels": list(self.labels), "counts": self.confusion.tolist()},
            "trust": None if self.trust is None else self.trust.as_dict(),
            "hierarchical": None if self.hierarchical is None else asdict(self.hierarchical),
        }


@dataclass(frozen=True)
class IntegrationReport:
    """Every measure of one joint embedding that its input allows; the others are None.

    Attributes
    ----------
    n_cells
        Number of cells that were measured.
    n_unlabelled
        Number of cells without a type, which were left out.
    n_not_drawn
        Number of cells with a type that ``max_cells`` left out.
    n_types
        Number of cell types.
    n_batches
        Number of batches, or omics layers; 0 where none were passed.
    mean_average_precision
        MAP, in [0, 1].
    cell_type_asw
        Silhouette width of the types, brought to [0, 1].
    neighbor_conservation
        NC, in [0, 1]; None without ``original``.
    seurat_alignment_score
        SAS, in [0, 1]; None without batches, or where one has no more measured cells than count as
        near.
    omics_layer_asw
        One minus the silhouette width of the batches within types, in [0, 1]; None without
        batches, or where no type has two.
    graph_connectivity
        GC, in (0, 1].
    biology_conservation
        Mean of MAP, cell type ASW and NC, in [0, 1]; None where one of them is.
    batch_removal
        Mean of SAS, omics layer ASW and GC, in [0, 1]; None where one of them is.
    overall
        0.6 biology conservation + 0.4 batch removal, in [0, 1]; None where one of them is.
    kbet
        Acceptance rate of kBET, in [0, 1]; None without batches.
    kbet_per_type
        The same within types, in [0, 1]; None without batches, or where no type has 20 cells in
        two of them.
    ari, nmi
        Agreement of clusters with the types, in [-0.5, 1] and [0, 1].
    """

    n_cells: int
    n_unlabelled: int
    n_not_drawn: int
    n_types: int
    n_batches: int
    mean_average_precision: float
    cell_type_asw: float
    neighbor_conservation: float | None
    seurat_alignment_score: float | None
    omics_layer_asw: float | None
    graph_connectivity: float
    biology_conservation: float | None
    batch_removal: float | None
    overall: float | None
    kbet: float | None
    kbet_per_type: float | None
    ari: float
    nmi: float

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain numbers, ready for JSON.

        Returns
        -------
        The attributes by name.
        """
        return asdict(self)
