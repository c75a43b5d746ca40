from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.files.output import AtomicFile
from imagine_common.files.temporary import (
    cleanups,
    clear_leftovers,
    create_temporary,
    remove_temporary,
    temporary_name,
)
from imagine_common.host.signals import ENDING_SIGNALS
from imagine_common.parallel.ordered_map import ordered_map
from support import PATIENCE, alive, children, unfinished, wait_for

FOREVER = 600.0


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    # The thread of a pool that was just closed may live a moment longer.
    wait_for(lambda: threading.active_count() == 1)


def own_children() -> set[int]:
    while True:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ends meanwhile
            return set(children(os.getpid()))


def double(unit: int) -> int:
    return 2 * unit


def slow_when_even(unit: int) -> int:
    time.sleep(0.02 * (unit % 2 == 0))
    return unit


def refuse_threes(unit: int) -> int:
    if unit % 3 == 0:
        raise ImagineError(f"unit {unit}")
    return unit


def process(_unit: int) -> int:
    return os.getpid()


def killed_at_five(unit: int) -> int:
    if unit == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(FOREVER if unit > 5 else 0)
    return unit


def large(unit: int) -> bytes:
    return bytes(1 << 22)


def killed_while_handing_over(unit: int) -> bytes:
    """Die with half of a result written, as a process that the system kills may."""
    from multiprocessing.connection import Connection

    def send_half(self: Connection, data: bytes) -> None:
        os.write(self.fileno(), len(data).to_bytes(4, "big") + data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)

    if unit == 5:
        Connection._send_bytes = send_half  # type: ignore[attr-defined]
    return bytes(1 << 16)


def begin_and_wait(folder: Path, unit: int) -> int:
    if unit == 0:
        wait_for(lambda: unfinished(folder))  # so that another worker has begun by now
        return os.getpid()
    with AtomicFile(os.fsencode(folder / str(unit))) as file:
        file.write([b"x"])
        time.sleep(FOREVER)
    return unit


def undo_slowly(folder: Path) -> None:
    time.sleep(1)  # Meanwhile it gets the signal to leave several times more.
    (folder / "undone").touch()


def begin_to_undo(folder: Path, unit: int) -> int:
    if unit == 0:
        wait_for((folder / "begun").exists)
        return unit
    cleanups.add(partial(undo_slowly, folder))
    (folder / "begun").touch()
    time.sleep(FOREVER)
    return unit


def interrupt_oneself(unit: int) -> int:
    os.kill(os.getpid(), signal.SIGINT)
    return unit


def blocked_signals(_unit: int) -> list[int]:
    return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_results_come_in_the_units_order(workers: int, count: int) -> None:
    assert list(ordered_map(slow_when_even, range(count), workers)) == list(range(count))


def test_one_worker_is_this_process() -> None:
    pids = set(ordered_map(process, range(3), 1))
    assert pids == {os.getpid()}
    # Functions that can't be pickled will do.
    assert list(ordered_map(lambda unit: unit, [1], 1)) == [1]


def test_several_workers_are_other_processes() -> None:
    pids = set(ordered_map(process, range(3), 2))
    assert os.getpid() not in pids
    assert 1 <= len(pids) <= 2
    assert not any(map(alive, pids))


@pytest.mark.parametrize("workers", [1, 2])
def test_exception_comes_after_the_results_before_it(workers: int) -> None:
    results = ordered_map(refuse_threes, [1, 2, 4, 5, 6, 7, 9], workers)
    assert [next(results) for _ in range(4)] == [1, 2, 4, 5]
    with pytest.raises(ImagineError, match=r"^unit 6$") as raised:
        next(results)
    assert type(raised.value) is ImagineError
    assert list(results) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_error_of_the_units_source_ends_the_run(workers: int) -> None:
    def units() -> Iterator[int]:
        yield from range(20)
        raise ImagineError("cut off")

    before = own_children()
    with pytest.raises(ImagineError, match=r"^cut off$"):
        list(ordered_map(double, units(), workers))
    wait_for(lambda: own_children() == before)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_units_are_taken_as_they_are_worked_off(workers: int) -> None:
    taken = 0

    def units() -> Iterator[int]:
        nonlocal taken
        for unit in range(100):
            taken += 1
            yield unit

    for given, _ in enumerate(ordered_map(double, units(), workers), 1):
        assert taken <= given + 2 * workers + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_yielded_while_no_unit_is_ready(workers: int) -> None:
    given: list[int] = []
    deadline = time.monotonic() + PATIENCE

    def units() -> Iterator[int | None]:
        yield 3
        while not given:
            assert time.monotonic() < deadline
            yield None
        yield None
        yield 4

    results = ordered_map(double, units(), workers)
    given.append(next(results))
    assert [*given, *results] == [6, 8]


def test_killed_worker_is_reported() -> None:
    before = own_children()
    results = ordered_map(killed_at_five, range(20), 2)
    given: list[int] = []
    with pytest.raises(WorkerLost, match="a worker process died"):
        given.extend(results)
    assert given == list(range(len(given)))
    wait_for(lambda: own_children() == before)


def test_a_worker_killed_while_it_hands_a_result_over_ends_the_run() -> None:
    before = own_children()
    results = ordered_map(killed_while_handing_over, range(20), 2)
    with pytest.raises(WorkerLost, match="a worker process died"):
        list(results)
    wait_for(lambda: own_children() == before)


