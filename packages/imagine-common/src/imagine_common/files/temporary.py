"""Temporary files: what they are called, and who removes them.

The name says which process made the file (host, process, that process's start time), so that what
a killed process left can be told from what a living one still writes, by this host or by another
that shares the folder. What this process has begun stands in `_unfinished`, which a worker that is
told to stop empties before it goes; with what else is to be undone, such as uploads.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from zlib import crc32

_MARK = b".imagine-"
_TEMPORARY = re.compile(rb"\.imagine-(?P<host>.+)-(?P<pid>\d{1,9})-(?P<start>\d+)-\d+\.tmp")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_numbers = itertools.count()
_unfinished: set[bytes] = set()
_undoing: set[Callable[[], None]] = set()


def create_temporary(path: bytes) -> int:
    """Create a file exclusively and return its descriptor; it counts as unfinished from now on."""
    _unfinished.add(path)
    return os.open(path, _NEW, 0o666)


def reserve_temporary(folder: bytes) -> bytes:
    """Return a name for a file that another process makes, but that counts as unfinished here."""
    path = temporary_name(folder)
    _unfinished.add(path)
    return path


def remove_temporary(path: bytes) -> None:
    """Remove a temporary file, where it is still there."""
    with suppress(OSError):
        if path in _unfinished:
            os.unlink(path)
    _unfinished.discard(path)


def remove_unfinished() -> None:
    """Remove every file that this process has begun and not finished, and undo what else it has."""
    for path in list(_unfinished):
        remove_temporary(path)
    for undo in list(_undoing):
        undo()


def call_unless_finished(undo: Callable[[], None]) -> None:
    """Have a function called where this process has to end before `finished` is called with it."""
    _undoing.add(undo)


def finished(undo: Callable[[], None]) -> None:
    """Have a function no longer called."""
    _undoing.discard(undo)


def forget_unfinished() -> None:
    """Leave what has been begun so far to the parent process, whose it is: for a new worker."""
    _unfinished.clear()
    _undoing.clear()


def rename_temporary(path: bytes, final: bytes) -> None:
    """Give a finished file its final name, replacing what has it.

    Raises
    ------
    OSError
        As `os.replace` does.
    """
    os.replace(path, final)
    _unfinished.discard(path)


def clear_leftovers(folder: bytes) -> None:
    """Remove the temporary files that dead processes of this host left in a folder."""
    host = _host()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = entry.name.startswith(_MARK) and _TEMPORARY.fullmatch(entry.name)
            if match and match["host"] == host and not _is_alive(match["pid"], match["start"]):
                with suppress(OSError):
                    os.unlink(entry.path)


def is_temporary(path: bytes) -> bool:
    """Tell by its name whether a file is one that a run has begun and not finished."""
    return _MARK in path and _TEMPORARY.fullmatch(os.path.basename(path)) is not None


def temporary_name(folder: bytes) -> bytes:
    """Return an unused name for a temporary file in a folder."""
    return os.path.join(folder, b"%b%d.tmp" % (_own_prefix(os.getpid()), next(_numbers)))


@lru_cache(maxsize=1)
def _own_prefix(pid: int) -> bytes:
    return b"%b%b-%d-%b-" % (_MARK, _host(), pid, _start_time(b"%d" % pid) or b"0")


def _host() -> bytes:
    """Return a name for all processes whose numbers mean the same to us: a host, or a container.

    Hosts can have the same name, and containers that of their host; so more goes into it.
    """
    name = re.sub(rb"[^A-Za-z0-9.]", b"_", os.fsencode(os.uname().nodename))[:64] or b"_"
    known = b""
    with suppress(OSError), open("/etc/machine-id", "rb") as file:
        known = file.read()
    with suppress(OSError):
        known += os.readlink(b"/proc/self/ns/pid")
    return b"%b-%08x" % (name, crc32(known))


def _is_alive(pid: bytes, start: bytes) -> bool:
    now = _start_time(pid)
    return _exists(int(pid)) if now is None else now == start


def _start_time(pid: bytes) -> bytes | None:
    """Return when a living process started, in clock ticks since boot; nothing for a dead one.

    None where it can't be told: there may be no /proc, or one that hides other users' processes.
    """
    try:
        with open(b"/proc/%b/stat" % pid, "rb") as stat:
            # The second field, the command's name, may itself hold spaces and parentheses.
            state, *fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return b"" if state in b"ZX" else fields[18]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # Another user's.
        return True
    return True
