"""Figures of an annotation: ``plkd.pl``.

In the habits of scanpy: ``show``, ``save``, ``ax`` or ``axes``, ``return_fig``. Nothing is written
into the AnnData.
"""

from __future__ import annotations

from plkd.plots.cell_map import embedding
from plkd.plots.heat_map import confusion

__all__ = ["confusion", "embedding"]
