"""Files that appear whole or not at all.

A file is written beside its final place under a temporary name, then renamed. The name says which
process made it (host, process, that process's start time), so that what a killed process left can
be told from what a living one still writes. Until the rename it stands in `_unfinished`, which a
worker that is told to stop empties before it goes.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import TypeAlias

from imagine_common.errors import ImagineError, file_error

Buffer: TypeAlias = "bytes | memoryview"

_TEMPORARY = re.compile(rb"\.imagine-(?P<host>.+)-(?P<pid>\d+)-(?P<start>\d+)-\d+\.tmp")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_BUFFERS = 1024  # IOV_MAX of Linux and macOS
_BATCH_BYTES = 1 << 20

_numbers = itertools.count()
_unfinished: set[bytes] = set()


class AtomicFile:
    """A file that takes its final name, replacing what had it, when its `with` block ends well.

    Errors of the operating system arrive as `ImagineError`s that name the final path.
    """

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.temporary = temporary_name(os.path.dirname(path))
        self._fd = -1
        self._written = 0
        self._batch: list[Buffer] = []
        self._batch_bytes = 0

    def __enter__(self) -> AtomicFile:
        try:
            self._fd = create_temporary(self.temporary)
        except OSError as error:
            raise file_error(self.path, error) from error
        return self

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers, without copying them: they must stay as they are until the end.

        They go to the file once there are enough for a large write.
        """
        for buffer in buffers:
            self._batch.append(buffer)
            self._batch_bytes += len(buffer)
            if self._batch_bytes >= _BATCH_BYTES or len(self._batch) == _MAX_BUFFERS:
                self.flush()

    def flush(self) -> None:
        """Write what has been appended to the file, still under its temporary name."""
        if not self._batch:
            return
        try:
            write_all(self._fd, self._batch, self._batch_bytes)
        except OSError as error:
            raise file_error(self.path, error) from error
        self._written += self._batch_bytes
        self._batch, self._batch_bytes = [], 0

    @property
    def size(self) -> int:
        """Return how many bytes have been appended."""
        return self._written + self._batch_bytes

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if self._fd >= 0:
                with suppress(OSError):
                    os.close(self._fd)
            remove_temporary(self.temporary)

    def _finish(self) -> None:
        self.flush()
        fd, self._fd = self._fd, -1
        try:
            os.close(fd)
            os.replace(self.temporary, self.path)
        except OSError as error:
            raise file_error(self.path, error) from error
        _unfinished.discard(self.temporary)


def write_all(fd: int, buffers: Sequence[Buffer], size: int) -> None:
    """Write at most 1,024 buffers of `size` bytes in all, however often the kernel stops short.

    Raises
    ------
    OSError
        As `os.writev` does.
    """
    written = os.writev(fd, buffers)
    while written < size:
        size -= written
        whole = 0
        while written >= len(buffers[whole]):
            written -= len(buffers[whole])
            whole += 1
        buffers = [memoryview(buffers[whole])[written:], *buffers[whole + 1 :]]
        written = os.writev(fd, buffers)


def create_temporary(path: bytes) -> int:
    """Create a file exclusively and return its descriptor; it counts as unfinished from now on."""
    _unfinished.add(path)
    return os.open(path, _NEW, 0o666)


def remove_temporary(path: bytes) -> None:
    """Remove a temporary file, where it is still there."""
    with suppress(OSError):
        if path in _unfinished:
            os.unlink(path)
    _unfinished.discard(path)


def remove_unfinished() -> None:
    """Remove every file that this process has begun and not finished."""
    for path in list(_unfinished):
        remove_temporary(path)


def forget_unfinished() -> None:
    """Leave what has been begun so far to the parent process, whose it is: for a new worker."""
    _unfinished.clear()


def clear_leftovers(folder: bytes) -> None:
    """Remove the temporary files that dead processes of this host left in a folder."""
    host = _host()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match and match["host"] == host and match["start"] != _start_time(match["pid"]):
                with suppress(OSError):
                    os.unlink(entry.path)


def temporary_name(folder: bytes) -> bytes:
    """Return an unused name for a temporary file in a folder."""
    return os.path.join(folder, b"%b%d.tmp" % (_own_prefix(os.getpid()), next(_numbers)))


def create_folder(path: bytes) -> None:
    """Create a folder and its parents, where missing.

    Raises
    ------
    ImagineError
        Where it can't be made, or something else has the name.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except FileExistsError as error:
        raise ImagineError(f"{file_error(path, error)}, and it is not a folder") from error
    except OSError as error:
        raise file_error(path, error) from error


@lru_cache(maxsize=1)
def _own_prefix(pid: int) -> bytes:
    return b".imagine-%b-%d-%b-" % (_host(), pid, _start_time(b"%d" % pid))


def _host() -> bytes:
    return re.sub(rb"[^A-Za-z0-9.]", b"_", os.fsencode(os.uname().nodename))[:64] or b"_"


def _start_time(pid: bytes) -> bytes:
    """Return when a living process started, in clock ticks since boot; nothing for a dead one.

    Where there is no /proc to tell, all living ones started at 0.
    """
    try:
        with open(b"/proc/%b/stat" % pid, "rb") as stat:
            # The second field, the command's name, may itself hold spaces and parentheses.
            state, *fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return b"" if os.path.exists("/proc/self/stat") or not _exists(int(pid)) else b"0"
    return b"" if state in b"ZX" else fields[18]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # Another user's.
        return True
    return True
