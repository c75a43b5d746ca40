"""JPEG (ITU-T T.81) through Pillow, whose encoder is libjpeg-turbo.

Pooled images are put together from strips of one row of MCUs. A strip, encoded as an image of its
own, is what an encoder puts between two restart markers (E.1.4 and F.1.1.5 there): it begins with
predictions of zero and ends at a whole byte. So the file of a pooled image is the one that
libjpeg-turbo would write of the same pixels with a restart interval of one row of MCUs.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image

from imagine_common.files.output import Buffer
from imagine_gen.dataset.spec import DEFAULT_QUALITY, DatasetSpec
from imagine_gen.formats.canvas import CanvasEncoder
from imagine_gen.formats.jpeg_levels import Tables

# Width and height of an MCU in pixels (A.2.4) by the chroma's subsampling; None is without chroma.
_MCU = {None: (8, 8), "4:4:4": (8, 8), "4:2:2": (16, 8), "4:2:0": (16, 16)}
_SOF0, _SOS, _DRI, _COM = 0xC0, 0xDA, 0xDD, 0xFE
_SEGMENT_HEAD = struct.Struct(">BBH")  # 0xFF, marker, length of what follows the marker
_MAX_SEGMENT = 2 + 0xFFFF
_END_OF_IMAGE = b"\xff\xd9"
_RESTARTS = [bytes((0xFF, 0xD0 + number)) for number in range(8)]


class Encoder(CanvasEncoder):
    """Encodes fresh images: baseline, standard Huffman tables."""

    def __init__(self, spec: DatasetSpec) -> None:
        quality = spec.quality or DEFAULT_QUALITY
        save = partial(encode, quality=quality, subsampling=spec.subsampling)
        super().__init__(spec, save)


class Strips:
    """Strips of one row of MCUs: entropy-coded segments.

    Parameters
    ----------
    spec : DatasetSpec
    quality : int or Tables, optional
        The quality, or quantization tables, instead of the specification's quality.
    """

    def __init__(self, spec: DatasetSpec, quality: int | Tables | None = None) -> None:
        self._spec = spec
        self._quality = quality or spec.quality or DEFAULT_QUALITY
        columns, self.rows = _MCU[spec.subsampling]
        self.count = -(-spec.height // self.rows)
        self.uncut = self.count  # Rows below the image's edge are in the file all the same.
        black = Image.new(spec.mode, (spec.width, self.rows))
        head, _ = split(encode(black, self._quality, spec.subsampling))
        self._head = _with_restarts(head, spec.height, -(-spec.width // columns))
        ends = [_RESTARTS[number % 8] for number in range(self.count - 1)]
        self._ends = [*ends, _END_OF_IMAGE]
        self.overhead = len(self._head) + sum(map(len, self._ends))

    def encode(self, pixels: npt.NDArray[np.uint8]) -> bytes:
        """Return a strip of pixels."""
        mode, size = self._spec.mode, (self._spec.width, self.rows)
        image = Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)
        return split(encode(image, self._quality, self._spec.subsampling))[1]

    def assemble(self, strips: Sequence[bytes], filler: int = 0) -> list[Buffer]:
        """Return the file of an image that consists of these strips, and of bytes of filler."""
        head = with_filler(self._head, filler) if filler else self._head
        file: list[Buffer] = [head] * (1 + 2 * self.count)
        file[1::2] = strips
        file[2::2] = self._ends
        return file


def encode(image: Image.Image, quality: int | Tables, subsampling: str | None) -> bytes:
    """Return an image's file, of a quality from 1 to 100 or with quantization tables given."""
    scale = {"quality": quality} if isinstance(quality, int) else {"qtables": quality}
    file = io.BytesIO()
    # All that decides about bytes is said here, not left to the defaults of a Pillow version.
    image.save(
        file,
        "JPEG",
        **scale,
        subsampling=subsampling or "4:4:4",  # Gray has nothing to leave out.
        optimize=False,
        progressive=False,
    )
    return file.getvalue()  # not a copy: BytesIO shares its buffer


def _segments(file: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the marker, begin and end of each of a file's segments up to the scan header."""
    begin, marker = 2, 0
    while marker != _SOS:
        marker, length = struct.unpack_from(">xBH", file, begin)
        yield marker, begin, begin + 2 + length
        begin += 2 + length


def split(file: bytes) -> tuple[bytes, bytes]:
    """Return a file's segments up to the scan header, and the scan's entropy-coded data."""
    begin = scan_begin(file)
    return file[:begin], file[begin : -len(_END_OF_IMAGE)]


def scan_begin(file: bytes) -> int:
    """Return where a scan's entropy-coded data begins, after its header."""
    *_, (_, _, end) = _segments(file)
    return end


def with_filler(head: bytes, size: int) -> bytes:
    """Return the segments before a scan, lengthened by `size` bytes that mean nothing.

    These are comments (B.2.4.5), just before the scan's header, so that readers find dimensions at
    the beginning. A comment takes four bytes, so fewer fill up before the marker (B.1.1.2).
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


def _with_restarts(head: bytes, height: int, interval: int) -> bytes:
    """Return the segments before a scan with another height, and with a restart interval."""
    changed = bytearray(head)
    for marker, begin, _ in _segments(head):
        if marker == _SOF0:
            struct.pack_into(">H", changed, begin + 5, height)
        if marker == _SOS:
            changed[begin:begin] = struct.pack(">BBHH", 0xFF, _DRI, 4, interval)
    return bytes(changed)
