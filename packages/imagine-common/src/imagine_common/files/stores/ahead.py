"""Several requests in flight: a store answers one in milliseconds, but many at a time.

Requests are made by threads of this process, and results come in order.
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
    """Apply a function to items, `depth` at a time, and yield the results in order.

    Items are taken, by this thread, only as the results are.

    Raises
    ------
    Exception
        What the function raised, in its result's place.
    """
    with closing(in_advance(function, items, depth)) as answers:
        for _, answer in answers:
            yield answer()


def in_advance(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int = IN_FLIGHT
) -> Generator[tuple[Item, Callable[[], Result]]]:
    """Do what `look_ahead` does, but yield each item and what returns its result, or raises, once.

    So who sees to an error can go on; and a result is not kept by what returned it.
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
