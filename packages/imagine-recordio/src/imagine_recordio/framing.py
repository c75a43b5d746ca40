"""The frame of a RecordIO record (dmlc-core, include/dmlc/recordio.h).

    u32 magic | u32 continuation flag << 29 | length | data | zeros up to a multiple of 4 bytes

All numbers are little-endian. A reader finds records by the magic number at offsets that are
multiples of 4, so data which holds it at such an offset is cut there into parts, and those four
bytes are dropped: whoever reads the parts puts them back.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from imagine_common.errors import ImagineError

MAGIC = 0xCED7230A
HEAD_BYTES = 8
MAX_LENGTH = 2**29 - 1

_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_HEAD = struct.Struct("<II")
_FLAG_SHIFT = 29
_MAGIC_BYTES = 4


def record_bytes(length: int) -> int:
    """Return the size of a whole record of so much data.

    Raises
    ------
    ImagineError
        Where the data is over 2**29 - 1 bytes.
    """
    if length > MAX_LENGTH:
        raise ImagineError(f"a record of {length} bytes is over RecordIO's {MAX_LENGTH}")
    return HEAD_BYTES + length + -length % 4


def close_frame(record: memoryview, length: int) -> list[int]:
    """Write head and padding around the data of a record: `length` bytes after the first 8.

    Returns
    -------
    list of int
        The offsets in the data, multiples of 4, at which it holds the magic number. Where there
        are any, the record can't stay whole: `split_frame` gives what to write instead.
    """
    _HEAD.pack_into(record, 0, MAGIC, _WHOLE << _FLAG_SHIFT | length)
    record[HEAD_BYTES + length :] = bytes(-length % 4)
    words = np.frombuffer(record, "<u4", length // 4, HEAD_BYTES)
    found = words == MAGIC
    return [4 * int(word) for word in np.flatnonzero(found)] if found.any() else []


def split_frame(data: bytes, cuts: Sequence[int]) -> bytes:
    """Return the record of data that holds the magic number at these offsets, in several parts."""
    record = []
    begin = 0
    for number, end in enumerate([*cuts, len(data)]):
        flag = _FIRST if number == 0 else _LAST if number == len(cuts) else _MIDDLE
        part = data[begin:end]
        head = _HEAD.pack(MAGIC, flag << _FLAG_SHIFT | len(part))
        record += [head, part, bytes(-len(part) % 4)]
        begin = end + _MAGIC_BYTES
    return b"".join(record)
