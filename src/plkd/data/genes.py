"""Genes of a query are matched to the genes of a model by name, never by position."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plkd.data.alignment import align, dense_align
from plkd.data.gene_names import (
    MISSING,
    are_positions,
    examples,
    is_ensembl,
    organism,
    without_version,
)
from plkd.data.reference_genes import GeneList, GeneMatch, gene_list, named_by, texts_of
from plkd.errors import GeneMatchError, InputError

__all__ = ["GeneList", "GeneMatch", "align", "dense_align", "gene_list", "match_genes"]

GOOD_SHARE = 0.8
"""A way to match that finds so many of the model's genes is taken without trying the next."""


@dataclass(frozen=True)
class _Candidate:
    """One way to read the query's genes: which names, against which of the model's."""

    how: str
    lookup: np.ndarray
    n_found: int


def match_genes(
    model: GeneList,
    names: Sequence[str],
    columns: Mapping[str, Any] | None = None,
    *,
    gene_key: str | None = None,
    weights: np.ndarray | None = None,
    min_share: float = 0.3,
    warn_share: float = 0.8,
    fold_case: bool | None = None,
) -> GeneMatch:
    """Find the model's genes in a query, whatever of symbols and Ensembl ids it uses.

    Parameters
    ----------
    model
        The model's genes.
    names
        ``var_names`` of the query, ``(n_query_genes,)``.
    columns
        Columns of the query's ``var`` that hold text, ``(n_query_genes,)`` each.
    gene_key
        The one column to match by; the default tries the names and then every column.
    weights
        Weight of each model gene, ``(n_model,)``, for ``weight_share``.
    min_share
        A smaller share of the model's genes is refused.
    warn_share
        A smaller share is warned about.
    fold_case
        True ignores upper and lower case, and with that matches man's and mouse's symbols; False
        never does; the default does where that finds more and the organism is not another.

    Returns
    -------
    The way that was found best: the first of exact names, Ensembl ids without version, columns of
    ``var``, names with case folded that finds eight in ten, or else the one that finds most.

    Raises
    ------
    InputError
        The query has no genes, or no column ``gene_key``.
    GeneMatchError
        Too few of the model's genes are in the query, or it is of another organism.

    Warns
    -----
    UserWarning
        Fewer than ``warn_share`` of the model's genes are in the query, its Ensembl ids are of
        another organism although its symbols match, or genes are matched by their position.
    """
    given = texts_of(names)
    texts = {key: texts_of(values) for key, values in (columns or {}).items()}
    if not given:
        raise InputError("genes in the query", "none", "pass a query with at least one gene")
    if gene_key is not None and gene_key not in texts:
        raise InputError(
            f"a column {gene_key!r} of text in var",
            f"columns {examples(sorted(texts))}" if texts else "no column of text",
            "name one of these as gene_key, or leave it out to match by var_names",
        )
    fields = {"var_names": given} | {f"var[{key!r}]": text for key, text in texts.items()}
    asked = fields if gene_key is None else {f"var[{gene_key!r}]": texts[gene_key]}
    best = _best(_candidates(model, asked, folds=_folds(fold_case)), model)
    exact = _best(_candidates(model, asked, folds=(False,)), model)
    if fold_case is not True and exact.n_found < min_share * len(model):
        taken = [own for field, own in asked.items() if best.how.startswith(field)]
        known = [own for own in asked.values() if is_ensembl(own)]
        for read in (next(iter(asked.values())), *taken, *known):
            _refuse_other_organism(model, read)
    if best.n_found < min_share * len(model) or best.n_found == 0:
        raise _too_few(model, asked, fields, best, min_share)
    _warn_of_positions(model, given, best)
    if gene_key is None:
        _warn_of_other_organism(model, fields)
    else:
        named = {f"var[{gene_key!r}]": _named_as_fitted(model, given, texts, gene_key)}
        best = _best(_candidates(model, named, folds=_folds(fold_case)), model)
    match = _finish(model, best, weights)
    if match.share < warn_share:
        warnings.warn(
            f"the query has {match.n_found} of the model's {match.n_model} genes "
            f"({match.share:.0%}, by {match.how}); missing are {examples(match.missing)}: "
            "labels may be less sure",
            UserWarning,
            stacklevel=2,
        )
    return match


def _named_as_fitted(
    model: GeneList, given: list[str], texts: dict[str, list[str]], gene_key: str
) -> list[str]:
    """Return a name for each gene, where ``gene_key`` has none or one that stands twice.

    A reference's own genes keep the names that they were fitted by. The genes of another organism
    that share an ortholog stay alike, and are summed.
    """
    named, others = named_by(given, texts, gene_key)
    ids = [names for names in (model.ids or (), model.names) if is_ensembl(names)]
    there = organism(next(iter(ids), model.names))
    found = {organism(own) for own in others.values() if is_ensembl(own)} or {organism(given)}
    if there is None or None in found or there in found:
        return named
    known = set(model.names)
    return [own if own in known else name for own, name in zip(named, texts[gene_key], strict=True)]


