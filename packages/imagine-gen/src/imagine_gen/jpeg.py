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

from imagine_common.output import Buffer
from imagine_gen.canvas import CanvasEncoder
from imagine_gen.spec import DatasetSpec

# Width and height of an MCU in pixels (A.2.4) by the chroma's subsampling; None is without chroma.
_MCU = {None: (8, 8), "4:4:4": (8, 8), "4:2:2": (16, 8), "4:2:0": (16, 16)}
_SOF0, _SOS, _DRI = 0xC0, 0xDA, 0xDD
_END_OF_IMAGE = b"\xff\xd9"
_RESTARTS = [bytes((0xFF, 0xD0 + number)) for number in range(8)]


class Encoder(CanvasEncoder):
    """Encodes fresh images: baseline, standard Huffman tables."""

    def __init__(self, spec: DatasetSpec) -> None:
        save = partial(_encode, quality=spec.quality, subsampling=spec.subsampling)
        super().__init__(spec, save)


class Strips:
    """Strips of one row of MCUs: entropy-coded segments."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._spec = spec
        columns, self.rows = _MCU[spec.subsampling]
        self.count = -(-spec.height // self.rows)
        self.uncut = self.count  # Rows below the image's edge are in the file all the same.
        black = Image.new(spec.mode, (spec.width, self.rows))
        head, _ = _split(_encode(black, spec.quality, spec.subsampling))
        self._head = _with_restarts(head, spec.height, -(-spec.width // columns))
        ends = [_RESTARTS[number % 8] for number in range(self.count - 1)]
        self._ends = [*ends, _END_OF_IMAGE]

    def encode(self, pixels: npt.NDArray[np.uint8]) -> bytes:
        """Return a strip of pixels."""
        mode, size = self._spec.mode, (self._spec.width, self.rows)
        image = Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)
        return _split(_encode(image, self._spec.quality, self._spec.subsampling))[1]

    def assemble(self, strips: Sequence[bytes]) -> list[Buffer]:
        """Return the file of an image that consists of these strips."""
        file: list[Buffer] = [self._head] * (1 + 2 * self.count)
        file[1::2] = strips
        file[2::2] = self._ends
        return file


def _encode(image: Image.Image, quality: int, subsampling: str | None) -> bytes:
    file = io.BytesIO()
    # All that decides about bytes is said here, not left to the defaults of a Pillow version.
    image.save(
        file,
        "JPEG",
        quality=quality,
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


def _split(file: bytes) -> tuple[bytes, bytes]:
    """Return a file's segments up to the scan header, and the scan's entropy-coded segment."""
    *_, (_, _, end) = _segments(file)
    return file[:end], file[end : -len(_END_OF_IMAGE)]


def _with_restarts(head: bytes, height: int, interval: int) -> bytes:
    """Return the segments before a scan with another height, and with a restart interval."""
    changed = bytearray(head)
    for marker, begin, _ in _segments(head):
        if marker == _SOF0:
            struct.pack_into(">H", changed, begin + 5, height)
        if marker == _SOS:
            changed[begin:begin] = struct.pack(">BBHH", 0xFF, _DRI, 4, interval)
    return bytes(changed)
