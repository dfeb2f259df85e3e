"""The genes of a reference, and where each gene of a query stands among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plkd.data.gene_names import (
    MISSING,
    are_positions,
    duplicated,
    examples,
    is_ensembl,
    without_version,
)
from plkd.errors import InputError

ID_COLUMNS = ("gene_ids", "gene_id", "ensembl_id", "ensembl", "ensembl_ids", "feature_id")
SYMBOL_COLUMNS = ("gene_symbols", "gene_symbol", "gene_name", "gene_names", "feature_name")


@dataclass(frozen=True)
class GeneList:
    """The genes of a reference, in order.

    Parameters
    ----------
    names
        One name a gene, each once: symbols where there are any.
    ids
        Ensembl ids without version, one a gene; None where the reference had none.
    """

    names: tuple[str, ...]
    ids: tuple[str, ...] | None = None

    def __len__(self) -> int:
        """Return the number of genes."""
        return len(self.names)

    def take(self, index: Iterable[int]) -> GeneList:
        """Choose genes by position.

        Parameters
        ----------
        index
            Positions, in the order wanted.

        Returns
        -------
        The genes at these positions.
        """
        chosen = [int(i) for i in index]
        ids = None if self.ids is None else tuple(self.ids[i] for i in chosen)
        return GeneList(tuple(self.names[i] for i in chosen), ids)


@dataclass(frozen=True)
class GeneMatch:
    """Where each gene of a query stands in a model.

    Parameters
    ----------
    lookup
        ``(n_query_genes,)`` int32: column of the model, -1 for a gene the model does not use.
    n_model
        Number of the model's genes.
    n_found
        Number of the model's genes that the query has.
    share
        ``n_found / n_model``, in [0, 1].
    weight_share
        Share of the model's weight that the found genes carry, in [0, 1].
    how
        What was matched, for instance ``"var_names"`` or ``"var['gene_ids'], case folded"``.
    missing
        The model's genes that the query lacks; they are filled with zeros.
    summed
        The model's genes that several query columns name; these are summed.
    """

    lookup: np.ndarray
    n_model: int
    n_found: int
    share: float
    weight_share: float
    how: str
    missing: tuple[str, ...]
    summed: tuple[str, ...]

    @property
    def is_identity(self) -> bool:
        """The query's columns are the model's genes, in order."""
        return len(self.lookup) == self.n_model and bool(
            np.array_equal(self.lookup, np.arange(self.n_model))
        )


def gene_list(
    names: Sequence[str],
    columns: Mapping[str, Any] | None = None,
    *,
    gene_key: str | None = None,
    duplicates: str = "error",
) -> GeneList:
    """Return the genes of a reference by symbol and, where known, by Ensembl id.

    Parameters
    ----------
    names
        ``var_names`` of the reference, ``(n_genes,)``.
    columns
        Columns of ``var`` that hold text, ``(n_genes,)`` each.
    gene_key
        The column with the genes' names, in place of ``names``.
    duplicates
        ``"error"`` refuses a name that stands twice; ``"sum"`` keeps it once, and matching the
        reference to the list sums its columns.

    Returns
    -------
    One entry a gene; with ``duplicates="sum"`` one entry a name. Where the names are Ensembl ids
    and a column has symbols, the names are symbols; an id stays the name of a gene without a symbol
    or with a symbol that another gene has already. So does an entry of ``names`` with ``gene_key``.
    Names that are mere positions ("0", "1", ...) count for none: ids or symbols stand for them.

    Raises
    ------
    InputError
        There is no gene, a name stands twice, there is no column ``gene_key``, or the names are
        positions and no column has others.
    """
    given = texts_of(names)
    if not given:
        raise InputError("genes in the reference", "none", "pass data with at least one gene")
    texts = {key: texts_of(values) for key, values in (columns or {}).items()}
    given, texts = named_by(given, texts, gene_key)
    twice = duplicated(given)
    if twice and duplicates != "sum":
        raise InputError(
            "each gene name once in the reference",
            f"{len(twice)} duplicated name(s): {examples(twice)}",
            "make them unique with adata.var_names_make_unique(), or sum their columns",
        )
    ids = _find_ids(given, texts)
    symbols = _find_symbols(given, texts) if is_ensembl(given) else given
    first = sorted({name: i for i, name in reversed(list(enumerate(given)))}.values())
    kept = _own_names([symbols[i] for i in first], [given[i] for i in first])
    return GeneList(tuple(kept), None if ids is None else tuple(ids[i] for i in first))


def named_by(
    given: list[str], texts: dict[str, list[str]], gene_key: str | None
) -> tuple[list[str], dict[str, list[str]]]:
    """Name the genes of a table as a reference's are named.

    Parameters
    ----------
    given
        ``var_names``.
    texts
        Columns of ``var`` that hold text.
    gene_key
        The column with the genes' names, in place of ``given``.

    Returns
    -------
    The names that were asked for, or that stand for positions, and the other columns.

    Raises
    ------
    InputError
        There is no column ``gene_key``, or the names are positions and no column has others.
    """
    if gene_key is not None and gene_key not in texts:
        raise InputError(
            f"a text column {gene_key!r} in var of the reference (gene_key)",
            f"the text columns {', '.join(texts) or 'none at all'}",
            "pass gene_key with one of these, or leave it out to use var_names",
        )
    own = given
    if are_positions(given):
        own = _instead_of_positions(given, texts, needed=gene_key is None)
    if gene_key is None:
        return own, texts
    others = {key: values for key, values in texts.items() if key != gene_key}
    return _own_names(texts[gene_key], own), {"var_names": given, **others}


def _instead_of_positions(
    positions: list[str], texts: Mapping[str, list[str]], *, needed: bool
) -> list[str]:
    """Return ids, or else symbols; a position stays where a gene has none."""
    names = _find_ids(positions, texts) or _symbol_column(texts)
    if names is not None:
        return _own_names(names, positions)
    if not needed:
        return positions
    raise InputError(
        "names of genes in var_names of the reference",
        f"numbers, which say nothing of a gene ({examples(positions)}), and the text columns "
        f"{', '.join(texts) or 'none at all'}",
        "pass gene_key with the column of var that names the genes, or set var_names",
    )


def _own_names(wanted: Sequence[str], ids: Sequence[str]) -> list[str]:
    """Return the wanted name of each gene, its id where it has none or another gene has it."""
    used: set[str] = set()
    kept: list[str] = []
    for name, own in zip(wanted, ids, strict=True):
        name = name if name not in MISSING and name not in used else without_version(own)
        name = own if name in used else name
        used.add(name)
        kept.append(name)
    return kept


def _find_ids(names: list[str], columns: Mapping[str, list[str]]) -> list[str] | None:
    known = [columns[key] for key in ID_COLUMNS if key in columns]
    for texts in (names, *known, *columns.values()):
        if is_ensembl(texts):
            return ["" if text in MISSING else without_version(text) for text in texts]
    return None


def _find_symbols(names: list[str], columns: Mapping[str, list[str]]) -> list[str]:
    return _symbol_column(columns) or [without_version(name) for name in names]


def _symbol_column(columns: Mapping[str, list[str]]) -> list[str] | None:
    for key in SYMBOL_COLUMNS:
        if key in columns and not is_ensembl(columns[key]):
            return columns[key]
    return None


def texts_of(values: Any) -> list[str]:
    """Return text for every value, ``""`` for a missing one."""
    return ["" if value is None or value != value else str(value) for value in values]
