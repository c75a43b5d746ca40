"""The frame of a TFRecord (tensorflow/core/lib/io/record_writer.h).

    u64 length | u32 masked CRC of length | data | u32 masked CRC of data      (little-endian)

CRCs are CRC-32C (Castagnoli, RFC 3720 B.4).
"""

from __future__ import annotations

import struct

from crc32c import crc32c

HEAD_BYTES = 12
TAIL_BYTES = 4

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


def masked_crc32c(data: bytes | memoryview) -> int:
    """Return the CRC of data, masked as TFRecord stores it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def close_frame(record: memoryview) -> None:
    """Write head and tail around the data of a record: all but its first 12 and last 4 bytes."""
    data = record[HEAD_BYTES:-TAIL_BYTES]
    length = _LENGTH.pack(len(data))
    record[:HEAD_BYTES] = length + _CRC.pack(masked_crc32c(length))
    record[-TAIL_BYTES:] = _CRC.pack(masked_crc32c(data))
