"""Worker processes of this machine, which end with the run, whatever ends it.

The processes are `concurrent.futures`' own. What is added here: a lost worker is noticed at once,
and the end of the run, by a signal, a lost worker, or a consumer who has seen enough, leaves no
process and no unfinished file.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_connections
from types import FrameType, TracebackType
from typing import TypeVar, cast

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.files.temporary import forget_unfinished, remove_unfinished
from imagine_common.host.memory import keep_freed_memory
from imagine_common.host.signals import ENDING_SIGNALS, ending_signals_blocked
from imagine_common.host.start_method import start_method

Unit = TypeVar("Unit")
Result = TypeVar("Result")

_SECONDS_TO_LEAVE = 5.0
_SECONDS_BETWEEN_SIGNALS = 0.1
_SECONDS_TO_NOTICE = 2.0


class LocalProcesses:
    """So many processes, for the time of a `with` block; `tidy` is called where one was lost."""

    def __init__(self, workers: int, tidy: Callable[[], object]) -> None:
        self.most_pending = 2 * workers
        self._tidy = tidy
        self._method = start_method()
        context = multiprocessing.get_context(self._method)
        self._executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)

    def __enter__(self) -> LocalProcesses:
        return self

    def submit(self, function: Callable[[Unit], Result], unit: Unit) -> Future[Result]:
        """Have a unit worked on.

        Raises
        ------
        ImagineError
            Where a process can't be started, and a `WorkerLost` where one has died.
        """
        try:
            # Processes start in here: no signal may find one without its handlers.
            with ending_signals_blocked():
                return self._executor.submit(function, unit)
        except BrokenProcessPool:
            raise self._lost() from None
        except OSError as error:
            raise ImagineError(
                f"can't start worker processes: {error.strerror}; try fewer --workers"
            ) from error

    def result(self, future: Future[Result]) -> Result:
        """Wait for a result, and for a lost worker.

        The executor notices those itself, but not while it reads a large result: where a process
        dies with half of one written, the other half never comes.

        Raises
        ------
        WorkerLost
            Where a worker process died.
        Exception
            What the function raised.
        """
        while not wait((future,), _SECONDS_TO_NOTICE).done:
            # What a dead process had written whole before arrives within this time again.
            if self._any_dead() and not wait((future,), _SECONDS_TO_NOTICE).done:
                raise self._lost()
        try:
            return future.result()
        except BrokenProcessPool:
            raise self._lost() from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with ending_signals_blocked():
            killed = self._end_workers()
            self._executor.shutdown(cancel_futures=True)
            if killed or isinstance(error, WorkerLost):
                self._tidy()

    def _any_dead(self) -> bool:
        processes = list((self._executor._processes or {}).values())
        return bool(wait_for_connections([process.sentinel for process in processes], timeout=0))

    def _lost(self) -> WorkerLost:
        causes = "killed, or out of memory? fewer --workers need less"
        if self._method != "fork":
            causes += "; a script has to call this under `if __name__ == '__main__':`"
        return WorkerLost(f"a worker process died ({causes})")

    def _end_workers(self) -> bool:
        """Have the workers leave; tell whether some had to be killed, who leave files.

        Also when all is done: by itself the executor would wait for ever where a worker was killed
        after its last unit, if it held the lock with which they take turns at waiting for work.
        """
        processes = list((self._executor._processes or {}).values())
        alive = {process.sentinel: process for process in processes}
        deadline = time.monotonic() + _SECONDS_TO_LEAVE
        while alive and time.monotonic() < deadline:
            # Again and again: a signal that comes just before a process begins to wait doesn't wake
            # it.
            for process in alive.values():
                process.terminate()
            for sentinel in wait_for_connections(list(alive), timeout=_SECONDS_BETWEEN_SIGNALS):
                del alive[cast(int, sentinel)]
        for process in alive.values():
            process.kill()
        # The executor's thread may be reading a result whose writer has just been ended.
        results = self._executor._result_queue
        if results is not None:
            results._writer.close()  # type: ignore[attr-defined]
        return bool(alive)


def _start_worker() -> None:
    forget_unfinished()
    keep_freed_memory()
    # Ctrl-C reaches every process of the terminal; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    # Started while signals are blocked, the thread leaves them to the main thread.
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)


def _leave(signum: int, _frame: FrameType | None) -> None:
    # It is said again and again, which must not cut short what takes longer, such as a store.
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
