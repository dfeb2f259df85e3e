"""Threads: results in order, errors raised, nothing done after leaving."""

from contextlib import suppress
from threading import Event

import numpy as np
import pytest
import torch

from plkd.tools import threads
from plkd.tools.threads import RowsBehind, WriteBehind, in_order


class BrokenError(RuntimeError):
    pass


def broken() -> None:
    raise BrokenError


@pytest.mark.parametrize("side_by_side", [True, False])
def test_results_come_in_the_order_of_the_items(side_by_side):
    later = Event()

    def work(item: int) -> int:
        if side_by_side and n_threads > 1 and item == 0:
            assert later.wait(20)  # the first item ends after the second
        if item == 1:
            later.set()
        return item * item

    n_threads = torch.get_num_threads()
    found = list(in_order(work, range(50), side_by_side=side_by_side))
    assert found == [item * item for item in range(50)]
    assert torch.get_num_threads() == n_threads


def test_an_error_is_raised_in_its_place_and_threads_are_restored():
    n_threads = torch.get_num_threads()
    found = []

    def work(item: int) -> int:
        if item == 3:
            raise BrokenError
        return item

    with pytest.raises(BrokenError):
        found.extend(in_order(work, range(100), side_by_side=True))
    assert found == [0, 1, 2]
    assert torch.get_num_threads() == n_threads


def test_items_are_taken_only_as_results_are_used():
    taken = []

    def items():
        for item in range(1000):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), side_by_side=True)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + min(torch.get_num_threads(), threads.MOST_WORKERS) + 1
    results.close()


def test_writing_behind_copies_then_fills(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(bytes(range(256)) * 200_000)  # several pieces
    table = np.zeros((6, 2), dtype=np.float32)
    with WriteBehind() as behind:
        behind.copy(source, target)

        def opened() -> np.ndarray:
            assert target.read_bytes() == source.read_bytes()
            return table

        rows = RowsBehind(behind, opened)
        rows[0:3] = np.ones((3, 2), dtype=np.float32)
        rows[3:6] = np.full((3, 2), 2, dtype=np.float32)
        behind.finish()
    np.testing.assert_array_equal(table[:, 0], [1, 1, 1, 2, 2, 2])


def test_an_error_of_the_thread_is_raised(tmp_path):
    with WriteBehind() as behind:
        behind.do(broken)
        with pytest.raises(BrokenError):
            behind.finish()
    with WriteBehind() as behind:
        behind.copy(tmp_path / "absent", tmp_path / "b")
        with pytest.raises(FileNotFoundError):
            behind.finish()


def test_what_waits_is_bounded(monkeypatch):
    monkeypatch.setattr(threads, "WAITING_BYTES", 100)
    go, done = Event(), []
    with WriteBehind() as behind:
        behind.do(lambda: go.wait(20) and done.append(0), size=60)
        behind.do(lambda: done.append(1), size=40)
        assert not done
        go.set()
        behind.do(lambda: done.append(2), size=60)  # has to wait for the first
        assert 0 in done
        behind.finish()
    assert done == [0, 1, 2]


def test_leaving_early_does_not_do_the_rest():
    started, done = Event(), []

    def first() -> None:
        started.set()
        behind._left.wait(20)  # until the block is left

    with suppress(BrokenError), WriteBehind() as behind:
        behind.do(first)
        jobs = [behind.do(lambda: done.append(1)) for _ in range(100)]
        assert started.wait(20)
        raise BrokenError
    assert jobs[-1].cancelled()
    assert len(done) < 100


def test_leaving_early_stops_a_copy(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"x" * 100)
    behind = WriteBehind()
    behind._left.set()
    behind.copy(source, target)
    behind.finish()
    assert target.read_bytes() == b""
    behind.__exit__(None, None, None)
