"""Objects as files, one to write and one to read; and several requests at a time."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer, OutputFile
from imagine_common.files.reading import FileSlice, InputFile
from imagine_common.files.stores.errors import errors_named
from imagine_common.files.stores.store import Store, key_of, result_of, start
from imagine_common.files.temporary import cleanups
from imagine_common.host.threads import check_stopped
from imagine_common.text import show

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Item = TypeVar("Item")
Result = TypeVar("Result")

# A store answers each request in milliseconds, but many at once.
IN_FLIGHT = 16
# S3 allows 10,000 parts per object. So many are sent together.
_PART_BYTES = 1 << 24
_PARTS_AT_ONCE = 4
_MOST_PARTS = 10_000
# A worker is killed five seconds after the signal to stop.
_SECONDS_TO_ABORT = 3.0
# Up to about this size, a request takes no longer.
_LEAST_BYTES = 4096
_BLOCK_BYTES = 1 << 23
_BLOCKS_AHEAD = 2


class StoreFile(OutputFile):
    """An object that appears, replacing an older one, when its `with` block ends without error.

    A small object is written by one request. A larger one is uploaded in parts while it is written;
    an error or a signal aborts it. Incomplete uploads are invisible, so there is no temporary name.
    """

    def __init__(self, store: Store, path: bytes) -> None:
        self.path = path
        self._store = store
        self._data = bytearray()
        self._sent = 0
        self._writer: Any = None
        self._pending: Future[Any]

    @property
    def size(self) -> int:
        """Return the number of bytes appended."""
        return self._sent + len(self._data)

    def write(self, buffers: Iterable[Buffer]) -> None:
        """Append buffers."""
        check_stopped()
        for buffer in buffers:
            view = memoryview(buffer)
            for begin in range(0, len(view), _PART_BYTES):
                self._data += view[begin : begin + _PART_BYTES]
                if len(self._data) >= _PARTS_AT_ONCE * _PART_BYTES:
                    self._send()

    def flush(self) -> None:
        """Do nothing: buffers are copied when they are appended."""

    def settle(self) -> None:
        """Wait until all appended bytes are uploaded, except for less than a part."""
        if self._writer is not None:
            self._send()
            self._send()  # It waits for the parts of the one before.

    def finish(self) -> None:
        """Write or complete the object."""
        if self._writer is None and len(self._data) < _PART_BYTES:
            self._store.put(self.path, self._data)
            return
        self._send()
        self.settle()
        self._wait(self._writer.close)
        cleanups.discard(self.abort)

    def abort(self) -> None:
        """Remove the uploaded parts unless the object is complete, if the store answers soon."""
        if self.abort not in cleanups:
            return
        cleanups.discard(self.abort)
        # If this fails, the bucket's lifecycle rule removes the parts.
        with suppress(Exception):
            if self._sent:
                self._pending.cancel()
            else:
                self._pending.exception(_SECONDS_TO_ABORT / 2)  # It begins the upload.
            end = start(self._writer.__aexit__, ImagineError, None, None)
            result_of(end, _SECONDS_TO_ABORT / 2)

    def _send(self) -> None:
        """Send the appended bytes as parts, as soon as the parts before have arrived."""
        if self._writer is None:
            from obstore import open_writer_async

            with errors_named(self.path):
                self._writer = open_writer_async(
                    self._store.bucket,
                    key_of(self.path),
                    buffer_size=_PART_BYTES,
                    max_concurrency=1,
                )
            cleanups.add(self.abort)
        if self.size > _MOST_PARTS * _PART_BYTES:
            raise ImagineError(f"{show(self.path)}: too large for an object; write smaller files")
        self._wait(self._writer.write, self._data)
        self._sent += len(self._data)
        self._data = bytearray()

    def _wait(self, function: Callable[..., Awaitable[Any]], *args: Any) -> None:
        with errors_named(self.path):
            self._pending = start(function, *args)
            result_of(self._pending)


class StoreInput(InputFile):
    """An object to read; the bytes of the last request are kept for the next."""

    def __init__(self, store: Store, path: bytes, size: int) -> None:
        self.size = size
        self._read = partial(store.read, path, size)
        self._last = FileSlice(self._read, 0, _LEAST_BYTES)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from an offset on; fewer only at the end of the object."""
        return self._last[offset : min(offset + size, self.size)] if offset < self.size else b""

    def stream(self) -> BinaryIO:
        """Return a file object that reads from the beginning, and ahead."""
        read = partial(self._read, length=_BLOCK_BYTES)
        blocks = look_ahead(read, range(0, self.size, _BLOCK_BYTES), _BLOCKS_AHEAD)
        return io.BufferedReader(_Stream(blocks), 1 << 20)


class _Stream(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._block = self._block or memoryview(next(self._blocks, b""))
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
