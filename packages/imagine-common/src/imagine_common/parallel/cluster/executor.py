"""What a run asks of a Dask cluster: its units' results, and to leave nothing behind.

Dask itself works again elsewhere on the units of a lost worker. They give the same bytes, and files
take their names at once, so it does no harm where that worker was only out of reach.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import cloudpickle
import distributed
from distributed import CancelledError, Future, KilledWorker, wait

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.parallel.cluster.tasks import Run, call_aside, stop, work

if TYPE_CHECKING:
    from imagine_common.parallel.cluster.connection import DaskCluster

_PENDING_PER_THREAD = 3
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_FETCH = 10.0
_SECONDS_TO_LEAVE = 5.0


class DaskExecutor:
    """Has a cluster work on the units of a run, for the time of a `with` block.

    Parameters
    ----------
    cluster : DaskCluster
    tidy : callable
        Removes what dead processes of the host that it is called on have left.
    """

    def __init__(self, cluster: DaskCluster, tidy: Callable[[], object]) -> None:
        self._cluster = cluster
        self._tidy = tidy
        self._name = uuid4().hex
        self._run = b""
        self._pending: dict[str, Future] = {}
        self._seen: set[str] = set()
        self._submitted = 0

    def __enter__(self) -> DaskExecutor:
        self._tidy_hosts()
        return self

    @property
    def most_pending(self) -> int:
        """Return how many units keep the workers busy that there are now."""
        return _PENDING_PER_THREAD * max(1, self._look())

    def submit(self, function: Callable[[Any], Any], unit: Any) -> Future:
        """Have a unit worked on, by the function that the first was given.

        Raises
        ------
        ImagineError
            As `DaskCluster.look` does.
        """
        self._look()
        if not self._run:
            run = Run(self._name, self._cluster.versions, cloudpickle.dumps(function))
            self._run = pickle.dumps(tuple(run))
        key = f"imagine-{self._name}-{self._submitted}"
        self._submitted += 1
        future = self._cluster.client.submit(
            work, self._run, pickle.dumps(unit), key=key, pure=False
        )
        self._pending[key] = future
        return future

    def result(self, future: Future) -> Any:
        """Wait for a unit's result.

        Raises
        ------
        ImagineError
            As `DaskCluster.look` does; a `WorkerLost` where several workers died of this unit.
        Exception
            What the function raised.
        """
        try:
            result = self._wait_for(future)
        except KilledWorker as error:
            raise WorkerLost(
                "workers of the Dask cluster died one after the other at the same unit of work"
                " (killed, or out of memory? their logs may tell)"
            ) from error
        except CancelledError:
            raise self._cluster.lost() from None
        except OSError as error:
            if future.status == "error":  # It is the function's own.
                raise
            raise self._cluster.lost() from error
        del self._pending[future.key]
        return result

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with suppress(ImagineError):  # There is one already, or all is done.
                if kind is not None:
                    self._stop()
                self._look(at_once=True)
                if self._seen - self._cluster.workers:
                    self._tidy_hosts()
        finally:
            self._pending.clear()
            if kind is not None:
                self._tidy()

    def _wait_for(self, future: Future) -> Any:
        while True:
            self._look()
            try:
                if not future.done():
                    with self._cluster.client.as_current():
                        wait(future, timeout=_SECONDS_BETWEEN_LOOKS)
                # A worker may be lost with a result that nobody has fetched: there is a limit too.
                return future.result(timeout=_SECONDS_TO_FETCH)
            except distributed.TimeoutError:
                if future.status == "error":  # It is the function's own.
                    raise

    def _look(self, at_once: bool = False) -> int:
        threads = self._cluster.look(at_once)
        self._seen |= self._cluster.workers
        return threads

    def _stop(self) -> None:
        """Cancel what is queued, have what is being worked on left, and wait for that."""
        cluster = self._cluster
        cluster.client.cancel(list(self._pending.values()), force=True)
        cluster.ask(
            cluster.client._run,
            stop,
            self._name,
            _SECONDS_TO_LEAVE,
            on_error="ignore",
            seconds=2 * _SECONDS_TO_LEAVE,
        )

    def _tidy_hosts(self) -> None:
        self._tidy()
        cluster = self._cluster
        # Folders may be many, and storage slow: it takes what it takes.
        cluster.ask(
            cluster.client._run,
            call_aside,
            self._tidy,
            workers=cluster.one_of_each_host(),
            on_error="ignore",
            seconds=None,
        )
