"""The frame of a TFRecord (tensorflow/core/lib/io/record_writer.h).

    u64 length | u32 masked CRC of length | data | u32 masked CRC of data      (little-endian)

CRCs are CRC-32C (Castagnoli, RFC 3720 B.4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

import google_crc32c

HEAD_BYTES = 12
CRC_BYTES = 4
FRAME_BYTES = HEAD_BYTES + CRC_BYTES

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


def unpack_length(head: bytes) -> int | None:
    """Return the length that a record's first 12 bytes give, or None if their CRC is wrong."""
    length = head[: _LENGTH.size]
    if unpack_crc(head[_LENGTH.size :]) != masked_crc32c([length]):
        return None
    return int(_LENGTH.unpack(length)[0])


def unpack_crc(data: bytes) -> int:
    """Return the masked CRC in 4 bytes of a frame."""
    return int(_CRC.unpack(data)[0])


def masked_crc32c(data: Iterable[bytes]) -> int:
    """Return the CRC of the concatenated data, masked as TFRecord requires."""
    crc = 0
    for piece in data:
        crc = google_crc32c.extend(crc, piece)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: Sequence[bytes]) -> list[bytes]:
    """Return the record of the concatenated data, in pieces; the data itself is not copied."""
    length = _LENGTH.pack(sum(map(len, data)))
    head = length + _CRC.pack(masked_crc32c([length]))
    return [head, *data, _CRC.pack(masked_crc32c(data))]
