"""Asking a thread to stop, for workers whose process is not ours to signal.

Whoever works for long asks often whether to go on. Where nobody can want otherwise, which is so in
all processes but a cluster's, that costs next to nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """The run that this thread works for has ended.

    Not an `Exception`, so that nothing takes it for a failure of the work.
    """


class _Thread(threading.local):
    stop: threading.Event | None = None


_thread = _Thread()


@contextmanager
def stopped_by(stop: threading.Event) -> Iterator[None]:
    """Let an event stop what this thread does in the `with` block."""
    _thread.stop = stop
    try:
        yield
    finally:
        _thread.stop = None


def check_stopped() -> None:
    """Leave, by an exception, where this thread has been asked to stop.

    Raises
    ------
    Stopped
    """
    if _thread.stop is not None and _thread.stop.is_set():
        raise Stopped
