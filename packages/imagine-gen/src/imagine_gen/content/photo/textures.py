"""Textures that photo content is cut from, made once for a dataset, and planes cut from them.

Textures wrap around in both directions, so a cut may lie anywhere. Cuts are turned and enlarged;
any part of an enlarged cut can be made alone, with the same numbers as in the whole. All arithmetic
is in integers, which are the same on every processor. Sums of random bytes replace gaussian
numbers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imagine_gen.content.photo.leaves import SIDE, SMALL_BITS, draw_leaves, shaded, small_leaves
from imagine_gen.random_streams import Draw, RandomStream

Plane = npt.NDArray[np.int16]

_CLOUD_SIDE = 512
_CLOUD_RMS, _CLOUD_PEAK = 512, 2340  # the peak times 14 fits into 16 bits
_FINE_RMS = 32
_CLOUD_COARSEST = 4
_ROUGH_COARSEST = 64
_WARP_RMS = 10  # pixels by which leaves are bent
_BYTES_IN_SUM = 4  # of a nearly gaussian number


class Window(NamedTuple):
    """A rectangle of a plane, in pixels."""

    top: int
    left: int
    rows: int
    columns: int

    def grown(self, before: int, after: int) -> Window:
        """Return the window with more rows and columns before (above and left) and after it."""
        more = before + after
        return Window(self.top - before, self.left - before, self.rows + more, self.columns + more)


class Texture:
    """A square plane that wraps around, of integers that fit into int16.

    It is kept upright and transposed, each also mirrored, so that a cut in any of eight
    orientations copies whole rows.
    """

    def __init__(self, plane: npt.NDArray[Any]) -> None:
        self.plane = plane
        self.side = len(plane)
        self._planes = [
            np.ascontiguousarray(turned)
            for turned in (plane, plane[:, ::-1], plane.T, plane.T[:, ::-1])
        ]

    def cut(self, turn: int, window: Window) -> Plane:
        """Return a window in one of eight orientations, which may cross the edges, as int16."""
        plane = self._planes[turn >> 1]
        if turn & 1:
            plane = plane[::-1]
        top, left, rows, columns = window
        top, left = top % self.side, left % self.side
        if top + rows <= self.side and left + columns <= self.side:
            return plane[top : top + rows, left : left + columns].astype(np.int16)
        part = np.empty((rows, columns), np.int16)
        across = list(_runs(left, columns, self.side))
        for target_rows, source_rows in _runs(top, rows, self.side):
            for target_columns, source_columns in across:
                part[target_rows, target_columns] = plane[source_rows, source_columns]
        return part


def _runs(begin: int, count: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Yield the pieces of a stretch that wraps around: target and source of each."""
    done = 0
    while done < count:
        source = (begin + done) % side
        length = min(side - source, count - done)
        yield slice(done, done + length), slice(source, source + length)
        done += length


class Cut(NamedTuple):
    """A cut of a texture: one of eight turns, an offset, and how often the cut is doubled."""

    turn: int
    top: int
    left: int
    doublings: int = 0

    def apply(self, texture: Texture, window: Window) -> Plane:
        """Return a window of the texture's cut, as a copy: int16 of shape (rows, columns)."""

        def cut(window: Window) -> Plane:
            top, left = self.top + window.top, self.left + window.left
            return texture.cut(self.turn, Window(top, left, window.rows, window.columns))

        return enlarged(cut, self.doublings, window)


def enlarged(plane: Callable[[Window], Plane], doublings: int, window: Window) -> Plane:
    """Return a window of a doubled plane. `plane` returns a window of the plane itself."""
    if not doublings:
        return plane(window)
    top, left = (window.top >> 1) - 1, (window.left >> 1) - 1
    rows = ((window.top + window.rows - 1) >> 1) + 2 - top
    columns = ((window.left + window.columns - 1) >> 1) + 2 - left
    whole = doubled(enlarged(plane, doublings - 1, Window(top, left, rows, columns)))
    row, column = window.top & 1, window.left & 1
    return whole[..., row : row + window.rows, column : column + window.columns]


def doubled(planes: Plane) -> Plane:
    """Return planes of shape (..., h, w) enlarged to (..., 2 * h - 4, 2 * w - 4).

    Each pixel becomes four, at a quarter of the way to its neighbors, mixed 9:3:3:1. Repeated
    doubling converges to a quadratic B-spline: smooth, and without overshoot.
    """
    *others, rows, columns = planes.shape
    middle = planes[..., 1:-1, :] * np.int16(3)
    tall = np.empty((*others, rows - 2, 2, columns), np.int16)
    np.add(middle, planes[..., :-2, :], out=tall[..., 0, :])
    np.add(middle, planes[..., 2:, :], out=tall[..., 1, :])
    tall >>= np.int16(2)
    tall = tall.reshape(*others, 2 * rows - 4, columns)
    right = tall[..., 1:-1] * np.int16(3)
    left = right + tall[..., :-2]
    right += tall[..., 2:]
    left >>= np.int16(2)
    right >>= np.int16(2)
    return _interleaved(left, right)


