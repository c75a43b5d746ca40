"""Signals that end a run: raised, remembered, and kept out of what must not be interrupted."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from imagine_common.errors import Interrupted

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# An impatient user's second Ctrl-C must not cut short the cleaning up that the first one began.
_SECONDS_TO_CLEAN_UP = 2.0

_received: list[int] = []


@contextmanager
def ending_signals_raised() -> Iterator[list[int]]:
    """Raise an `Interrupted` in the main thread when an ending signal arrives.

    The list that this gives holds the signal then.
    """
    received: list[int] = []
    first = 0.0

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        nonlocal first
        if not received:
            first = time.monotonic()
            received.append(signum)
            _received.append(signum)
        elif time.monotonic() < first + _SECONDS_TO_CLEAN_UP:
            return
        raise Interrupted(received[0])

    # What whoever started us wants ignored (nohup, a background job) stays ignored.
    previous = {
        signum: handler
        for signum in ENDING_SIGNALS
        if (handler := signal.getsignal(signum)) not in (signal.SIG_IGN, None)
    }
    for signum in previous:
        signal.signal(signum, interrupt)
    try:
        yield received
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
        _received.clear()


@contextmanager
def ending_signals_blocked() -> Iterator[None]:
    """Hold ending signals back until the block is left; processes started inside inherit that."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def check_interrupted() -> None:
    """Raise what a signal raised before, in case it came where Python drops exceptions.

    Finalizers are such a place, and imports of extension modules, which raise errors of their own.

    Raises
    ------
    Interrupted
    """
    if _received:
        raise Interrupted(_received[0])
