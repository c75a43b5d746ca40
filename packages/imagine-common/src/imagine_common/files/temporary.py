"""Temporary files: their names, and their removal.

A name holds the host, the process and the process's start time. This way the files of a killed
process differ from those that a process of this or another host still writes. `_unfinished` has the
files that this process is writing. `cleanups` has functions to call if the process has to end
early, which for example abort uploads.
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
# Descriptors of the output folders, which lead to them even if they are renamed.
_folders: dict[bytes, int] = {}
cleanups: set[Callable[[], None]] = set()


def hold_folder(path: bytes) -> None:
    """Keep a folder, and those in it, reachable until `release_folders`, even if it is renamed."""
    if path not in _folders and not path.startswith(tuple(os.path.join(f, b"") for f in _folders)):
        with suppress(OSError):
            _folders[path] = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def release_folders() -> None:
    """Close the descriptors of folders at the end of a run."""
    while _folders:
        os.close(_folders.popitem()[1])


def create_temporary(path: bytes) -> int:
    """Create a new file that counts as unfinished, and return its descriptor."""
    _unfinished.add(path)
    return os.open(path, _NEW, 0o666)


def reserve_temporary(folder: bytes) -> bytes:
    """Return a name for a file that another process writes but this one has to remove."""
    _unfinished.add(path := temporary_name(folder))
    return path


def remove_temporary(path: bytes) -> None:
    """Remove a temporary file if it is unfinished."""
    if path in _unfinished:
        try:
            os.unlink(path)
        except OSError:
            for folder, fd in _folders.items():
                if path.startswith(prefix := os.path.join(folder, b"")):
                    with suppress(OSError):
                        os.unlink(path[len(prefix) :], dir_fd=fd)
        _unfinished.discard(path)


def remove_unfinished() -> None:
    """Remove all unfinished files of this process, call its cleanup functions, release folders."""
    for path in list(_unfinished):
        remove_temporary(path)
    for cleanup in list(cleanups):
        cleanup()
    release_folders()


def forget_unfinished() -> None:
    """Forget, in a new worker, the files and cleanups that belong to the parent process."""
    _unfinished.clear()
    cleanups.clear()


def rename_temporary(path: bytes, final: bytes) -> None:
    """Rename a finished file to its final path, replacing an older file."""
    os.replace(path, final)
    _unfinished.discard(path)


def clear_leftovers(folder: bytes) -> None:
    """Remove the temporary files that dead processes of this host left in a local folder."""
    host = _host()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = entry.name.startswith(_MARK) and _TEMPORARY.fullmatch(entry.name)
            if match and match["host"] == host and not _is_alive(match["pid"], match["start"]):
                with suppress(OSError):
                    os.unlink(entry.path)


def is_temporary(path: bytes) -> bool:
    """Return whether a path is that of a temporary file."""
    return _MARK in path and _TEMPORARY.fullmatch(os.path.basename(path)) is not None


def temporary_name(folder: bytes) -> bytes:
    """Return an unused name for a temporary file in a folder."""
    return os.path.join(folder, b"%b%d.tmp" % (_own_prefix(os.getpid()), next(_numbers)))


@lru_cache(maxsize=1)
def _own_prefix(pid: int) -> bytes:
    return b"%b%b-%d-%b-" % (_MARK, _host(), pid, _start_time(b"%d" % pid) or b"0")


def _host() -> bytes:
    """Return a name for this host, or for this container with process numbers of its own.

    Hosts, and containers on a host, can share a node name; so it has a checksum of their identity.
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
    if now is not None:
        return now == start
    try:
        os.kill(int(pid), 0)
    except OSError as error:
        return not isinstance(error, ProcessLookupError)  # It may be another user's process.
    return True


def _start_time(pid: bytes) -> bytes | None:
    """Return when a process started, in clock ticks since boot; empty if it is dead.

    None if that is unknown: /proc may be missing, or hide other users' processes.
    """
    try:
        with open(b"/proc/%b/stat" % pid, "rb") as stat:
            # The second field, the command's name, may contain spaces and parentheses.
            state, *fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return b"" if state in b"ZX" else fields[18]
