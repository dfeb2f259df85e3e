"""Marker genes as a table that can be drawn, wherever they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plkd.errors import InputError
from plkd.plots.chosen_types import listed

if TYPE_CHECKING:
    from pandas import DataFrame

    from plkd.tools.gene_attributions import GeneAttributions

NEEDED = ("cell_type", "gene", "rank", "shap", "in_teacher", "in_student")
SHARES = ("detected_in", "detected_out")


def marker_table(markers: object, n_genes: int) -> DataFrame:
    """Bring marker genes into a table of the first genes of each type.

    Parameters
    ----------
    markers
        What ``plkd.tl.marker_genes`` or ``plkd.tl.attributions`` returned, or a table with the
        columns of ``markers.csv``.
    n_genes
        Genes of a type, at most.

    Returns
    -------
    A new table with the columns ``NEEDED`` and, where they are there, ``SHARES``; types in the
    order in which they come, genes in the order of their ranks.

    Raises
    ------
    InputError
        ``markers`` is something else, has no rows or lacks a column; a value is missing or out of
        its range; ``n_genes`` is below 1.
    """
    import pandas as pd

    if n_genes < 1:
        raise InputError("n_genes of 1 or more", f"{n_genes}", "leave it out")
    table = markers if isinstance(markers, pd.DataFrame) else _as_frame(markers, n_genes)
    _check_columns(table)
    shares = [name for name in SHARES if name in table.columns]
    table = table[[*NEEDED, *(shares if len(shares) == len(SHARES) else ())]].copy()
    _check_values(table)
    table[["cell_type", "gene"]] = table[["cell_type", "gene"]].astype(str)
    table[["in_teacher", "in_student"]] = table[["in_teacher", "in_student"]].astype(bool)
    order = {name: place for place, name in enumerate(pd.unique(table["cell_type"]))}
    place = table["cell_type"].map(order)
    table = table.iloc[np.lexsort((table["rank"], place))]
    return table.groupby("cell_type", sort=False).head(n_genes).reset_index(drop=True)


def _as_frame(markers: object, n_genes: int) -> DataFrame:
    from plkd.tools.gene_attributions import GeneAttributions
    from plkd.tools.marker_results import MarkerGenes

    if isinstance(markers, MarkerGenes):
        return markers.to_frame()
    if isinstance(markers, GeneAttributions):
        return _of_student(markers, n_genes)
    raise InputError(
        expected="what plkd.tl.marker_genes or plkd.tl.attributions returned, or a table",
        found=f"a {type(markers).__name__}",
        mend="pass one of these; of a markers.csv what pandas.read_csv returns",
    )


def _of_student(values: GeneAttributions, n_genes: int) -> DataFrame:
    """Rank genes by the Student alone."""
    import pandas as pd

    rankings = {
        name: values.ranking(name, n_genes)["mean_abs"]
        for name, n_cells in zip(values.types, values.n_cells, strict=True)
        if n_cells
    }
    rows = [
        (name, gene, rank, shap, False, True)
        for name, ranking in rankings.items()
        for rank, (gene, shap) in enumerate(ranking.items(), start=1)
    ]
    return pd.DataFrame(rows, columns=list(NEEDED))


def _check_columns(table: DataFrame) -> None:
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise InputError(
            expected=f"a table with the columns {', '.join(NEEDED)}",
            found=f"no {listed(missing)} among {listed(list(table.columns)) or 'no columns'}",
            mend="pass what plkd.tl.marker_genes returned, or its to_frame()",
        )
    if table.empty:
        raise InputError("a table with marker genes", "no rows", "pass one that names some")


def _check_values(table: DataFrame) -> None:
    for name in ("cell_type", "gene"):
        if table[name].isna().any():
            rows = [str(row) for row in table.index[table[name].isna()]]
            raise InputError(
                f"a {name} in each row", f"none in row(s) {listed(rows)}", "name it, or drop them"
            )
    for name, most in (("rank", np.inf), ("shap", np.inf), *((name, 1.0) for name in SHARES)):
        if name in table.columns:
            _check_range(table, name, most)
    for name in ("in_teacher", "in_student"):
        strange = table.loc[~table[name].isin([True, False]), name]
        if len(strange):
            raise InputError(
                f"True or False in the column {name}",
                listed(list(dict.fromkeys(strange.tolist()))),
                "write them as pandas.DataFrame.to_csv does",
            )


def _check_range(table: DataFrame, name: str, most: float) -> None:
    import pandas as pd

    values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & (values >= 0) & (values <= most))
    if bad.any():
        genes = listed(list(dict.fromkeys(table.loc[bad, "gene"].astype(str))))
        upper = "1" if np.isfinite(most) else "infinity"
        raise InputError(
            expected=f"numbers from 0 to {upper} in the column {name}",
            found=f"{listed(table.loc[bad, name].tolist())} for {genes}",
            mend="drop these genes, or compute the markers anew",
        )
