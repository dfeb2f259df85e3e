"""Threads: several chunks of cells at once, and writing that computing need not wait for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from plkd.data.copying import copy_cells

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WORKERS = 8
WAITING_BYTES = 1 << 26
"""Rows that wait to be written hold at most about 64 MiB; then computing waits too."""


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, side_by_side: bool
) -> Generator[Result]:
    """Do the same with each item and give the results in the order of the items.

    Parameters
    ----------
    work
        What to do; it must not matter what is done before.
    items
        What to do it with.
    side_by_side
        One item in each of torch's threads, at most 8, and each alone in its thread: quicker than
        all threads on one item where much of the work uses one thread only. Otherwise one after
        the other.
    """
    if not side_by_side:
        yield from map(work, items)
        return
    from threadpoolctl import threadpool_limits

    n_threads = torch.get_num_threads()
    n_workers = min(n_threads, MOST_WORKERS)
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(n_workers, "plkd-work", initializer=lambda: torch.set_num_threads(1))
    limits = threadpool_limits(limits=1, user_api="blas")  # numpy's products, too
    try:
        for item in items:
            if len(waiting) > n_workers:
                yield waiting.popleft().result()
            waiting.append(pool.submit(work, item))
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        limits.restore_original_limits()
        torch.set_num_threads(n_threads)  # a thread's setting is in part everyone's


class WriteBehind:
    """Do things one after the other in a thread; leave early and what is left is not done.

    The first error of the thread is raised by the next :meth:`do`, or by :meth:`finish`.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="plkd-write")
        self._waiting: deque[tuple[Future[Any], int]] = deque()
        self._bytes = 0
        self._left = Event()

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.shutdown(cancel_futures=True)

    def do(self, work: Callable[[], Any], *, size: int = 0) -> Future[Any]:
        """Have ``work`` done after all before it.

        Parameters
        ----------
        work
            What to do.
        size
            Bytes that it keeps in memory until it is done.
        """
        while self._waiting and (self._waiting[0][0].done() or self._bytes + size > WAITING_BYTES):
            self._wait_for_first()
        job = self._thread.submit(work)
        self._waiting.append((job, size))
        self._bytes += size
        return job

    def finish(self) -> None:
        """Wait until all is done."""
        while self._waiting:
            self._wait_for_first()

    def copy(self, source: Path, target: Path) -> None:
        """Have cells copied; leaving early stops in the middle of it."""
        self.do(lambda: copy_cells(source, target, stop=self._left.is_set))

    def _wait_for_first(self) -> None:
        job, size = self._waiting.popleft()
        self._bytes -= size
        job.result()


class RowsBehind:
    """A table on disk whose rows are set through a :class:`WriteBehind`.

    Parameters
    ----------
    behind
        Where the writing is done.
    table
        Gives the table; it is asked in the thread, after all that was to be done before.
    """

    def __init__(self, behind: WriteBehind, table: Callable[[], Any]) -> None:
        self._behind = behind
        self._table = behind.do(table)

    def __setitem__(self, rows: slice, values: NDArray[np.float32]) -> None:
        """Set rows; ``values`` must not change afterwards."""

        def write() -> None:
            self._table.result()[rows] = values

        self._behind.do(write, size=values.nbytes)
