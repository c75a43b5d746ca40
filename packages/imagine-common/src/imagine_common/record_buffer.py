"""Room in memory where records are put together before they go to their file.

An image is read straight to its place in its record: nothing is copied, no memory is new (each of
its pages would cost a fault), and what was just read is still in the processor's cache when it is
checked and written.
"""

from __future__ import annotations

from types import TracebackType

from imagine_common.atomic import AtomicFile

_BYTES = 1 << 20  # a large write, and about what a core's cache holds


class RecordBuffer:
    """The records of a file that have not been written yet. Leaving its `with` block writes them.

    Records larger than the buffer make it grow.
    """

    def __init__(self, file: AtomicFile) -> None:
        self._file = file
        self._room = memoryview(bytearray(_BYTES))
        self._used = 0

    def reserve(self, size: int) -> memoryview:
        """Return room for a record, uint8 of shape (size,), valid until the next call."""
        if self._used + size > len(self._room):
            self._flush()
            if size > len(self._room):
                self._room = memoryview(bytearray(size + size // 4))
        return self._room[self._used : self._used + size]

    def commit(self, size: int) -> None:
        """Append the first `size` bytes of the room that was reserved last to the file."""
        self._used += size

    @property
    def offset(self) -> int:
        """Return where in the file the next record begins."""
        return self._file.size + self._used

    def _flush(self) -> None:
        self._file.write([self._room[: self._used]])
        self._file.flush()
        self._used = 0

    def __enter__(self) -> RecordBuffer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._flush()
