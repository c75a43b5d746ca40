"""A connection to a Dask cluster, whose state it watches.

The cluster is somebody else's, and shares the file system. All that can be wrong with it is told in
bounded time: Dask itself would rather wait for ever.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import dask
import distributed
from dask.utils import parse_timedelta
from distributed import Client

from imagine_common.errors import ImagineError
from imagine_common.parallel.cluster.scheduler import check_scheduler, find_scheduler
from imagine_common.parallel.cluster.tasks import wrong_version

if TYPE_CHECKING:
    from imagine_common.parallel.cluster.executor import DaskExecutor

Answer = TypeVar("Answer")

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_TO_ANSWER = 60.0
_SECONDS_TO_LEAVE = 2.0
_PATIENCE_OF_WORKERS = "60s"


class DaskCluster:
    """A Dask cluster, connected to for the time of a `with` block.

    Parameters
    ----------
    scheduler : str
        The scheduler's address, such as `tcp://10.0.0.1:8786`, or the path of a scheduler file.
    packages : sequence of str
        What has to be installed on the workers in the version that is here.

    Raises
    ------
    UsageError
        From the constructor, for what is neither an address nor a file's path.
    ImagineError
        On entering, where scheduler or workers can't be reached, or lack packages.
    """

    def __init__(self, scheduler: str, packages: Sequence[str] = ("imagine-common",)) -> None:
        check_scheduler(scheduler)
        self.address = scheduler
        self.versions = tuple((package, version(package)) for package in packages)
        self._client: Client | None = None
        self._threads: dict[str, int] = {}
        self._looked = self._had_workers = 0.0

    def __enter__(self) -> DaskCluster:
        patience = parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))
        self.address = find_scheduler(self.address, patience)
        self._client = self._connect(patience)
        self._had_workers = time.monotonic()
        try:
            while not self.look():
                time.sleep(_SECONDS_BETWEEN_LOOKS / 10)
            self._check_versions()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster, which goes on without us."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, distributed.TimeoutError):
                client.close(timeout=_SECONDS_TO_LEAVE)

    @property
    def client(self) -> Client:
        """Return the connection.

        Raises
        ------
        ImagineError
            Where there is none.
        """
        if self._client is None:
            raise ImagineError(f"{self.address}: not connected; use the cluster in a `with` block")
        if self._client.status != "running":
            raise self.lost()
        return self._client

    @property
    def threads(self) -> int:
        """Return how many units are worked on side by side."""
        return sum(self._threads.values())

    @property
    def workers(self) -> set[str]:
        """Return the addresses of the workers that were there when looked at last."""
        return set(self._threads)

    def executor(self, tidy: Callable[[], object]) -> DaskExecutor:
        """Return what works on a run's units; hosts that may have lost a worker call `tidy`."""
        from imagine_common.parallel.cluster.executor import DaskExecutor

        return DaskExecutor(self, tidy)

    def look(self, at_once: bool = False) -> int:
        """Look for workers, where the last time is not just over; return the number of threads.

        `at_once` means in any case.

        Raises
        ------
        ImagineError
            Where the scheduler is lost, or there have been no workers for too long.
        """
        client = self.client
        now = time.monotonic()
        if self._threads and not at_once and now < self._looked + _SECONDS_BETWEEN_LOOKS:
            return self.threads
        threads: Mapping[str, int] = self.ask(client.scheduler.ncores)
        self._looked = now = time.monotonic()
        self._threads = {address: count for address, count in threads.items() if count}
        if self._threads:
            self._had_workers = now
            return self.threads
        patience = parse_timedelta(dask.config.get("imagine.workers-timeout", _PATIENCE_OF_WORKERS))
        if now > self._had_workers + patience:
            raise ImagineError(
                f"{self.address}: the Dask cluster has had no workers for {patience:g} s; do they"
                " start, and find their scheduler?"
            )
        return 0

    def ask(
        self,
        question: Callable[..., Awaitable[Answer]],
        *args: Any,
        seconds: float | None = _SECONDS_TO_ANSWER,
        **kwargs: Any,
    ) -> Answer:
        """Return the scheduler's answer to a question.

        Raises
        ------
        ImagineError
            Where there is none.
        """
        try:
            answer: Answer = self.client.sync(
                question, *args, asynchronous=False, callback_timeout=seconds, **kwargs
            )
        except (OSError, distributed.TimeoutError) as error:
            raise self.lost() from error
        return answer

    def lost(self) -> ImagineError:
        """Return the error that tells that the scheduler no longer answers."""
        return ImagineError(
            f"{self.address}: lost the Dask scheduler; finished files stay, and --resume goes on"
        )

    def one_of_each_host(self) -> list[str]:
        """Return the address of a worker on each host."""
        return list({address.rpartition(":")[0]: address for address in self._threads}.values())

    def _connect(self, patience: float) -> Client:
        """Return a new connection.

        Raises
        ------
        ImagineError
            Where there is none in so many seconds.
        """
        answers: queue.SimpleQueue[Client | BaseException] = queue.SimpleQueue()

        def connect() -> None:
            try:
                answers.put(Client(self.address, timeout=patience, set_as_default=False))
            except BaseException as error:
                answers.put(error)

        # Of who takes the connection and then says nothing, the client itself would never tire.
        threading.Thread(target=connect, daemon=True).start()
        try:
            answer = answers.get(timeout=patience + _SECONDS_TO_LEAVE)
        except queue.Empty as error:
            answer = error
        if isinstance(answer, (OSError, distributed.TimeoutError, queue.Empty)):
            raise ImagineError(
                f"{self.address}: no Dask scheduler has answered for {patience:g} s; is it running?"
            ) from answer
        if isinstance(answer, BaseException):  # Such as versions of Dask that differ too much give.
            raise ImagineError(f"{self.address}: {answer}") from answer
        return answer

    def _check_versions(self) -> None:
        """Refuse a cluster with other packages.

        Raises
        ------
        ImagineError
        """
        client = self.client
        common, wanted = self.versions[0]
        try:
            found = self.ask(client._run_on_scheduler, version, common)
        except PackageNotFoundError:
            found = None
        wrong = [wrong_version(common, wanted, found, f"{self.address}: the Dask scheduler")]
        for package, wanted in self.versions:
            answers = self.ask(client._run, version, package, on_error="return")
            for worker, answer in answers.items():
                found = answer if isinstance(answer, str) else None
                wrong.append(wrong_version(package, wanted, found, f"{worker}: the Dask worker"))
        if reasons := [reason for reason in wrong if reason]:
            more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            raise ImagineError(f"{reasons[0]}{more}")
