"""Functions that tests have workers of a cluster call, which find them on their path."""

from __future__ import annotations

import os
import threading
import time

from imagine_common.atomic import AtomicFile


def write_for_ever(path: bytes) -> None:
    """Write a file that is never finished."""
    with AtomicFile(path) as file:
        while True:
            file.write([b"x"])
            file.flush()
            time.sleep(0.01)


def thread_and_process(seconds: float) -> tuple[int, int]:
    """Take some time, and tell who did."""
    time.sleep(seconds)
    return os.getpid(), threading.get_ident()
