"""The stamp in an image file: its dataset, its index, and a CRC-32 of all other bytes of the file.

docs/formats.md describes it. Each format has it in one place, which decoders pass over.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from imagine_common.errors import ImagineError
from imagine_common.files.reading import PIECE_BYTES, FileSlice

MAGIC = b"\x93IMAGINE"
DATASET_BYTES = 24
_STAMP = struct.Struct(f">8s{DATASET_BYTES}sQI")  # with the CRC-32
_CRC_BYTES = 4
_CHUNK = b"imSt"  # of PNG and RIFF; in PNG: ancillary, private, safe to copy


class Place(NamedTuple):
    """Where a stamp is: the bytes before it, those of the format after it, and then the file's end.

    It adds its size to the numbers at the offsets `sizes`.
    """

    head: bytes = b""
    after: int = 0
    end: int = 0
    sizes: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Return the number of bytes that a stamp adds to a file."""
        return len(self.head) + _STAMP.size + self.after


PLACES = {
    "jpg": Place(b"\xff\xe9" + struct.pack(">H", 2 + _STAMP.size)),  # APP9, after the first segment
    "png": Place(struct.pack(">I", _STAMP.size) + _CHUNK, after=_CRC_BYTES, end=12),  # before IEND
    "webp": Place(_CHUNK + struct.pack("<I", _STAMP.size), sizes=(4,)),
    "bmp": Place(sizes=(2, 10)),  # before the pixels
    "tiff": Place(),
}
# By the first bytes: the format, the first bytes in the place, and the bytes there.
_FORMATS = {
    signature: (name, PLACES[name], PLACES[name].head + MAGIC, PLACES[name].size)
    for signature, name in zip((b"\xff\xd8", b"\x89P", b"RI", b"BM", b"II"), PLACES)
}


class Stamp(NamedTuple):
    """The dataset and the index of an image."""

    dataset: bytes
    image: int


def check_stamp(file: bytes | FileSlice, begin: int, end: int) -> Stamp | None:
    """Return the stamp of the image file between two offsets, or None if it has none.

    Raises
    ------
    ImagineError
        If a byte of the file has changed. The message is only the reason.
    """
    found = _FORMATS.get(file[begin : begin + 2])
    if found is None:
        return None
    name, place, first_bytes, size = found
    at = end - place.end - size
    if name == "jpg":
        at = begin + 4 + int.from_bytes(file[begin + 4 : begin + 6], "big")
    elif name == "bmp":
        at = begin + int.from_bytes(file[begin + 10 : begin + 14], "little") - size
    if at < begin or file[at : at + len(first_bytes)] != first_bytes or at + size > end:
        return None
    data = file[at : at + size]
    _, dataset, image, expected = _STAMP.unpack_from(data, len(place.head))
    rest = at + size
    crc = 0
    for first, last in ((begin, rest - place.after - _CRC_BYTES), (rest, end)):
        for offset in range(first, last, PIECE_BYTES):
            crc = crc32(file[offset : min(offset + PIECE_BYTES, last)], crc)
    own = crc32(data[4 : -place.after]).to_bytes(4, "big") if place.after else b""  # a PNG chunk's
    if crc != expected or not data.endswith(own):
        raise ImagineError(f"damaged: its CRC-32 differs from that in the stamp of image {image}")
    return Stamp(dataset, image)
