"""BMP, the Windows bitmap, uncompressed: header, then rows from the bottom up.

Layouts are those of the Windows documentation: BITMAPINFOHEADER with 24 bits a pixel for RGB, or
with 8 bits and a palette of grays for L; BITMAPV4HEADER with masks, which alone says that the
fourth channel is alpha, for RGBA. Pixels are stored blue first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from imagine_common.atomic import Buffer
from imagine_gen.pixels import PixelStream
from imagine_gen.spec import CHANNELS, DatasetSpec

_FILE_HEADER = struct.Struct("<2sIHHI")
_INFO_HEADER = struct.Struct("<IiiHHIIiiII")
_V4_REST = struct.Struct("<4I4s36x12x")
_GRAYS = b"".join(bytes((level, level, level, 0)) for level in range(256))
_BI_RGB, _BI_BITFIELDS = 0, 3
_PIXELS_PER_METER = 2835  # 72 dpi
_BAND_BYTES = 1 << 18


def file_size(mode: str, width: int, height: int) -> int:
    """Return the size of a file in bytes; the format can't say more than 2**32 - 1."""
    return _pixels_offset(mode) + _stride(mode, width) * height


def encode(spec: DatasetSpec, index: int) -> Iterator[Buffer]:
    """Yield the file of an image in pieces. Memory does not depend on the image's height."""
    yield _header(spec)
    stream = PixelStream(spec.seed, index)
    row, stride = spec.row_bytes, _stride(spec.mode, spec.width)
    rows_in_band = max(1, _BAND_BYTES // stride)
    for bottom in range(spec.height, 0, -rows_in_band):
        top = max(0, bottom - rows_in_band)
        pixels = stream.read(top * row, (bottom - top) * row)
        band = np.zeros((bottom - top, stride), np.uint8)
        target = band[:, :row].reshape(bottom - top, spec.width, -1)
        target[:] = _blue_first(pixels.reshape(target.shape)[::-1])
        yield band.data.cast("B")


def _blue_first(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return (rows, width, channels) with red and blue exchanged."""
    if pixels.shape[2] == 1:
        return pixels
    return pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]


def _header(spec: DatasetSpec) -> bytes:
    offset = _pixels_offset(spec.mode)
    size = file_size(spec.mode, spec.width, spec.height)
    rgba = spec.mode == "RGBA"
    info = _INFO_HEADER.pack(
        _INFO_HEADER.size + (_V4_REST.size if rgba else 0),
        spec.width,
        spec.height,
        1,
        8 * CHANNELS[spec.mode],
        _BI_BITFIELDS if rgba else _BI_RGB,
        size - offset,
        _PIXELS_PER_METER,
        _PIXELS_PER_METER,
        256 if spec.mode == "L" else 0,
        0,
    )
    if rgba:
        info += _V4_REST.pack(0x00FF0000, 0x0000FF00, 0x000000FF, 0xFF000000, b"BGRs")
    if spec.mode == "L":
        info += _GRAYS
    return _FILE_HEADER.pack(b"BM", size, 0, 0, offset) + info


def _pixels_offset(mode: str) -> int:
    extra = {"RGB": 0, "RGBA": _V4_REST.size, "L": len(_GRAYS)}[mode]
    return _FILE_HEADER.size + _INFO_HEADER.size + extra


def _stride(mode: str, width: int) -> int:
    return -(-width * CHANNELS[mode] // 4) * 4
