"""PNG (W3C Recommendation, third edition) without compression, band by band.

Noise does not compress, so nothing is lost by storing it: filter 0 and deflate's stored blocks
(RFC 1951, 3.2.4). The chunks are laid out so that a band of rows is a chunk of its own, the same
wherever it stands in a file:

    signature, IHDR
    IDAT  the two bytes of the zlib header
    IDAT  a band: as many rows as fit in one stored block (65,535 bytes); at least one,
          in as many blocks as it needs                              (repeated)
    IDAT  an empty final stored block, and the Adler-32 of all rows
    IEND

Files are so the same bytes everywhere.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from imagine_common.atomic import Buffer
from imagine_gen.pixels import PixelStream
from imagine_gen.spec import DatasetSpec

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {"L": 0, "RGB": 2, "RGBA": 6}
_ZLIB_HEADER = b"\x78\x01"  # deflate, window of 32 KiB, fastest (RFC 1950, 2.2)
_FINAL_BLOCK = b"\x01\x00\x00\xff\xff"
_MAX_BLOCK = 65_535


def encode(spec: DatasetSpec, index: int) -> Iterator[Buffer]:
    """Yield the file of an image in pieces. Memory does not depend on the image's height."""
    color_type = _COLOR_TYPES[spec.mode]
    header = struct.pack(">IIBBBBB", spec.width, spec.height, 8, color_type, 0, 0, 0)
    yield _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", _ZLIB_HEADER)
    stream = PixelStream(spec.seed, index)
    row = spec.row_bytes
    rows_in_band = max(1, _MAX_BLOCK // (row + 1))
    adler = 1
    for top in range(0, spec.height, rows_in_band):
        rows = min(rows_in_band, spec.height - top)
        band = np.zeros((rows, 1 + row), np.uint8)  # a row begins with its filter's number, 0
        band[:, 1:] = stream.read(top * row, rows * row).reshape(rows, row)
        data = band.data.cast("B")
        adler = zlib.adler32(data, adler)
        yield from _stored_chunk(data)
    yield _chunk(b"IDAT", _FINAL_BLOCK + struct.pack(">I", adler)) + _chunk(b"IEND", b"")


def _stored_chunk(data: memoryview) -> Iterator[Buffer]:
    """Yield an IDAT chunk that holds data in stored blocks, none of them the final one."""
    blocks = [data[i : i + _MAX_BLOCK] for i in range(0, len(data), _MAX_BLOCK)]
    start = struct.pack(">I", 5 * len(blocks) + len(data))
    name = b"IDAT"
    crc = zlib.crc32(name)
    for block in blocks:
        head = struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF)
        crc = zlib.crc32(block, zlib.crc32(head, crc))
        yield start + name + head
        yield block
        start = name = b""
    yield struct.pack(">I", crc)


def _chunk(name: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)
