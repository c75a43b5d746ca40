"""Signals that end a run: raised as exceptions, remembered, and blocked where they must wait."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from imagine_common.errors import Interrupted

# Those of a terminal, of limits and of batch systems. All others end a process only if it crashes.
ENDING_SIGNALS = (
    *(signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM),
    *(signal.SIGXCPU, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2),
)

# A second Ctrl-C must not interrupt the cleanup that the first one started.
_SECONDS_TO_CLEAN_UP = 2.0

_received: list[int] = []


@contextmanager
def ending_signals_raised() -> Iterator[list[int]]:
    """Raise `Interrupted` in the main thread when an ending signal arrives.

    The list that it yields is empty until then, and has the signal afterwards.
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

    def report_other(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not Interrupted:  # `check_interrupted` raises it again.
            report(unraisable)

    report = sys.unraisablehook
    # Signals that the parent process ignores (nohup, a background job) stay ignored.
    previous = {
        signum: handler
        for signum in ENDING_SIGNALS
        if (handler := signal.getsignal(signum)) not in (signal.SIG_IGN, None)
    }
    for signum in previous:
        signal.signal(signum, interrupt)
    sys.unraisablehook = report_other
    try:
        yield received
    finally:
        sys.unraisablehook = report
        # Python complains about a signal whose handler goes while it arrives.
        with ending_signals_blocked():
            for signum, handler in previous.items():
                signal.signal(signum, handler)
        _received.clear()


@contextmanager
def ending_signals_blocked() -> Iterator[None]:
    """Block ending signals in a `with` block, also for processes started in it."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def check_interrupted() -> None:
    """Raise `Interrupted` if a signal has arrived but Python dropped the exception that it raised.

    That happens in finalizers, and in imports of extension modules, which raise their own errors.
    """
    if _received:
        raise Interrupted(_received[0])
