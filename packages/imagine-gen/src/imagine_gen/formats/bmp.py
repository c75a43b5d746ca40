"""BMP, the Windows bitmap, uncompressed: header, then rows from the bottom up.

Layouts are those of the Windows documentation: BITMAPINFOHEADER with 24 bits a pixel for RGB, or
with 8 bits and a palette of grays for L; BITMAPV4HEADER for RGBA, whose masks make the fourth
channel alpha. The bytes of a pixel begin with blue.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from imagine_common.files.output import Buffer
from imagine_gen.content.base import Pixels
from imagine_gen.dataset.formats import BMP_HEADER_BYTES, CHANNELS, bmp_bytes, bmp_row_bytes
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.base import FreshEncoder, RowStrips

_FILE_HEADER = struct.Struct("<2sIHHI")
_INFO_HEADER = struct.Struct("<IiiHHIIiiII")
_V4_REST = struct.Struct("<4I4s36x12x")
_GRAYS = b"".join(bytes((level, level, level, 0)) for level in range(256))
_BI_RGB, _BI_BITFIELDS = 0, 3
_PIXELS_PER_METER = 2835  # 72 dpi
_BAND_BYTES = 1 << 18  # stays in a core's cache
_MOST_COLUMNS = 1 << 18  # a multiple of 4, so that the pieces of a row need no padding


class Encoder(FreshEncoder):
    """Encodes fresh images piece by piece. Memory does not depend on the image's dimensions."""

    def _pieces(self, pixels: Pixels) -> Iterator[Buffer]:
        spec = self._spec
        yield _header(spec)
        rows_in_band = max(1, _BAND_BYTES // bmp_row_bytes(spec))
        for bottom in range(spec.height, 0, -rows_in_band):
            top = max(0, bottom - rows_in_band)
            for left in range(0, spec.width, _MOST_COLUMNS):
                right = min(left + _MOST_COLUMNS, spec.width)
                yield _file_rows(spec.mode, pixels(top, bottom, left, right), bottom - top)


class Strips(RowStrips[bytes]):
    """Strips of rows in the order of the file: from the bottom up."""

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__(spec)
        self._mode = spec.mode
        self._cut_bytes = -spec.height % self.rows * bmp_row_bytes(spec)
        self._head = _header(spec)

    def encode(self, pixels: npt.NDArray[np.uint8]) -> bytes:
        """Return a strip of pixels."""
        return bytes(_file_rows(self._mode, pixels, self.rows))

    def assemble(self, strips: Sequence[bytes]) -> list[Buffer]:
        """Return the file of an image that consists of these strips, the last one cut to fit."""
        return [self._head, strips[-1][self._cut_bytes :], *strips[-2::-1]]


def _file_rows(mode: str, pixels: npt.NDArray[np.uint8], rows: int) -> memoryview:
    """Return rows in the order of the file: the last one first, blue first, padded."""
    row_bytes = len(pixels) // rows
    padded = np.empty((rows, -(-row_bytes // 4) * 4), np.uint8)
    padded[:, row_bytes:] = 0
    target = padded[:, :row_bytes].reshape(rows, -1, CHANNELS[mode])
    source = pixels.reshape(target.shape)[::-1]
    target[:] = source
    if mode != "L":
        # Channel by channel is several times faster than NumPy's indexing by a list.
        target[:, :, 0] = source[:, :, 2]
        target[:, :, 2] = source[:, :, 0]
    return padded.data.cast("B")


def _header(spec: DatasetSpec) -> bytes:
    offset, size = BMP_HEADER_BYTES[spec.mode], bmp_bytes(spec)
    has_alpha = spec.mode == "RGBA"
    info = _INFO_HEADER.pack(
        _INFO_HEADER.size + (_V4_REST.size if has_alpha else 0),
        spec.width,
        spec.height,
        1,
        8 * CHANNELS[spec.mode],
        _BI_BITFIELDS if has_alpha else _BI_RGB,
        size - offset,
        _PIXELS_PER_METER,
        _PIXELS_PER_METER,
        256 if spec.mode == "L" else 0,
        0,
    )
    if has_alpha:
        info += _V4_REST.pack(0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000, b"BGRs")
    if spec.mode == "L":
        info += _GRAYS
    return _FILE_HEADER.pack(b"BM", size, 0, 0, offset) + info
