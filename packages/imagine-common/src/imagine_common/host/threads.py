"""Threads: they decide how processes start, and their work can be stopped.

Threads of a Dask worker can't be signaled. So long work calls `check_stopped` often, which costs
next to nothing elsewhere.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

worker_process = threading.Event()  # It is set in the processes that this package starts.


class Stopped(BaseException):
    """The run of this thread has ended; no `Exception`, as the work has not failed."""


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


def start_method() -> str:
    """Return the start method of `multiprocessing` for new workers."""
    # Forking is fastest and demands nothing of the caller's script. It is unsafe if other threads
    # may hold locks, those of obstore included, and on macOS, whose system libraries start threads.
    if os.uname().sysname != "Linux":
        return "spawn"
    alone = threading.active_count() == 1 and sys.modules.get("obstore") is None
    return "fork" if alone else "forkserver"
