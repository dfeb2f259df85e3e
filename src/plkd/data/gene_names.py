"""What gene names are: Ensembl ids or symbols, and of which organism."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

VERSIONED = re.compile(r"^(ENS[A-Z]*G\d{6,})\.\d+$")
ENSEMBL = re.compile(r"^(ENS[A-Z]*G)\d{6,}")

MISSING = frozenset({"", "nan", "NaN", "None", "<NA>", "NA"})
"""Texts that stand for no name."""

ORGANISMS = {
    "ENSG": "human",
    "ENSMUSG": "mouse",
    "ENSRNOG": "rat",
    "ENSMMUG": "macaque",
    "ENSSSCG": "pig",
    "ENSDARG": "zebrafish",
}
"""Whose genes the Ensembl ids of a prefix are."""

MOST_POSITIONS = 100_000
"""No table has so many genes; Entrez ids, which are numbers as well, reach far above."""


def without_version(name: str) -> str:
    """Return an Ensembl id without its version; any other name as it is."""
    if not name.startswith("ENS"):
        return name
    found = VERSIONED.match(name)
    return found.group(1) if found else name


def is_ensembl(names: Iterable[str]) -> bool:
    """Say whether more than half of the names are Ensembl gene ids."""
    known = [name for name in names if name not in MISSING]
    return sum(ENSEMBL.match(name) is not None for name in known) * 2 > len(known)


def organism(names: Sequence[str]) -> str | None:
    """Return ``"human"`` or ``"mouse"``, say, as the names look, None where they do not tell.

    Notes
    -----
    Ensembl ids tell by their prefix, which is itself handed back for an organism that is not among
    ``ORGANISMS``; half of them must agree. Of symbols, man's are written in capitals and the
    mouse's with one capital first; eight in ten must agree.
    """
    if is_ensembl(names):
        found = [match.group(1) for match in map(ENSEMBL.match, names) if match]
        prefix, count = Counter(found).most_common(1)[0]
        return ORGANISMS.get(prefix, prefix) if count * 2 >= len(found) else None
    human = mouse = total = 0
    for name in names:
        letters = [letter for letter in name if letter.isalpha()]
        if len(letters) < 2:
            continue
        total += 1
        human += name.upper() == name
        mouse += letters[0].isupper() and sum(map(str.islower, letters[1:])) * 2 >= len(letters)
    return _majority(human, mouse, total, 0.8) if total >= 5 else None


def are_positions(names: Sequence[str]) -> bool:
    """Say whether the names are places in a table, as ``"0"``, ``"1"``, ``"2"``, and no names."""
    return len(names) > 0 and all(
        name.isascii() and name.isdigit() and int(name[:9]) < MOST_POSITIONS for name in names
    )


def examples(names: Sequence[str], count: int = 5) -> str:
    """Return the first names in quotes, and how many more there are."""
    shown = ", ".join(repr(str(name)) for name in names[:count])
    return f"{shown} and {len(names) - count} more" if len(names) > count else shown


def duplicated(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that stand more than once, in order of their first second time."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for name in names:
        if name in seen:
            twice[name] = None
        seen.add(name)
    return tuple(twice)


def _majority(human: int, mouse: int, total: int, share: float) -> str | None:
    if total and human >= share * total:
        return "human"
    return "mouse" if total and mouse >= share * total else None
