"""An ordered map over worker processes that can be stopped at any moment.

The processes are `concurrent.futures`' own. What is added here: units are taken from their source
only as fast as they are worked off, results come in the units' order, and the end of the run, by a
signal, a lost worker, or a consumer who has seen enough, leaves no process and no unfinished file.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, TypeVar, cast

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.memory import keep_freed_memory
from imagine_common.signals import ENDING_SIGNALS, check_interrupted, ending_signals_blocked
from imagine_common.temporary import forget_unfinished, remove_unfinished

if TYPE_CHECKING:  # Who works in one process is spared these at run time.
    from concurrent.futures import Future, ProcessPoolExecutor

Unit = TypeVar("Unit")
Result = TypeVar("Result")

_SECONDS_TO_LEAVE = 5.0
_SECONDS_BETWEEN_SIGNALS = 0.1
_SECONDS_TO_NOTICE = 2.0


def ordered_map(
    function: Callable[[Unit], Result], units: Iterable[Unit | None], workers: int
) -> Generator[Result]:
    """Apply a function to each unit of work and yield the results in the units' order.

    Parameters
    ----------
    function : callable
        Can be pickled, as units and results can.
    units : iterable
        Where it yields None it has no unit yet, but gives results the chance to go out.
    workers : int
        The number of processes. With one, the work is done in this process.

    Raises
    ------
    WorkerLost
        Where a worker process died.
    Exception
        What the function raised, or an ImagineError from `units`, once the results of the units
        before it have been given.
    """
    if workers == 1:
        keep_freed_memory()
        for unit in units:
            check_interrupted()
            if unit is not None:
                yield function(unit)
    else:
        yield from _map_on_pool(function, units, workers)


def workers_are_forked() -> bool:
    """Tell whether workers that are started now share what this process has in memory."""
    return _start_method() == "fork"


def _map_on_pool(
    function: Callable[[Unit], Result], units: Iterable[Unit | None], workers: int
) -> Generator[Result]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    ended_by: list[ImagineError] = []

    def until_error() -> Iterator[Unit | None]:
        try:
            yield from units
        except ImagineError as error:  # What was asked for before it is finished all the same.
            ended_by.append(error)

    method = _start_method()
    context = multiprocessing.get_context(method)
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    pending: deque[Future[Result]] = deque()
    completed = False
    try:
        for unit in until_error():
            check_interrupted()
            if unit is not None:
                # Processes start in here: no signal may find one without its handlers.
                with ending_signals_blocked():
                    pending.append(_submit(executor, function, unit))
            while pending and (pending[0].done() or len(pending) > 2 * workers):
                yield _result(executor, pending.popleft())
        while pending:
            yield _result(executor, pending.popleft())
        completed = True
        if ended_by:
            raise ended_by[0]
    except BrokenProcessPool:
        raise WorkerLost(f"a worker process died ({_causes(method)})") from None
    finally:
        with ending_signals_blocked():
            if not completed:
                _end_workers(executor)
            executor.shutdown(cancel_futures=True)


def _submit(
    executor: ProcessPoolExecutor, function: Callable[[Unit], Result], unit: Unit
) -> Future[Result]:
    try:
        return executor.submit(function, unit)
    except OSError as error:
        raise ImagineError(
            f"can't start worker processes: {error.strerror}; try fewer --workers"
        ) from error


def _result(executor: ProcessPoolExecutor, future: Future[Result]) -> Result:
    """Wait for a result, and for a lost worker.

    The executor notices those itself, but not while it reads a large result: where a process dies
    with half of one written, the other half never comes.

    Raises
    ------
    BrokenProcessPool
    """
    from concurrent.futures import wait
    from concurrent.futures.process import BrokenProcessPool

    while not wait((future,), _SECONDS_TO_NOTICE).done:
        # What a dead process had written whole before arrives within this time again.
        if _any_dead(executor) and not wait((future,), _SECONDS_TO_NOTICE).done:
            raise BrokenProcessPool
    return future.result()


def _any_dead(executor: ProcessPoolExecutor) -> bool:
    from multiprocessing.connection import wait

    sentinels = [process.sentinel for process in list((executor._processes or {}).values())]
    return bool(wait(sentinels, timeout=0))


def _causes(start_method: str) -> str:
    causes = "killed, or out of memory? fewer --workers need less"
    if start_method == "fork":
        return causes
    return f"{causes}; a script has to call this under `if __name__ == '__main__':`"


def _end_workers(executor: ProcessPoolExecutor) -> None:
    from multiprocessing.connection import wait

    alive = {process.sentinel: process for process in list((executor._processes or {}).values())}
    deadline = time.monotonic() + _SECONDS_TO_LEAVE
    while alive and time.monotonic() < deadline:
        # Again and again: a signal that comes just before a process begins to wait doesn't wake it.
        for process in alive.values():
            process.terminate()
        for sentinel in wait(list(alive), timeout=_SECONDS_BETWEEN_SIGNALS):
            del alive[cast(int, sentinel)]
    for process in alive.values():
        process.kill()
    # The executor's thread may be reading a result whose writer has just been ended.
    results = executor._result_queue
    if results is not None:
        results._writer.close()  # type: ignore[attr-defined]


def _start_method() -> str:
    # Forking is fastest and asks nothing of the caller's script, but is safe only where no other
    # thread can hold a lock meanwhile, and not on macOS, whose system libraries start threads.
    if os.uname().sysname != "Linux":
        return "spawn"
    return "fork" if threading.active_count() == 1 else "forkserver"


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
    remove_unfinished()
    os._exit(128 + signum)


def _leave_with_parent() -> None:
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_BETWEEN_SIGNALS)
