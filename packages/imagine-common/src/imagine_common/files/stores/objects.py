"""Objects as files, one to write and one to read; and several requests at a time."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer, OutputFile
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.stores.store import Store
from imagine_common.files.stores.upload import PART_BYTES, PARTS_AT_ONCE, Upload
from imagine_common.host.threads import check_stopped
from imagine_common.text import show

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Item = TypeVar("Item")
Result = TypeVar("Result")

# A store answers each request in milliseconds, but many at once.
IN_FLIGHT = 8
# Up to about this size, a request takes no longer.
_LEAST_BYTES = 4096
_BLOCK_BYTES = 1 << 23
_BLOCKS_AHEAD = 2
_MAX_BUFFERS = 4096


class StoreFile(OutputFile):
    """An object that appears, replacing an older one, when its `with` block ends without error.

    An object up to the size of a part is written by one request; a larger one is uploaded part by
    part while it is written. Incomplete uploads are invisible, so there is no temporary name.
    """

    def __init__(self, store: Store, path: bytes) -> None:
        self.path = path
        self._store = store
        self._upload: Upload | None = None
        self._sent = 0
        self._copied: list[bytes] = []
        self._batch: list[Buffer] = []
        self._batch_bytes = 0

    @property
    def size(self) -> int:
        """Return the number of bytes appended."""
        return self._sent + self._batch_bytes

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers without copying them; they must not change until `flush`."""
        check_stopped()
        for buffer in buffers:
            view = memoryview(buffer)
            while len(view) >= (free := PART_BYTES * PARTS_AT_ONCE - self._batch_bytes):
                self._append(view[:free])
                self._send()
                view = view[free:]
            self._append(view)

    def flush(self) -> None:
        """Copy the appended buffers."""
        self._copied.append(b"".join(self._batch))
        self._batch = []

    def settle(self) -> None:
        """Wait until all appended bytes are uploaded, if parts are."""
        if self._upload is not None:
            self._send().settle()

    def finish(self) -> None:
        """Write or complete the object."""
        if self._upload is None and self._batch_bytes < PART_BYTES:
            self._store.put(self.path, self._take())
        else:
            self._send().complete()
            self._upload = None

    def abort(self) -> None:
        """Abort an incomplete upload."""
        if self._upload is not None:
            self._upload.abort()

    def _append(self, view: memoryview) -> None:
        if view:
            self._batch.append(view)
            self._batch_bytes += len(view)
            if len(self._batch) == _MAX_BUFFERS:
                self.flush()

    def _send(self) -> Upload:
        if self._upload is None:
            self._upload = Upload(self._store, self.path)
        if self._batch_bytes:
            self._upload.add(self._take())
        return self._upload

    def _take(self) -> bytes:
        """Return the appended bytes, which are sent next."""
        data = b"".join([*self._copied, *self._batch])
        self._sent += self._batch_bytes
        self._copied, self._batch, self._batch_bytes = [], [], 0
        return data


class StoreInput(InputFile):
    """An object to read; the bytes of the last request are kept for the next."""

    def __init__(self, store: Store, path: bytes, size: int) -> None:
        self.size = size
        self._read = partial(_read, store, path, size)
        self._last = FileSlice(self._read, 0, _LEAST_BYTES)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from an offset on; fewer only at the end of the object."""
        return self._last[offset : min(offset + size, self.size)] if offset < self.size else b""

    def stream(self) -> BinaryIO:
        """Return a file object that reads from the beginning, and ahead."""
        read = partial(self._read, length=_BLOCK_BYTES)
        blocks = look_ahead(read, range(0, self.size, _BLOCK_BYTES), _BLOCKS_AHEAD)
        return io.BufferedReader(_Stream(blocks), 1 << 20)


def _read(store: Store, path: bytes, size: int, begin: int, length: int) -> bytes:
    end = min(begin + length, size)
    data = store.read(path, begin, end)
    if len(data) != end - begin:
        raise ImagineError(f"{show(path)}: it became shorter while being read")
    return data


class _Stream(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._block:
            self._block = memoryview(next(self._blocks, b""))
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._block))
        view[:size] = self._block[:size]
        self._block = self._block[size:]
        return size


def look_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int = IN_FLIGHT
) -> Generator[Result]:
    """Apply a function to `depth` items at a time, in threads, and yield the results in order.

    This thread takes the items from their source, as results are taken. An exception of the
    function is raised at its result's place.
    """
    executor = ThreadPoolExecutor(depth)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) == depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