def test_closing_early_ends_workers_that_hand_large_results_over() -> None:
    before = own_children()
    for _ in range(5):
        with closing(ordered_map(large, range(1000), 2)) as results:
            next(results)
            time.sleep(0.05)  # until the pipe is full
        wait_for(lambda: own_children() == before)


def test_closing_early_leaves_no_process_and_no_unfinished_file(tmp_path: Path) -> None:
    before = own_children()
    with closing(ordered_map(partial(begin_and_wait, tmp_path), range(10), 2)) as results:
        worker = next(results)
        assert worker in own_children() - before
        assert unfinished(tmp_path)
    assert not alive(worker)
    assert os.listdir(tmp_path) == []
    wait_for(lambda: own_children() == before)


def test_a_leaving_worker_can_finish_its_cleanup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagine_common.parallel.local_processes._SECONDS_TO_LEAVE", PATIENCE)
    with closing(ordered_map(partial(begin_to_undo, tmp_path), range(2), 2)) as results:
        next(results)
    assert sorted(os.listdir(tmp_path)) == ["begun", "undone"]


def test_worker_that_does_not_hear_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagine_common.parallel.local_processes._SECONDS_TO_LEAVE", 0.1)
    before = own_children()
    tidy = partial(clear_leftovers, os.fsencode(tmp_path))
    with closing(ordered_map(partial(begin_and_wait, tmp_path), range(2), 2, tidy)) as results:
        next(results)
        for worker in own_children() - before:
            os.kill(worker, signal.SIGSTOP)
    wait_for(lambda: own_children() == before)
    # Its unfinished file, which it can't remove itself, is seen to.
    assert os.listdir(tmp_path) == []


def test_worker_keeps_its_parents_unfinished_files(tmp_path: Path) -> None:
    path = temporary_name(os.fsencode(tmp_path))
    os.close(create_temporary(path))
    with closing(ordered_map(process, range(10), 2)) as results:
        next(results)
    assert os.path.exists(path)
    remove_temporary(path)


def test_workers_leave_it_to_the_parent_to_be_interrupted() -> None:
    assert list(ordered_map(interrupt_oneself, range(4), 2)) == [0, 1, 2, 3]


def test_workers_can_be_signalled() -> None:
    for blocked in ordered_map(blocked_signals, range(4), 2):
        assert not set(blocked) & set(ENDING_SIGNALS)


def test_signals_of_this_process_stay_as_they_are() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    handlers = [signal.getsignal(signum) for signum in ENDING_SIGNALS]
    list(ordered_map(double, range(4), 2))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert [signal.getsignal(signum) for signum in ENDING_SIGNALS] == handlers


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, time\n"
        "from imagine_common.parallel.ordered_map import ordered_map\n"
        "def work(unit):\n"
        "    if unit:\n"
        f"        time.sleep({FOREVER})\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    results = ordered_map(work, range(9), 2)\n"
        "    print(next(results), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    # The pipe has its end only once no worker is left that holds it.
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL
    wait_for(lambda: not alive(int(done.stdout)))


KILLED_AT_THE_END = """
import os, signal, sys
from concurrent.futures import process
from contextlib import suppress
from imagine_common.parallel.ordered_map import ordered_map

join = process._ExecutorManagerThread.join_executor_internals

def kill_one_and_join(self):
    with suppress(ProcessLookupError):
        os.kill(list(self.processes)[int(sys.argv[1])], signal.SIGKILL)
    join(self)

process._ExecutorManagerThread.join_executor_internals = kill_one_and_join
print(list(ordered_map(abs, range(4), 2)))
"""


@pytest.mark.parametrize("place", ["0", "1"])
def test_a_worker_killed_when_all_is_done_is_not_waited_for(place: str) -> None:
    """One of them holds the lock with which they take turns at waiting for work."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_THE_END, place], capture_output=True, timeout=PATIENCE
    )
    assert (done.stdout, done.stderr) == (b"[0, 1, 2, 3]\n", b"")


def test_process_with_other_threads_can_map(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    # What another thread holds while a process is forked would be held for ever there.
    script.write_text(
        "import threading\n"
        "from imagine_common.parallel.ordered_map import ordered_map\n"
        "held, done = threading.Lock(), threading.Event()\n"
        "def work(unit):\n"
        "    return unit, held.locked()\n"
        "if __name__ == '__main__':\n"
        "    held.acquire()\n"
        "    thread = threading.Thread(target=done.wait)\n"
        "    thread.start()\n"
        "    print(list(ordered_map(work, range(3), 2)))\n"
        "    done.set()\n"
        "    thread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", script], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stderr == ""
    assert done.stdout == "[(0, False), (1, False), (2, False)]\n"


class _WatchedLock(threading.Condition):
    """A condition that notes whether the main thread takes it while a signal could interrupt."""

    interruptible = 0

    def __enter__(self) -> bool:
        if threading.current_thread() is threading.main_thread():
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            _WatchedLock.interruptible += not blocked >= set(ENDING_SIGNALS)
        return super().__enter__()


def test_no_signal_can_interrupt_while_a_futures_lock_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class WatchedFuture(Future[Any]):
        def __init__(self) -> None:
            super().__init__()
            self._condition = _WatchedLock()

    monkeypatch.setattr("concurrent.futures._base.Future", WatchedFuture)
    monkeypatch.setattr(_WatchedLock, "interruptible", 0)
    assert list(ordered_map(abs, range(-50, 0), 2)) == list(range(50, 0, -1))
    assert _WatchedLock.interruptible == 0
