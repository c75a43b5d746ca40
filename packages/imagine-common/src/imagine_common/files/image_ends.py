"""Find out whether an image file ends as its format requires, without decoding the image."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from imagine_common.files.image_headers import (
    BMP_SIGNATURE,
    HEAD_BYTES,
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    START_OF_SCAN,
    jpeg_segments,
)
from imagine_common.files.reading import PIECE_BYTES, FileSlice

TAIL_BYTES = 16
_JPEG_END = b"\xff\xd9"
_PNG_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
ENDS = (_JPEG_END, _PNG_END)
_UNCOMPRESSED = (0, 3)  # BITMAPINFOHEADER: BI_RGB, BI_BITFIELDS
_PIXEL_BOXES = {b"mdat", b"jp2c", b"jxlc", b"jxlp"}  # of AVIF and HEIF, JPEG 2000, JPEG XL
_MAX_BOXES = 64
GIF_HEAD_BYTES = 13
_TIFF_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF_OFFSETS, _TIFF_LENGTHS = (273, 324), (279, 325)  # of strips and of tiles (section 8)
_TIFF_NUMBERS = {3: "H", 4: "I"}


def has_end(file: bytes | FileSlice, size: int) -> bool:
    """Return whether an image file of `size` bytes ends exactly as its format requires.

    A TIFF file may have bytes after its pixels. Other formats than those of `is_cut` are False.
    """
    head = file[0:HEAD_BYTES]
    end = file[max(0, size - TAIL_BYTES) : size]
    if head.startswith(JPEG_SIGNATURE):
        return end.endswith(_JPEG_END)
    if head.startswith(PNG_SIGNATURE):
        return end.endswith(_PNG_END)
    if head.startswith(BMP_SIGNATURE):
        return int.from_bytes(head[2:6], "little") == size
    if _is_webp(head):
        return _riff_size(head) == size
    try:
        if head.startswith(b"GIF8"):
            return _gif_end(file) == size
        if head[:4] in _TIFF_ORDERS:
            return 0 < _tiff_end(file, size) <= size
        if head[4:8] in (b"ftyp", b"jP  "):
            kinds, ends = zip(*_boxes(file, size))
            has_pixels = b"mdat" in kinds or end.endswith(_JPEG_END)  # or JPEG 2000's codestream
            return ends[-1] == size and has_pixels
    except (LookupError, struct.error, ValueError):  # The file ends too early.
        pass
    return False


def is_cut(file: bytes | FileSlice, size: int) -> bool:
    """Return whether an image file of `size` bytes lacks its end, as far as its format shows.

    JPEG, PNG, BMP, WebP, GIF, TIFF, AVIF, HEIF and files of JPEG 2000 and JPEG XL show it, unless a
    JPEG file ends exactly with an embedded thumbnail. Bytes after the end, which cameras and
    editors add, are allowed.
    """
    if has_end(file, size):
        return False
    head = file[0:HEAD_BYTES]
    if head.startswith(JPEG_SIGNATURE):
        # An EXIF thumbnail has an end before the first scan.
        scans = (end for marker, _, end in jpeg_segments(file) if marker == START_OF_SCAN)
        return not _contains(file, next(scans, size), _JPEG_END)
    if head.startswith(PNG_SIGNATURE):
        return not _contains(file, len(PNG_SIGNATURE), _PNG_END)
    if head.startswith(BMP_SIGNATURE):
        return size < _bmp_size(file)
    if _is_webp(head):
        return size < _riff_size(head)
    try:
        if head.startswith(b"GIF8"):
            return _gif_end(file) > size
        if head[:4] in _TIFF_ORDERS:
            return _tiff_end(file, size) > size
        if head[4:8] in (b"ftyp", b"jP  ", b"JXL "):
            return not any(k in _PIXEL_BOXES and end <= size for k, end in _boxes(file, size))
    except (LookupError, struct.error, ValueError):
        return True
    return False


def _contains(file: bytes | FileSlice, offset: int, wanted: bytes) -> bool:
    while len(piece := file[offset : offset + PIECE_BYTES]) >= len(wanted):
        if wanted in piece:
            return True
        offset += len(piece) - len(wanted) + 1
    return False


def _bmp_size(file: bytes | FileSlice) -> int:
    """Return the bytes that a BMP file needs for its pixels; 0 if they are compressed.

    The size in the file's own header is often wrong.
    """
    head = file[0:34]
    if len(head) < 34 or int.from_bytes(head[14:18], "little") < 40:
        return 0
    offset, _, width, height, _, bits, compression = struct.unpack_from("<IIiiHHI", head, 10)
    row_bytes = (abs(width) * bits + 31) // 32 * 4
    return offset + row_bytes * abs(height) if compression in _UNCOMPRESSED else 0


def _is_webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def _riff_size(head: bytes) -> int:
    return 8 + int.from_bytes(head[4:8], "little")


def _boxes(file: bytes | FileSlice, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and the end of each box (ISO/IEC 14496-12), or of the first 64."""
    begin = 0
    for _ in range(_MAX_BOXES):
        length, kind = struct.unpack(">I4s", file[begin : begin + 8])
        if length == 1:
            (length,) = struct.unpack(">Q", file[begin + 8 : begin + 16])
        begin = begin + max(8, length) if length else size
        yield kind, begin
        if begin > size - 8:
            break


def _gif_end(file: bytes | FileSlice) -> int:
    """Return the offset after a GIF file's trailer; raise an error if no blocks lead to one."""
    offset = GIF_HEAD_BYTES + gif_palette_bytes(file, 10)
    while (kind := file[offset : offset + 1]) != b";":
        if kind == b",":  # an image: its descriptor, palette and code size
            offset += 11 + gif_palette_bytes(file, offset + 9)
        elif kind == b"!":  # an extension
            offset += 2
        else:
            raise ValueError
        while length := file[offset : offset + 1][0]:  # of a sub-block
            offset += 1 + length
        offset += 1
    return offset + 1


def gif_palette_bytes(file: bytes | FileSlice, offset: int) -> int:
    """Return the size in bytes of a GIF palette, given the offset of its flags."""
    flags = file[offset : offset + 1][0]
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _tiff_end(file: bytes | FileSlice, size: int) -> int:
    """Return the offset after the last strip or tile of a TIFF file's first image."""
    order = _TIFF_ORDERS[file[0:4]]
    (fields,) = struct.unpack(f"{order}I", file[4:8])
    (count,) = struct.unpack(f"{order}H", file[fields : fields + 2])
    found: dict[int, tuple[int, ...]] = {}
    for field in range(fields + 2, fields + 2 + 12 * count, 12):
        tag, kind, number, place = struct.unpack(f"{order}HHII", file[field : field + 12])
        if tag in _TIFF_OFFSETS + _TIFF_LENGTHS:
            numbers = f"{order}{number}{_TIFF_NUMBERS[kind]}"
            length = struct.calcsize(numbers)
            begin = place if length > 4 else field + 8
            if begin + length > size:
                return begin + length
            found[tag] = struct.unpack(numbers, file[begin : begin + length])
    ends = [
        offset + length
        for offsets, lengths in zip(_TIFF_OFFSETS, _TIFF_LENGTHS)
        for offset, length in zip(found.get(offsets, ()), found.get(lengths, ()))
    ]
    return max(ends, default=0)
