"""Read RecordIO records with any content, and report what is wrong with their frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from imagine_common.files.reading import read_pieces
from imagine_common.packers.checking import FileReport
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


class RecordReader:
    """Reads the records of a file one after the other, in pieces.

    `offset` is where the next chunk begins. Damage that hides the next record is an `ImagineError`,
    other damage only a finding in the report.
    """

    def __init__(self, file: BinaryIO, report: FileReport) -> None:
        self.offset = 0
        self.length = 0  # of the data of the record so far
        self.padding = 0  # after its last chunk
        self._file = file
        self._report = report

    def pieces(self) -> Iterator[bytes]:
        """Yield the data of the next record in pieces, its chunks joined."""
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
        size = self._report.size
        if len(data) < HEAD_BYTES:
            raise self._report.error(f"cut off: the file ends at byte {size}", self.offset)
        head = unpack_head(data)
        if head is None:
            hint = "the rest can't be read" if self.offset else "is it a .rec file?"
            reason = f"no magic number, but {data[:4].hex(' ')}; {hint}"
            raise self._report.error(reason, self.offset)
        if head.flag not in allowed:
            expected = " or ".join(map(str, allowed))
            reason = f"expected continuation flag {expected}, found {head.flag}"
            raise self._report.error(reason, self.offset)
        missing = self.offset + frame_size(head.length) - size
        if missing > 0:
            reason = f"cut off: the file ends {missing} bytes too early"
            raise self._report.error(reason, self.offset)
        return head

    def _read_chunk(self, head: Head) -> Iterator[bytes]:
        report, begin, left = self._report, self.offset, head.length
        self.padding = -left % 4
        if self.padding and head.flag not in (WHOLE, LAST):
            report.found(f"the length of a chunk, {left}, is not a multiple of 4", begin)
        for piece in read_pieces(self._file, left):
            if magic_offsets(piece):
                report.found("the data contains the magic number, but is not split there", begin)
            left -= len(piece)
            yield piece
        if left:
            raise report.error("the file became shorter while being read", begin)
        if any(self._file.read(self.padding)):
            report.found("the padding after it is not zero", begin)
        self.offset += frame_size(head.length)
