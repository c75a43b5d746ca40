"""The address of a Dask scheduler: given, or read from a scheduler file."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable

from imagine_common.errors import ImagineError, UsageError
from imagine_common.text import show

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z0-9.+-]+)://(?:\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})/?"
)
_SCHEMES = ("tcp", "tls", "ucx", "ws", "wss")
_MAX_FILE_BYTES = 1 << 20
_SECONDS_BETWEEN_LOOKS = 0.1


def check_scheduler(scheduler: str) -> None:
    """Refuse text that is neither an address nor the path of a scheduler file."""
    if not _is_file(scheduler) and not _is_address(scheduler):
        raise UsageError(
            f"argument --scheduler: {show(scheduler)} is neither an address such as"
            " tcp://10.0.0.1:8786 nor the path of a scheduler file (a bare name must end in .json)"
        )


def find_scheduler(
    scheduler: str, timeout: float, waiting: Callable[[str], object] = lambda _: None
) -> str:
    """Return a scheduler's address, waiting for its file up to `timeout` seconds.

    While it waits, it calls `waiting` with the reason.

    The file is JSON with the key `address`, as `dask scheduler --scheduler-file`, dask-mpi and
    dask-jobqueue write it.
    """
    if not _is_file(scheduler):
        return scheduler
    deadline = time.monotonic() + timeout
    while True:
        try:
            return _read_address(scheduler)
        except OSError as error:
            problem = error.strerror or str(error)
        except (ValueError, RecursionError):  # The file may be incomplete at present.
            problem = "it does not contain a scheduler's address"
        if time.monotonic() > deadline:
            raise ImagineError(f"{show(scheduler)}: {problem}; has the Dask scheduler started?")
        waiting(problem)
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return bool(match and match["scheme"] in _SCHEMES and 0 < int(match["port"]) < 1 << 16)


def _is_file(scheduler: str) -> bool:
    return "://" not in scheduler and (scheduler.endswith(".json") or os.sep in scheduler)


def _read_address(path: str) -> str:
    with open(path, "rb") as file:
        content = json.loads(file.read(_MAX_FILE_BYTES))
    address = content.get("address") if isinstance(content, dict) else None
    if not isinstance(address, str) or not _is_address(address):
        raise ValueError
    return address
