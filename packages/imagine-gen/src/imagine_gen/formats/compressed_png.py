"""PNG through Pillow, which chooses filters row by row and compresses with zlib.

Pooled images are put together from strips of rows, each compressed by itself: it begins with a row
whose filter looks only to the left, refers to no bytes before it, and ends at a whole byte (a full
flush: RFC 1951, 3.2.4), so that it may stand anywhere in a file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from zlib_ng import zlib_ng

from imagine_common.files.output import Buffer
from imagine_gen.dataset.modes import CHANNELS
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats import png
from imagine_gen.formats.canvas import CanvasEncoder

_SUB = 1  # the filter that subtracts the pixel to the left (PNG specification, 9.2)
_RAW_DEFLATE = -15  # a window of 32 KiB, without zlib's header
_MEMORY_LEVEL = 9
_IDAT_BEGIN = len(png.SIGNATURE) + 25  # after IHDR
_LEAST_ROWS = 16  # of which only the first can't be predicted from the row above


class Encoder(CanvasEncoder):
    """Encodes fresh images with a level of compression from 1 to 9."""

    def __init__(self, spec: DatasetSpec) -> None:
        def save(image: Image.Image) -> bytes:
            return _encode(image, spec.compress_level)

        super().__init__(spec, save)


class Strips:
    """Strips of rows: IDAT chunks of compressed blocks."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._spec = spec
        self._stored = png.Strips(spec, _LEAST_ROWS)
        self.rows = self._stored.rows
        self.count = self._stored.count
        self.uncut = self._stored.uncut
        self._cut_rows = spec.height - self.uncut * self.rows
        self._cut: dict[png.Strip, png.Strip] = {}

    def encode(self, pixels: npt.NDArray[np.uint8]) -> png.Strip:
        """Return a strip of pixels."""
        spec = self._spec
        size = (spec.width, self.rows)
        image = Image.frombuffer(spec.mode, size, pixels, "raw", spec.mode, 0, 1)
        # Filters are chosen before anything is compressed, so they need no compressing.
        rows = np.frombuffer(_filtered(_encode(image, 0)), np.uint8).reshape(self.rows, -1)
        rows[0, 0] = _SUB
        first = pixels[: spec.row_bytes].reshape(spec.width, CHANNELS[spec.mode])
        rows[0, 1:] = np.diff(first, axis=0, prepend=np.zeros_like(first[:1])).ravel()
        return self._strip(rows.data.cast("B"))

    def assemble(self, strips: Sequence[png.Strip]) -> list[Buffer]:
        """Return the file of an image that consists of these strips, the last one cut to fit."""
        if self._cut_rows:
            last = strips[-1]
            if last not in self._cut:
                deflated = memoryview(last.chunk)[8:-4]
                data = zlib_ng.decompressobj(_RAW_DEFLATE).decompress(deflated)
                size = self._cut_rows * (1 + self._spec.row_bytes)
                self._cut[last] = self._strip(memoryview(data)[:size])
            strips = [*strips[:-1], self._cut[last]]
        return self._stored.join(strips)

    def _strip(self, data: memoryview) -> png.Strip:
        compressor = zlib_ng.compressobj(
            self._spec.compress_level or 0,
            zlib_ng.DEFLATED,
            _RAW_DEFLATE,
            _MEMORY_LEVEL,
            zlib_ng.Z_FILTERED,
        )
        deflated = compressor.compress(data) + compressor.flush(zlib_ng.Z_FULL_FLUSH)
        return png.Strip(png.chunk(b"IDAT", deflated), len(data), zlib_ng.adler32(data))


def _encode(image: Image.Image, level: int | None) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=level)
    return file.getvalue()


def _filtered(file: bytes) -> bytearray:
    """Return the rows of a file of Pillow's, each behind its filter."""
    inflated = bytearray()
    decompressor = zlib_ng.decompressobj()
    begin = _IDAT_BEGIN
    while file[begin + 4 : begin + 8] == b"IDAT":
        end = begin + 8 + int.from_bytes(file[begin : begin + 4], "big")
        inflated += decompressor.decompress(memoryview(file)[begin + 8 : end])
        begin = end + 4
    return inflated
