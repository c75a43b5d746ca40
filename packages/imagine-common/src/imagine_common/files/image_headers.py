"""Read the header of a JPEG, PNG or BMP file without decoding the image.

Headers are those of ITU-T T.81 (B.2.2), the PNG specification (11.2.1) and BITMAPINFOHEADER. Pillow
reads them too, but takes ten times as long and rejects large images as decompression bombs.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from imagine_common.errors import ImagineError
from imagine_common.files.reading import FileSlice
from imagine_common.text import show

HEAD_BYTES = 32
JPEG_SIGNATURE = b"\xff\xd8"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
BMP_SIGNATURE = b"BM"
START_OF_SCAN = 0xDA

_BMP_MODES = {8: "L", 24: "RGB", 32: "RGBA"}  # by bits per pixel

# By components. CMYK becomes RGB when it is decoded.
_JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_JPEG_CHANNELS = {1: 1, 3: 3, 4: 3}
_SEGMENT = struct.Struct(">BBH")
_NO_MARKERS = {0, 0xFF}
_ALONE = {0x01, *range(0xD0, 0xDA)}  # markers without a segment: TEM, RST, SOI, EOI
_START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_DECODABLE_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
# Those that libjpeg refuses before a frame: of hierarchical JPEG, reserved, SOI, EOI, and SOS.
_REFUSED = {*range(0x02, 0xC0), *(0xC8, 0xD8, 0xD9, 0xDA, 0xDE, 0xDF), *range(0xF0, 0xFE)}
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_SEARCH_BYTES = 1 << 16

# By color type. A palette, type 3, has RGB colors.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 3): "P", (8, 4): "LA", (8, 6): "RGBA"}
_PNG_PALETTE = 3
_PNG_METHODS = ([0, 0, 0], [0, 0, 1])  # compression, filter, interlacing
_PNG_HEAD = struct.Struct(">I4sIIBB3BI")  # the chunk IHDR
# The ancillary chunks that libpng knows must follow the header; it skips others.
_PNG_AFTER_HEADER = {
    *(b"cHRM", b"gAMA", b"sBIT", b"sRGB", b"iCCP", b"tRNS", b"bKGD", b"hIST", b"pHYs", b"oFFs"),
    *(b"tIME", b"pCAL", b"sCAL", b"sPLT", b"tEXt", b"zTXt", b"iTXt", b"eXIf"),
}
_PNG_CHUNK = struct.Struct(">I4s")
_PNG_HEADER_BYTES = 13
_MAX_PALETTE_BYTES = 3 * 256
_CRC_BYTES = 4


class Header(NamedTuple):
    """The format, dimensions in pixels and Pillow mode of an image; None for other modes.

    `channels` are those of the pixels that TensorFlow's `decode_image` returns by default.
    """

    image_format: str
    width: int
    height: int
    mode: str | None
    channels: int


def read_header(file: bytes | FileSlice) -> Header:
    """Read the header of a JPEG, PNG or BMP file.

    Raises
    ------
    ImagineError
        If the file is of another format, is damaged, or is one that libjpeg or libpng can't decode.
        The message is only the reason.
    """
    head = file[0:HEAD_BYTES]
    try:
        if head.startswith(JPEG_SIGNATURE):
            return _jpeg_header(file)
        if head.startswith(PNG_SIGNATURE):
            return _png_header(file)
        if head.startswith(BMP_SIGNATURE):
            width, height, _, bits = struct.unpack_from("<iiHH", head, 18)
            return Header("bmp", width, abs(height), _BMP_MODES.get(bits), bits // 8)
    except struct.error:
        raise ImagineError("its header is cut off") from None
    raise ImagineError("not JPEG, PNG or BMP")


def jpeg_segments(file: bytes | FileSlice) -> Iterator[tuple[int, int, int]]:
    """Yield the second byte of each marker of a JPEG file, and where its content begins and ends.

    Bytes before a marker are skipped as libjpeg skips them: fill bytes (T.81, B.1.1.2) and others.
    """
    offset = len(JPEG_SIGNATURE)
    while len(head := file[offset : offset + 4]) == 4:
        prefix, marker, length = _SEGMENT.unpack(head)
        if prefix != 0xFF or marker in _NO_MARKERS:
            found = _MARKER.search(file[offset : offset + _SEARCH_BYTES])
            offset += found.start() if found else _SEARCH_BYTES - 1
            continue
        end = offset + 2 if marker in _ALONE else offset + 2 + max(2, length)
        yield marker, offset + 4, end
        offset = end


def _jpeg_header(file: bytes | FileSlice) -> Header:
    for marker, begin, end in jpeg_segments(file):
        if marker in _START_OF_FRAME:
            return _frame_header(marker, file[begin : begin + 6], end - begin)
        if marker in _REFUSED:
            raise ImagineError(f"a JPEG file with the marker ff {marker:02x} before its frame")
    raise ImagineError("its header is cut off")


def _frame_header(marker: int, frame: bytes, length: int) -> Header:
    depth, height, width, components = struct.unpack(">BHHB", frame)
    channels = _JPEG_CHANNELS.get(components)
    if marker not in _DECODABLE_FRAMES:
        raise ImagineError(f"a lossless or hierarchical JPEG file (marker ff {marker:02x})")
    if depth != 8:
        raise ImagineError(f"a JPEG file of {depth} bits per channel")
    if channels is None or length != 6 + 3 * components:
        raise ImagineError(f"a JPEG file of {components} components in {length} bytes")
    _require_pixels(width, height)
    return Header("jpg", width, height, _JPEG_MODES[components], channels)


def _png_header(file: bytes | FileSlice) -> Header:
    begin = len(PNG_SIGNATURE)
    kind = b""
    while kind != b"IHDR":
        head = file[begin : begin + _PNG_HEAD.size]
        length, kind, width, height, depth, color, *methods, crc = _PNG_HEAD.unpack(head)
        if kind != b"IHDR" and (kind in _PNG_AFTER_HEADER or not _is_ancillary(kind)):
            raise ImagineError(f"a PNG file with {show(kind)} before its header")
        begin += _PNG_CHUNK.size + length + _CRC_BYTES
    _require_pixels(width, height)
    if depth not in _PNG_DEPTHS.get(color, ()) or methods not in _PNG_METHODS:
        raise ImagineError("a PNG file of an unknown kind")
    if length != _PNG_HEADER_BYTES or crc != crc32(head[4:-4]):
        raise ImagineError("its header is damaged")
    channels = 4 if _has_alpha(file, begin, depth, color) else _PNG_CHANNELS[color]
    return Header("png", width, height, _PNG_MODES.get((depth, color)), channels)


def _has_alpha(file: bytes | FileSlice, begin: int, depth: int, color: int) -> bool:
    """Check the chunks between header and pixels; return whether they give a palette alpha values.

    These must follow the palette. A damaged chunk of them is ignored, as libpng ignores it.
    """
    colors = 0
    has_alpha = False
    while True:
        length, kind = _PNG_CHUNK.unpack(file[begin : begin + _PNG_CHUNK.size])
        begin += _PNG_CHUNK.size
        if kind == b"IDAT":
            break
        if kind == b"PLTE" and color == _PNG_PALETTE:
            is_damaged = colors or length % 3 or length > _MAX_PALETTE_BYTES
            if is_damaged or not _is_intact(file, begin, length):
                raise ImagineError("a PNG file with a damaged palette")
            colors = min(length // 3, 1 << depth)
        elif kind == b"tRNS":
            has_alpha |= 0 < length <= colors and _is_intact(file, begin, length)
        elif kind != b"PLTE" and not _is_ancillary(kind):
            raise ImagineError(f"a PNG file with {show(kind)} before its pixels")
        begin += length + _CRC_BYTES
    if color == _PNG_PALETTE and not colors:
        raise ImagineError("a PNG file without its palette")
    return has_alpha


def _is_ancillary(kind: bytes) -> bool:
    return kind.isalpha() and kind[:1].islower()


def _is_intact(file: bytes | FileSlice, begin: int, length: int) -> bool:
    """Return whether the CRC of a chunk, which is not long, is right."""
    end = begin + length
    return file[end : end + _CRC_BYTES] == crc32(file[begin - 4 : end]).to_bytes(_CRC_BYTES, "big")


def _require_pixels(width: int, height: int) -> None:
    if not width or not height:
        raise ImagineError("its header has no dimensions")
