"""Writing buffers to a descriptor: in large writes, and without copying them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Buffer: TypeAlias = "bytes | memoryview"

_MAX_BUFFERS = 1024  # IOV_MAX of Linux and macOS
_BATCH_BYTES = 1 << 20


class BufferedOutput:
    """Appends buffers to what a descriptor leads to, once there are enough for a large write.

    Errors of the operating system are raised as they come.
    """

    def __init__(self, fd: int) -> None:
        self.written = 0
        self._fd = fd
        self._batch: list[Buffer] = []
        self._batch_bytes = 0

    @property
    def size(self) -> int:
        """Return how many bytes have been appended."""
        return self.written + self._batch_bytes

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers, which must stay as they are until they are written.

        Raises
        ------
        OSError
            As `os.writev` does.
        """
        for buffer in buffers:
            self._batch.append(buffer)
            self._batch_bytes += len(buffer)
            if self._batch_bytes >= _BATCH_BYTES or len(self._batch) == _MAX_BUFFERS:
                self.flush()

    def flush(self) -> None:
        """Write what has been appended.

        Raises
        ------
        OSError
            As `os.writev` does.
        """
        if self._batch:
            write_all(self._fd, self._batch, self._batch_bytes)
            self.written += self._batch_bytes
            self._batch, self._batch_bytes = [], 0


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
