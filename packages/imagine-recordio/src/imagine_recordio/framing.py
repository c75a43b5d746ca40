"""The frame of a RecordIO record (dmlc-core, include/dmlc/recordio.h).

    u32 magic | u32 continuation flag << 29 | length | data | zeros up to a multiple of 4 bytes

All numbers are little-endian. A reader finds records by the magic number at offsets that are
multiples of 4, so data which holds it at such an offset is cut there into parts, and those four
bytes are dropped: whoever reads the parts puts them back.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Sequence

from imagine_common.errors import ImagineError
from imagine_common.files.output import Buffer
from imagine_common.files.reading import InputFile

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
MAX_LENGTH = 2**29 - 1

WHOLE, FIRST, MIDDLE, LAST = range(4)  # continuation flags
HEAD = struct.Struct("<II")
FLAG_SHIFT = 29

# ISO C's search for a wide character looks at aligned words of 32 bits, here and on every system
# but Windows, and glibc's is written in vector instructions: thirty times as fast as `bytes.find`.
# NumPy would be nearly as fast, but importing it takes as long as packing a thousand images.
_wmemchr = ctypes.CDLL(None).wmemchr
_wmemchr.argtypes = (ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t)
_wmemchr.restype = ctypes.c_void_p
_MAGIC_WORD = int.from_bytes(MAGIC_BYTES, sys.byteorder, signed=True)


def frame_size(length: int) -> int:
    """Return the bytes of a part with data of a length, in its frame."""
    return HEAD.size + length + -length % 4


def unpack_head(head: bytes) -> tuple[int, int] | None:
    """Return the continuation flag and the length that a part's first 8 bytes give.

    None where they don't begin with the magic number.
    """
    magic, word = HEAD.unpack(head)
    return (word >> FLAG_SHIFT, word & MAX_LENGTH) if magic == MAGIC else None


def is_whole(file: InputFile, offset: int) -> bool:
    """Tell whether at an offset of a file stands a record that was not cut into parts."""
    head = file.read_at(offset, HEAD.size)
    unpacked = unpack_head(head) if len(head) == HEAD.size else None
    return unpacked is not None and unpacked[0] == WHOLE


def frame(data: Sequence[bytes]) -> list[Buffer]:
    """Return the record of the concatenated data, in pieces: the data itself is not copied.

    All but the last of `data` have lengths that are multiples of 4.

    Raises
    ------
    ImagineError
        Where the data is over 2**29 - 1 bytes.
    """
    length = sum(map(len, data))
    if length > MAX_LENGTH:
        raise ImagineError(f"a record of {length} bytes is over RecordIO's {MAX_LENGTH}")
    cuts = [magic_offsets(piece) for piece in data]
    if any(cuts):
        return _frame_parts(data, cuts)
    return [HEAD.pack(MAGIC, WHOLE << FLAG_SHIFT | length), *data, bytes(-length % 4)]


def magic_offsets(data: bytes) -> list[int]:
    """Return the offsets, multiples of 4, at which data holds the magic number."""
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


def _frame_parts(data: Sequence[bytes], cuts: Sequence[list[int]]) -> list[Buffer]:
    """Return the record of data that holds the magic number, as several parts."""
    parts: list[list[memoryview]] = [[]]
    for piece, offsets in zip(data, cuts):
        view = memoryview(piece)
        begin = 0
        for offset in offsets:
            parts[-1].append(view[begin:offset])
            parts.append([])
            begin = offset + len(MAGIC_BYTES)
        parts[-1].append(view[begin:])
    record: list[Buffer] = []
    for number, part in enumerate(parts):
        flag = FIRST if number == 0 else LAST if number == len(parts) - 1 else MIDDLE
        length = sum(map(len, part))
        record += [HEAD.pack(MAGIC, flag << FLAG_SHIFT | length), *part, bytes(-length % 4)]
    return record
