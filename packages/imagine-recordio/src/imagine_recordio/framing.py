"""The frame of a RecordIO record (dmlc-core, include/dmlc/recordio.h).

    u32 magic | u32 continuation flag << 29 | length | data | zeros up to a multiple of 4 bytes

All numbers are little-endian. A reader finds records by the magic number at offsets that are
multiples of 4. Data that contains the magic number at such an offset is split there into chunks:
the writer drops these four bytes, and the reader inserts them again.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer
from imagine_common.files.reading import PIECE_BYTES, InputFile, read_pieces

if TYPE_CHECKING:
    from imagine_common.packers.checking import FileReport

MAGIC_BYTES = struct.pack("<I", 0xCED7230A)
MAX_LENGTH = 2**29 - 1

_HEAD = struct.Struct("<4sI")
HEAD_BYTES = _HEAD.size
_FLAG_SHIFT = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)  # continuation flags
_TAIL_BYTES = 16

# ISO C's search for a wide character looks at aligned words of 32 bits on every system but
# Windows. glibc's version uses vector instructions and is thirty times as fast as `bytes.find`.
# NumPy is nearly as fast, but importing it takes as long as packing a thousand images.
_wmemchr = ctypes.CDLL(None).wmemchr
_wmemchr.argtypes = (ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t)
_wmemchr.restype = ctypes.c_void_p
_MAGIC_WORD = int.from_bytes(MAGIC_BYTES, sys.byteorder, signed=True)


class Head(NamedTuple):
    """The continuation flag of a chunk, and the length of its data in bytes."""

    flag: int
    length: int


def unpack_head(data: bytes) -> Head | None:
    """Parse the first 8 bytes of a chunk; return None if there are fewer, or no magic number."""
    if len(data) < HEAD_BYTES or not data.startswith(MAGIC_BYTES):
        return None
    word = int.from_bytes(data[4:], "little")
    return Head(word >> _FLAG_SHIFT, word & MAX_LENGTH)


def frame_size(length: int) -> int:
    """Return the bytes of a chunk in its frame, given the length of its data."""
    return HEAD_BYTES + length + -length % 4


def is_whole(file: InputFile, offset: int) -> bool:
    """Return whether the record at an offset of a file is a single chunk."""
    head = unpack_head(file.read_at(offset, HEAD_BYTES))
    return head is not None and head.flag == _WHOLE


def frame(data: Sequence[bytes]) -> list[Buffer]:
    """Return the record of the concatenated data, in pieces; the data itself is not copied.

    The length of every piece of `data` but the last must be a multiple of 4.
    """
    length = sum(map(len, data))
    if length > MAX_LENGTH:
        raise ImagineError(f"a record of {length} bytes is over RecordIO's limit of {MAX_LENGTH}")
    offsets = [magic_offsets(piece) for piece in data]
    if any(offsets):
        return _frame_chunks(data, offsets)
    return [_pack_head(_WHOLE, length), *data, bytes(-length % 4)]


def magic_offsets(data: bytes) -> list[int]:
    """Return the multiples of 4 that are offsets of the magic number in the data."""
    words = len(data) // 4
    if not _wmemchr(data, _MAGIC_WORD, words):
        return []
    base = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
    offsets: list[int] = []
    found = _wmemchr(base, _MAGIC_WORD, words)
    while found:
        offsets.append(found - base)
        found = _wmemchr(found + 4, _MAGIC_WORD, words - offsets[-1] // 4 - 1)
    return offsets


def _frame_chunks(data: Sequence[bytes], offsets: Sequence[list[int]]) -> list[Buffer]:
    """Return the record of data with magic numbers at these offsets of each piece."""
    chunks: list[list[memoryview]] = [[]]
    for piece, cuts in zip(data, offsets):
        view = memoryview(piece)
        begin = 0
        for cut in cuts:
            chunks[-1].append(view[begin:cut])
            chunks.append([])
            begin = cut + len(MAGIC_BYTES)
        chunks[-1].append(view[begin:])
    record: list[Buffer] = []
    for number, chunk in enumerate(chunks):
        flag = _FIRST if number == 0 else _LAST if number == len(chunks) - 1 else _MIDDLE
        length = sum(map(len, chunk))
        record += [_pack_head(flag, length), *chunk, bytes(-length % 4)]
    return record


def _pack_head(flag: int, length: int) -> bytes:
    return _HEAD.pack(MAGIC_BYTES, flag << _FLAG_SHIFT | length)


class RecordReader:
    """Reads the records of a file with any content, one after the other.

    `offset` is where the next chunk begins. After `finish`, `length` is that of the record's data,
    `padding` the number of bytes after its last chunk, and `tail` the last 16 bytes of the data.
    Damage that hides the next record is an `ImagineError`, other damage a finding in the report.
    """

    def __init__(self, file: BinaryIO, report: FileReport) -> None:
        self.offset = 0
        self._file = file
        self._report = report

    def begin(self) -> None:
        """Begin with the next record."""
        self.length = self.padding = 0
        self.tail = b""
        self._pieces = self._read_pieces()
        self._piece = b""
        self._taken = 0  # bytes of the piece
        self._kept: list[bytes] = []

    def take(self, size: int) -> bytes:
        """Return the next bytes of the record's data; fewer only at its end."""
        taken = [self._piece[self._taken : self._taken + size]]
        left = size - len(taken[0])
        self._taken += len(taken[0])
        while left and self._next_piece():
            taken.append(self._piece[:left])
            self._taken = len(taken[-1])
            left -= self._taken
        return b"".join(taken)

    def finish(self) -> bytes | None:
        """Read the rest of the record, and return its data unless that is over 1 MiB."""
        while self._next_piece():
            pass
        return b"".join(self._kept) if self.length <= PIECE_BYTES else None

    def _next_piece(self) -> bool:
        self._piece = next(self._pieces, b"")
        self._taken = 0
        self.length += len(self._piece)
        if self.length <= PIECE_BYTES:
            self._kept.append(self._piece)
        self.tail = (self.tail + self._piece[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return bool(self._piece)

    def _read_pieces(self) -> Iterator[bytes]:
        """Yield the data of a record in pieces that are not empty, its chunks joined."""
        report = self._report
        allowed = (_WHOLE, _FIRST)
        while True:
            begin = self.offset
            flag, left = self._read_head(allowed)
            self.padding = -left % 4
            self.offset += frame_size(left)
            if self.padding and flag not in (_WHOLE, _LAST):
                report.found(f"the length of a chunk, {left}, is not a multiple of 4", begin)
            for piece in read_pieces(self._file, left):
                if magic_offsets(piece):
                    reason = "the data contains the magic number, but is not split there"
                    report.found(reason, begin)
                left -= len(piece)
                yield piece
            if left:
                raise report.error("the file became shorter while being read", begin)
            if any(self._file.read(self.padding)):
                report.found("the padding after it is not zero", begin)
            if flag in (_WHOLE, _LAST):
                return
            yield MAGIC_BYTES
            allowed = (_MIDDLE, _LAST)

    def _read_head(self, allowed: tuple[int, int]) -> Head:
        offset, size = self.offset, self._report.size
        data = self._file.read(HEAD_BYTES)
        head = unpack_head(data)
        if len(data) < HEAD_BYTES:
            reason = f"cut off: the file ends at byte {size}"
        elif head is None:
            hint = "the rest can't be read" if offset else "is it a .rec file?"
            reason = f"no magic number, but {data[:4].hex(' ')}; {hint}"
        elif head.flag not in allowed:
            expected = " or ".join(map(str, allowed))
            reason = f"expected continuation flag {expected}, found {head.flag}"
        elif (missing := offset + frame_size(head.length) - size) > 0:
            reason = f"cut off: the file ends {missing} bytes too early"
        else:
            return head
        raise self._report.error(reason, offset)
