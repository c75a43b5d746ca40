"""A connection to a Dask cluster, which watches its scheduler and workers.

The cluster runs by itself and shares the file system. Every problem with it is reported in bounded
time; Dask itself would wait forever.
"""

from __future__ import annotations

import threading
import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, TimeoutError, wait  # noqa: A004 - another class in Python 3.10
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import dask
import distributed
from dask.utils import parse_timedelta
from distributed import Client

from imagine_common.errors import ImagineError, WorkerLost
from imagine_common.parallel.cluster.scheduler import check_scheduler, find_scheduler
from imagine_common.parallel.cluster.tasks import wrong_version

Answer = TypeVar("Answer")

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_ANSWER = 60.0
_SECONDS_TO_LEAVE = 2.0
_SECONDS_TO_NOTICE = 2.0
_SECONDS_BETWEEN_NOTICES = 10.0
_WORKERS_TIMEOUT = "60s"


class _Client(Client):  # type: ignore[misc]
    def __del__(self) -> None:
        """Do nothing: closing a client that has never connected would print a traceback."""


class DaskCluster:
    """A Dask cluster, connected for the duration of a `with` block.

    Entering it and all methods raise an `ImagineError` if the scheduler does not answer.

    Parameters
    ----------
    scheduler : str
        The scheduler's address, such as `tcp://10.0.0.1:8786`, or the path of a scheduler file.
    packages : sequence of str
        The packages that scheduler and workers must have in the version installed here.
    notify : callable
        It gets a message about what is waited for: soon, and every ten seconds again.

    Raises
    ------
    UsageError
        From the constructor, if `scheduler` is neither an address nor a path.
    ImagineError
        On entering, also if there are no workers, or packages are missing or differ.
    """

    def __init__(
        self,
        scheduler: str,
        packages: Sequence[str] = ("imagine-common",),
        notify: Callable[[str], object] = lambda _: None,
    ) -> None:
        check_scheduler(scheduler)
        self.address = scheduler
        self.versions = tuple((package, version(package)) for package in packages)
        self.workers: dict[str, int] = {}  # as of the last `look`: the threads at each address
        self._client: Client | None = None
        self._notify = notify
        self._looked = self._had_workers = 0.0

    def __enter__(self) -> DaskCluster:
        timeout = parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
        self._notified = time.monotonic() + _SECONDS_TO_NOTICE - _SECONDS_BETWEEN_NOTICES
        self.address = find_scheduler(self.address, timeout, self._waiting)
        self._client = self._connect(timeout)
        self._had_workers = time.monotonic()
        try:
            while not self.look():
                self._waiting("the Dask cluster has no workers yet")
                time.sleep(_SECONDS_BETWEEN_LOOKS / 10)
            self._check_versions()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, distributed.TimeoutError):
                client.close(timeout=_SECONDS_TO_LEAVE)

    @property
    def client(self) -> Client:
        """Return Dask's client."""
        if self._client is None:
            raise ImagineError(f"{self.address}: not connected; use the cluster in a `with` block")
        if self._client.status != "running":
            raise self.lost()
        return self._client

    @property
    def threads(self) -> int:
        """Return the number of units that are processed at the same time."""
        return sum(self.workers.values())

    def look(self, at_once: bool = False) -> int:
        """Update the list of workers, at most once a second unless `at_once`; return `threads`.

        Raise an `ImagineError` after a minute, or `imagine.workers-timeout`, without workers.
        """
        now = time.monotonic()
        if self.workers and not at_once and now < self._looked + _SECONDS_BETWEEN_LOOKS:
            return self.threads
        threads: Mapping[str, int] = self._ask(self.client.scheduler.ncores)
        self._looked = now = time.monotonic()
        self.workers = {address: count for address, count in threads.items() if count}
        if self.workers:
            self._had_workers = now
            return self.threads
        timeout = parse_timedelta(dask.config.get("imagine.workers-timeout", _WORKERS_TIMEOUT))
        if now > self._had_workers + timeout:
            raise WorkerLost(
                f"{self.address}: the Dask cluster has had no workers for {timeout:g} s; do they"
                " start, and find their scheduler?"
            )
        return 0

    def lost(self) -> WorkerLost:
        """Return the error for a scheduler that no longer answers."""
        return WorkerLost(f"{self.address}: lost the Dask scheduler")

    def _waiting(self, reason: str) -> None:
        if time.monotonic() > self._notified + _SECONDS_BETWEEN_NOTICES:
            self._notified = time.monotonic()
            self._notify(f"{self.address}: {reason}; waiting")

    def call_on_workers(
        self,
        function: Callable[..., object],
        *args: Any,
        workers: Sequence[str] | None = None,
        on_error: str = "ignore",
        seconds: float | None = _SECONDS_TO_ANSWER,
    ) -> Mapping[str, Any]:
        """Call a function on all workers, or some, at once; return the results by address.

        With `on_error="return"`, exceptions of the function are results. `seconds` is the timeout.
        """
        # Client.run has no timeout. Private to distributed; checked with 2026.8.
        run = self.client._run
        return self._ask(run, function, *args, workers=workers, on_error=on_error, seconds=seconds)

    def call_on_scheduler(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """Call a function in the scheduler's process; return its result or raise its exception."""
        # Client.run_on_scheduler has no timeout. Private to distributed; checked with 2026.8.
        answer: Answer = self._ask(self.client._run_on_scheduler, function, *args)
        return answer

    def _ask(
        self,
        question: Callable[..., Awaitable[Answer]],
        *args: Any,
        seconds: float | None = _SECONDS_TO_ANSWER,
        **kwargs: Any,
    ) -> Answer:
        try:
            answer: Answer = self.client.sync(
                question, *args, asynchronous=False, callback_timeout=seconds, **kwargs
            )
        except (OSError, distributed.TimeoutError) as error:
            raise self.lost() from error
        return answer

    def _connect(self, timeout: float) -> Client:
        connected: Future[Client] = Future()

        def connect() -> None:
            try:
                connected.set_result(_Client(self.address, timeout=timeout, set_as_default=False))
            except BaseException as error:
                connected.set_exception(error)

        # Client's timeout does not apply to a server that accepts a connection but never answers.
        threading.Thread(target=connect, daemon=True).start()
        deadline = time.monotonic() + timeout + _SECONDS_TO_LEAVE
        while not connected.done() and time.monotonic() < deadline:
            self._waiting("no Dask scheduler answers yet")
            wait([connected], timeout=_SECONDS_BETWEEN_LOOKS)
        try:
            return connected.result(0)
        except (OSError, distributed.TimeoutError, TimeoutError) as error:
            raise ImagineError(
                f"{self.address}: no Dask scheduler has answered for {timeout:g} s; is it running?"
            ) from error
        except (Exception, CancelledError) as error:
            raise ImagineError(
                f"{self.address}: can't talk to what answers ({error}); is it a Dask scheduler of"
                f" version {distributed.__version__}, and is TLS configured here as it is there?"
            ) from error

    def _check_versions(self) -> None:
        common, wanted = self.versions[0]
        try:
            found: str | None = self.call_on_scheduler(version, common)
        except PackageNotFoundError:
            found = None
        wrong = [wrong_version(common, wanted, found, f"{self.address}: the Dask scheduler")]
        for package, wanted in self.versions:
            answers = self.call_on_workers(version, package, on_error="return")
            for worker, answer in answers.items():
                found = answer if isinstance(answer, str) else None
                wrong.append(wrong_version(package, wanted, found, f"{worker}: the Dask worker"))
        if reasons := [reason for reason in wrong if reason]:
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            raise ImagineError(f"{reasons[0]}{more}")
