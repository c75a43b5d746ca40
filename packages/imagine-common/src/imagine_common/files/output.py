"""Writing files: the interface of a file being written, and large writes without copies."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar

from imagine_common.errors import ImagineError
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
    written = os.writev(fd, buffers)
    while written < size:  # The kernel may take less than all.
        size -= written
        whole = 0
        while written >= len(buffers[whole]):
            written -= len(buffers[whole])
            whole += 1
        buffers = [memoryview(buffers[whole])[written:], *buffers[whole + 1 :]]
        written = os.writev(fd, buffers)
