"""What the header of a WebP, TIFF, AVIF, JPEG 2000 or GIF file says, without decoding the image.

As for the other formats, this tells whether an image that is there is one that a dataset has.
Headers are those of the WebP container specification and RFC 6386 (9.1), TIFF 6.0 (section 2),
ISO/IEC 23008-12 (HEIF; AVIF is one), ISO/IEC 15444-1 (annex I) and the GIF89a specification. Of a
file, a bounded number of parts is looked at.
"""

from __future__ import annotations

import struct

from imagine_common.files.image_headers import Header
from imagine_common.files.reading import FileSlice

_HEAD_BYTES = 32
_MAX_BOXES = 64
_MAX_ENTRIES = 256
_TIFF_VALUES = {3: "H", 4: "I"}  # SHORT and LONG
_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA = 256, 257, 258, 262, 277, 338
_STRIP_OFFSETS, _STRIP_BYTES = 273, 279
_TIFF_MODES = {  # by photometric interpretation, samples a pixel, what the extra one is
    (1, 1, 0): "L",
    (2, 3, 0): "RGB",
    (2, 4, 2): "RGBA",
}
_JP2_MODES = {1: "L", 3: "RGB", 4: "RGBA"}  # by components


class _BrokenError(Exception):
    """What is read is no header, or one of a file that was cut."""


def read_complete(file: bytes | FileSlice, size: int) -> Header | None:
    """Return the header of a file of `size` bytes, or None where it is broken or lacks its end.

    None is also the answer for files of any other format. A mode is Pillow's for what was saved: a
    GIF's is L where its palette is gray, and else RGB.
    """
    head = file[0:_HEAD_BYTES]
    try:
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp_header(head, size)
        if head[:4] in (b"II*\0", b"MM\0*"):
            return _tiff_header(file, size)
        if head[4:12] == b"ftypavif":
            return _avif_header(file, size)
        if head[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":
            return _jp2_header(file, size)
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return _gif_header(file, size)
    except (_BrokenError, struct.error):
        return None
    return None


def _webp_header(head: bytes, size: int) -> Header:
    riff_bytes, kind = struct.unpack_from("<4xI4x4s", head)
    _require(riff_bytes + 8 == size)
    if kind == b"VP8X":  # what comes with alpha, or metadata
        flags, width, height = struct.unpack_from("<B3x3s3s", head, 20)
        mode = "RGBA" if flags & 0x10 else "RGB"
        return Header("webp", 1 + _little(width), 1 + _little(height), mode)
    if kind == b"VP8L":
        signature, bits = struct.unpack_from("<BI", head, 20)
        _require(signature == 0x2F)
        mode = "RGBA" if bits >> 28 & 1 else "RGB"
        return Header("webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), mode)
    start, width, height = struct.unpack_from("<3x3sHH", head, 20)
    _require(kind == b"VP8 " and start == b"\x9d\x01\x2a")
    return Header("webp", width & 0x3FFF, height & 0x3FFF, "RGB")


def _tiff_header(file: bytes | FileSlice, size: int) -> Header:
    order = "<" if file[0:2] == b"II" else ">"
    (begin,) = struct.unpack(order + "I", file[4:8])
    (count,) = struct.unpack(order + "H", file[begin : begin + 2])
    _require(count <= _MAX_ENTRIES)
    entries = file[begin + 2 : begin + 2 + 12 * count]
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for number in range(count):
        tag, kind, values = struct.unpack_from(order + "HHI", entries, 12 * number)
        letter = _TIFF_VALUES.get(kind)
        if letter is None or not values:
            continue
        # Values stand in the entry itself, where they have room.
        place = begin + 2 + 12 * number + 8
        width = struct.calcsize(letter)
        if values * width > 4:
            (place,) = struct.unpack_from(order + "I", entries, 12 * number + 8)
        for found, at in ((first, place), (last, place + (values - 1) * width)):
            (found[tag],) = struct.unpack(order + letter, file[at : at + width])
    _require(
        first.keys() >= {_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _STRIP_OFFSETS, _STRIP_BYTES}
        and last[_STRIP_OFFSETS] + last[_STRIP_BYTES] <= size
        and first[_BITS] == 8
    )
    kind_of_pixel = (first[_PHOTOMETRIC], first.get(_SAMPLES, 1), first.get(_EXTRA, 0))
    return Header("tiff", first[_WIDTH], first[_HEIGHT], _TIFF_MODES.get(kind_of_pixel))


def _avif_header(file: bytes | FileSlice, size: int) -> Header:
    boxes = _boxes(file, 0, size)
    _require(b"mdat" in boxes)  # the pixels, behind the rest
    begin, end = _find(boxes, b"meta")
    begin, end = _find(_boxes(file, begin + 4, end), b"iprp")
    begin, end = _find(_boxes(file, begin, end), b"ipco")
    properties = _boxes(file, begin, end)
    begin, _ = _find(properties, b"ispe")
    width, height = struct.unpack(">4xII", file[begin : begin + 12])
    return Header("avif", width, height, "RGBA" if b"auxC" in properties else "RGB")


def _jp2_header(file: bytes | FileSlice, size: int) -> Header:
    _require(file[size - 2 : size] == b"\xff\xd9")
    begin, end = _find(_boxes(file, 0, size), b"jp2h")
    begin, _ = _find(_boxes(file, begin, end), b"ihdr")
    height, width, components, depth = struct.unpack(">IIHB", file[begin : begin + 11])
    return Header("jp2", width, height, _JP2_MODES.get(components) if depth == 7 else None)


def _gif_header(file: bytes | FileSlice, size: int) -> Header:
    _require(file[size - 1 : size] == b"\x3b")
    width, height, flags = struct.unpack_from("<HHB", file[6:11])
    colors = 2 << (flags & 7) if flags & 0x80 else 0
    palette = file[13 : 13 + 3 * colors]
    gray = palette[0::3] == palette[1::3] == palette[2::3]
    return Header("gif", width, height, "L" if gray else "RGB")


def _boxes(file: bytes | FileSlice, begin: int, end: int) -> dict[bytes, tuple[int, int]]:
    """Return where the contents of each type of box begin and end, between two offsets.

    Raises
    ------
    _BrokenError
        Where the last one doesn't end with what it is in, or there are too many.
    """
    boxes: dict[bytes, tuple[int, int]] = {}
    for _ in range(_MAX_BOXES):
        if begin == end:
            return boxes
        length, kind = struct.unpack(">I4s", file[begin : begin + 8])
        head = 8
        if length == 1:
            (length,) = struct.unpack(">Q", file[begin + 8 : begin + 16])
            head = 16
        box_end = begin + length if length else end
        _require(begin + head <= box_end <= end)
        boxes.setdefault(kind, (begin + head, box_end))
        begin = box_end
    raise _BrokenError


def _find(boxes: dict[bytes, tuple[int, int]], kind: bytes) -> tuple[int, int]:
    _require(kind in boxes)
    return boxes[kind]


def _little(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def _require(condition: bool) -> None:
    if not condition:
        raise _BrokenError
