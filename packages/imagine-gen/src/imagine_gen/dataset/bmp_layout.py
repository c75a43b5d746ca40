"""The sizes of the headers, the palette and the rows of a BMP file, in bytes."""

from __future__ import annotations

import struct

from imagine_gen.dataset.modes import CHANNELS

FILE_HEADER = struct.Struct("<2sIHHI")
INFO_HEADER = struct.Struct("<IiiHHIIiiII")
V4_REST = struct.Struct("<4I4s36x12x")
PALETTE_BYTES = 4 * 256


def file_size(mode: str, width: int, height: int) -> int:
    """Return the size of a file; the format allows at most 2**32 - 1 bytes."""
    return pixels_offset(mode) + stride(mode, width) * height


def pixels_offset(mode: str) -> int:
    """Return the offset of the pixels in a file: the bytes of all headers."""
    extra = {"RGB": 0, "RGBA": V4_REST.size, "L": PALETTE_BYTES}[mode]
    return FILE_HEADER.size + INFO_HEADER.size + extra


def stride(mode: str, width: int) -> int:
    """Return the bytes of a row of pixels, padded to a multiple of 4."""
    return -(-width * CHANNELS[mode] // 4) * 4
