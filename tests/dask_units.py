"""Functions that tests have workers of a cluster call, which find them on their path."""

from __future__ import annotations

import os
import threading
import time

from imagine_common.files.output import AtomicFile
from support import PATIENCE


def write_for_ever(path: bytes) -> None:
    """Write a file that is never finished."""
    with AtomicFile(path) as file:
        while True:
            file.write([b"x"])
            file.flush()
            time.sleep(0.01)


_four = threading.Barrier(4)


def met_in_fours(_unit: int) -> tuple[int, int]:
    """Wait for three other threads of this process; return the process and the thread."""
    _four.wait(PATIENCE)
    return os.getpid(), threading.get_ident()
