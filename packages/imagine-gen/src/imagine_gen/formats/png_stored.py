"""PNG (W3C Recommendation, third edition) without compression, band by band.

Noise does not compress, so it loses nothing: filter 0 and deflate's stored blocks (RFC 1951,
3.2.4). Each band of rows is a chunk of its own, which has the same bytes anywhere in a file:

    signature, IHDR
    IDAT  the two bytes of the zlib header
    IDAT  a band: as many rows as fit in one stored block (65,535 bytes); at least one,
          in as many blocks as it needs                              (repeated)
    IDAT  an empty final stored block, and the Adler-32 of all rows
    IEND

So files have the same bytes everywhere. In pooled images a band is a strip.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from zlib_ng import zlib_ng

from imagine_common.files.output import Buffer
from imagine_gen.content.base import Pixels
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import FreshEncoder, RowStrips

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {"L": 0, "RGB": 2, "RGBA": 6}
_ZLIB_HEADER = b"\x78\x01"  # deflate, window of 32 KiB, fastest (RFC 1950, 2.2)
_FINAL_BLOCK = b"\x01\x00\x00\xff\xff"
_MAX_BLOCK = 65_535
_MOST_COLUMNS = 1 << 18
_ADLER_BASE = 65_521
_DATA_OFFSET = 4 + 4 + 5  # in a chunk: after length, name and the block's head


class Encoder(FreshEncoder):
    """Encodes fresh images piece by piece. Memory does not depend on the image's dimensions."""

    def _pieces(self, pixels: Pixels) -> Iterator[Buffer]:
        spec = self._spec
        yield _head(spec)
        rows_in_band = max(1, _MAX_BLOCK // (1 + spec.row_bytes))
        adler = 1
        for top in range(0, spec.height, rows_in_band):
            rows = min(rows_in_band, spec.height - top)
            blocks = (
                _blocks(_filtered(pixels(top, top + rows), rows))
                if spec.width <= _MOST_COLUMNS
                else _row_blocks(spec, pixels, top)
            )
            adler = yield from _stored_chunk(blocks, rows * (1 + spec.row_bytes), adler)
        yield _end(adler)


class Strip(NamedTuple):
    """An IDAT chunk, and the length and Adler-32 of the data that it inflates to."""

    chunk: bytes
    length: int
    adler: int


class Strips(RowStrips[Strip]):
    """Strips of rows: IDAT chunks of stored blocks."""

    def __init__(self, spec: DatasetSpec, least_rows: int = 1) -> None:
        super().__init__(spec, least_rows)
        self._last_length = self._last_rows * (1 + spec.row_bytes)
        self._head = _head(spec)

    def encode(self, pixels: npt.NDArray[np.uint8]) -> Strip:
        """Return a strip of pixels."""
        return self._strip(_filtered(pixels, self.rows))

    def assemble(self, strips: Sequence[Strip]) -> list[Buffer]:
        """Return the file of an image that consists of these strips, the last one cut to fit."""
        if self._last_rows:
            strips = [*strips[:-1], self._cut(strips[-1])]
        # The Adler-32 of data in pieces (RFC 1950, 8.2, gives the sums).
        low, high = 1, 0
        for _, length, adler in strips:
            high += (adler >> 16) + length * (low - 1)
            low += (adler & 0xFFFF) - 1
        adler = high % _ADLER_BASE << 16 | low % _ADLER_BASE
        return [self._head, *[strip.chunk for strip in strips], _end(adler)]

    def _cut(self, strip: Strip) -> Strip:
        # Only strips of several rows are cut, and those have one block.
        return self._strip(memoryview(strip.chunk)[_DATA_OFFSET : _DATA_OFFSET + self._last_length])

    def _strip(self, data: memoryview) -> Strip:
        file = b"".join(_stored_chunk(_blocks(data), len(data)))
        return Strip(file, len(data), zlib_ng.adler32(data))


def _head(spec: DatasetSpec) -> bytes:
    color_type = _COLOR_TYPES[spec.mode]
    header = struct.pack(">IIBBBBB", spec.width, spec.height, 8, color_type, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", _ZLIB_HEADER)


def _filtered(pixels: npt.NDArray[np.uint8], rows: int) -> memoryview:
    """Return rows of pixels, each after the number of its filter, which is 0."""
    data = np.empty((rows, 1 + len(pixels) // rows), np.uint8)
    data[:, 0] = 0
    data[:, 1:] = pixels.reshape(rows, -1)
    return data.data.cast("B")


def _blocks(data: Buffer) -> list[Buffer]:
    """Return data in pieces that fill stored blocks."""
    return [data[i : i + _MAX_BLOCK] for i in range(0, len(data), _MAX_BLOCK)]


def _row_blocks(spec: DatasetSpec, pixels: Pixels, row: int) -> Iterator[Buffer]:
    """Yield a wide row, after its filter, in pieces that fill stored blocks."""
    rest: Buffer = b"\0"
    for left in range(0, spec.width, _MOST_COLUMNS):
        right = min(left + _MOST_COLUMNS, spec.width)
        *blocks, rest = _blocks(bytes(rest) + pixels(row, row + 1, left, right).tobytes())
        yield from blocks
    yield rest


def _stored_chunk(
    blocks: Iterable[Buffer], size: int, adler: int = 1
) -> Generator[Buffer, None, int]:
    """Yield an IDAT chunk with `size` bytes in stored blocks, none of them the final one.

    Returns the Adler-32 of all data so far, of which `adler` is that of the data before.
    """
    start = struct.pack(">I", 5 * -(-size // _MAX_BLOCK) + size)
    name = b"IDAT"
    crc = zlib_ng.crc32(name)
    for block in blocks:
        adler = zlib_ng.adler32(block, adler)
        head = struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF)
        crc = zlib_ng.crc32(block, zlib_ng.crc32(head, crc))
        yield start + name + head
        yield block
        start = name = b""
    yield struct.pack(">I", crc)
    return adler


def _end(adler: int) -> bytes:
    return chunk(b"IDAT", _FINAL_BLOCK + struct.pack(">I", adler)) + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk: length, name, data and CRC-32."""
    crc = zlib_ng.crc32(data, zlib_ng.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)
