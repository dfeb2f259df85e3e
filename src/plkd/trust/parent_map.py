"""Which cell type is a kind of which: read from a table or from the Cell Ontology, and checked."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from plkd.data.gene_names import MISSING
from plkd.errors import InputError

COLUMNS = ("cell_type", "parent")
N_NAMED = 5


@dataclass(frozen=True)
class ParentMap:
    """Cell types and their parents, without a cycle.

    Attributes
    ----------
    parents
        The parents of every type, none for a root; parents stand before their children.
    names
        Readable names of the types, where what stands in ``parents`` are identifiers.
    source
        Where the map comes from.
    """

    parents: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    @classmethod
    def of(
        cls,
        pairs: Iterable[tuple[str, str]],
        *,
        names: Mapping[str, str] | None = None,
        source: str = "the parents",
    ) -> ParentMap:
        """Put pairs together and check them.

        Parameters
        ----------
        pairs
            Type and parent; "" as the parent, or another text for a missing one such as "NA", makes
            the type a root. A type may have several parents, and then several pairs.
        names
            Readable names, where the pairs hold identifiers.
        source
            What they are called in an error.

        Returns
        -------
        The map, in an order in which parents stand before their children.

        Raises
        ------
        InputError
            There is no pair, a type has no name, or a type is beneath itself.
        """
        above: dict[str, dict[str, None]] = {}
        for child, parent in pairs:
            if not child:
                raise InputError(
                    f"a cell type for each parent in {source}",
                    f"none for the parent {parent!r}",
                    "name the cell type, or remove the line",
                )
            above.setdefault(child, {})
            if parent not in MISSING:
                above[child][parent] = None
                above.setdefault(parent, {})
        if not above:
            raise InputError(f"cell types and their parents in {source}", "none", "pass some")
        try:
            order = list(TopologicalSorter(above).static_order())
        except CycleError as error:
            ring = [str(name) for name in error.args[1]]
            shown = ring if len(ring) <= N_NAMED + 1 else [*ring[:N_NAMED], "..."]
            raise InputError(
                f"no cell type beneath itself in {source}",
                " is above ".join(f"'{name}'" if name != "..." else name for name in shown),
                "remove one of these parents",
            ) from error
        parents = {name: tuple(above[name]) for name in order}
        return cls(parents, dict(names or {}), source)

    @property
    def roots(self) -> tuple[str, ...]:
        """The types without a parent."""
        return tuple(name for name, above in self.parents.items() if not above)

    def ancestors(self) -> dict[str, frozenset[str]]:
        """Return all types above each type, itself not among them."""
        found: dict[str, frozenset[str]] = {}
        for name, above in self.parents.items():
            found[name] = frozenset(above).union(*(found[parent] for parent in above))
        return found


def read_parent_map(path: str | Path) -> ParentMap:
    """Read which cell type is a kind of which.

    Parameters
    ----------
    path
        A table with the columns ``cell_type`` and ``parent``, or with two columns of which one has
        "parent" in its name, commas or tabs between, one parent a line, an empty one (or NA) for a
        root; or an ontology, such as the Cell Ontology, as an ``.obo`` file, of which ``id``,
        ``name``, ``is_a`` and ``is_obsolete`` are read.

    Returns
    -------
    The map: of a table with the names as they stand there, of an ontology with its identifiers and
    with their names beside them.

    Raises
    ------
    InputError
        The file cannot be read, is neither, or a type is beneath itself.
    """
    path = Path(path)
    text = _text(path)
    if path.suffix.lower() == ".obo" or "\n[Term]" in text:
        return _from_obo(text, path)
    return _from_table(text, path)


def _text(path: Path) -> str:
    if not path.is_file():
        found = "a directory" if path.is_dir() else "nothing there"
        raise InputError(f"a table of parents or an obo file at {path}", found, "check the path")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"a table of parents or an obo file at {path}",
            f"a file that is no text ({error})",
            "check the file",
        ) from error


def _from_table(text: str, path: Path) -> ParentMap:
    lines = [line for line in text.splitlines() if line.strip()]
    between = "\t" if lines and "\t" in lines[0] else ","
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=between)]
    except csv.Error as error:
        raise InputError(f"a table at {path}", f"none ({error})", "check the file") from error
    head = [name.lower() for name in rows[0]] if rows else []
    found = _columns(head)
    if found is None:
        raise InputError(
            f"the columns cell_type and parent in the first line of {path}",
            f"{lines[0].strip()!r}" if lines else "an empty file",
            "write cell_type,parent above the types",
        )
    child, parent = found
    short = [number for number, row in enumerate(rows, start=1) if len(row) < len(head)]
    if short:
        raise InputError(
            f"a cell type and a parent in each line of {path}",
            f"fewer columns in line(s) {', '.join(map(str, short[:N_NAMED]))} of those not empty",
            "put a comma after a type that has no parent",
        )
    return ParentMap.of(((row[child], row[parent]) for row in rows[1:]), source=str(path))


def _columns(head: list[str]) -> tuple[int, int] | None:
    """Return where the types and their parents stand, ``None`` where the names do not say it."""
    if set(COLUMNS) <= set(head):
        return head.index(COLUMNS[0]), head.index(COLUMNS[1])
    parents = [place for place, name in enumerate(head) if COLUMNS[1] in name]
    if len(head) == 2 and len(parents) == 1:
        return 1 - parents[0], parents[0]
    return None


def _from_obo(text: str, path: Path) -> ParentMap:
    pairs: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    for term in _terms(text):
        identifier = "".join(term.get("id", ())[:1])
        if not identifier or "true" in term.get("is_obsolete", ()):
            continue
        pairs += [(identifier, ""), *((identifier, above) for above in term.get("is_a", ()))]
        if "name" in term:
            names[identifier] = term["name"][0]
    if not pairs:
        raise InputError(
            f"an ontology in {path}",
            "no [Term] with an id",
            "pass an obo file, such as cl-basic.obo of the Cell Ontology",
        )
    return ParentMap.of(pairs, names=names, source=str(path))


def _terms(text: str) -> Iterable[dict[str, list[str]]]:
    """Yield the tags of each term; what stands behind "!" or in braces is a comment."""
    term: dict[str, list[str]] | None = None
    for line in text.splitlines():
        if line.startswith("["):
            if term is not None:
                yield term
            term = {} if line.strip() == "[Term]" else None
        elif term is not None and ":" in line:
            tag, _, value = line.partition(":")
            if tag == "name":
                value = value.split(" {")[0] if value.rstrip().endswith("}") else value
            else:
                value = value.split("!")[0].split("{")[0]
            term.setdefault(tag, []).append(value.strip())
    if term is not None:
        yield term
