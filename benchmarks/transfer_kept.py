"""Rows that are kept from run to run, and which runs are still missing.

The row of a method without randomness stands for every seed: such a method is run with one seed,
its row is kept once, and is handed out under whatever seed is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from results import Row
from transfer_methods import WITHOUT_RANDOMNESS

Key = tuple[str, str, int]
"""Task, method and seed."""


class KeptRows:
    """Rows by task, method and seed, the last one of each, in the order they first came."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._rows: dict[tuple[str, str, int | None], Row] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Keep a row; it takes the place of the one that was kept for the same."""
        self._rows[_place(row.task, row.method, row.seed)] = row

    def get(self, key: Key) -> Row | None:
        """Return the row of a task, method and seed, or ``None``."""
        row = self._rows.get(_place(*key))
        return None if row is None else replace(row, seed=key[2])

    def rows(self) -> list[Row]:
        """Return the rows as they were measured, one for all seeds where there is no randomness."""
        return list(self._rows.values())

    def rows_of(self, keys: Iterable[Key]) -> list[Row]:
        """Return the rows of those keys that have one."""
        found = map(self.get, keys)
        return [row for row in found if row is not None]

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return the keys that are still to be run, so that afterwards every key has a row."""
        first: dict[tuple[str, str, int | None], Key] = {}
        for key in keys:
            first.setdefault(_place(*key), key)
        return [key for place, key in first.items() if place not in self._rows]


def _place(task: str, method: str, seed: int) -> tuple[str, str, int | None]:
    return task, method, None if method in WITHOUT_RANDOMNESS else seed
