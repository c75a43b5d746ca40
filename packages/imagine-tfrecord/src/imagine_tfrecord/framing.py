"""The frame of a TFRecord (tensorflow/core/lib/io/record_writer.h).

    u64 length | u32 masked CRC of length | data | u32 masked CRC of data      (little-endian)

CRCs are CRC-32C (Castagnoli, RFC 3720 B.4).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import google_crc32c

FRAME_BYTES = 16

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")


def masked_crc32c(data: Sequence[bytes]) -> int:
    """Return the CRC of the concatenated data, masked as TFRecord stores it."""
    crc = 0
    for part in data:
        crc = google_crc32c.extend(crc, part)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: Sequence[bytes]) -> list[bytes]:
    """Return the record of the concatenated data, in pieces: the data itself is not copied."""
    length = _LENGTH.pack(sum(map(len, data)))
    head = length + _CRC.pack(masked_crc32c([length]))
    return [head, *data, _CRC.pack(masked_crc32c(data))]
