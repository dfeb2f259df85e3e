"""Whether two annotations of the same cells agree: those of two modalities, or of two models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plkd.data.gene_names import duplicated, examples
from plkd.errors import InputError
from plkd.keys import SlotNames
from plkd.metrics.agreement import label_agreement as of_arrays
from plkd.tools.annotating import UNKNOWN

if TYPE_CHECKING:
    from anndata import AnnData

    from plkd.metrics.agreement import LabelAgreement

PREDICTION_KEY = SlotNames().label


def label_agreement(
    rna: AnnData,
    atac: AnnData,
    *,
    rna_key: str = PREDICTION_KEY,
    atac_key: str = PREDICTION_KEY,
) -> LabelAgreement:
    """Say how far the labels of two modalities of the same cells agree; no truth is needed.

    Parameters
    ----------
    rna, atac
        Annotated AnnData, of RNA and of gene activity, or any two; their cells are matched by
        ``obs_names``, and cells of one alone are left out. None is changed.
    rna_key, atac_key
        Columns of ``obs`` with the labels; the default is what ``tl.annotate`` writes.

    Returns
    -------
    A ``plkd.metrics.LabelAgreement``: share of cells with the same label, Cohen's kappa, agreement
    on each type; ``n_left_out`` counts the cells of one alone, those without a label, and those
    that are "unknown" in either: they have no answer that could agree.

    Raises
    ------
    InputError
        A column is not there, a name stands twice, no cell is in both, or none has two labels.

    Notes
    -----
    Section 4.3 of the paper compares the annotations of RNA and ATAC of the same subjects. That
    they agree does not make them right.
    """
    labels = {
        "rna": _labels(rna, rna_key, "rna"),
        "atac": _labels(atac, atac_key, "atac"),
    }
    every = labels["rna"].index.union(labels["atac"].index)
    if len(every) == sum(map(len, labels.values())):
        raise InputError(
            "cells that are in both, by obs_names",
            f"{examples(list(rna.obs_names), 2)} in one, {examples(list(atac.obs_names), 2)} in "
            "the other",
            "give the same cells the same obs_names",
        )
    first, second = (each.reindex(every).to_numpy(dtype=object) for each in labels.values())
    return of_arrays(first, second)


def _labels(adata: Any, key: str, which: str) -> Any:
    """Return the label of each cell by its name, None where there is no answer."""
    import pandas as pd

    if key not in adata.obs:
        there = examples([str(name) for name in adata.obs.columns], 20) or "no column"
        raise InputError(
            f"a column {key!r} in obs of {which}",
            there,
            f"annotate it first, or pass its column as {which}_key",
        )
    twice = duplicated([str(name) for name in adata.obs_names])
    if twice:
        raise InputError(
            f"a name of its own for each cell of {which}, to match cells by",
            f"{examples(twice)} more than once",
            "make the names unique: adata.obs_names_make_unique()",
        )
    column = adata.obs[key]
    values = column.astype(object).to_numpy(copy=True)
    values[column.isna().to_numpy()] = None
    values[values == UNKNOWN] = None
    return pd.Series(values, index=adata.obs_names.astype(str), dtype=object)
