"""Where a Dask scheduler is: an address, or the file in which one tells its own."""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress

from imagine_common.errors import ImagineError, UsageError
from imagine_common.text import show

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z0-9.+-]+)://(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})/?"
)
_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
_MAX_FILE_BYTES = 1 << 20
_SECONDS_BETWEEN_LOOKS = 0.1


def check_scheduler(scheduler: str) -> None:
    """Refuse what is neither an address nor a scheduler file's path.

    Raises
    ------
    UsageError
    """
    if not _is_file(scheduler) and not _is_address(scheduler):
        raise UsageError(
            f"argument --scheduler: {show(scheduler)} is no address such as tcp://10.0.0.1:8786,"
            " and no path of a scheduler file (of which a bare name ends in .json)"
        )


def find_scheduler(scheduler: str, patience: float) -> str:
    """Return a scheduler's address, waiting so many seconds for its file where that is missing.

    The file is JSON with an `address`, as `dask scheduler --scheduler-file`, dask-mpi and
    dask-jobqueue write it.

    Raises
    ------
    ImagineError
        Where the file is not there in time, or tells no address.
    """
    if not _is_file(scheduler):
        return scheduler
    deadline = time.monotonic() + patience
    while True:
        address, reason = _read_address(scheduler)
        if address:
            return address
        if time.monotonic() > deadline:
            raise ImagineError(f"{show(scheduler)}: {reason}; has the Dask scheduler been started?")
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return bool(match and match["scheme"] in _SCHEMES and 0 < int(match["port"]) < 1 << 16)


def _is_file(scheduler: str) -> bool:
    return "://" not in scheduler and (scheduler.endswith(".json") or os.sep in scheduler)


def _read_address(path: str) -> tuple[str, str]:
    """Return the address in a file, or why there is none: it may be just being written."""
    try:
        with open(path, "rb") as file:
            text = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        return "", error.strerror or str(error)
    address = None
    with suppress(ValueError, RecursionError):
        content = json.loads(text)
        address = content.get("address") if isinstance(content, dict) else None
    if isinstance(address, str) and _is_address(address):
        return address, ""
    return "", "it tells no scheduler's address"
