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
from collections.abc import Sequence
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer
from imagine_common.files.reading import InputFile

MAGIC_BYTES = struct.pack("<I", 0xCED7230A)
MAX_LENGTH = 2**29 - 1
WHOLE, FIRST, MIDDLE, LAST = range(4)  # continuation flags

_HEAD = struct.Struct("<4sI")
HEAD_BYTES = _HEAD.size
_FLAG_SHIFT = 29

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
    """Parse the first 8 bytes of a chunk; return None if the magic number is missing."""
    magic, word = _HEAD.unpack(data)
    return Head(word >> _FLAG_SHIFT, word & MAX_LENGTH) if magic == MAGIC_BYTES else None


def frame_size(length: int) -> int:
    """Return the bytes of a chunk in its frame, given the length of its data."""
    return HEAD_BYTES + length + -length % 4


def is_whole(file: InputFile, offset: int) -> bool:
    """Return whether the record at an offset of a file is a single chunk."""
    data = file.read_at(offset, HEAD_BYTES)
    head = unpack_head(data) if len(data) == HEAD_BYTES else None
    return head is not None and head.flag == WHOLE


def frame(data: Sequence[bytes]) -> list[Buffer]:
    """Return the record of the concatenated data, in pieces; the data itself is not copied.

    The length of every piece of `data` but the last must be a multiple of 4.

    Raises
    ------
    ImagineError
        If the data is over 2**29 - 1 bytes.
    """
    length = sum(map(len, data))
    if length > MAX_LENGTH:
        raise ImagineError(f"a record of {length} bytes is over RecordIO's limit of {MAX_LENGTH}")
    offsets = [magic_offsets(piece) for piece in data]
    if any(offsets):
        return _frame_chunks(_split(data, offsets))
    return [_pack_head(WHOLE, length), *data, bytes(-length % 4)]


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


def _split(data: Sequence[bytes], offsets: Sequence[list[int]]) -> list[list[memoryview]]:
    """Return the chunks between the magic numbers at these offsets of each piece of the data."""
    chunks: list[list[memoryview]] = [[]]
    for piece, cuts in zip(data, offsets):
        view = memoryview(piece)
        begin = 0
        for cut in cuts:
            chunks[-1].append(view[begin:cut])
            chunks.append([])
            begin = cut + len(MAGIC_BYTES)
        chunks[-1].append(view[begin:])
    return chunks


def _frame_chunks(chunks: list[list[memoryview]]) -> list[Buffer]:
    record: list[Buffer] = []
    for number, chunk in enumerate(chunks):
        flag = FIRST if number == 0 else LAST if number == len(chunks) - 1 else MIDDLE
        length = sum(map(len, chunk))
        record += [_pack_head(flag, length), *chunk, bytes(-length % 4)]
    return record


def _pack_head(flag: int, length: int) -> bytes:
    return _HEAD.pack(MAGIC_BYTES, flag << _FLAG_SHIFT | length)
