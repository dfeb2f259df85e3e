"""Genes alone: what else was measured of a cell is neither a gene nor a part of its total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from plkd.data.gene_names import MISSING
from plkd.errors import InputError

COLUMN = "feature_types"
GENES = frozenset({"gene expression", "gex"})
"""What genes are called in that column, in small letters."""


def refuse_other_features(columns: Mapping[str, Sequence[str]], slot: str) -> None:
    """Refuse data in which genes stand beside antibodies, peaks or guides.

    Parameters
    ----------
    columns
        Columns of ``var`` that hold text, ``(n_genes,)`` each.
    slot
        What the matrix is called in an error.

    Raises
    ------
    InputError
        ``var['feature_types']`` names genes and something else. One kind alone is taken, and a
        missing kind is none, as text ("nan") too.
    """
    kinds = Counter(kind for kind in columns.get(COLUMN, ()) if kind not in MISSING)
    genes = [kind for kind in kinds if kind.casefold() in GENES]
    if not genes or len(genes) == len(kinds):
        return
    which = f"var[{COLUMN!r}] == {genes[0]!r}"
    mend = f"adata[:, adata.{which}].copy()"
    if slot == "raw.X":
        mend = f"raw = adata.raw.to_adata(), then raw[:, raw.{which}].copy() without use_raw"
    raise InputError(
        f"genes alone in {slot}",
        f"var[{COLUMN!r}] with {', '.join(f'{kind!r} ({n})' for kind, n in kinds.items())}",
        f"take the genes: {mend}",
    )
