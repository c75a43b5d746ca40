"""Several requests at a time, as a store answers each in milliseconds, but many at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT = 8


def look_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int = IN_FLIGHT
) -> Generator[Result]:
    """Apply a function to `depth` items at a time, in threads, and yield the results in order.

    This thread takes the items from their source, as results are taken. An exception of the
    function is raised at its result's place.
    """
    executor = ThreadPoolExecutor(depth)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) == depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
