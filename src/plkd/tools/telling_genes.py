"""By which genes the types of an annotation were told, looked up in some cells of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plkd.model.annotator import CellAnnotator
from plkd.model.query import open_query
from plkd.tools.attributing import draw_evenly
from plkd.tools.attributions import attributions

if TYPE_CHECKING:
    from plkd.data.reading import ExpressionSource

N_GENES = 8
MOST_CELLS = 1500
CHUNK_SIZE = 4096
LABEL = "label"


def telling_genes(
    source: ExpressionSource,
    labels: NDArray[Any],
    model: CellAnnotator,
    *,
    n_genes: int = N_GENES,
    gene_key: str | None = None,
    expression: str | None = None,
    seed: int = 0,
) -> dict[str, tuple[str, ...]]:
    """Return the genes that speak most for each type in the cells that were named so.

    Parameters
    ----------
    source
        The cells.
    labels
        Their types, ``(n_cells,)``; what is none of the model's types is left out.
    model
        The model; its Student is asked.
    n_genes
        Genes of a type, at most.
    gene_key, expression
        As ``plkd.tl.annotate``.
    seed
        Decides which cells are read: 1,500 at most, evenly over the types as far as there are.

    Returns
    -------
    Names of genes by type, by mean absolute SHAP value, of those that speak for it and are higher
    in its cells than in others (:func:`plkd.tl.attributions`); nothing where fewer than two types
    are there to be told apart.

    Raises
    ------
    InputError, GeneMatchError
        As ``plkd.tl.annotate``.
    """
    import pandas as pd
    from anndata import AnnData

    places = {name: place for place, name in enumerate(model.classes_)}
    codes = np.array([places.get(str(label), -1) for label in labels], dtype=np.int64)
    if len(np.unique(codes[codes >= 0])) < 2:
        return {}
    drawn = draw_evenly(codes, MOST_CELLS, seed)
    query = open_query(source, model, gene_key=gene_key, expression=expression)
    named = np.array(model.classes_, dtype=object)[codes[drawn]]
    cells = AnnData(
        query.in_model_genes(drawn, chunk_size=CHUNK_SIZE),
        obs=pd.DataFrame({LABEL: named}, index=[str(cell) for cell in drawn]),
        var=pd.DataFrame(index=list(model.genes_.names)),
    )
    found = attributions(cells, model, labels_key=LABEL, expression="log1p", seed=seed)
    return found.top_genes(n_genes, markers=True)