def _candidates(
    model: GeneList, fields: Mapping[str, list[str]], *, folds: tuple[bool, ...]
) -> Iterator[_Candidate]:
    """Yield every way to read the genes, the plainest first."""
    for fold in folds:
        by_name = _positions(model.names, fold)
        by_id = _positions(model.ids, fold) if model.ids is not None else {}
        note = ", case folded" if fold else ""
        for how, texts in fields.items():
            yield _candidate(how + note, texts, by_name, fold)
            bare = [without_version(text) for text in texts]
            if bare != texts:
                yield _candidate(f"{how} without version{note}", bare, by_name, fold)
            if by_id and is_ensembl(texts[:1000]):
                yield _candidate(f"{how}, Ensembl ids{note}", bare, by_id, fold)


def _candidate(
    how: str, texts: Sequence[str], positions: Mapping[str, int], fold: bool
) -> _Candidate:
    keys = (text.casefold() for text in texts) if fold else iter(texts)
    lookup = np.fromiter((positions.get(key, -1) for key in keys), np.int32, len(texts))
    return _Candidate(how, lookup, len(np.unique(lookup[lookup >= 0])))


def _best(candidates: Iterable[_Candidate], model: GeneList) -> _Candidate:
    best: _Candidate | None = None
    for candidate in candidates:
        if candidate.n_found >= GOOD_SHARE * len(model):
            return candidate
        if best is None or candidate.n_found > best.n_found:
            best = candidate
    return best or _Candidate("var_names", np.zeros(0, np.int32), 0)


def _positions(names: Sequence[str], fold: bool) -> dict[str, int]:
    """Return the column of each name; names that become alike when folded are left out."""
    keys = [name.casefold() for name in names] if fold else list(names)
    alike = {key for key, count in Counter(keys).items() if count > 1} if fold else set()
    positions: dict[str, int] = {}
    for i, key in enumerate(keys):
        if key not in MISSING and key not in alike:
            positions.setdefault(key, i)
    return positions


def _finish(model: GeneList, best: _Candidate, weights: np.ndarray | None) -> GeneMatch:
    hits = np.bincount(best.lookup[best.lookup >= 0], minlength=len(model))
    found = hits > 0
    share = float(found.mean())
    weight_share = share
    if weights is not None and float(np.sum(weights)) > 0.0:
        weight_share = float(np.sum(np.asarray(weights)[found]) / np.sum(weights))
    return GeneMatch(
        lookup=best.lookup,
        n_model=len(model),
        n_found=int(found.sum()),
        share=share,
        weight_share=weight_share,
        how=best.how,
        missing=tuple(model.names[i] for i in np.flatnonzero(~found)),
        summed=tuple(model.names[i] for i in np.flatnonzero(hits > 1)),
    )


def _folds(fold_case: bool | None) -> tuple[bool, ...]:
    return (False,) if fold_case is False else (False, True)


def _refuse_other_organism(model: GeneList, texts: Sequence[str]) -> None:
    kind, asked = is_ensembl(texts), organism(texts)
    alike = [names for names in (model.names, model.ids or ()) if is_ensembl(names) == kind]
    there = organism(alike[0]) if alike else None
    if asked is None or there is None or asked == there:
        return
    raise GeneMatchError(
        f"{there} genes, as the model has ({examples(model.names)})",
        f"{asked} genes ({examples(texts)})",
        f"use a model of {asked} cells, or name a var column of {there} orthologs as gene_key",
    )


def _warn_of_other_organism(model: GeneList, fields: Mapping[str, list[str]]) -> None:
    """Warn where symbols match that several organisms share, and Ensembl ids tell them apart."""
    known = (organism(names) for names in (model.ids or (), model.names) if is_ensembl(names))
    there = next(known, None)
    found = [organism(texts) for texts in fields.values() if is_ensembl(texts)]
    if there is None or not found or there in found or found[0] is None:
        return
    warnings.warn(
        f"the query's Ensembl ids are of {found[0]} genes, the model's of {there}; symbols match, "
        "but labels may be less sure",
        UserWarning,
        stacklevel=3,
    )


def _warn_of_positions(model: GeneList, given: Sequence[str], best: _Candidate) -> None:
    if best.how == "var_names" and are_positions(given) and are_positions(model.names):
        warnings.warn(
            f"the genes of model and query have numbers for names ({examples(given)}) and are "
            "matched by these: give the genes of the reference their names and train anew",
            UserWarning,
            stacklevel=3,
        )


def _too_few(
    model: GeneList,
    asked: Mapping[str, list[str]],
    fields: Mapping[str, list[str]],
    best: _Candidate,
    min_share: float,
) -> GeneMatchError:
    tried, texts = next(iter(asked.items()))
    found = (
        f"{best.n_found} of {len(model)} ({best.n_found / max(len(model), 1):.1%}, by {best.how}); "
        f"the model's are {examples(model.names)}, the query's in {tried} {examples(texts)}"
    )
    mend = "name the var column that holds such names as gene_key, or train on shared genes"
    others = {how: text for how, text in fields.items() if how not in asked}
    if others:
        better = _best(_candidates(model, others, folds=(False, True)), model)
        if better.n_found > best.n_found:
            how = better.how.split(",")[0].removesuffix(" without version")
            use = "leave gene_key out" if how == "var_names" else f"pass gene_key for {how}"
            mend = f"{use}, which would find {better.n_found}"
    return GeneMatchError(
        f"at least {min_share:.0%} of the model's {len(model)} genes in the query", found, mend
    )
