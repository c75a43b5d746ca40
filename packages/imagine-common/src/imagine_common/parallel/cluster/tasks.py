"""What a worker of a Dask cluster does for a run.

Workers are not ours: they may have several threads, live on when a run ends, and serve others too.
So a run can ask here that what is being worked on for it stops, and that is waited for: a unit is
left at the next piece that it writes, without its unfinished file.

The Dask scheduler passes over what it carries to the workers as bytes, and so needs nothing of a
tool's packages but this one.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.host.memory import keep_freed_memory
from imagine_common.host.stopping import Stopped, check_stopped, stopped_by

_MAX_RUNS = 256
_SECONDS_BETWEEN_LOOKS = 0.01


class Run(NamedTuple):
    """A run as its tasks carry it: the pickled function, and what has to be installed for it."""

    name: str
    versions: tuple[tuple[str, str], ...]
    function: bytes


class _Activity:
    """How many units this process is working on for a run, and whether to stop."""

    def __init__(self) -> None:
        self.at_work = 0
        self.stop = threading.Event()


_lock = threading.Lock()
_activities: OrderedDict[str, _Activity] = OrderedDict()


async def call_aside(function: Callable[[], object]) -> None:
    """Call a function in a thread, so that the worker goes on telling that it lives."""
    await asyncio.get_running_loop().run_in_executor(None, function)


def work(run: bytes, unit: bytes) -> Any:
    """Return the result of a run's function for a unit, all pickled; None if the run has ended.

    Raises
    ------
    ImagineError
        Where this worker has not what the run needs.
    Exception
        What the function raises.
    """
    name, function = _load(run)
    with _lock:
        activity = _activity(name)
        activity.at_work += 1
    try:
        with stopped_by(activity.stop):
            check_stopped()
            return function(pickle.loads(unit))  # noqa: S301
    except Stopped:
        return None
    finally:
        with _lock:
            activity.at_work -= 1


async def stop(name: str, seconds: float) -> None:
    """End what this process does for a run, now and later, and wait for that, so long at most."""
    deadline = time.monotonic() + seconds
    with _lock:
        activity = _activity(name)
    activity.stop.set()
    while activity.at_work and time.monotonic() < deadline:
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def wrong_version(package: str, wanted: str, found: str | None, place: str) -> str:
    """Return what is wrong with the version of a package that was found; nothing where it fits."""
    if found == wanted:
        return ""
    found = f"{package} {found}" if found else f"no {package}"
    return f"{place} has {found}, but here is {wanted}; images would not be the same: install that"


def installed(package: str) -> str | None:
    """Return the version of a package that is installed here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@lru_cache(maxsize=16)
def _load(run: bytes) -> tuple[str, Any]:
    """Read a run, once in a process, and make ready for it."""
    name, versions, function = Run(*pickle.loads(run))  # noqa: S301
    place = f"the worker on {socket.gethostname()}"
    for package, wanted in versions:
        if wrong := wrong_version(package, wanted, installed(package), place):
            raise ImagineError(wrong)
    keep_freed_memory()
    return name, pickle.loads(function)  # noqa: S301


def _activity(name: str) -> _Activity:
    activity = _activities.setdefault(name, _Activity())
    _activities.move_to_end(name)
    for old in list(_activities)[:-_MAX_RUNS]:
        if not _activities[old].at_work:
            del _activities[old]
    return activity
