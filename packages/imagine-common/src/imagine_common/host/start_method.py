"""How worker processes of this machine are started."""

from __future__ import annotations

import os
import threading


def start_method() -> str:
    """Return the start method of `multiprocessing` for new workers."""
    # Forking is fastest and demands nothing of the caller's script. It is unsafe if other threads
    # may hold locks, and on macOS, whose system libraries start threads.
    if os.uname().sysname != "Linux":
        return "spawn"
    return "fork" if threading.active_count() == 1 else "forkserver"
