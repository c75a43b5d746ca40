"""Files of a known compression ratio, for `--compress-ratio`: with filler that decoders skip.

Filler follows every 2 KB or so, in proportion to the bytes before it, so that each part of a file
has the ratio. In JPEG it is fill bytes before the markers that end restart intervals (ITU-T T.81,
B.1.1.2), in PNG empty stored blocks of deflate (RFC 1951, 3.2.4), in TIFF gaps between strips.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from zlib_ng import zlib_ng

from imagine_common.files.output import Buffer
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import EncodedImage
from imagine_gen.formats.jpeg import scan_begin
from imagine_gen.formats.png_compressed import IDAT_BEGIN, inflated
from imagine_gen.formats.png_stored import chunk

_PNG_PIECE_BYTES = 1 << 11
_EMPTY_BLOCK = b"\0\0\0\xff\xff"
_MARKERS = re.compile(rb"\xff[\xd0-\xd9]")  # RST0 to RST7, EOI
_STRIP_OFFSETS = struct.pack("<HH", 273, 4)  # tag and type (TIFF 6.0, section 8)


def with_filler(spec: DatasetSpec, image: EncodedImage) -> EncodedImage:
    """Return the file of an image with filler."""
    add_filler = {"jpg": _jpeg, "png": _png, "tiff": _tiff}[spec.image_format]
    return image._replace(buffers=add_filler(spec, b"".join(image.buffers)))


def _jpeg(spec: DatasetSpec, file: bytes) -> Iterator[Buffer]:
    markers = (found.start() for found in _MARKERS.finditer(file, scan_begin(file)))
    pieces = [file[begin:end] for begin, end in pairwise([0, *markers, len(file)])]
    return _spread(spec, pieces, lambda size: b"\xff" * size)


def _png(spec: DatasetSpec, file: bytes) -> Iterator[Buffer]:
    rows = memoryview(inflated(file))
    deflate = zlib_ng.compressobj(spec.compress_level or 0)
    pieces = []
    for begin in range(0, len(rows), _PNG_PIECE_BYTES):
        data = deflate.compress(rows[begin : begin + _PNG_PIECE_BYTES])
        # A flush ends a block, and fills the last byte.
        pieces.append(chunk(b"IDAT", data + deflate.flush(zlib_ng.Z_SYNC_FLUSH)))
    pieces[0] = file[:IDAT_BEGIN] + pieces[0]
    pieces.append(chunk(b"IDAT", deflate.flush()) + chunk(b"IEND", b""))
    # A chunk takes 12 more bytes; it has at least one block.
    return _spread(spec, pieces, lambda size: chunk(b"IDAT", _EMPTY_BLOCK * max(1, size // 5 - 2)))


def _tiff(spec: DatasetSpec, file: bytes) -> Iterator[Buffer]:
    entry = file.index(_STRIP_OFFSETS) + len(_STRIP_OFFSETS)
    count, place = struct.unpack_from("<II", file, entry)
    array = struct.Struct(f"<{count}I")
    place = place if count > 1 else entry + 4
    offsets = array.unpack_from(file, place)
    filler = spec.whole_size(len(file)) - len(file)
    head = bytearray(file[: offsets[0]])
    array.pack_into(head, place, *(at + filler * at // offsets[-1] for at in offsets))
    strips = [file[begin:end] for begin, end in pairwise([*offsets, len(file)])]
    return _spread(spec, [bytes(head), *strips], bytes)


def _spread(
    spec: DatasetSpec, pieces: Sequence[bytes], filler: Callable[[int], bytes]
) -> Iterator[Buffer]:
    """Yield the pieces of a file with filler between them, in proportion to the bytes before."""
    whole = sum(map(len, pieces))
    wanted = spec.whole_size(whole) - whole
    before = whole - len(pieces[-1])
    done = filled = 0
    for piece in pieces[:-1]:
        done += len(piece)
        added = filler(wanted * done // before - filled)
        filled += len(added)
        yield from (piece, added)
    yield pieces[-1]
