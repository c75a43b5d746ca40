"""Read RecordIO records with any content, and report what is wrong with their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from imagine_common.files.reading import read_pieces
from imagine_recordio.framing import (
    FIRST,
    HEAD_BYTES,
    LAST,
    MAGIC_BYTES,
    MIDDLE,
    WHOLE,
    Head,
    frame_size,
    magic_offsets,
    unpack_head,
)


class FrameError(Exception):
    """A record is damaged such that the next one can't be found.

    `offset` is where the damaged chunk begins, in bytes.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


class RecordReader:
    """Reads the records of a file of `size` bytes one after the other, in pieces.

    `offset` is where the next chunk begins. For damage that does not hide the next record, the
    reader calls `found(reason, offset)` and continues.
    """

    def __init__(self, file: BinaryIO, size: int, found: Callable[[str, int], None]) -> None:
        self.offset = 0
        self.length = 0  # of the data of the record so far
        self.padding = 0  # after its last chunk
        self._file = file
        self._size = size
        self._found = found

    def pieces(self) -> Iterator[bytes]:
        """Yield the data of the next record in pieces, its chunks joined.

        Raises
        ------
        FrameError
            If the record has no end.
        """
        self.length = 0
        allowed = (WHOLE, FIRST)
        while True:
            head = self._read_head(allowed)
            for piece in self._read_chunk(head):
                self.length += len(piece)
                yield piece
            if head.flag in (WHOLE, LAST):
                return
            self.length += len(MAGIC_BYTES)
            yield MAGIC_BYTES
            allowed = (MIDDLE, LAST)

    def _read_head(self, allowed: tuple[int, int]) -> Head:
        data = self._file.read(HEAD_BYTES)
        if len(data) < HEAD_BYTES:
            raise FrameError(self.offset, f"cut off: the file ends at byte {self._size}")
        head = unpack_head(data)
        if head is None:
            hint = "the rest can't be read" if self.offset else "is it a .rec file?"
            raise FrameError(self.offset, f"no magic number, but {data[:4].hex(' ')}; {hint}")
        if head.flag not in allowed:
            expected = " or ".join(map(str, allowed))
            reason = f"expected continuation flag {expected}, found {head.flag}"
            raise FrameError(self.offset, reason)
        missing = self.offset + frame_size(head.length) - self._size
        if missing > 0:
            raise FrameError(self.offset, f"cut off: the file ends {missing} bytes too early")
        return head

    def _read_chunk(self, head: Head) -> Iterator[bytes]:
        begin = self.offset
        self.padding = -head.length % 4
        if self.padding and head.flag not in (WHOLE, LAST):
            self._found(f"the length of a chunk, {head.length}, is not a multiple of 4", begin)
        left = head.length
        for piece in read_pieces(self._file, head.length):
            if magic_offsets(piece):
                self._found("the data contains the magic number, but is not split there", begin)
            left -= len(piece)
            yield piece
        if left:
            raise FrameError(begin, "the file became shorter while being read")
        if any(self._file.read(self.padding)):
            self._found("the padding after it is not zero", begin)
        self.offset += frame_size(head.length)
