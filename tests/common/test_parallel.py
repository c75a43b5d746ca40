from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

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
from imagine_common.parallel.progress import progress
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


def hang_up_and_terminate(unit: int) -> int:
    for signum in (signal.SIGHUP, signal.SIGTERM):
        os.kill(os.getpid(), signum)
    return unit


def wait_for_ever(folder: Path, unit: int) -> int:
    if unit == 0:
        wait_for((folder / "begun").exists)
        return unit
    (folder / "begun").touch()
    while True:  # A call that a signal interrupts is not what ends it.
        time.sleep(FOREVER)


def grow(unit: int) -> bytes:
    """Return more than fits into a connection, so that both ends have to keep up."""
    return bytes(unit)


def wait_for_others(folder: Path, others: int, unit: int) -> int:
    if unit:
        (folder / str(unit)).touch()
    else:
        wait_for(lambda: len(os.listdir(folder)) == others)
    return unit


def count_to(parent: int, images: int) -> int:
    assert os.getpid() != parent
    for _ in range(images):
        progress.advance()
    return images


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


@pytest.fixture
def _nohup() -> Iterator[None]:
    previous = {signum: signal.signal(signum, signal.SIG_IGN) for signum in ENDING_SIGNALS}
    yield
    for signum, handler in previous.items():
        signal.signal(signum, handler)


@pytest.mark.usefixtures("_nohup")
def test_workers_ignore_the_signals_that_their_starter_ignores() -> None:
    assert list(ordered_map(hang_up_and_terminate, range(4), 2)) == [0, 1, 2, 3]


@pytest.mark.usefixtures("_nohup")
def test_workers_that_ignore_signals_leave_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagine_common.parallel.local_processes._SECONDS_TO_LEAVE", FOREVER)
    before = own_children()
    with closing(ordered_map(partial(wait_for_ever, tmp_path), range(2), 2)) as results:
        next(results)
    assert own_children() == before


@pytest.mark.process
def test_a_worker_that_is_ended_twice_at_once_says_nothing(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal\n"
        "from imagine_common.errors import WorkerLost\n"
        "from imagine_common.parallel.ordered_map import ordered_map\n"
        "def work(unit):\n"
        "    both = {signal.SIGHUP, signal.SIGTERM}\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, both)\n"
        "    for signum in both:\n"
        "        os.kill(os.getpid(), signum)\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, both)\n"
        "try:\n"
        "    list(ordered_map(work, range(4), 2))\n"
        "except WorkerLost:\n"
        "    print('lost')\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == (b"lost\n", b"")


@pytest.mark.parametrize(
    ("attribute", "error", "words"),
    [
        ("os.fork", BlockingIOError(errno.EAGAIN, "again"), r" 1: again; .*\(ulimit -u\)"),
        ("os.fork", OSError(errno.ENOMEM, "no memory"), " 1: no memory; free some memory"),
        ("os.pipe", OSError(errno.EMFILE, "too many"), r" 1: too many; .*\(ulimit -n\)"),
        ("threading.Thread.start", RuntimeError("no new thread"), "no new thread; allow more"),
    ],
)
def test_workers_that_can_not_start_are_an_error(
    attribute: str, error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    before = own_children()
    monkeypatch.setattr(attribute, fail)
    with pytest.raises(ImagineError, match=f"^can't start worker process.*{words}.*--workers 1"):
        list(ordered_map(double, range(20), 3))
    assert own_children() == before


def test_workers_need_no_semaphores(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/shm, where they are, may be missing or read-only."""
    monkeypatch.setattr("_multiprocessing.SemLock", None)
    assert list(ordered_map(double, range(4), 2)) == [0, 2, 4, 6]


def test_units_and_results_of_all_sizes_are_exchanged() -> None:
    sizes = [0, 1, 1 << 16, 1 << 22, 3, 1 << 20]
    assert [len(data) for data in ordered_map(grow, sizes, 2)] == sizes
    units = [bytes(size) for size in sizes]
    assert list(ordered_map(len, units, 2)) == sizes


def test_no_process_is_forked_beside_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    fork = os.fork

    def counting_fork() -> int:
        threads.append(threading.active_count())
        return fork()

    def units() -> Iterator[float]:
        yield 0.5  # The next unit needs another process.
        thread.start()
        yield from [0, 0, 0]

    monkeypatch.setattr("os.fork", counting_fork)
    try:
        assert len(list(ordered_map(time.sleep, units(), 2))) == 4
    finally:
        done.set()
        thread.join()
    assert threads == [1]


@pytest.mark.process
def test_a_script_without_a_guard_gets_one_error_that_names_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import threading\n"
        "from imagine_common.errors import UsageError\n"
        "from imagine_common.parallel.ordered_map import ordered_map\n"
        "done = threading.Event()\n"
        "threading.Thread(target=done.wait).start()\n"
        "try:\n"
        "    list(ordered_map(abs, range(9), 2))\n"
        "except UsageError as error:\n"
        "    print(error)\n"
        "done.set()\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"under `if __name__ == '__main__':`" in done.stdout
    assert done.stdout.count(b"\n") == 1


def test_no_unit_waits_for_a_slow_one(tmp_path: Path) -> None:
    """The first unit ends once all others have, which the other worker has to do."""
    results = ordered_map(partial(wait_for_others, tmp_path, 4), range(5), 2)
    assert [next(results), *results] == [0, 1, 2, 3, 4]


def test_images_are_counted_as_workers_process_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(progress, "listener", lambda: seen.append(progress.images))
    monkeypatch.setattr(progress, "images", 0)
    monkeypatch.setattr("imagine_common.parallel.progress._SECONDS_BETWEEN_REPORTS", 0)
    results = ordered_map(partial(count_to, os.getpid()), [3, 4], 2)
    assert list(results) == [3, 4]
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert progress.images == 7


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
