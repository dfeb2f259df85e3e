"""The paper's overall score of a joint embedding, and its two halves."""

from __future__ import annotations

BIOLOGY_WEIGHT, BATCH_WEIGHT = 0.6, 0.4
"""The paper's weights of the overall score (section 3.2), GLUE's and scIB's."""


def biology_conservation(
    mean_average_precision: float, cell_type_asw: float, neighbor_conservation: float
) -> float:
    """Bring what is kept of biology to one number, in [0, 1].

    Parameters
    ----------
    mean_average_precision, cell_type_asw, neighbor_conservation
        Each in [0, 1].

    Returns
    -------
    Their mean.

    Notes
    -----
    Section 3.2 of the paper, after CoVEL and GLUE: (MAP + cell type ASW + NC) / 3.
    """
    return (mean_average_precision + cell_type_asw + neighbor_conservation) / 3


def batch_removal(
    seurat_alignment_score: float, omics_layer_asw: float, graph_connectivity: float
) -> float:
    """Bring what is removed of batches, or omics layers, to one number, in [0, 1].

    Parameters
    ----------
    seurat_alignment_score, omics_layer_asw, graph_connectivity
        Each in [0, 1].

    Returns
    -------
    Their mean.

    Notes
    -----
    Section 3.2 of the paper, after CoVEL and GLUE: (SAS + omics layer ASW + GC) / 3.
    """
    return (seurat_alignment_score + omics_layer_asw + graph_connectivity) / 3


def overall_score(biology_conservation: float, batch_removal: float) -> float:
    """Bring biology and batches to one number, in [0, 1], the former weighing more.

    Parameters
    ----------
    biology_conservation, batch_removal
        Each in [0, 1].

    Returns
    -------
    0.6 biology conservation + 0.4 batch removal.

    Notes
    -----
    Section 3.2 of the paper.
    """
    return BIOLOGY_WEIGHT * biology_conservation + BATCH_WEIGHT * batch_removal
