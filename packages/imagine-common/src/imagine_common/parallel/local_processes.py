"""Worker processes of this machine, which never outlive the run.

Each has a connection of its own: no thread, lock or semaphore is shared, so a worker may die at any
moment, and a signal may interrupt this process anywhere. No process and no unfinished file is left
when the run ends: by success, a signal, a dead worker, or a caller that stops early.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for_connections
from multiprocessing.process import BaseProcess
from typing import Any

from imagine_common.errors import USAGE, ImagineError, UsageError, WorkerLost
from imagine_common.host.signals import check_interrupted, ending_signals_blocked
from imagine_common.host.threads import start_method
from imagine_common.parallel.progress import progress
from imagine_common.parallel.worker import Outcome, serve

_SECONDS_TO_LEAVE = 5.0
_SECONDS_BETWEEN_LOOKS = 0.5

_REMEDIES = {errno.EMFILE: "allow more open files (ulimit -n)", errno.ENOMEM: "free some memory"}


class PendingUnit:
    """A unit that was submitted, and its outcome once a worker has sent it."""

    def __init__(self, unit: Any, collect: Callable[[float], None]) -> None:
        self.data = pickle.dumps(unit)
        self.outcome: Outcome | None = None
        self._collect = collect

    def done(self) -> bool:
        """Return whether the outcome is there."""
        self._collect(0)
        return self.outcome is not None


class _Worker:
    """A process, this end of its connection, and the units that it processes."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.units: deque[PendingUnit] = deque()


class LocalProcesses:
    """An executor with a number of processes; calls `tidy` if one died.

    Processes start as they are needed. A worker gets a unit once it has fewer than `units_each`;
    with 1, no unit waits for a slow one while other workers are idle.
    """

    def __init__(
        self,
        workers: int,
        function: Callable[[Any], Any],
        tidy: Callable[[], object],
        units_each: int = 1,
    ) -> None:
        self.most_pending = (1 + units_each) * workers
        self._units_each = units_each
        self._most_workers = workers
        self._function = function
        self._tidy = tidy
        self._workers: list[_Worker] = []
        self._waiting: deque[PendingUnit] = deque()
        self._selector = selectors.PollSelector()

    def __enter__(self) -> LocalProcesses:
        return self

    def submit(self, unit: Any) -> PendingUnit:
        """Start work on a unit."""
        pending = PendingUnit(unit, self._collect)
        self._waiting.append(pending)
        self._hand_out()
        return pending

    def result(self, pending: PendingUnit) -> Any:
        """Wait for a result; raise a `WorkerLost` if a worker process has died."""
        while pending.outcome is None:
            check_interrupted()
            self._collect(_SECONDS_BETWEEN_LOOKS)
        outcome = pending.outcome
        if outcome.error is not None:
            raise outcome.error from _WorkerTraceback(outcome.traceback)
        return outcome.result

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        with ending_signals_blocked():
            self._selector.close()
            for worker in self._workers:
                worker.connection.close()  # The worker leaves.
            alive = {worker.process.sentinel: worker.process for worker in self._workers}
            deadline = time.monotonic() + _SECONDS_TO_LEAVE
            while alive and (seconds := deadline - time.monotonic()) > 0:
                for sentinel in wait_for_connections(list(alive), timeout=seconds):
                    del alive[sentinel]  # type: ignore[arg-type]
            for process in alive.values():
                process.kill()
            for worker in self._workers:
                worker.process.join()
                worker.process.close()
            if alive or isinstance(error, WorkerLost):  # Their files are left.
                self._tidy()

    def _hand_out(self) -> None:
        """Give waiting units to idle workers, to new ones up to their number, then to any."""
        while self._waiting:
            worker = min(self._workers, key=lambda worker: len(worker.units), default=None)
            if worker is None or (worker.units and len(self._workers) < self._most_workers):
                worker = self._start()
            if len(worker.units) == self._units_each:
                return
            worker.units.append(self._waiting.popleft())
            try:
                worker.connection.send_bytes(worker.units[-1].data)
            except OSError:
                raise self._lost(worker) from None

    def _collect(self, seconds: float) -> None:
        """Take the outcomes that workers have sent, waiting up to `seconds` for the first."""
        found = self._selector.select(seconds)
        for key, _ in found:
            worker: _Worker = key.data
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                raise self._lost(worker) from None
            is_outcome = isinstance(message, Outcome)
            progress.advance(message.images if is_outcome else message)
            if is_outcome and worker.units:
                worker.units.popleft().outcome = message
        if found:
            self._hand_out()
        else:
            progress.advance(0)

    def _start(self) -> _Worker:
        method = start_method()  # Not once: this process may have got threads meanwhile.
        context: Any = multiprocessing.get_context(method)
        shows_progress = progress.listener is not None
        try:
            # A signal must not reach a process before it has handlers.
            with ending_signals_blocked():
                connection, other = context.Pipe()
                inherited: Sequence[Connection] = ()
                if method == "fork":
                    inherited = [connection, *(worker.connection for worker in self._workers)]
                args = (other, self._function, shows_progress, inherited)
                process = context.Process(target=serve, args=args, daemon=True)
                with other:
                    if is_importing_main():
                        os._exit(USAGE)
                    process.start()
                worker = _Worker(process, connection)
                self._workers.append(worker)
                self._selector.register(connection, selectors.EVENT_READ, worker)
        except OSError as error:
            remedy = _REMEDIES.get(error.errno or 0, "allow more processes (ulimit -u)")
            raise ImagineError(
                f"can't start worker process {len(self._workers) + 1}: {error.strerror or error};"
                f" {remedy}, or use fewer --workers (--workers 1 starts none)"
            ) from error
        return worker

    def _lost(self, worker: _Worker) -> ImagineError:
        worker.process.join(_SECONDS_BETWEEN_LOOKS)
        if worker.process.exitcode == USAGE:
            return UsageError(
                "worker processes import the script that starts them: put its calls under"
                " `if __name__ == '__main__':`, or use workers=1"
            )
        return WorkerLost(
            "a worker process died (killed, or out of memory? fewer --workers need less)"
        )


def is_importing_main() -> bool:
    """Return whether this process is a new worker that still imports the caller's script."""
    # Private to multiprocessing; checked with Python 3.10 to 3.13.
    return getattr(multiprocessing.current_process(), "_inheriting", False)


class _WorkerTraceback(Exception):
    """Where an error was raised in its worker, for --verbose."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
