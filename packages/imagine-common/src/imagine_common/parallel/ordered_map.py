"""An ordered map over workers: processes of this machine, or a cluster.

Units of work are taken from their source only as workers become free, and results are yielded in
the order of the units. Results do not depend on the workers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.host.limits import check_workers, keep_freed_memory
from imagine_common.host.signals import check_interrupted
from imagine_common.parallel.begun import finished, is_begun
from imagine_common.parallel.progress import progress

if TYPE_CHECKING:  # Not imported at run time, which --workers 1 would wait for.
    from contextlib import AbstractContextManager

    from imagine_common.parallel.cluster.connection import DaskCluster

Unit = TypeVar("Unit")
Result = TypeVar("Result")


class Executor(Protocol):
    """Processes units of work for the duration of a `with` block, which may end early."""

    @property
    def most_pending(self) -> int:
        """Return how many submitted units keep all workers busy at present."""

    def submit(self, unit: Any) -> Any:
        """Start work on a unit; the returned object has a method `done()`."""

    def result(self, pending: Any) -> Any:
        """Wait for the result of an object returned by `submit`; raise the function's exception."""


Workers: TypeAlias = "int | DaskCluster"


def ordered_map(
    function: Callable[[Unit], Result],
    units: Iterable[Unit | None],
    workers: Workers,
    tidy: Callable[[], object] = lambda: None,
    units_each: int = 1,
) -> Generator[Result]:
    """Apply a function to each unit of work and yield the results in the order of the units.

    A source without a unit at present yields None, so that results can be yielded meanwhile. With
    one worker, the function is called in this process; otherwise it, `tidy`, units and results are
    pickled. `tidy` removes the files that dead processes left on the host where it is called.

    A function may only begin a unit, and return an object with the methods `result`, which waits,
    and `cancel`. The process begins the next unit before it waits, if it gets `units_each` > 1.

    An exception of the function is raised at its result's place, an `ImagineError` of `units` after
    the results of all units before it, and a `WorkerLost` if a worker process died; on a cluster,
    if workers died repeatedly at the same unit.
    """
    if workers == 1:
        keep_freed_memory()
        begun: deque[Any] = deque()
        try:
            for unit in units:
                check_interrupted()
                progress.advance(0)
                if unit is not None:
                    begun.append(function(unit))
                if begun and (len(begun) > 1 or not is_begun(begun[0])):
                    yield finished(begun.popleft())
            yield from map(finished, begun)
        finally:
            for result in begun:
                result.cancel()
    elif isinstance(workers, int):
        from imagine_common.parallel.local_processes import LocalProcesses

        yield from _map_on(LocalProcesses(workers, function, tidy, units_each), units)
    else:
        from imagine_common.parallel.cluster.executor import DaskExecutor

        yield from _map_on(DaskExecutor(workers, function, tidy), units)


def choose_workers(workers: Workers | None) -> Workers:
    """Return the given workers, or the number of usable CPUs for None."""
    return check_workers(workers) if workers is None or isinstance(workers, int) else workers


def base_of(workers: Workers | None) -> bytes:
    """Return the folder to join to relative paths before workers get them, with `urls.rooted`.

    It is empty for processes of this machine, which have the same working directory.
    """
    return b"" if workers is None or isinstance(workers, int) else os.getcwdb()


def _map_on(
    opened: AbstractContextManager[Executor], units: Iterable[Unit | None]
) -> Generator[Any]:
    ended_by: list[ImagineError] = []

    def until_error() -> Iterator[Unit | None]:
        try:
            yield from units
        except ImagineError as error:  # The units before it are finished all the same.
            ended_by.append(error)

    pending: deque[Any] = deque()
    with opened as executor:
        for unit in until_error():
            check_interrupted()
            if unit is not None:
                pending.append(executor.submit(unit))
            while pending and (pending[0].done() or len(pending) > executor.most_pending):
                yield executor.result(pending.popleft())
        while pending:
            yield executor.result(pending.popleft())
    if ended_by:
        raise ended_by[0]
