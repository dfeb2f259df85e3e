"""All that a model knows of when to be believed, and back from plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from plkd.trust.confidence import Calibration
from plkd.trust.conformal import HeldOutScores
from plkd.trust.drift import Condition
from plkd.trust.gene_discriminant import GeneDiscriminant
from plkd.trust.group_scale import GroupScale
from plkd.trust.group_space import FixedGroupSpace, GroupSpace, group_space_from
from plkd.trust.lone_scale import LoneScale
from plkd.trust.novelty import NoveltyScale
from plkd.trust.type_space import TypeClouds, TypeSpace

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class NetworkTrust:
    """When one network is to be believed.

    Attributes
    ----------
    embedding
        The types as clouds in the network's embedding.
    scale
        How far cells of a known type are from the reference to it.
    calibration
        How its probability becomes the probability that its label is right.
    sets
        What held-out cells say about the probability of the true type.
    usual
        The condition of the held-out cells, with which that of a query is compared.
    grouped
        What cells of a known type look like among their like; ``None`` where too few cells were
        held out to tell, and in models of format versions up to 3.
    query
        What is heard beside the network of every cell, learned of the cells of the query that the
        model was adapted to; ``None`` where it was not, where fewer than two types have enough
        cells there, and in models of format versions up to 8.
    lone
        How new cells of a known type look by themselves; ``None`` in models of format versions up
        to 9, of which ``scale`` says it, too.
    """

    embedding: TypeClouds
    scale: NoveltyScale
    calibration: Calibration
    sets: HeldOutScores
    usual: Condition
    grouped: GroupScale | None = None
    query: GeneDiscriminant | None = None
    lone: LoneScale | None = None

    def asks_groups(self, off: float, cells_off: float) -> bool:
        """Say whether the groups of a query with such a batch effect tell anything.

        Parameters
        ----------
        off, cells_off
            What it has raised the scores among groups by, and those of the cells (``scale``).
        """
        if self.grouped is None:
            return False
        if self.lone is None:
            return self.grouped.is_asked(off)
        return not self.scale.usual.is_beyond(cells_off)

    def as_arrays(self) -> Arrays:
        """Return all of it as arrays by name."""
        numbers, usual = self.calibration.as_dict(), asdict(self.usual)
        parts = {
            "embedding": self.embedding.as_arrays(),
            "calibration": {name: np.asarray(value) for name, value in numbers.items()},
            "scale": self.scale.as_arrays(),
            "sets": self.sets.as_arrays(),
            "usual": {name: np.asarray(value) for name, value in usual.items()},
        }
        optional = {"grouped": self.grouped, "query": self.query, "lone": self.lone}
        parts |= {name: part.as_arrays() for name, part in optional.items() if part is not None}
        return joined(parts)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what ``as_arrays`` wrote."""
        numbers = {name: float(value) for name, value in under("calibration.", arrays).items()}
        usual = {name: float(value) for name, value in under("usual.", arrays).items()}
        grouped, query = under("grouped.", arrays), under("query.", arrays)
        lone = under("lone.", arrays)
        return cls(
            TypeClouds.from_arrays(under("embedding.", arrays)),
            NoveltyScale.from_arrays(under("scale.", arrays)),
            Calibration(**numbers),
            HeldOutScores.from_dict(under("sets.", arrays)),
            Condition(**usual),
            GroupScale.from_arrays(grouped) if grouped else None,
            GeneDiscriminant.from_arrays(query) if query else None,
            LoneScale.from_arrays(lone) if lone else None,
        )


@dataclass(frozen=True, eq=False)
class Trust:
    """When a model is to be believed: novelty, calibrated confidence and sets of types.

    Attributes
    ----------
    space
        Where the types of the reference lie.
    networks
        "student" and "teacher", each with what held-out cells say of it.
    groups
        Where groups of like cells of the reference lie; ``None`` where no network has ``grouped``.
    discriminant
        What is heard beside the networks where a cell is like the reference; ``None`` where its
        weight was 0 or too few cells have labels, and in models of format versions up to 6.
    """

    space: TypeSpace
    networks: dict[str, NetworkTrust]
    groups: GroupSpace | FixedGroupSpace | None = None
    discriminant: GeneDiscriminant | None = None

    def as_arrays(self) -> Arrays:
        """Return all of it as arrays by name, for the model file."""
        parts = {"space": self.space.as_arrays()}
        optional = {"groups": self.groups, "discriminant": self.discriminant}
        parts |= {name: part.as_arrays() for name, part in optional.items() if part is not None}
        return joined(parts | {name: trust.as_arrays() for name, trust in self.networks.items()})

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return what ``as_arrays`` wrote."""
        parts = {name.split(".")[0] for name in arrays}
        names = sorted(parts - {"space", "groups", "discriminant"})
        groups, discriminant = under("groups.", arrays), under("discriminant.", arrays)
        return cls(
            TypeSpace.from_arrays(under("space.", arrays)),
            {name: NetworkTrust.from_arrays(under(f"{name}.", arrays)) for name in names},
            group_space_from(groups) if groups else None,
            GeneDiscriminant.from_arrays(discriminant) if discriminant else None,
        )


def joined(parts: Mapping[str, Arrays]) -> Arrays:
    """Return the arrays of all parts, the name of each beginning with its part's and a dot."""
    return {f"{part}.{name}": array for part, of in parts.items() for name, array in of.items()}


def under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    """Return the arrays whose names begin so, without that beginning."""
    return {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