def _interleaved(first: Plane, second: Plane) -> Plane:
    """Return the columns of two planes in turn."""
    if sys.byteorder == "big":
        first, second = second, first
    # Merging two 16-bit numbers into one of 32 bits is faster than writing with a stride of two.
    pairs = second.astype(np.int32)
    pairs <<= np.int32(16)
    pairs |= first.view(np.uint16)
    return pairs.view(np.int16)


class Textures(NamedTuple):
    """All textures of a dataset.

    `labels` is the label of the leaf on top of each place (uint8 below 64; several leaves share
    one), `shade` its light (int8). `cloud` is a sum of octaves whose amplitude halves (int16, rms
    512). The fine ones are int8, rms 32: `rough` is a sum of octaves of the same amplitude, `leafy`
    and `hue` are small leaves of random lightness, `grain` is white.
    """

    labels: Texture
    shade: Texture
    cloud: Texture
    rough: Texture
    leafy: Texture
    hue: Texture
    grain: Texture


@lru_cache(maxsize=1)
def textures(seed: int) -> Textures:
    """Return the textures of a dataset, made on first use. Forked processes share them."""
    cloud = _octaves(seed, 0, _CLOUD_COARSEST, _CLOUD_SIDE, halving=True)
    rough = _octaves(seed, 1, _ROUGH_COARSEST, SIDE, halving=False)
    grain = _fine(_gaussian(seed, 2, SIDE))
    labels, shade = _bent_leaves(seed)
    small = small_leaves(seed)
    return Textures(
        Texture(labels),
        Texture(shade),
        Texture(np.clip(_normalized(cloud, _CLOUD_RMS), -_CLOUD_PEAK, _CLOUD_PEAK)),
        Texture(_fine(rough)),
        Texture(_fine(_gaussian(seed, 6, 1 << SMALL_BITS // 2).reshape(-1)[small])),
        Texture(_fine(_gaussian(seed, 7, 1 << SMALL_BITS // 2).reshape(-1)[small])),
        Texture(grain),
    )


def _fine(plane: Plane) -> npt.NDArray[np.int8]:
    return np.clip(_normalized(plane, _FINE_RMS), -127, 127).astype(np.int8)


def _gaussian(seed: int, number: int, side: int) -> Plane:
    """Return independent numbers, nearly gaussian: int16 of shape (side, side), rms about 148."""
    count = side * side
    octets = RandomStream(seed, Draw.PHOTO_TEXTURE, number).read(0, _BYTES_IN_SUM * count)
    total = np.zeros(count, np.int16)
    for summand in octets.reshape(_BYTES_IN_SUM, count):
        total += summand
    return (total - 255 * _BYTES_IN_SUM // 2).reshape(side, side)


def _octaves(seed: int, number: int, coarsest: int, side: int, *, halving: bool) -> Plane:
    """Return smooth noise: the sum of enlarged random grids, from `coarsest` cells up to `side`."""
    total = np.zeros((coarsest, coarsest), np.int16)
    cells, gain = coarsest, 64
    while cells < side:
        grid = _gaussian(seed, 1000 * (number + 1) + cells, cells).astype(np.int32)
        total = _doubled_around(total + (grid * gain >> 5).astype(np.int16))
        cells *= 2
        gain = gain // 2 if halving else gain
    return total


def _doubled_around(plane: Plane) -> Plane:
    """Return a plane that wraps around, enlarged to twice its sides."""
    return doubled(np.pad(plane, 1, mode="wrap"))


def _normalized(plane: Plane, rms: int) -> Plane:
    """Return a plane scaled to a root mean square. All sums are exact."""
    wide = plane.astype(np.int32)
    present = max(1, math.isqrt(int((wide * wide).sum(dtype=np.int64)) // plane.size))
    return (wide * rms // present).astype(np.int16)


def _bent_leaves(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Return label and shade of the leaf on top of each place, bent by clouds."""
    labels, shade = shaded(draw_leaves(seed))
    down, right = (
        _doubled_around(_doubled_around(_octaves(seed, number, 8, SIDE // 4, halving=True)))
        for number in (4, 5)
    )
    along = np.arange(SIDE)
    rows = (along[:, None] + _normalized(down, _WARP_RMS)) % SIDE
    columns = (along + _normalized(right, _WARP_RMS)) % SIDE
    return labels[rows, columns], shade[rows, columns]
