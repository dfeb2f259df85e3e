"""The deepest type that a cell is surely of: probabilities added up along a map of parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plkd.data.gene_names import examples
from plkd.errors import InputError
from plkd.trust.parent_map import ParentMap

TOP = "unknown"
"""What stands above every type: nothing is said of the cell."""

MIN_CONFIDENCE = 0.8
"""Probability that the type given to a cell has to reach."""

_ROUNDING = 1e-6  # of a sum of float32 probabilities


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The types of a model and what is above them; the first node is the top.

    Attributes
    ----------
    types
        The model's types, in its order, ``(n_types,)``.
    names
        Names of the nodes, ``(n_nodes,)``: "unknown", then the types and what is above them,
        parents before their children.
    beneath
        Which types are a node or beneath it, bool ``(n_nodes, n_types)``.
    depth
        Steps from the top to each node, by the longest way, int64 ``(n_nodes,)``.
    unplaced
        Types that the map does not name; they stand right beneath the top.
    """

    types: tuple[str, ...]
    names: tuple[str, ...]
    beneath: NDArray[np.bool_]
    depth: NDArray[np.int64]
    unplaced: tuple[str, ...]

    def deepest(
        self, probabilities: NDArray[Any], *, min_confidence: float = MIN_CONFIDENCE
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Give each cell the deepest node whose probability is high enough.

        Parameters
        ----------
        probabilities
            Calibrated probabilities of the model's types, ``(n_cells, n_types)``.
        min_confidence
            Probability that a node has to reach, in (0, 1].

        Returns
        -------
        The node of each cell as a place in ``names``, int32 ``(n_cells,)``, and its probability,
        float32: the sum over the types that it is or that are beneath it; of the top the sum over
        all types.

        Raises
        ------
        InputError
            ``min_confidence`` is out of its range, or the number of types another.

        Notes
        -----
        The deepest node is the one with the fewest types beneath it, among these the farthest from
        the top, among these the most probable. In a tree, and above 0.5, the nodes that reach the
        probability lie on one way from the top, and it is the last of them. The top is always
        reached.
        """
        table = np.asarray(probabilities, dtype=np.float32)
        if table.ndim != 2 or table.shape[1] != len(self.types):
            raise InputError(
                f"probabilities of {len(self.types)} types, one row a cell",
                f"an array of shape {table.shape}",
                "pass the probabilities of the model that the hierarchy was made for",
            )
        if not 0.0 < min_confidence <= 1.0:
            raise InputError(
                "a min_confidence above 0, of 1 at most", f"{min_confidence}", "pass 0.8, say"
            )
        sums = np.minimum(table @ self.beneath.T.astype(np.float32), np.float32(1))
        reached = sums >= min_confidence - _ROUNDING
        reached[:, 0] = True
        # Ranks differ by one at least, probabilities by one at most: they only part equals.
        preferred = np.where(reached, sums.astype(np.float64) - 2.0 * self._rank, -np.inf)
        codes = preferred.argmax(axis=1)
        return codes.astype(np.int32), sums[np.arange(len(codes)), codes]

    @cached_property
    def _rank(self) -> NDArray[np.int64]:
        """Place of each node from the deepest, 0, to the top; equals share one."""
        keys = np.column_stack([self.beneath.sum(axis=1), -self.depth])
        keys[0] = [len(self.types) + 1, 0]
        rank: NDArray[np.int64] = np.unique(keys, axis=0, return_inverse=True)[1]
        return rank.ravel()


def build_hierarchy(parent_map: ParentMap, types: Sequence[str]) -> Hierarchy:
    """Place the types of a model in a map of parents.

    Parameters
    ----------
    parent_map
        Which type is a kind of which; what is above none of the model's types is left out.
    types
        The model's types, in its order, ``(n_types,)``: identifiers or names of the map, upper and
        lower case told apart only where both are there. A type may stand above another.

    Returns
    -------
    The hierarchy. A type that the map lacks stands right beneath the top, as the roots do. Nodes
    are called by the names of the map, or by its identifiers where all types of the model are.

    Raises
    ------
    InputError
        The map has none of the types, or two types are one node of it.
    """
    types = tuple(types)
    place = _placed(parent_map, types)
    node_of = {node: name for name, node in place.items()}
    above = parent_map.ancestors()
    kept = frozenset(place.values()).union(*(above[node] for node in place.values()))
    by_name = not (parent_map.names and all(name == node for name, node in place.items()))
    labels = _labels(parent_map, node_of, by_name=by_name)
    nodes = [node for node in parent_map.parents if node in kept]
    unplaced = tuple(name for name in types if name not in place)
    row = {node: 1 + i for i, node in enumerate(nodes)}
    beneath = np.zeros((1 + len(nodes) + len(unplaced), len(types)), dtype=bool)
    depth = np.ones(len(beneath), dtype=np.int64)
    beneath[0], depth[0] = True, 0
    for node in nodes:
        depth[row[node]] += max((depth[row[up]] for up in parent_map.parents[node]), default=0)
    for column, name in enumerate(types):
        if name in place:
            lineage = [place[name], *above[place[name]]]
            beneath[[row[node] for node in lineage], column] = True
        else:
            beneath[1 + len(nodes) + unplaced.index(name), column] = True
    return Hierarchy(
        types=types,
        names=(TOP, *(labels[node] for node in nodes), *unplaced),
        beneath=beneath,
        depth=depth,
        unplaced=unplaced,
    )


def node_lineages(parent_map: ParentMap, names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return what each name is and all that is above it, as nodes of a map.

    Parameters
    ----------
    parent_map
        Which type is a kind of which.
    names
        Identifiers or names of the map, in any spelling of upper and lower case, or names of the
        nodes of a :class:`Hierarchy`: two names of one node have the same lineage.

    Returns
    -------
    For each name that the map has its node and the nodes above it. What is above all names says
    nothing and is left out: "unknown", and the root where there is one and the map has every name.
    Other names are left out.
    """
    named, *others = _lookups(parent_map)
    both = {f"{parent_map.names.get(node, node)} ({node})": node for node in named.values()}
    above = parent_map.ancestors()
    place: dict[str, str] = {}
    for name in names:
        keys = (name, name, name.casefold(), name.casefold(), name)
        for lookup, key in zip((named, *others, both), keys, strict=True):
            if key in lookup:
                place.setdefault(name, lookup[key])
    alone = len(parent_map.roots) == 1 and all(name in place for name in names if name != TOP)
    shared = frozenset(parent_map.roots if alone else ())
    found = {name: frozenset({node, *above[node]} - shared) for name, node in place.items()}
    return {TOP: frozenset(), **found}


def _lookups(parent_map: ParentMap) -> list[dict[str, str]]:
    """Return the node of each identifier, of each name, and of either in lower case."""
    lookups = [{node: node for node in parent_map.parents}]
    lookups.append({parent_map.names.get(node, node): node for node in parent_map.parents})
    return lookups + [{key.casefold(): node for key, node in each.items()} for each in lookups]


def _placed(parent_map: ParentMap, types: tuple[str, ...]) -> dict[str, str]:
    """Find the node of each type: by its identifier, its name, or either in another case."""
    lookups = _lookups(parent_map)
    place: dict[str, str] = {}
    for i, lookup in enumerate(lookups):
        taken = set(place.values())
        for name in types:
            node = lookup.get(name.casefold() if i >= 2 else name)
            if name not in place and node is not None and not (i >= 2 and node in taken):
                place[name] = node
    if not place:
        raise InputError(
            f"the model's types in {parent_map.source}",
            f"none of {examples(types, 3)} among {examples([*lookups[1]], 3)}",
            "write the types as the model does; `plkd info` lists them",
        )
    first: dict[str, str] = {}
    for name, node in place.items():
        if first.setdefault(node, name) != name:
            raise InputError(
                f"one type of the model for each of {parent_map.source}",
                f"'{first[node]}' and '{name}' for '{node}'",
                "rename one of them, or merge them in the reference",
            )
    return place


def _labels(parent_map: ParentMap, node_of: Mapping[str, str], *, by_name: bool) -> dict[str, str]:
    """Call each node as the model does, else by its name, else, where another has it, by both."""
    called = {
        node: parent_map.names.get(node, node) if by_name else node for node in parent_map.parents
    }
    called.update(node_of)
    owner: dict[str, str] = {label: node for node, label in node_of.items()}
    for node, label in called.items():
        owner.setdefault(label, node)
    return {
        node: label if owner[label] == node else f"{label} ({node})"
        for node, label in called.items()
    }
