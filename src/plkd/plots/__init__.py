"""Figures of an annotation: ``plkd.pl``.

In the habits of scanpy: ``show``, ``save``, ``ax`` or ``axes``, ``return_fig``. Nothing is written
into the AnnData.
"""

from __future__ import annotations

from plkd.plots.cell_map import embedding
from plkd.plots.heat_map import confusion
from plkd.plots.marker_ranking import marker_genes
from plkd.plots.network_drawing import gene_network
from plkd.plots.pattern_map import patterns
from plkd.plots.reliability_diagram import reliability
from plkd.plots.slice_map import spatial

__all__ = [
    "confusion",
    "embedding",
    "gene_network",
    "marker_genes",
    "patterns",
    "reliability",
    "spatial",
]
