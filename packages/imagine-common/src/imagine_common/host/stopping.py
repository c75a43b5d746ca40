"""Stopping work in a thread of a process that can't be signaled, such as a Dask worker.

Long work calls `check_stopped` often, which costs next to nothing elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """The run that this thread works for has ended.

    It is not an `Exception`, so that it is not handled as a failure of the work.
    """


class _Thread(threading.local):
    stop: threading.Event | None = None


_thread = _Thread()


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Stop this thread's work in a `with` block when an event is set."""
    _thread.stop = stop
    try:
        yield
    finally:
        _thread.stop = None


def check_stopped() -> None:
    """Raise `Stopped` if this thread's work has to stop."""
    if _thread.stop is not None and _thread.stop.is_set():
        raise Stopped
