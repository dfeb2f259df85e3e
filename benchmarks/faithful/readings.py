"""What a fitted model says of its reference, read once for all parts, and its rankings of genes.

====================  =============================================================================
shap                  genes that speak for the type by being expressed, by mean |SHAP| over its
                      cells (``ranking(type, markers=True)``); then the other genes by mean SHAP
shap, signed          all genes by mean SHAP
consensus             ``plkd.tl.marker_genes``: first what Teacher and Student both name
attention             the Teacher alone: each of the type's ten patterns hands the attention that
                      the type pays to it (rollout) out among its genes, by their positive weights
====================  =============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from faithful.offered import Offered, Orders, by_score, offered
from predictions import LABELS

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd import CellAnnotator
    from plkd.tools.gene_attributions import GeneAttributions
    from plkd.tools.marker_results import MarkerGenes
    from plkd.tools.pattern_results import Patterns


@dataclass(eq=False)
class Reading:
    """A model and its reference; everything else is computed when it is first asked for."""

    model: CellAnnotator
    reference: AnnData

    @cached_property
    def cells(self) -> Offered:
        """The reference in the model's genes."""
        return offered(self.reference, LABELS, self.model)

    @cached_property
    def markers(self) -> MarkerGenes:
        """Markers of the labelled types; SHAP values and patterns come with them."""
        import plkd

        return plkd.tl.marker_genes(self.reference, self.model, labels_key=LABELS)

    @cached_property
    def attributions(self) -> GeneAttributions:
        """SHAP values of the labelled types."""
        import plkd

        if "markers" in vars(self):
            return self.markers.attributions
        return plkd.tl.attributions(self.reference, self.model, labels_key=LABELS)

    @cached_property
    def patterns(self) -> Patterns:
        """Patterns of the labelled types."""
        import plkd

        if "markers" in vars(self):
            return self.markers.patterns
        return plkd.tl.patterns(self.reference, self.model, labels_key=LABELS)

    def orders(self) -> dict[str, list[Orders]]:
        """Return the rankings of all genes that the model gives, a list of orders for each."""
        found, types = self.attributions, self.model.classes_
        markers = (found.mean > 0) & (found.difference > 0)
        top = np.nan_to_num(found.mean_abs).max() + np.nan_to_num(np.abs(found.mean)).max() + 1
        return {
            "shap": [by_score(np.where(markers, found.mean_abs + top, found.mean), types)],
            "shap, signed": [by_score(found.mean, types)],
            "attention": [by_score(attended(self.patterns, types), types)],
        }


def attended(found: Patterns, types: tuple[str, ...]) -> np.ndarray:
    """Return the attention that each type's patterns bring to each gene, ``(n_types, n_genes)``."""
    positive = np.maximum(np.where(found.held, found.gene_weights, 0), 0)
    total = positive.sum(0)
    share = np.divide(positive, total, out=np.zeros_like(positive), where=total > 0)
    scores = np.zeros((len(types), len(found.gene_names)))
    for row, name in enumerate(types):
        if name not in found.cell_types:
            continue
        attention = found.rollout_of_type[found.cell_types.index(name)]
        chosen = [found.pattern_names.index(one.pattern) for one in found.of_type(name)]
        scores[row] = share[:, chosen] @ attention[chosen]
    return scores
