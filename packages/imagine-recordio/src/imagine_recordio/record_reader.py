"""Reading RecordIO records, whatever they hold, and finding what is wrong with their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from imagine_common.files.reading import read_pieces
from imagine_recordio.framing import (
    FIRST,
    HEAD,
    LAST,
    MAGIC_BYTES,
    MIDDLE,
    WHOLE,
    frame_size,
    magic_offsets,
    unpack_head,
)

_NAMES = {WHOLE: "a whole record", FIRST: "a first part", MIDDLE: "a middle part", LAST: "a last"}


class FrameError(Exception):
    """A record ends here, and what follows can't be found: its offset in bytes, and why."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


class RecordReader:
    """Reads a file's records one after the other, in pieces.

    `offset` is where the next part begins. `found(what, offset)` is called for what is wrong but
    does not hide what follows.
    """

    def __init__(self, file: BinaryIO, size: int, found: Callable[[str, int], None]) -> None:
        self.offset = 0
        self.length = 0  # of the record's data so far
        self.padding = 0  # after its last part
        self._file = file
        self._size = size
        self._found = found

    def pieces(self) -> Iterator[bytes]:
        """Yield the data of the next record in pieces, put together from its parts.

        Raises
        ------
        FrameError
            Where the record has no end.
        """
        self.length = 0
        allowed = (WHOLE, FIRST)
        while True:
            flag, length = self._read_head(allowed)
            for piece in self._read_part(length, flag):
                self.length += len(piece)
                yield piece
            if flag in (WHOLE, LAST):
                return
            self.length += len(MAGIC_BYTES)
            yield MAGIC_BYTES
            allowed = (MIDDLE, LAST)

    def _read_head(self, allowed: tuple[int, int]) -> tuple[int, int]:
        head = self._file.read(HEAD.size)
        if len(head) < HEAD.size:
            raise FrameError(self.offset, f"cut off: the file ends at byte {self._size}")
        unpacked = unpack_head(head)
        if unpacked is None:
            hint = "is it a .rec file?" if self.offset == 0 else "what follows can't be read"
            raise FrameError(self.offset, f"no magic number, but {head[:4].hex(' ')}; {hint}")
        flag, length = unpacked
        if flag not in allowed:
            found = _NAMES.get(flag, "none that exists")
            wanted = " or ".join(_NAMES[flag] for flag in allowed)
            raise FrameError(self.offset, f"expected {wanted}, found flag {flag}, {found}")
        end = self.offset + frame_size(length)
        if end > self._size:
            missing = end - self._size
            raise FrameError(self.offset, f"cut off: the file ends {missing} bytes too early")
        return flag, length

    def _read_part(self, length: int, flag: int) -> Iterator[bytes]:
        begin = self.offset
        self.padding = -length % 4
        if self.padding and flag not in (WHOLE, LAST):
            self._found(f"a part before others has {length} bytes, no multiple of 4", begin)
        left = length
        for piece in read_pieces(self._file, length):
            if magic_offsets(piece):
                self._found("its data holds the magic number, where it should be cut", begin)
            left -= len(piece)
            yield piece
        if left:
            raise FrameError(begin, "the file became shorter while being read")
        if any(self._file.read(self.padding)):
            self._found("the padding after it is not zero", begin)
        self.offset += frame_size(length)
