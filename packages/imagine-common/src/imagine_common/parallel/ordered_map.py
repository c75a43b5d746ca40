"""An ordered map over workers: processes of this machine, or a cluster that somebody else runs.

Units are taken from their source only as fast as they are worked off, and results come in the
units' order. Who the workers are makes no difference to a result.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.host.cpus import check_workers
from imagine_common.host.memory import keep_freed_memory
from imagine_common.host.signals import check_interrupted

if TYPE_CHECKING:  # Who works in one process is spared these at run time.
    from contextlib import AbstractContextManager

Unit = TypeVar("Unit")
Result = TypeVar("Result")


class Executor(Protocol):
    """Works on units, for the time of a `with` block, which may also end early.

    `most_pending` is how many units it should have at most, to be neither idle nor drowned.
    """

    @property
    def most_pending(self) -> int:
        """Return the limit as it is now."""

    def submit(self, function: Callable[[Any], Any], unit: Any) -> Any:
        """Have a unit worked on; what is returned tells by `done()` whether it has been."""

    def result(self, pending: Any) -> Any:
        """Wait for the result of what `submit` returned; raise what the function raised."""


class Cluster(Protocol):
    """Workers elsewhere, which share this machine's files under the same absolute paths."""

    @property
    def threads(self) -> int:
        """Return how many units are worked on side by side."""

    def executor(self, tidy: Callable[[], object]) -> AbstractContextManager[Executor]:
        """Return what works on a run's units; hosts that may have lost a worker call `tidy`."""


Workers: TypeAlias = "int | Cluster"


def ordered_map(
    function: Callable[[Unit], Result],
    units: Iterable[Unit | None],
    workers: Workers,
    tidy: Callable[[], object] = lambda: None,
) -> Generator[Result]:
    """Apply a function to each unit of work and yield the results in the units' order.

    Parameters
    ----------
    function : callable
        Can be pickled, as units and results can.
    units : iterable
        Where it yields None it has no unit yet, but gives results the chance to go out.
    workers : int or Cluster
        The number of processes, or a cluster. With one, the work is done in this process.
    tidy : callable
        Removes what dead processes of the host that it is called on have left. It can be pickled.

    Raises
    ------
    WorkerLost
        Where a worker process died; on a cluster, only where it did so again and again.
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
    elif isinstance(workers, int):
        from imagine_common.parallel.local_processes import LocalProcesses

        yield from _map_on(LocalProcesses(workers, tidy), function, units)
    else:
        yield from _map_on(workers.executor(tidy), function, units)


def choose_workers(workers: Workers | None) -> Workers:
    """Return who works: as many processes as usable processors, unless told.

    Raises
    ------
    UsageError
        As `check_workers` does.
    """
    return check_workers(workers) if workers is None or isinstance(workers, int) else workers


def base_of(workers: Workers | None) -> bytes:
    """Return the folder that relative paths start from, as `base` for `files.urls.rooted`.

    It is empty for processes of this machine, which have the same working directory.
    """
    return b"" if workers is None or isinstance(workers, int) else os.getcwdb()


def _map_on(
    opened: AbstractContextManager[Executor],
    function: Callable[[Unit], Result],
    units: Iterable[Unit | None],
) -> Generator[Result]:
    ended_by: list[ImagineError] = []

    def until_error() -> Iterator[Unit | None]:
        try:
            yield from units
        except ImagineError as error:  # What was asked for before it is finished all the same.
            ended_by.append(error)

    pending: deque[Any] = deque()
    with opened as executor:
        for unit in until_error():
            check_interrupted()
            if unit is not None:
                pending.append(executor.submit(function, unit))
            while pending and (pending[0].done() or len(pending) > executor.most_pending):
                yield executor.result(pending.popleft())
        while pending:
            yield executor.result(pending.popleft())
    if ended_by:
        raise ended_by[0]
