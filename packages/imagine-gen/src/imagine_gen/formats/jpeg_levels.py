"""Levels of quantization between one JPEG quality and the next.

From one quality to the next a file grows by some percent. The tables of the two differ in about a
hundred entries. Changing one entry at a time gives a hundred levels between them, and each changes
the size of a file by a hundredth as much.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from PIL import Image

Tables = tuple[tuple[int, ...], ...]  # of luma and, in color, of chroma; 64 entries each

_QUALITIES = range(1, 101)
_SIDE = 8


class _Move(NamedTuple):
    """A change of one entry of a table to another value."""

    table: int
    entry: int
    value: int


class Levels:
    """A sequence of quantization tables from the coarsest to the finest, each one entry apart.

    Level 0 has the tables of quality 1, the last level those of quality 100. The tables of all
    other qualities are in between.
    """

    def __init__(self, mode: str) -> None:
        self._tables = [_quality_tables(mode, quality) for quality in _QUALITIES]
        self._moves = [_moves(*pair) for pair in zip(self._tables, self._tables[1:])]
        self._firsts = [0, *accumulate(map(len, self._moves))]

    def __len__(self) -> int:
        return self._firsts[-1] + 1

    def __getitem__(self, level: int) -> Tables:
        """Return the tables of a level, with entries in the order of rows."""
        lower = bisect_right(self._firsts, level) - 1
        tables = [list(table) for table in self._tables[lower]]
        if lower < len(self._moves):
            for move in self._moves[lower][: level - self._firsts[lower]]:
                tables[move.table][move.entry] = move.value
        return tuple(map(tuple, tables))


@lru_cache
def levels(mode: str) -> Levels:
    """Return the levels for images of a mode, RGB or L."""
    return Levels(mode)


def _quality_tables(mode: str, quality: int) -> Tables:
    """Return the encoder's tables for a quality."""
    file = io.BytesIO()
    Image.new(mode, (_SIDE, _SIDE)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        tables: dict[int, list[int]] = image.quantization
    return tuple(tuple(tables[number]) for number in sorted(tables))


def _moves(lower: Tables, higher: Tables) -> list[_Move]:
    """Return the changes between two tables: low frequencies first, luma and chroma in turn."""
    return [
        _Move(number, entry, higher[number][entry])
        for entry in sorted(range(_SIDE * _SIDE), key=_frequency)
        for number in range(len(lower))
        if lower[number][entry] != higher[number][entry]
    ]


def _frequency(entry: int) -> tuple[int, int]:
    """Return a key that sorts entries in the order of their coding (T.81, figure A.6)."""
    row, column = divmod(entry, _SIDE)
    diagonal = row + column
    return diagonal, row if diagonal % 2 else column
