"""Read the header of a JPEG, PNG or BMP file without decoding the image.

Headers are those of ITU-T T.81 (B.2.2), the PNG specification (11.2.1) and BITMAPINFOHEADER. Pillow
reads them too, but takes ten times as long and rejects large images as decompression bombs.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from imagine_common.files.reading import FileSlice

_HEAD_BYTES = 32
# By bit depth and color type.
_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 3): "P", (8, 4): "LA", (8, 6): "RGBA"}
_JPEG_SIGNATURE = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_BMP_SIGNATURE = b"BM"
_BMP_MODES = {8: "L", 24: "RGB", 32: "RGBA"}  # by bits per pixel
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}  # by components
_MAX_SEGMENTS = 1000
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class Header(NamedTuple):
    """The format, dimensions in pixels and Pillow mode of an image; None for other modes."""

    image_format: str
    width: int
    height: int
    mode: str | None


def read_header(file: bytes | FileSlice) -> Header | None:
    """Read the header of a JPEG, PNG or BMP file; return None for any other or damaged file."""
    head = file[0:_HEAD_BYTES]
    try:
        if head.startswith(_JPEG_SIGNATURE):
            return _jpeg_header(file)
        if head.startswith(_PNG_SIGNATURE):
            width, height, depth, color = struct.unpack_from(">IIBB", head, 16)
            return Header("png", width, height, _PNG_MODES.get((depth, color)))
        if head.startswith(_BMP_SIGNATURE):
            width, height, _, bits = struct.unpack_from("<iiHH", head, 18)
            return Header("bmp", width, abs(height), _BMP_MODES.get(bits))
    except struct.error:
        return None
    return None


def has_end(file: bytes | FileSlice, size: int) -> bool:
    """Return whether a JPEG, PNG or BMP file of `size` bytes ends as its format requires."""
    head = file[0:_HEAD_BYTES]
    end = file[max(0, size - len(_PNG_END)) : size]
    if head.startswith(_JPEG_SIGNATURE):
        return end.endswith(_JPEG_END)
    if head.startswith(_PNG_SIGNATURE):
        return end == _PNG_END
    return head.startswith(_BMP_SIGNATURE) and int.from_bytes(head[2:6], "little") == size


def _jpeg_header(file: bytes | FileSlice) -> Header | None:
    begin = len(_JPEG_SIGNATURE)
    for _ in range(_MAX_SEGMENTS):
        segment = file[begin : begin + 10]
        prefix, marker, length = struct.unpack_from(">BBH", segment)
        if prefix == marker == 0xFF:  # T.81 B.1.1.2 allows fill bytes before a marker.
            begin += 1
            continue
        if prefix != 0xFF or length < 2:
            break
        if marker in _START_OF_FRAME:
            height, width, components = struct.unpack_from(">HHB", segment, 5)
            return Header("jpg", width, height, _JPEG_MODES.get(components))
        begin += 2 + length
    return None
