"""Gene sets from a GMT file, and which genes of a model each pattern may hear."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plkd.data.gene_names import duplicated, examples, is_ensembl, organism
from plkd.errors import InputError


@dataclass(frozen=True)
class GeneSets:
    """Named sets of genes.

    Parameters
    ----------
    names
        One name a set, each once.
    genes
        The genes of each set, each once, in the order of the file.
    source
        Where the sets come from.
    """

    names: tuple[str, ...]
    genes: tuple[tuple[str, ...], ...]
    source: str = ""

    def __len__(self) -> int:
        """Return the number of sets."""
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield name and genes of each set."""
        return iter(zip(self.names, self.genes, strict=True))


@dataclass(frozen=True)
class PatternMask:
    """Which genes each pattern hears; free patterns hear all and stand last.

    Parameters
    ----------
    pattern_names
        One name a pattern, ``(n_patterns,)``.
    pattern_index, gene_index
        The pairs of masked pattern and gene, ``(n_pairs,)`` int64 each, sorted by pattern, then
        gene. Free patterns have no pairs.
    n_patterns
        Number of patterns, masked and free.
    n_genes
        Number of the model's genes.
    n_free
        Number of free patterns.
    """

    pattern_names: tuple[str, ...]
    pattern_index: np.ndarray
    gene_index: np.ndarray
    n_patterns: int
    n_genes: int
    n_free: int

    def dense(self) -> np.ndarray:
        """Write the mask out.

        Returns
        -------
        ``(n_genes, n_patterns)`` bool, True where a pattern hears a gene.
        """
        mask = np.zeros((self.n_genes, self.n_patterns), dtype=bool)
        mask[self.gene_index, self.pattern_index] = True
        mask[:, self.n_patterns - self.n_free :] = True
        return mask


def read_gene_sets(path: str | Path) -> GeneSets:
    """Read gene sets from a GMT file.

    Parameters
    ----------
    path
        A line a set: name, description, genes, with tabs between; ``.gz`` is unpacked.

    Returns
    -------
    The sets in the order of the file. Names may hold spaces; blank lines, empty fields and genes
    named again in a line are left out.

    Raises
    ------
    InputError
        There is no such file, it is empty or no text, a line has no genes or no tabs, or two sets
        have the same name.
    """
    path = Path(path)
    lines = _lines(path)
    names: list[str] = []
    genes: list[tuple[str, ...]] = []
    bad: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = [text.strip() for text in line.split("\t")]
        members = tuple(dict.fromkeys(gene for gene in fields[2:] if gene))
        if len(fields) < 3 or not fields[0] or not members:
            bad.append(number)
            continue
        names.append(fields[0])
        genes.append(members)
    if bad:
        raise InputError(
            f"name, description and genes with tabs between in each line of {path}",
            f"fewer than three fields in line(s) {', '.join(map(str, bad[:5]))}"
            + (f" and {len(bad) - 5} more" if len(bad) > 5 else ""),
            "put tabs between the fields, or remove the lines",
        )
    if not names:
        raise InputError(f"gene sets in {path}", "an empty file", "pass a GMT file with sets")
    twice = duplicated(names)
    if twice:
        raise InputError(
            f"each set name once in {path}",
            f"{len(twice)} duplicated name(s): {examples(twice)}",
            "rename or remove the sets that repeat",
        )
    return GeneSets(tuple(names), tuple(genes), path.name)


