"""Planes of numbers: cut from textures, turned and enlarged.

Any part of an enlarged cut can be made alone, with the same numbers as in the whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.int16]


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
