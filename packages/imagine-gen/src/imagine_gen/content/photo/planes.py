"""Planes of numbers that photo content is made of: cut from textures, turned, enlarged.

Any part of an enlarged cut can be made alone, and is the same as within the whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.int16]


class Texture:
    """A square plane that wraps around, of integers that fit into int16.

    It is kept upright and transposed, both mirrored as well, so that rows of a cut in any of eight
    orientations are copied as they are.
    """

    def __init__(self, plane: npt.NDArray[Any]) -> None:
        self.side = len(plane)
        self._planes = [
            np.ascontiguousarray(turned)
            for turned in (plane, plane[:, ::-1], plane.T, plane.T[:, ::-1])
        ]

    @property
    def plane(self) -> npt.NDArray[Any]:
        """Return the plane as it was given."""
        return self._planes[0]

    def cut(self, turn: int, top: int, left: int, rows: int, columns: int) -> Plane:
        """Return a part in an orientation, which may reach over the edges, as int16."""
        plane = self._planes[turn >> 1]
        if turn & 1:
            plane = plane[::-1]
        top, left = top % self.side, left % self.side
        if top + rows <= self.side and left + columns <= self.side:
            return plane[top : top + rows, left : left + columns].astype(np.int16)
        part = np.empty((rows, columns), np.int16)
        across = list(runs(left, columns, self.side))
        for row, source_row, height in runs(top, rows, self.side):
            source = plane[source_row : source_row + height]
            for column, source_column, width in across:
                part[row : row + height, column : column + width] = source[
                    :, source_column : source_column + width
                ]
        return part


def runs(begin: int, count: int, side: int) -> Iterator[tuple[int, int, int]]:
    """Split a stretch that wraps around: where each piece goes, comes from, and its length."""
    done = 0
    while done < count:
        source = (begin + done) % side
        length = min(side - source, count - done)
        yield done, source, length
        done += length


@dataclass(frozen=True)
class Cut:
    """How a texture is cut: one of eight turns, an offset, and how often the cut is doubled."""

    turn: int
    top: int
    left: int
    levels: int = 0

    def part(self, texture: Texture, top: int, left: int, rows: int, columns: int) -> Plane:
        """Return a part of a texture cut so, as a copy: int16 of shape (rows, columns)."""

        def cut(top: int, left: int, rows: int, columns: int) -> Plane:
            return texture.cut(self.turn, self.top + top, self.left + left, rows, columns)

        return enlarged(cut, self.levels, top, left, rows, columns)


def enlarged(
    part: Callable[[int, int, int, int], Plane],
    levels: int,
    top: int,
    left: int,
    rows: int,
    columns: int,
) -> Plane:
    """Return a part of what `part` gives the parts of, doubled so many times."""
    if not levels:
        return part(top, left, rows, columns)
    first_row, first_column = (top >> 1) - 1, (left >> 1) - 1
    row_count = ((top + rows - 1) >> 1) + 2 - first_row
    column_count = ((left + columns - 1) >> 1) + 2 - first_column
    whole = doubled(enlarged(part, levels - 1, first_row, first_column, row_count, column_count))
    row, column = top & 1, left & 1
    return whole[..., row : row + rows, column : column + columns]


def doubled(planes: Plane) -> Plane:
    """Return planes of shape (..., h, w) enlarged to (..., 2 * h - 4, 2 * w - 4).

    Every pixel becomes four, at quarters of the way to its neighbors, mixed 9:3:3:1. Done again and
    again this converges to a quadratic B-spline: smooth, and without overshoot.
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
    # Two numbers of 16 bits make one of 32; that is faster than writing to every other place.
    pairs = second.astype(np.int32)
    pairs <<= np.int32(16)
    pairs |= first.view(np.uint16)
    return pairs.view(np.int16)