def pattern_mask(
    genes: Sequence[str],
    sets: GeneSets | None,
    *,
    n_patterns: int = 300,
    n_free: int = 1,
    min_genes: int = 5,
    max_genes: int = 300,
) -> PatternMask:
    """Choose the patterns of a model and the genes that each may hear.

    Parameters
    ----------
    genes
        The model's genes, ``(n_genes,)``.
    sets
        Gene sets; None makes all patterns free, to be learned.
    n_patterns
        At most so many patterns (the paper's 300), the free ones counted.
    n_free
        Patterns without a mask beside the sets (the paper's code: 1); without sets all are free.
    min_genes
        A set needs so many of the model's genes.
    max_genes
        A larger set, counted as it was read, is left out.

    Returns
    -------
    The ``n_patterns - n_free`` sets that hold most of the model's genes, largest first and equals
    by name, then the free patterns; without sets ``n_patterns`` free patterns.

    Raises
    ------
    InputError
        No set is left, or the sets are another organism's.

    Notes
    -----
    Section 2.2 of the paper, the knowledge-based mask of the Navigator.
    """
    least = 1 if sets is None else n_free + 1
    if n_patterns < least:
        what = "1 pattern" if sets is None else f"{least} patterns, one for a set and {n_free} free"
        raise InputError(f"at least {what}", str(n_patterns), "raise n_patterns")
    if sets is None:
        names = tuple(f"pattern_{i + 1}" for i in range(n_patterns))
        none = np.zeros(0, dtype=np.int64)
        return PatternMask(names, none, none.copy(), n_patterns, len(genes), n_patterns)
    _check_names_fit(genes, sets)
    position = {gene: i for i, gene in enumerate(genes)}
    held: list[tuple[str, list[int]]] = []
    for name, members in sets:
        found = sorted(position[gene] for gene in members if gene in position)
        if len(found) >= min_genes and len(members) <= max_genes:
            held.append((name, found))
    if not held:
        raise InputError(
            f"a gene set of at most {max_genes} genes with at least {min_genes} of the model's",
            f"none among {len(sets)} sets; {_both_names(genes, sets)}",
            "pass sets of the same organism and kind of gene name, or lower min_genes",
        )
    held = sorted(held, key=lambda pair: (-len(pair[1]), pair[0]))[: n_patterns - n_free]
    sizes = [len(found) for _, found in held]
    return PatternMask(
        pattern_names=(*(name for name, _ in held), *_free_names(n_free, {n for n, _ in held})),
        pattern_index=np.repeat(np.arange(len(held), dtype=np.int64), sizes),
        gene_index=np.concatenate([np.asarray(found, dtype=np.int64) for _, found in held]),
        n_patterns=len(held) + n_free,
        n_genes=len(genes),
        n_free=n_free,
    )


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing there"
        raise InputError(f"a GMT file at {path}", found, "check the path")
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(
            f"a GMT file of text at {path}", f"a file that is not ({error})", "check the file"
        ) from error
    return [line.rstrip("\r") for line in text.split("\n")]


def _check_names_fit(genes: Sequence[str], sets: GeneSets) -> None:
    """Refuse sets whose genes fit the model's only when case is ignored."""
    in_sets = {gene for _, members in sets for gene in members}
    exact = sum(gene in in_sets for gene in genes)
    if exact >= 0.01 * len(genes):
        return
    folded_sets = {gene.casefold() for gene in in_sets}
    folded = sum(gene.casefold() in folded_sets for gene in genes)
    if folded < max(0.05 * len(genes), 2 * exact + 1):
        return
    raise InputError(
        "gene sets that name genes as the model does",
        f"{exact} of {len(genes)} genes named alike but {folded} when case is ignored, as with "
        f"human and mouse; {_both_names(genes, sets)}",
        "pass gene sets of the model's organism",
    )


def _both_names(genes: Sequence[str], sets: GeneSets) -> str:
    members = [gene for group in sets.genes[:50] for gene in group]
    text = f"the sets name {examples(members, 3)}, the model {examples(list(genes), 3)}"
    ours, theirs = organism(genes), organism(members)
    if is_ensembl(genes) != is_ensembl(members):
        return f"{text}: one side has Ensembl ids"
    return f"{text}: {theirs} and {ours} names" if ours and theirs and ours != theirs else text


def _free_names(n_free: int, taken: set[str]) -> tuple[str, ...]:
    stem = "free"
    while taken.intersection(names := _numbered(stem, n_free)):
        stem += "_"
    return names


def _numbered(stem: str, count: int) -> tuple[str, ...]:
    return (stem,) if count == 1 else tuple(f"{stem}_{i + 1}" for i in range(count))
