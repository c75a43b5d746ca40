"""How worker processes of this machine are started."""

from __future__ import annotations

import os
import threading


def start_method() -> str:
    """Return the start method of `multiprocessing` for workers that are started now."""
    # Forking is fastest and asks nothing of the caller's script, but is safe only where no other
    # thread can hold a lock meanwhile, and not on macOS, whose system libraries start threads.
    if os.uname().sysname != "Linux":
        return "spawn"
    return "fork" if threading.active_count() == 1 else "forkserver"
