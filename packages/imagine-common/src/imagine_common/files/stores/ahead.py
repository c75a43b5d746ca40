"""Several requests at a time, as a store answers each in milliseconds, but many at once.

Threads of this process make the requests; results come in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT = 8


def look_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int = IN_FLIGHT
) -> Generator[Result]:
    """Apply a function to `depth` items at a time, and yield the results in order.

    This thread takes the items from their source, as results are taken. An exception of the
    function is raised at its result's place.
    """
    with closing(in_advance(function, items, depth)) as answers:
        for _, answer in answers:
            yield answer()


def in_advance(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int = IN_FLIGHT
) -> Generator[tuple[Item, Callable[[], Result]]]:
    """Apply a function to `depth` items at a time, and yield them in order, each with an answer.

    An answer, called once, returns the result or raises the function's exception, so that callers
    can go on after one; it does not keep the result in memory.
    """
    executor = ThreadPoolExecutor(depth)
    pending: deque[tuple[Item, list[Future[Result]]]] = deque()
    try:
        for item in items:
            pending.append((item, [executor.submit(function, item)]))
            if len(pending) == depth:
                yield _answer(*pending.popleft())
        while pending:
            yield _answer(*pending.popleft())
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _answer(item: Item, future: list[Future[Result]]) -> tuple[Item, Callable[[], Result]]:
    return item, lambda: future.pop().result()
