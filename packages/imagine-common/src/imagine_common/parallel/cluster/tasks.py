"""The tasks that Dask workers run.

Workers are shared: they may have several threads, outlive a run, and serve other runs. So a run can
ask a worker process to stop its units, and wait for that. A unit stops at its next write and
removes its unfinished file.

Functions and units travel as bytes, so that the Dask scheduler needs no package but this one.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from imagine_common.errors import ImagineError
from imagine_common.host.limits import keep_freed_memory
from imagine_common.host.threads import Stopped, check_stopped, stopped_by
from imagine_common.parallel.begun import finished

_MAX_RUNS = 256
_SECONDS_BETWEEN_LOOKS = 0.01


class _Activity:
    """A run's number of units in progress in this process, and its stop signal."""

    def __init__(self) -> None:
        self.at_work = 0
        self.stop = threading.Event()


_lock = threading.Lock()
_activities: dict[str, _Activity] = {}  # the last used is the last


async def call_aside(function: Callable[[], object]) -> None:
    """Call a function in a thread, so that the worker's heartbeat goes on."""
    await asyncio.get_running_loop().run_in_executor(None, function)


def work(run: bytes, unit: bytes) -> Any:
    """Return the result of a pickled run's function for a pickled unit; None if the run has ended.

    Raise an `ImagineError` if a package of the run is missing here or has another version.
    """
    name, function = _load(run)
    with _lock:
        activity = _activity(name)
        activity.at_work += 1
    try:
        with stopped_by(activity.stop):
            check_stopped()
            return finished(function(pickle.loads(unit)))  # noqa: S301
    except Stopped:
        return None
    finally:
        with _lock:
            activity.at_work -= 1


async def stop(name: str, seconds: float) -> None:
    """Stop a run's present and later units in this process, waiting up to `seconds` for them."""
    deadline = time.monotonic() + seconds
    with _lock:
        activity = _activity(name)
    activity.stop.set()
    while activity.at_work and time.monotonic() < deadline:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def wrong_version(package: str, wanted: str, found: str | None, place: str) -> str:
    """Return a message if a package at a place is missing or has another version, else ''."""
    if found == wanted:
        return ""
    has = f"{package} {found}" if found else f"no {package}"
    return f"{place} has {has}, but this host has {wanted}; install that for the same images"


@lru_cache(maxsize=16)
def _load(run: bytes) -> tuple[str, Any]:
    """Return a pickled run's name and function; check its packages, once in a process."""
    name, versions, function = pickle.loads(run)  # noqa: S301
    place = f"the worker on {socket.gethostname()}"
    for package, wanted in versions:
        try:
            found: str | None = version(package)
        except PackageNotFoundError:
            found = None
        if wrong := wrong_version(package, wanted, found, place):
            raise ImagineError(wrong)
    keep_freed_memory()
    return name, pickle.loads(function)  # noqa: S301


def _activity(name: str) -> _Activity:
    activity = _activities[name] = _activities.pop(name, _Activity())  # now the last
    for old in list(_activities)[:-_MAX_RUNS]:
        if not _activities[old].at_work:
            del _activities[old]
    return activity
