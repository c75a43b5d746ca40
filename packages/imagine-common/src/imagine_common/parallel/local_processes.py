"""Worker processes of this machine, which never outlive the run.

`concurrent.futures` runs them. This module adds that a dead worker is noticed at once, and that no
process and no unfinished file is left when the run ends: by success, a signal, a dead worker, or a
caller that stops early.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_connections
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, cast

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.files.temporary import forget_unfinished, remove_unfinished
from imagine_common.host.limits import keep_freed_memory
from imagine_common.host.signals import ENDING_SIGNALS, ending_signals_blocked
from imagine_common.host.threads import start_method, worker_process

_SECONDS_TO_LEAVE = 5.0
_SECONDS_BETWEEN_SIGNALS = 0.1
_SECONDS_TO_NOTICE = 2.0


class PendingUnit:
    """The future of a unit. Its lock is taken with signals blocked only.

    A signal handler that raised an error while the lock is held would leave it locked for ever, and
    the executor's thread with it.
    """

    def __init__(self, future: Future[Any]) -> None:
        self._future = future
        self._finished: SimpleQueue[None] = SimpleQueue()
        future.add_done_callback(lambda _: self._finished.put(None))

    def done(self) -> bool:
        """Return whether the result is there."""
        return not self._finished.empty()

    def wait(self, seconds: float) -> bool:
        """Wait for the result; return whether it is there."""
        try:
            self._finished.get(timeout=seconds)
        except Empty:
            return False
        self._finished.put(None)
        return True

    def result(self) -> Any:
        """Return the result, or raise the function's error."""
        with ending_signals_blocked():
            return self._future.result()


class LocalProcesses:
    """An executor with a number of processes; calls `tidy` if one died."""

    def __init__(self, workers: int, tidy: Callable[[], object]) -> None:
        self.most_pending = 2 * workers
        self._tidy = tidy
        self._method = start_method()
        context = multiprocessing.get_context(self._method)
        self._executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)

    def __enter__(self) -> LocalProcesses:
        return self

    def submit(self, function: Callable[[Any], Any], unit: Any) -> PendingUnit:
        """Start work on a unit."""
        try:
            # This starts processes: a signal must not reach them before they have handlers.
            with ending_signals_blocked():
                return PendingUnit(self._executor.submit(function, unit))
        except BrokenProcessPool:
            raise self._lost() from None
        except OSError as error:
            raise ImagineError(
                f"can't start worker processes: {error.strerror}; try fewer --workers"
            ) from error

    def result(self, pending: PendingUnit) -> Any:
        """Wait for a result; raise a `WorkerLost` if a worker process has died."""
        # The executor itself notices a dead worker, but not while it reads a result that the worker
        # had written only in part.
        while not pending.wait(_SECONDS_TO_NOTICE):
            # A result that was written completely arrives within this time.
            if self._any_dead() and not pending.wait(_SECONDS_TO_NOTICE):
                raise self._lost()
        try:
            return pending.result()
        except BrokenProcessPool:
            raise self._lost() from None

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        with ending_signals_blocked():
            killed = self._end_workers()
            self._executor.shutdown(cancel_futures=True)
            if killed or isinstance(error, WorkerLost):
                self._tidy()

    def _any_dead(self) -> bool:
        sentinels = [process.sentinel for process in worker_processes(self._executor)]
        return bool(wait_for_connections(sentinels, timeout=0))

    def _lost(self) -> WorkerLost:
        causes = "killed, or out of memory? fewer --workers need less"
        if self._method != "fork":
            causes += "; a script has to call this under `if __name__ == '__main__':`"
        return WorkerLost(f"a worker process died ({causes})")

    def _end_workers(self) -> bool:
        """End the workers; return whether some had to be killed, which leaves their files.

        Also on success: `shutdown()` hangs if a worker was killed while it held the queue's lock.
        """
        alive = {process.sentinel: process for process in worker_processes(self._executor)}
        deadline = time.monotonic() + _SECONDS_TO_LEAVE
        while alive and time.monotonic() < deadline:
            # Repeated: a signal just before a process begins to wait does not wake it.
            for process in alive.values():
                process.terminate()
            for sentinel in wait_for_connections(list(alive), timeout=_SECONDS_BETWEEN_SIGNALS):
                del alive[cast(int, sentinel)]
        for process in alive.values():
            process.kill()
        close_results(self._executor)
        return bool(alive)


def worker_processes(executor: ProcessPoolExecutor) -> list[BaseProcess]:
    """Return the processes that an executor has started."""
    # Private to concurrent.futures; checked with Python 3.10 to 3.13.
    return list((executor._processes or {}).values())


def close_results(executor: ProcessPoolExecutor) -> None:
    """End an executor's wait for the rest of a result that a dead worker had begun to write."""
    # Private to concurrent.futures; checked with Python 3.10 to 3.13.
    results = executor._result_queue
    if results is not None:
        results._writer.close()  # type: ignore[attr-defined]


def _start_worker() -> None:
    worker_process.set()
    forget_unfinished()
    keep_freed_memory()
    # Ctrl-C reaches every process of the terminal; the parent alone reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    # Started while signals are blocked, so that the main thread gets them.
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _leave(signum: int, _frame: FrameType | None) -> None:
    # The signal is repeated, which must not interrupt a slow cleanup, such as of a store's uploads.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    remove_unfinished()
    os._exit(128 + signum)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_connections([parent.sentinel])
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_BETWEEN_SIGNALS)
