"""Read the header of a JPEG, PNG or BMP file without decoding the image.

Headers are those of ITU-T T.81 (B.2.2), the PNG specification (11.2.1) and BITMAPINFOHEADER. Pillow
reads them too, but takes ten times as long and rejects large images as decompression bombs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from imagine_common.files.reading import FileSlice

HEAD_BYTES = 32
JPEG_SIGNATURE = b"\xff\xd8"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BMP_SIGNATURE = b"BM"
START_OF_SCAN = 0xDA

# By bit depth and color type.
_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 3): "P", (8, 4): "LA", (8, 6): "RGBA"}
_BMP_MODES = {8: "L", 24: "RGB", 32: "RGBA"}  # by bits per pixel
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}  # by components
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment: TEM, RST, SOI
_END_OF_IMAGE = 0xD9
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_SEARCH_BYTES = 1 << 16


class Header(NamedTuple):
    """The format, dimensions in pixels and Pillow mode of an image; None for other modes."""

    image_format: str
    width: int
    height: int
    mode: str | None


class Segment(NamedTuple):
    """A segment of a JPEG file: its marker's second byte, and the offsets of its content."""

    marker: int
    begin: int
    end: int


def read_header(file: bytes | FileSlice) -> Header | None:
    """Read the header of a JPEG, PNG or BMP file; return None for any other or damaged file."""
    head = file[0:HEAD_BYTES]
    try:
        if head.startswith(JPEG_SIGNATURE):
            return _jpeg_header(file)
        if head.startswith(PNG_SIGNATURE):
            width, height, depth, color = struct.unpack_from(">IIBB", head, 16)
            return Header("png", width, height, _PNG_MODES.get((depth, color)))
        if head.startswith(BMP_SIGNATURE):
            width, height, _, bits = struct.unpack_from("<iiHH", head, 18)
            return Header("bmp", width, abs(height), _BMP_MODES.get(bits))
    except struct.error:
        return None
    return None


def jpeg_segments(file: bytes | FileSlice) -> Iterator[Segment]:
    """Yield the segments of a JPEG file before its first scan, and that scan's header.

    Bytes before a marker are skipped as libjpeg skips them: fill bytes (T.81, B.1.1.2) and others.
    """
    offset = len(JPEG_SIGNATURE)
    while len(head := file[offset : offset + 4]) >= 2:
        if head[0] != 0xFF or head[1] in (0, 0xFF):
            offset = _next_marker(file, offset)
        elif head[1] in _ALONE:
            offset += 2
        elif len(head) < 4 or head[1] == _END_OF_IMAGE:
            return
        else:
            end = offset + 2 + int.from_bytes(head[2:], "big")
            if end < offset + 4:
                return
            yield Segment(head[1], offset + 4, end)
            if head[1] == START_OF_SCAN:
                return
            offset = end


def _next_marker(file: bytes | FileSlice, offset: int) -> int:
    """Return the offset of the next marker, or the end of the file."""
    while piece := file[offset : offset + _SEARCH_BYTES]:
        if found := _MARKER.search(piece):
            return offset + found.start()
        offset += max(1, len(piece) - 1)
    return offset


def _jpeg_header(file: bytes | FileSlice) -> Header | None:
    for marker, begin, _ in jpeg_segments(file):
        if marker in _START_OF_FRAME:
            height, width, components = struct.unpack_from(">HHB", file[begin : begin + 6], 1)
            return Header("jpg", width, height, _JPEG_MODES.get(components))
    return None
