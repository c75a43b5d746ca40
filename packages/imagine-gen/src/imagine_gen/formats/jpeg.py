"""JPEG (ITU-T T.81), encoded by Pillow's libjpeg-turbo.

Levels of quantization lie between one quality and the next, with which a file grows by some
percent. The tables of the two differ in about a hundred entries. Changing one entry at a time gives
a hundred levels between them, and each changes the size of a file by a hundredth as much.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from itertools import product

from PIL import Image

from imagine_gen.dataset.spec import DEFAULT_QUALITY, DatasetSpec
from imagine_gen.formats.pillow import CanvasEncoder

Tables = tuple[tuple[int, ...], ...]  # of luma and, in color, of chroma; 64 entries each, by rows
_SIDE = 8  # of such a table

# Width and height of an MCU in pixels (A.2.4) by the chroma's subsampling; None is without chroma.
MCU = {None: (8, 8), "4:4:4": (8, 8), "4:2:2": (16, 8), "4:2:0": (16, 16)}
_SOS, _COM = 0xDA, 0xFE
_PIXELS_IN_INTERVAL = 2048  # 32, 16 or 8 MCUs, of 1 to 3 KB in noise
_SEGMENT_HEAD = struct.Struct(">BBH")  # 0xFF, marker, length of the rest
_MAX_SEGMENT = 2 + 0xFFFF


class Encoder(CanvasEncoder):
    """Encodes fresh images: baseline, standard Huffman tables."""

    def _file(self, image: Image.Image) -> bytes:
        return encode(image, self._spec.quality or DEFAULT_QUALITY, self._spec)


def restart_interval(spec: DatasetSpec) -> int:
    """Return the MCUs between restart markers, where filler can be; an even number, or 0."""
    width, height = MCU[spec.subsampling]
    return _PIXELS_IN_INTERVAL // (width * height) if spec.compress_ratio > 1 else 0


def encode(image: Image.Image, quality: int | Tables, spec: DatasetSpec) -> bytes:
    """Return the file of an image, with a quality from 1 to 100 or with quantization tables."""
    scale = {"quality": quality} if isinstance(quality, int) else {"qtables": quality}
    file = io.BytesIO()
    chroma = {"subsampling": spec.subsampling or "4:4:4"}  # Gray has none to leave out.
    restarts = {"restart_marker_blocks": restart_interval(spec)}
    # Everything that changes bytes is set here: the defaults of Pillow's versions may differ.
    image.save(file, "JPEG", **scale, **chroma, **restarts, optimize=False, progressive=False)
    return file.getvalue()  # not a copy: BytesIO shares its buffer


def scan_begin(file: bytes) -> int:
    """Return the offset of a scan's entropy-coded data, which follows the scan header."""
    begin, marker = 2, 0
    while marker != _SOS:
        marker, length = struct.unpack_from(">xBH", file, begin)
        begin += 2 + length
    return begin


def with_filler(head: bytes, size: int) -> bytes:
    """Return the segments before a scan with `size` more bytes, which have no meaning.

    These are comments (B.2.4.5), just before the scan's header, so that readers find dimensions at
    the beginning. A comment takes at least four bytes; the rest are fill bytes (B.1.1.2).
    """
    begin = head.rindex(b"\xff%c" % _SOS)  # The last segment is the scan's header.
    filler = bytearray()
    left = size if size >= _SEGMENT_HEAD.size else 0
    for segments in range(-(-left // _MAX_SEGMENT), 0, -1):
        length = left // segments
        filler += _SEGMENT_HEAD.pack(0xFF, _COM, length - 2)
        filler += b" " * (length - _SEGMENT_HEAD.size)
        left -= length
    filler += b"\xff" * (size - len(filler))
    return head[:begin] + filler + head[begin:]


@lru_cache
def levels(mode: str) -> list[Tables]:
    """Return the levels for images of a mode, RGB or L, from the coarsest to the finest.

    Level 0 has the tables of quality 1, the last level those of quality 100. The tables of all
    other qualities are in between. Low frequencies change first, luma and chroma in turn.
    """
    tables = _quality_tables(mode, 1)
    entries = sorted(range(_SIDE * _SIDE), key=_frequency)
    found = [tables]
    for quality in range(2, 101):
        higher = _quality_tables(mode, quality)
        for entry, number in product(entries, range(len(higher))):
            table, value = tables[number], higher[number][entry]
            if table[entry] != value:
                table = (*table[:entry], value, *table[entry + 1 :])
                tables = (*tables[:number], table, *tables[number + 1 :])
                found.append(tables)
    return found


def _quality_tables(mode: str, quality: int) -> Tables:
    """Return the encoder's tables for a quality."""
    file = io.BytesIO()
    Image.new(mode, (_SIDE, _SIDE)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        tables: dict[int, list[int]] = image.quantization
    return tuple(tuple(tables[number]) for number in sorted(tables))


def _frequency(entry: int) -> tuple[int, int]:
    """Return a key that sorts entries in the order of their coding (T.81, figure A.6)."""
    row, column = divmod(entry, _SIDE)
    diagonal = row + column
    return diagonal, row if diagonal % 2 else column
