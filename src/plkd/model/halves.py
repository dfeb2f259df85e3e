"""Groups of like cells where few cells were held out: each half of the reference by the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from plkd.training.cells import Cells
from plkd.trust.group_scale import GroupScale, group_scale
from plkd.trust.group_space import GroupSpace, group_space
from plkd.trust.groups import CELLS_OF_GROUP, FEWEST_CELLS, N_GROUPINGS
from plkd.trust.lone_scale import LoneScale
from plkd.trust.novelty import ENERGY, FAR_FROM_TYPES
from plkd.trust.type_space import TypeSpace, type_space

N_DRAWS = 3
"""The reference is halved so often, by chance anew."""

FEWEST_LABELLED = 300
"""Cells with a label below which a reference is not halved."""

N_READINGS = 2
"""What groups say without a network: how far they are, and how crowded it is around them."""


@dataclass(frozen=True, eq=False)
class Halves:
    """What each half of a reference looks like to the other half, of several draws.

    Attributes
    ----------
    codes
        Type of each cell, of every draw, ``(n,)`` with n = 3 n_cells.
    distance, shifted_distance
        Distance to the nearest type of the other half in what is expressed, of the cells as they
        are and under made-up batch effects, ``(n,)``.
    groups, shifted_groups
        What their groups say (:meth:`plkd.trust.groups.QueryGroups.readings`) but for the network's
        doubt, ``(n, 2)``.
    """

    codes: NDArray[np.int64]
    distance: NDArray[np.float32]
    shifted_distance: NDArray[np.float32]
    groups: NDArray[np.float32]
    shifted_groups: NDArray[np.float32]

    def scale(
        self, lone: LoneScale, codes: NDArray[np.int64], held_out: tuple[NDArray[np.float32], ...]
    ) -> GroupScale:
        """Return what a cell of a known type looks like among its like.

        Parameters
        ----------
        lone
            How new such cells look by themselves to a network.
        codes
            Type of each cell that was held out of the network's training.
        held_out
            Readings of those (:func:`plkd.trust.novelty.readings_of`), as they are and under
            made-up batch effects, ``(n_held_out, 4)``.

        Notes
        -----
        The network has seen most cells of the halves, and its energies of them tell nothing: in
        their place stand those of held-out cells of the same type, drawn by chance. Cells of a
        group are strange together, so that shares are of as many as there are groups.
        """
        alone = [
            lone.scores(as_readings(distance, self._energies(codes, readings[:, ENERGY])))
            for distance, readings in zip(
                (self.distance, self.shifted_distance), held_out, strict=True
            )
        ]
        n_groups = N_GROUPINGS * len(self.codes) // (N_DRAWS * CELLS_OF_GROUP)
        return group_scale(alone[0], self.groups, (alone[1], self.shifted_groups), n_alike=n_groups)

    def _energies(
        self, codes: NDArray[np.int64], energy: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return an energy of a held-out cell of the same type for each cell; else of any."""
        rng = np.random.default_rng(0)
        found = rng.choice(energy, len(self.codes))
        for code in np.unique(codes):
            own = self.codes == code
            found[own] = rng.choice(energy[codes == code], np.count_nonzero(own))
        return np.asarray(found, dtype=np.float32)


def halves_are_asked(n_held_out: int, n_labelled: int) -> bool:
    """Say whether halves are asked: too few cells are held out for groups, but enough are there.

    By halves of fewer than 300 cells hardly anything would be called unknown, for shares are of
    groups (:meth:`Halves.scale`).
    """
    return n_held_out < FEWEST_CELLS and n_labelled >= FEWEST_LABELLED


def halves(cells: Cells, shifted: csr_matrix) -> Halves:
    """Compare each half of a reference with the other.

    Parameters
    ----------
    cells
        The reference; cells without a label are left out.
    shifted
        Their expression under made-up batch effects, ``(n_cells, n_genes)``.
    """
    labelled = np.flatnonzero(cells.codes >= 0)
    cells, shifted = cells.subset(labelled), shifted[labelled]
    codes, distances, groups = [], [], []
    for asked, known in _drawn(cells.codes):
        other = cells.subset(known)
        known_as = other.expression, other.codes, other.n_types
        space, among = type_space(*known_as), group_space(*known_as)
        both = cells.expression[asked], shifted[asked]
        codes.append(cells.codes[asked])
        distances.append([distance_to_types(space, each) for each in both])
        groups.append([groups_say(among, each) for each in both])
    return Halves(
        np.concatenate(codes),
        *(np.concatenate(each) for each in zip(*distances, strict=True)),
        *(np.concatenate(each) for each in zip(*groups, strict=True)),
    )


def _drawn(codes: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield cells that are asked about, and those that they are compared with, half of each type.

    The only cell of a type is always among the latter.
    """
    rng = np.random.default_rng(0)
    for _ in range(N_DRAWS):
        first = np.zeros(len(codes), dtype=bool)
        rare = np.zeros(len(codes), dtype=bool)
        for code in np.unique(codes):
            own = rng.permutation(np.flatnonzero(codes == code))
            first[own[: (len(own) + int(rng.integers(2))) // 2]] = True
            rare[own] = len(own) < 2
        yield np.flatnonzero(first & ~rare), np.flatnonzero(~first | rare)
        yield np.flatnonzero(~first & ~rare), np.flatnonzero(first | rare)


def distance_to_types(space: TypeSpace, expression: csr_matrix) -> NDArray[np.float32]:
    """Return the distance of cells to the nearest type in what is expressed, ``(n_cells,)``."""
    n_types = len(space.agreement.centers)
    heard = np.asarray(expression @ space.directions[:n_types].T, dtype=np.float32)
    return np.asarray(space.agreement.distance(heard), dtype=np.float32)


def groups_say(space: GroupSpace, expression: csr_matrix) -> NDArray[np.float32]:
    """Return what the groups of cells say without a network, ``(n_cells, 2)``."""
    among = space.of_query(expression)
    nobody_in_doubt = np.zeros(expression.shape[0])
    return among.readings(among.groups(among.points(expression)), nobody_in_doubt)[:, :N_READINGS]


def as_readings(distance: NDArray[np.float32], energy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return both as the readings of cells that they are, ``(n_cells, 4)``, the others 0."""
    readings = np.zeros((len(distance), 4), dtype=np.float32)
    readings[:, FAR_FROM_TYPES], readings[:, ENERGY] = distance, energy
    return readings
