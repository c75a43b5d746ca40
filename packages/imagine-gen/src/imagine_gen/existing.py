"""Telling by its header whether a file is an image such as a dataset has.

Headers are those of ITU-T T.81 (B.2.2), the PNG specification (11.2.1) and BITMAPINFOHEADER. Pillow
would read them too, but takes ten times as long, and refuses large images as bombs.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from imagine_common.errors import ImagineError
from imagine_common.files import open_regular, read_at
from imagine_gen.spec import DatasetSpec

_HEAD_BYTES = 32
_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 6): "RGBA"}  # by bit depth and color type
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
_BMP_MODES = {8: "L", 24: "RGB", 32: "RGBA"}  # by bits per pixel
_JPEG_MODES = {1: "L", 3: "RGB"}  # by components
_MAX_SEGMENTS = 1000
_SOFS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


class Header(NamedTuple):
    """What an image's header says."""

    image_format: str
    width: int
    height: int
    mode: str | None


def existing_size(spec: DatasetSpec, path: bytes) -> int:
    """Return the size in bytes of an image that is there, or 0 where it is to be made.

    It counts as there where it is of the dataset's format, mode and dimensions, and has an end.
    """
    try:
        fd, size = open_regular(path, "an image file")
    except ImagineError:
        return 0  # What is in the way is reported when it is to be replaced.
    try:
        header = _read_header(fd, size)
    except OSError:
        return 0
    finally:
        os.close(fd)
    return size if header == (spec.image_format, spec.width, spec.height, spec.mode) else 0


def _read_header(fd: int, size: int) -> Header | None:
    """Return the header of an image, or None where it is none, or is cut off."""
    head = os.pread(fd, _HEAD_BYTES, 0)
    end = read_at(fd, max(0, size - len(_PNG_END)), len(_PNG_END))
    try:
        if head.startswith(b"\xff\xd8") and end.endswith(b"\xff\xd9"):
            return _jpeg_header(fd)
        if head.startswith(_PNG_SIGNATURE) and end == _PNG_END:
            width, height, depth, color = struct.unpack_from(">IIBB", head, 16)
            return Header("png", width, height, _PNG_MODES.get((depth, color)))
        if head.startswith(b"BM") and struct.unpack_from("<I", head, 2)[0] == size:
            width, height, _, bits = struct.unpack_from("<iiHH", head, 18)
            return Header("bmp", width, abs(height), _BMP_MODES.get(bits))
    except struct.error:
        return None
    return None


def _jpeg_header(fd: int) -> Header | None:
    begin = 2
    for _ in range(_MAX_SEGMENTS):
        segment = os.pread(fd, 10, begin)
        prefix, marker, length = struct.unpack_from(">BBH", segment)
        if prefix != 0xFF or length < 2:
            break
        if marker in _SOFS:
            height, width, components = struct.unpack_from(">HHB", segment, 5)
            return Header("jpg", width, height, _JPEG_MODES.get(components))
        begin += 2 + length
    return None
