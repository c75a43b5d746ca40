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
_NO_ADDRESS = "it does not contain a scheduler's address"
_SECONDS_BETWEEN_LOOKS = 0.1


def check_scheduler(scheduler: str) -> None:
    """Refuse text that is neither an address nor the path of a scheduler file."""
    if not _is_file(scheduler) and not _is_address(scheduler):
        raise UsageError(
            f"argument --scheduler: {show(scheduler)} is neither an address such as"
            " tcp://10.0.0.1:8786 nor the path of a scheduler file (a bare name must end in .json)"
        )


def find_scheduler(scheduler: str, timeout: float, waiting: Callable[[str], object]) -> str:
    """Return a scheduler's address; wait for its file up to `timeout` seconds, calling `waiting`.

    The file is JSON with the key `address`, as `dask scheduler --scheduler-file`, dask-mpi and
    dask-jobqueue write it.
    """
    if not _is_file(scheduler):
        return scheduler
    deadline = time.monotonic() + timeout
    while True:
        try:
            with open(scheduler, "rb") as file:
                address = json.loads(file.read(_MAX_FILE_BYTES))["address"]
            if _is_address(address):
                return str(address)
            problem = _NO_ADDRESS
        except OSError as error:
            problem = error.strerror or str(error)
        except (LookupError, RecursionError, TypeError, ValueError):  # It may be incomplete.
            problem = _NO_ADDRESS
        if time.monotonic() > deadline:
            raise ImagineError(f"{show(scheduler)}: {problem}; has the Dask scheduler started?")
        waiting(problem)
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return bool(match and match["scheme"] in _SCHEMES and 0 < int(match["port"]) < 1 << 16)


def _is_file(scheduler: str) -> bool:
    return "://" not in scheduler and (scheduler.endswith(".json") or os.sep in scheduler)
