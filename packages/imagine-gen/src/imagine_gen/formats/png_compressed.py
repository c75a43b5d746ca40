"""PNG compressed by Pillow, which chooses a filter for each row and compresses with zlib.

Pooled images are assembled from strips of rows, each compressed alone: its first row has a filter
that looks only to the left, it refers to no bytes before it, and it ends at a whole byte (a full
flush: RFC 1951, 3.2.4). So a strip has the same bytes anywhere in a file.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image
from zlib_ng import zlib_ng

from imagine_gen.dataset.formats import CHANNELS
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats import png_stored
from imagine_gen.formats.pillow import CanvasEncoder

_SUB = 1  # the filter that subtracts the pixel to the left (PNG specification, 9.2)
_RAW_DEFLATE = -15  # a window of 32 KiB, without zlib's header
_DEFLATE = (zlib_ng.DEFLATED, _RAW_DEFLATE, 9)  # with the most memory
IDAT_BEGIN = len(png_stored.SIGNATURE) + 25  # after IHDR
_LEAST_ROWS = 16  # The first row of a strip can't be predicted from the row above.


class Encoder(CanvasEncoder):
    """Encodes fresh images with a level of compression from 1 to 9."""

    def _file(self, image: Image.Image) -> bytes:
        return _encode(image, self._spec.compress_level)


class Strips(png_stored.Strips):
    """Strips of rows: IDAT chunks of compressed blocks."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__(spec, _LEAST_ROWS)
        self._spec = spec
        self._cut_strips: dict[png_stored.Strip, png_stored.Strip] = {}

    def encode(self, pixels: npt.NDArray[np.uint8]) -> png_stored.Strip:
        """Return a strip of pixels."""
        spec = self._spec
        dimensions = (spec.width, self.rows)
        image = Image.frombuffer(spec.mode, dimensions, pixels, "raw", spec.mode, 0, 1)
        # Filters are chosen before compression, so level 0 gives the same.
        rows = np.frombuffer(inflated(_encode(image, 0)), np.uint8).reshape(self.rows, -1)
        rows[0, 0] = _SUB
        first = pixels[: spec.row_bytes].reshape(spec.width, CHANNELS[spec.mode])
        rows[0, 1:] = np.diff(first, axis=0, prepend=np.zeros_like(first[:1])).ravel()
        return self._strip(rows.data.cast("B"))

    def _cut(self, strip: png_stored.Strip) -> png_stored.Strip:
        if strip not in self._cut_strips:
            deflated = memoryview(strip.chunk)[8:-4]
            data = zlib_ng.decompressobj(_RAW_DEFLATE).decompress(deflated)
            self._cut_strips[strip] = self._strip(memoryview(data)[: self._last_length])
        return self._cut_strips[strip]

    def _strip(self, data: memoryview) -> png_stored.Strip:
        level = self._spec.compress_level or 0
        compressor = zlib_ng.compressobj(level, *_DEFLATE, zlib_ng.Z_FILTERED)
        deflated = compressor.compress(data) + compressor.flush(zlib_ng.Z_FULL_FLUSH)
        chunk = png_stored.chunk(b"IDAT", deflated)
        return png_stored.Strip(chunk, len(data), zlib_ng.adler32(data))


def _encode(image: Image.Image, level: int | None) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=level)
    return file.getvalue()


def inflated(file: bytes) -> bytearray:
    """Return the rows of a file that has only IDAT chunks after IHDR, each after its filter."""
    rows = bytearray()
    decompressor = zlib_ng.decompressobj()
    begin = IDAT_BEGIN
    while file[begin + 4 : begin + 8] == b"IDAT":
        end = begin + 8 + int.from_bytes(file[begin : begin + 4], "big")
        rows += decompressor.decompress(memoryview(file)[begin + 8 : end])
        begin = end + 4
    return rows
