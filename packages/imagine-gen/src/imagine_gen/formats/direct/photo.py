"""Direct JPEG of photo content: a scene of 1/8 the size, with as many symbols as it is busy.

The mean of each block of 8x8 pixels, its DC coefficient, is a pixel of the scene. The number of
bytes with random AC symbols grows with how much the block differs from its neighbors.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from imagine_common.files.output import Buffer
from imagine_gen.content.base import Pixels
from imagine_gen.content.photo.images import PhotoContent
from imagine_gen.dataset.spec import DatasetSpec
from imagine_gen.formats.direct.coding import (
    COEFFICIENTS,
    MOST_DIFFERENCE,
    Blocks,
    Coding,
    DirectEncoder,
    Symbol,
    difference_bytes,
)

Plane = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]

# The small sizes of textures in photographs. More than half of all bytes hold two symbols: decoders
# then take as long for an image as with photographs.
CODING = Coding(
    [
        *(Symbol(run, size, 4) for run, size in ((0, 2), (0, 1), (1, 1))),
        *(Symbol(run, size) for run, size in ((0, 4), (1, 4), (0, 3), (1, 3), (2, 3), (0, 5))),
        *(Symbol(run, size) for run, size in ((1, 2), (2, 2), (3, 2), (2, 1), (3, 1))),
    ]
)
_FAR, _NEAR = 4, 2  # the most coefficients by which a byte advances
_FAR_BYTES, _NEAR_BYTES = CODING.valid_bytes(_FAR), CODING.valid_bytes(_NEAR)
_MOST_FAR, _MOST_NEAR = ((COEFFICIENTS - 1) // most for most in (_FAR, _NEAR))
_CHROMA_SHARE = 4  # of 16 parts of the mean number of a luma block
# By the sum of the differences to four neighbors, in levels.
_SYMBOLS = np.minimum(_MOST_FAR, 1 + (np.arange(4 * 256) * 5 >> 4))
_BLOCKS_IN_BAND = 1 << 18
_DC_DIVISOR = 16  # two gray levels a step
# Textures are weaker, the finer they are; colors vary less than light.
_QUANTIZATION = bytes([_DC_DIVISOR] + [4] * COEFFICIENTS), bytes([_DC_DIVISOR] + [2] * COEFFICIENTS)


class PhotoEncoder(DirectEncoder):
    """Writes JPEG files of photo content of one width and height.

    With a target size, the bytes are dealt out to the blocks of about 11 million pixels at a time.
    """

    def __init__(self, spec: DatasetSpec) -> None:
        super().__init__(spec, _QUANTIZATION[: 1 + (spec.mode != "L")], CODING, _MOST_NEAR)
        blocks = self._blocks
        width, self._height = blocks.columns * blocks.across, blocks.rows * blocks.down
        self._content = PhotoContent(spec.seed, width, self._height, spec.mode)
        self._shape = (-1, width, 1 + blocks.chroma)

    def _scan(self, index: int) -> Iterator[Buffer]:
        blocks = self._blocks
        size = self.wanted_size(index)
        total = None if size is None else size - self._least
        lookup, most = _FAR_BYTES, _MOST_FAR
        if total is not None and total > most * blocks.total:
            lookup, most = _NEAR_BYTES, _MOST_NEAR
        pixels = self._content.image(index)
        step = max(1, _BLOCKS_IN_BAND // (blocks.columns * blocks.in_mcu))
        before = np.zeros(blocks.chroma + 1, np.int16)  # the last DC of each component
        offset = 0
        for top in range(0, blocks.rows, step):
            bottom = min(top + step, blocks.rows)
            light, chroma = self._scene(pixels, top * blocks.down, bottom * blocks.down)
            symbols = _symbols(blocks, light)
            if total is not None:
                share = total * bottom // blocks.rows - total * top // blocks.rows
                symbols = dealt_out(symbols, share, most)
            levels = _levels(blocks, light[1:-1], chroma)
            differences = _differences(levels, before, blocks.luma)
            for block in (0, *range(blocks.luma, blocks.in_mcu)):
                # After a restart marker, and at the beginning, differences are to 0.
                first = (block - top * blocks.columns * blocks.in_mcu) % self._interval
                differences[first :: self._interval] = levels.reshape(-1)[first :: self._interval]
            before = np.append(levels[-1, blocks.luma - 1], levels[-1, blocks.luma :])
            ends = np.cumsum(symbols + 2)
            data = lookup[self._stream.read(offset, int(ends[-1]))]
            offset += len(data)
            data[ends - symbols - 2] = difference_bytes()[differences + MOST_DIFFERENCE]
            data[ends - 1] = CODING.end
            yield data.data

    def _scene(self, pixels: Pixels, top: int, bottom: int) -> tuple[Plane, list[Plane]]:
        """Return the luma of rows of the scene and of their neighbors, and chroma of the rows.

        Luma is in levels from -128 to 127, chroma in 1/256 of a level.
        """
        above, below = max(0, top - 1), min(bottom + 1, self._height)
        rows = pixels(above, below).reshape(self._shape).astype(np.int32)
        light = np.empty((bottom - top + 2, self._shape[1]), np.int32)
        there = light[above - top + 1 : below - top + 1]
        chroma: list[Plane] = []
        if self._shape[-1] == 1:
            np.subtract(rows[..., 0], 128, out=there)
        else:
            red, green, blue = rows[..., 0], rows[..., 1], rows[..., 2]
            np.subtract(77 * red + 150 * green + 29 * blue >> 8, 128, out=there)
            red, green, blue = (color[top - above : bottom - above] for color in (red, green, blue))
            chroma.append(128 * blue - 43 * red - 85 * green)
            chroma.append(128 * red - 107 * green - 21 * blue)
        if above == top:
            light[0] = light[1]
        if below == bottom:
            light[-1] = light[-2]
        return light, chroma


def _in_scan_order(blocks: Blocks, plane: Plane) -> Plane:
    """Return a plane with one number for each luma block, by MCU: shape (MCUs, luma)."""
    parts = plane.reshape(-1, blocks.down, blocks.columns, blocks.across)
    ordered: Plane = parts.transpose(0, 2, 1, 3).reshape(-1, blocks.luma)
    return ordered


def _symbols(blocks: Blocks, light: Plane) -> Numbers:
    """Return the number of bytes with AC symbols of each block in a scan, from how busy it is."""
    here = light[1:-1]
    busy = np.abs(here - light[:-2]) + np.abs(here - light[2:])
    steps = np.abs(here[:, 1:] - here[:, :-1])
    busy[:, 1:] += steps
    busy[:, :-1] += steps
    luma = _SYMBOLS[_in_scan_order(blocks, busy)]
    symbols = np.empty((len(luma), blocks.in_mcu), np.int64)
    symbols[:, : blocks.luma] = luma
    if blocks.chroma:
        mean = luma.sum(axis=1, keepdims=True) * _CHROMA_SHARE // (blocks.luma << 4)
        symbols[:, blocks.luma :] = mean
    return symbols.reshape(-1)


def dealt_out(weights: Numbers, total: int, most: int) -> Numbers:
    """Return whole numbers with a sum of `total`, none over `most`, in proportion to weights.

    Where the greatest would be over `most`, all are moved toward their mean. `total` is at most
    `most` times their number, and not all weights are zero.
    """
    sums = np.cumsum(weights)
    count, whole, greatest = len(sums), int(sums[-1]), int(weights.max())
    if total * greatest <= most * whole:
        shares = sums * total // max(1, whole)
    else:
        # f(w) = most - slope * (greatest - w), with the slope at which the sum is right.
        slope, scale = most * count - total, greatest * count - whole
        places = np.arange(1, count + 1)
        shares = (places * most * scale - slope * (places * greatest - sums)) // scale
    return np.diff(shares, prepend=0)


def _levels(blocks: Blocks, light: Plane, chroma: list[Plane]) -> npt.NDArray[np.int16]:
    """Return the DC coefficients in steps of two levels: shape (MCUs, blocks in an MCU)."""
    found = np.empty((blocks.columns * len(light) // blocks.down, blocks.in_mcu), np.int16)
    found[:, : blocks.luma] = _in_scan_order(blocks, light) >> 1
    for number, plane in enumerate(chroma, blocks.luma):
        found[:, number] = _in_scan_order(blocks, plane).sum(axis=1) // (blocks.luma << 9)
    return found


def _differences(
    levels: npt.NDArray[np.int16], before: npt.NDArray[np.int16], luma: int
) -> npt.NDArray[np.int16]:
    """Return the differences of DC coefficients to those of the blocks before, by component."""
    found = levels.copy()
    found[:, 1:luma] -= levels[:, : luma - 1]
    found[1:, 0] -= levels[:-1, luma - 1]
    found[1:, luma:] -= levels[:-1, luma:]
    found[0, 0] -= before[0]
    found[0, luma:] -= before[1:]
    flat: npt.NDArray[np.int16] = found.reshape(-1)
    return flat
