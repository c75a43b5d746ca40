"""Find out whether an image file ends as its format requires, without decoding the image."""

from __future__ import annotations

import struct

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


def has_end(file: bytes | FileSlice, size: int) -> bool:
    """Return whether a JPEG, PNG or BMP file of `size` bytes ends exactly as its format requires.

    Other formats are False.
    """
    head = file[0:HEAD_BYTES]
    end = file[max(0, size - TAIL_BYTES) : size]
    if head.startswith(JPEG_SIGNATURE):
        return end.endswith(_JPEG_END)
    if head.startswith(PNG_SIGNATURE):
        return end.endswith(_PNG_END)
    return head.startswith(BMP_SIGNATURE) and int.from_bytes(head[2:6], "little") == size


def is_cut(file: bytes | FileSlice, size: int) -> bool:
    """Return whether an image file of `size` bytes lacks its end, as far as its format shows.

    JPEG, PNG, BMP and WebP show it, unless a JPEG file ends exactly with an embedded thumbnail.
    Bytes after the end, which cameras and editors add, are allowed.
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
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return size < 8 + int.from_bytes(head[4:8], "little")
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
