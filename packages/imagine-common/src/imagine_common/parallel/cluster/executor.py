"""An executor on a Dask cluster, which leaves no unfinished work behind.

Dask repeats the units of a lost worker elsewhere. They give the same bytes, and files appear at
once, so a worker that was only unreachable does no harm.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import cloudpickle
import distributed
from distributed import CancelledError, Future, KilledWorker, wait

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.parallel.cluster.tasks import call_aside, stop, work

if TYPE_CHECKING:
    from imagine_common.parallel.cluster.connection import DaskCluster

_PENDING_PER_THREAD = 3
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_FETCH = 10.0
_SECONDS_TO_LEAVE = 5.0


class DaskExecutor:
    """Processes the units of a run on a cluster, and has `tidy` called on its hosts before.

    All methods raise an `ImagineError` if the scheduler is lost or has no workers for too long.
    """

    def __init__(
        self, cluster: DaskCluster, function: Callable[[Any], Any], tidy: Callable[[], object]
    ) -> None:
        self._cluster = cluster
        self._tidy = tidy
        self._name = uuid4().hex
        run = self._name, cluster.versions, cloudpickle.dumps(function)
        self._run = pickle.dumps(run)
        self._pending: dict[str, Future] = {}
        self._seen: set[str] = set()
        self._numbers = count()

    def __enter__(self) -> DaskExecutor:
        self._tidy_hosts()
        return self

    @property
    def most_pending(self) -> int:
        """Return how many submitted units keep all workers busy at present."""
        return _PENDING_PER_THREAD * max(1, self._look())

    def submit(self, unit: Any) -> Future:
        """Start work on a unit."""
        self._look()
        key = f"imagine-{self._name}-{next(self._numbers)}"
        future = self._cluster.client.submit(
            work, self._run, pickle.dumps(unit), key=key, pure=False
        )
        self._pending[key] = future
        return future

    def result(self, future: Future) -> Any:
        """Wait for the result of a unit; raise a `WorkerLost` if several workers died at it."""
        while True:
            self._look()
            try:
                if not future.done():
                    with self._cluster.client.as_current():
                        wait(future, timeout=_SECONDS_BETWEEN_LOOKS)
                # A timeout here too: a worker may be lost before its result is fetched.
                result = future.result(timeout=_SECONDS_TO_FETCH)
                del self._pending[future.key]
                return result
            except KilledWorker as error:
                raise WorkerLost(
                    "workers of the Dask cluster died one after the other at the same unit of work"
                    " (killed, or out of memory? see their logs)"
                ) from error
            except CancelledError:
                raise self._cluster.lost() from None
            except (OSError, distributed.TimeoutError) as error:
                if future.status == "error":  # The function raised it.
                    raise
                if not isinstance(error, distributed.TimeoutError):
                    raise self._cluster.lost() from error

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            # An error of the cluster is already being raised, or all units are finished.
            with suppress(ImagineError):
                if kind is not None:  # Cancel queued units, and stop those in progress.
                    self._cluster.client.cancel(list(self._pending.values()), force=True)
                    self._cluster.call_on_workers(
                        stop, self._name, _SECONDS_TO_LEAVE, seconds=2 * _SECONDS_TO_LEAVE
                    )
                self._look(at_once=True)
                if self._seen - self._cluster.workers.keys():
                    self._tidy_hosts()
        finally:
            self._pending.clear()
            if kind is not None:
                self._tidy()

    def _look(self, at_once: bool = False) -> int:
        threads = self._cluster.look(at_once)
        self._seen |= self._cluster.workers.keys()
        return threads

    def _tidy_hosts(self) -> None:
        self._tidy()
        hosts = {address.rpartition(":")[0]: address for address in self._cluster.workers}
        workers = list(hosts.values())  # one on each host
        # No timeout: there may be many folders, and the storage may be slow.
        self._cluster.call_on_workers(call_aside, self._tidy, workers=workers, seconds=None)
