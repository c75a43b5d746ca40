"""Writing files that appear whole or not at all.

A local file is written beside its final path under a temporary name, then renamed. With `fsync`,
the file is on the disk before the rename, and the folder's entry after it.
"""

from __future__ import annotations

import os
import select
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TypeAlias, TypeVar

from imagine_common.errors import ImagineError, file_errors
from imagine_common.files.temporary import (
    create_temporary,
    remove_temporary,
    rename_temporary,
    temporary_name,
)
from imagine_common.host.threads import check_stopped
from imagine_common.text import show

Buffer: TypeAlias = "bytes | memoryview"

_MAX_BUFFERS = 1024  # IOV_MAX of Linux and macOS
_BATCH_BYTES = 1 << 20

Output = TypeVar("Output", bound="OutputFile")


class OutputFile(ABC):
    """A file that gets its name, replacing an older file, when its `with` block ends without error.

    An error leaves the older file as it was. Errors of the operating system and of stores are
    raised as `ImagineError`s that name `path`.
    """

    path: bytes

    @property
    @abstractmethod
    def size(self) -> int:
        """Return the number of bytes appended."""

    @abstractmethod
    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers without copying them; they must not change until `flush`."""

    @abstractmethod
    def flush(self) -> None:
        """Write or copy all appended buffers."""

    @abstractmethod
    def settle(self) -> None:
        """Write all appended bytes, so that only giving the file its name can still fail."""

    @abstractmethod
    def finish(self) -> None:
        """Write all appended bytes and give the file its name."""

    @abstractmethod
    def abort(self) -> None:
        """Discard the file unless it is finished."""

    def unfinished_path(self) -> bytes:
        """Return a local file's path until it is finished, for libraries that write it."""
        raise ImagineError(f"{show(self.path)}: only native code writes into an object store")

    def __enter__(self: Output) -> Output:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self.abort()


class BufferedOutput:
    """Appends buffers to a file descriptor in large writes; raises an `OSError` if one fails."""

    def __init__(self, fd: int) -> None:
        self.written = 0
        self._fd = fd
        self._batch: list[Buffer] = []
        self._batch_bytes = 0

    @property
    def size(self) -> int:
        """Return the number of bytes appended, written or not."""
        return self.written + self._batch_bytes

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers, which must not change until they are written."""
        for buffer in buffers:
            self._batch.append(buffer)
            self._batch_bytes += len(buffer)
            if self._batch_bytes >= _BATCH_BYTES or len(self._batch) == _MAX_BUFFERS:
                self.flush()

    def flush(self) -> None:
        """Write all appended buffers."""
        if self._batch:
            write_all(self._fd, self._batch, self._batch_bytes)
            self.written += self._batch_bytes
            self._batch, self._batch_bytes = [], 0


def write_all(fd: int, buffers: Sequence[Buffer], size: int) -> None:
    """Write up to 1,024 buffers of `size` bytes in total, or raise an `OSError`."""
    written = _write_some(fd, buffers)
    while written < size:  # The kernel may take less than all.
        size -= written
        whole = 0
        while written >= len(buffers[whole]):
            written -= len(buffers[whole])
            whole += 1
        buffers = [memoryview(buffers[whole])[written:], *buffers[whole + 1 :]]
        written = _write_some(fd, buffers)


def _write_some(fd: int, buffers: Sequence[Buffer]) -> int:
    """Write at least one byte, also to a pipe or terminal that another process made not block."""
    while True:
        try:
            return os.writev(fd, buffers)
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()


class AtomicFile(BufferedOutput, OutputFile):
    """A local file that is renamed to `path` when its `with` block ends without error."""

    def __init__(self, path: bytes, fsync: bool = False) -> None:
        super().__init__(-1)
        self.path = path
        self._errors = file_errors(path)
        self._fsync = fsync
        self._temporary = temporary_name(os.path.dirname(path))
        self._synced = -1  # how many of the bytes written are on the disk

    def __enter__(self) -> AtomicFile:
        with self._errors:
            self._fd = create_temporary(self._temporary)
        return self

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers without copying them; they must not change until `flush`."""
        check_stopped()
        super().write(buffers)

    def flush(self) -> None:
        """Write all appended buffers."""
        with self._errors:
            super().flush()

    def settle(self) -> None:
        """Write all appended bytes, to the disk with `fsync`; only the rename can still fail."""
        self.flush()
        if self._fsync and self._synced != self.written:
            with self._errors:
                os.fsync(self._fd)
            self._synced = self.written

    def finish(self) -> None:
        """Write all appended bytes and rename the file."""
        self.settle()
        fd, self._fd = self._fd, -1
        with self._errors:
            os.close(fd)
        publish(self._temporary, self.path, self._fsync)

    def abort(self) -> None:
        """Remove the file unless it is finished."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)
        remove_temporary(self._temporary)

    def unfinished_path(self) -> bytes:
        """Return the temporary path."""
        return self._temporary


def publish(temporary: bytes, path: bytes, fsync: bool = False) -> None:
    """Rename a finished file to its final path, replacing an older file."""
    with file_errors(path):
        rename_temporary(temporary, path)
        if fsync:
            sync_folder_of(path)


def sync_folder_of(path: bytes) -> None:
    """Write a path's entry in its folder to the disk; raise an OSError on failure."""
    sync(os.path.dirname(path) or b".")


def sync(path: bytes) -> None:
    """Write a file or folder to the disk; raise an OSError on failure."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
